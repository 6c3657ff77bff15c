package api

import (
	"reflect"
	"time"
)

// endpoint is one line of the protocol. The routes and the OpenAPI document are made of it.
type endpoint struct {
	name      string // in metrics and the document
	method    string
	path      string // below Base; a parameter may end it
	summary   string
	signedIn  bool // it needs a session
	begins    bool // it begins a deed, as a POST does it: a session of the system before becomes one of the gate's first
	half      bool // its answer may be the second step of a sign-in (secondStep)
	opened    bool // a mailed link leads to it: a browser that opens that gets a page in place of a refusal
	elsewhere bool // package loginui has the route
	query     []parameter
	refusals  []*refusal // besides those that every endpoint has
	action
	example       any // a body, and an answer to it
	exampleAnswer any
}

// parameter is one of a query.
type parameter struct {
	name, note string
	required   bool
}

// action is what an endpoint does, with the types of its body and its answer.
type action struct {
	in, out reflect.Type
	do      func(*API, *call) (any, error)
}

// by makes an action of a method.
func by[In, Out any](handle func(*API, *call, In) (Out, error)) action {
	return action{reflect.TypeFor[In](), reflect.TypeFor[Out](), func(a *API, c *call) (any, error) {
		var in In
		if c.e.method == "POST" {
			if err := c.read(&in); err != nil {
				return nil, err
			}
		}
		return handle(a, c, in)
	}}
}

// notHere is the action of an endpoint that package loginui serves.
var notHere = action{reflect.TypeFor[struct{}](), reflect.TypeFor[redirected](), nil}

// Values of the examples.
var (
	exampleImage   = "https://cdn.example.com/ada.png"
	exampleID      = "KXQW6TTPN4JYB2V5RZ3MHCGDEA"
	exampleLink    = "Vb3kq0Yp9cQ2s1Xo7uJr5mTzLw8hNf4aGdEi6PxRyUk"
	exampleTOTP    = "otpauth://totp/Gatepost:ada%40example.com?secret=…&issuer=Gatepost"
	exampleBackup  = "4xk2p-9w0tm-c7hqe"
	exampleTime    = date(time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC))
	examplePasskey = passkey{exampleID, "My phone", "pQECAyYg…", "6JZQH5XK2B", "KXQW6TTP", 0, "multiDevice", true,
		"internal,hybrid", exampleTime, "", nil}
	exampleUser   = person{"6JZQH5XK2B", "Ada", "ada@example.com", true, nil, "user", exampleTime, exampleTime, false, ""}
	exampleBack   = "/dashboard"
	exampleAway   = "https://id.example.com/authorize?state=…"
	exampleIssued = &issuedAnswer{&exampleID, exampleUser}

	exampleSession = sessionAnswer{exampleID, exampleUser.ID, exampleID, exampleTime, exampleTime, exampleTime,
		"192.0.2.1", "Mozilla/5.0"}
)

// Queries.
var (
	toPage    = []parameter{{"callbackURL", "a path of this site, or an address of it", true}}
	withToken = []parameter{{"token", "of the mailed link", true}, {"callbackURL", "where to go on to", false}}
	sayError  = []parameter{{"error", "a code", false}}
)

var table = []endpoint{
	{name: "ok", method: "GET", path: "/ok", summary: "Is the protocol served?", action: by((*API).ok),
		exampleAnswer: alive{true}},
	{name: "error", method: "GET", path: "/error", summary: "A page that says that something went wrong", query: sayError,
		action: by((*API).errorPage)},
	{name: "sign-up-email", method: "POST", path: "/sign-up/email", summary: "Sign up with a password",
		half: true, action: by((*API).signUp),
		refusals: []*refusal{errSignUpOff, errTaken, errNameTaken, errName, errNameLong, errEmail, errDomain, errShort,
			errLong, errCommon, errCallback, errNoSolution, errBadSolution},
		example: map[string]any{"name": "Ada", "email": "ada@example.com", "password": "correct horse battery",
			"rememberMe": true}, exampleAnswer: exampleIssued},
	{name: "sign-in-email", method: "POST", path: "/sign-in/email", summary: "Sign in with a password",
		half: true, action: by((*API).signIn), refusals: []*refusal{errCredentials, errEmail, errPasswords, errCallback,
			errNoSolution, errBadSolution},
		example: map[string]any{"email": "ada@example.com", "password": "correct horse battery",
			"callbackURL": exampleBack}, exampleAnswer: &signedIn{true, exampleID, exampleBack, exampleUser}},
	{name: "sign-out", method: "POST", path: "/sign-out", summary: "Sign out", action: by((*API).signOut),
		refusals: []*refusal{errCallback}, example: map[string]any{}, exampleAnswer: &leaving{Success: true}},
	{name: "get-session", method: "GET", path: "/get-session", summary: "Who is signed in? null: nobody",
		action: by((*API).getSession), exampleAnswer: &present{exampleSession, exampleUser}},
	{name: "post-get-session", method: "POST", path: "/get-session", summary: "Refused: a GET does it",
		action: by((*API).postSession), refusals: []*refusal{errDeferred}},
	{name: "list-sessions", method: "GET", path: "/list-sessions", summary: "The own sessions", signedIn: true,
		action: by((*API).listSessions), exampleAnswer: []sessionAnswer{exampleSession}},
	{name: "revoke-session", method: "POST", path: "/revoke-session", summary: "End one of the own sessions",
		signedIn: true, action: by((*API).revokeSession), refusals: []*refusal{errNotFresh},
		example: map[string]any{"token": exampleID}, exampleAnswer: done{true}},
	{name: "revoke-sessions", method: "POST", path: "/revoke-sessions", summary: "End all own sessions, this one too",
		signedIn: true, action: by((*API).revokeSessions), refusals: []*refusal{errNotFresh}, exampleAnswer: done{true}},
	{name: "revoke-other-sessions", method: "POST", path: "/revoke-other-sessions",
		summary: "End all own sessions but this one", signedIn: true, action: by((*API).revokeOtherSessions),
		refusals: []*refusal{errNotFresh}, exampleAnswer: done{true}},
	{name: "change-password", method: "POST", path: "/change-password", summary: "Change the password", signedIn: true,
		half: true, action: by((*API).changePassword),
		refusals:      []*refusal{errPassword, errNoPassword, errPasswords, errShort, errLong, errCommon, errUnchanged},
		example:       map[string]any{"currentPassword": "correct horse battery", "newPassword": "another horse battery"},
		exampleAnswer: exampleIssued},
	{name: "verify-password", method: "POST", path: "/verify-password", summary: "Prove again who one is",
		signedIn: true, half: true, action: by((*API).verifyPassword),
		refusals: []*refusal{errPassword, errNoPassword, errPasswords, errStaleFactor},
		example:  map[string]any{"password": "correct horse battery"}, exampleAnswer: done{true}},
	{name: "update-user", method: "POST", path: "/update-user", summary: "Change the name or the picture",
		signedIn: true, action: by((*API).updateUser), refusals: []*refusal{errEmailFixed, errNoFields},
		example: map[string]any{"name": "Ada Lovelace", "image": exampleImage}, exampleAnswer: done{true}},
	{name: "change-email", method: "POST", path: "/change-email", summary: "Ask for another address", signedIn: true,
		half: true, action: by((*API).changeEmail),
		refusals: []*refusal{errPassword, errNotFresh, errStaleFactor, errEmail, errSameEmail, errDomain, errChangeOff,
			errCallback},
		example:       map[string]any{"newEmail": "ada@example.org", "password": "correct horse battery"},
		exampleAnswer: done{true}},
	{name: "delete-user", method: "POST", path: "/delete-user", summary: "Delete the own account", signedIn: true,
		action: by((*API).deleteUser), refusals: []*refusal{errPassword, errExpired, errNoDeletion, errCallback},
		example:       map[string]any{"password": "correct horse battery"},
		exampleAnswer: &deleted{true, "User deleted"}},
	{name: "request-password-reset", method: "POST", path: "/request-password-reset",
		summary: "Ask for a link with which to choose a new password", action: by((*API).requestReset),
		refusals:      []*refusal{errResetOff, errRedirect, errEmail, errNoSolution, errBadSolution},
		example:       map[string]any{"email": "ada@example.com", "redirectTo": "/reset"},
		exampleAnswer: &said{true, "If this email exists in our system, check your email for the reset link"}},
	{name: "open-password-reset", method: "GET", path: "/reset-password/{token}",
		summary: "Where the link leads: on to the page of the app, with the token or an error", query: toPage,
		opened: true, action: by((*API).openReset), refusals: []*refusal{errCallback, invalid("")}},
	{name: "reset-password", method: "POST", path: "/reset-password", summary: "Choose a new password with the link",
		action: by((*API).reset), refusals: []*refusal{errToken, errResetOff, errShort, errLong, errCommon},
		query:   []parameter{{"token", "in place of that in the body", false}},
		example: map[string]any{"newPassword": "another horse battery", "token": exampleLink}, exampleAnswer: done{true}},
	{name: "send-verification-email", method: "POST", path: "/send-verification-email",
		summary: "Ask for a link that confirms the address", action: by((*API).sendVerification),
		refusals: []*refusal{errConfirmOff, errMismatch, errVerified, errEmail, errCallback, errNoSolution, errBadSolution},
		example:  map[string]any{"email": "ada@example.com", "callbackURL": "/welcome"}, exampleAnswer: done{true}},
	{name: "verify-email", method: "GET", path: "/verify-email", summary: "Confirm the address with the link",
		query: withToken, half: true, opened: true, action: by((*API).verifyEmail),
		refusals: []*refusal{errLinkToken, errCallback}, exampleAnswer: &confirmed{Status: true}},
	{name: "sign-in-social", method: "POST", path: "/sign-in/social", summary: "Begin to sign in at a provider",
		action: by((*API).signInSocial), refusals: socialRefusals,
		example:       map[string]any{"provider": "google", "callbackURL": exampleBack},
		exampleAnswer: &onward{exampleAway, true}},
	{name: "link-social", method: "POST", path: "/link-social", summary: "Begin to connect a provider", signedIn: true,
		action: by((*API).linkSocial), refusals: append([]*refusal{errNotFresh}, socialRefusals...),
		example:       map[string]any{"provider": "google", "callbackURL": exampleBack, "disableRedirect": true},
		exampleAnswer: &onward{exampleAway, false}},
	{name: "list-accounts", method: "GET", path: "/list-accounts", summary: "The own ways to sign in", signedIn: true,
		action: by((*API).listAccounts), exampleAnswer: []account{{exampleID, exampleUser.ID, credential, exampleUser.ID,
			exampleTime, exampleTime, []string{}}}},
	{name: "unlink-account", method: "POST", path: "/unlink-account", summary: "Disconnect a provider", signedIn: true,
		action: by((*API).unlinkAccount), refusals: []*refusal{errLastAccount, errAccount, errNotFresh},
		example: map[string]any{"accountId": exampleID}, exampleAnswer: done{true}},
	{name: "two-factor-enable", method: "POST", path: "/two-factor/enable",
		summary: "Begin to add an authenticator app", signedIn: true, half: true, action: by((*API).enable),
		refusals: append([]*refusal{errTOTPEnabled, errTOTPOff, errNoOTP, errStaleFactor, errUnconfirmed},
			againRefusals...),
		example:       map[string]any{"password": "correct horse battery"},
		exampleAnswer: &enabled{"totp", exampleTOTP, []string{}}},
	{name: "two-factor-get-totp-uri", method: "POST", path: "/two-factor/get-totp-uri",
		summary: "The key that waits for its first code", signedIn: true, action: by((*API).getTOTPURI),
		refusals: []*refusal{errNoTOTP},
		example:  map[string]any{"password": "correct horse battery"}, exampleAnswer: &totpURI{exampleTOTP}},
	{name: "two-factor-verify-totp", method: "POST", path: "/two-factor/verify-totp",
		summary: "A code of the app: the second step of a sign-in, or the first code of a new app",
		action:  by((*API).verifyTOTP), refusals: append([]*refusal{errNoTOTP, errStaleFactor}, codeRefusals...),
		example:       map[string]any{"code": "123456"},
		exampleAnswer: &verified{exampleID, exampleUser, []string{exampleBackup}}},
	{name: "two-factor-verify-backup-code", method: "POST", path: "/two-factor/verify-backup-code",
		summary: "A recovery code in place of one of the app", action: by((*API).verifyBackupCode),
		refusals: append([]*refusal{errBackupCode}, codeRefusals...), example: map[string]any{"code": exampleBackup},
		exampleAnswer: &verified{exampleID, exampleUser, nil}},
	{name: "two-factor-generate-backup-codes", method: "POST", path: "/two-factor/generate-backup-codes",
		summary: "New recovery codes in place of those from before", signedIn: true, half: true,
		action:        by((*API).generateBackupCodes),
		refusals:      append([]*refusal{errNoFactor, errStaleFactor}, againRefusals...),
		example:       map[string]any{"password": "correct horse battery"},
		exampleAnswer: &backupCodes{true, []string{exampleBackup}}},
	{name: "two-factor-disable", method: "POST", path: "/two-factor/disable", summary: "Remove the authenticator app",
		signedIn: true, half: true, action: by((*API).disable),
		refusals: append([]*refusal{errNoFactor, errStaleFactor}, againRefusals...),
		example:  map[string]any{"password": "correct horse battery"}, exampleAnswer: done{true}},
	{name: "passkey-register-options", method: "GET", path: "/passkey/generate-register-options",
		summary: "Begin to add a passkey", signedIn: true, begins: true, query: []parameter{{"authenticatorAttachment",
			"platform or cross-platform", false}, {"name", "ignored", false}}, action: by((*API).registerOptions),
		refusals: []*refusal{errOrigin, errNotFresh, errStaleFactor, errUnconfirmed, errPasskeyMany,
			errPasskeysOff},
		exampleAnswer: opaque("{}")},
	{name: "passkey-verify-registration", method: "POST", path: "/passkey/verify-registration",
		summary: "Add the passkey that the browser has made", signedIn: true, half: true,
		action: by((*API).verifyRegistration), refusals: []*refusal{errNoCeremony, errPasskey, errRegistered,
			errPasskeyMany, errStaleFactor, errUnconfirmed, errPasskeysOff, invalid("")},
		example:       map[string]any{"response": map[string]any{}, "name": "My phone"},
		exampleAnswer: &examplePasskey},
	{name: "passkey-authenticate-options", method: "GET", path: "/passkey/generate-authenticate-options",
		summary: "Begin to sign in by a passkey, or the second step", action: by((*API).authenticateOptions),
		refusals: []*refusal{errOrigin, errPasskeysOff}, exampleAnswer: opaque("{}")},
	{name: "passkey-verify-authentication", method: "POST", path: "/passkey/verify-authentication",
		summary: "Sign in by a passkey, or do the second step", half: true, action: by((*API).verifyAuthentication),
		refusals: []*refusal{errNoCeremony, errPasskey, errNoPasskey, errPasskeyUV, errNoStep, errUnconfirmed,
			errPasskeysOff}, example: map[string]any{"response": map[string]any{}},
		exampleAnswer: &present{exampleSession, exampleUser}},
	{name: "passkey-list", method: "GET", path: "/passkey/list-user-passkeys", summary: "The own passkeys",
		signedIn: true, action: by((*API).listPasskeys), exampleAnswer: []passkey{examplePasskey}},
	{name: "passkey-delete", method: "POST", path: "/passkey/delete-passkey", summary: "Remove a passkey",
		signedIn: true, half: true, action: by((*API).deletePasskey),
		refusals: []*refusal{errNoPasskey, errStaleFactor, errLastAccount}, example: map[string]any{"id": exampleID},
		exampleAnswer: done{true}},
	{name: "passkey-update", method: "POST", path: "/passkey/update-passkey", summary: "Rename a passkey",
		signedIn: true, action: by((*API).updatePasskey), refusals: []*refusal{errNoPasskey, invalid("")},
		example: map[string]any{"id": exampleID, "name": "My phone"}, exampleAnswer: &renamed{examplePasskey}},
	{name: "callback", method: "GET", path: "/callback/{provider}", summary: "Where providers send browsers back to",
		elsewhere: true, action: notHere},
	{name: "post-callback", method: "POST", path: "/callback/{provider}",
		summary: "The same, for providers that send a form", elsewhere: true, action: notHere},
}

// againRefusals are those of whatever takes the password once more, codeRefusals those of whatever takes a code.
var (
	againRefusals = []*refusal{errNotFresh, errPassword, errNoPassword, errPasswords}
	codeRefusals  = []*refusal{errNoStep, errCode, errLocked, errUnreadable, errNoFactor}
)

// socialRefusals are those of whatever leads to a provider.
var socialRefusals = []*refusal{errProvider, errIDToken, errCallback, errErrorCallback, errNewUserCallback,
	errElsewhere, errUnusable}
