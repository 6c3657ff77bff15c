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
	exampleImage  = "https://cdn.example.com/ada.png"
	exampleID     = "KXQW6TTPN4JYB2V5RZ3MHCGDEA"
	exampleLink   = "Vb3kq0Yp9cQ2s1Xo7uJr5mTzLw8hNf4aGdEi6PxRyUk"
	exampleTime   = date(time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC))
	exampleUser   = person{"6JZQH5XK2B", "Ada", "ada@example.com", true, nil, "user", exampleTime, exampleTime, ""}
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
		action: by((*API).signUp),
		refusals: []*refusal{errSignUpOff, errTaken, errNameTaken, errName, errNameLong, errEmail, errDomain, errShort,
			errLong, errCommon, errCallback, errNoSolution, errBadSolution},
		example: map[string]any{"name": "Ada", "email": "ada@example.com", "password": "correct horse battery",
			"rememberMe": true}, exampleAnswer: exampleIssued},
	{name: "sign-in-email", method: "POST", path: "/sign-in/email", summary: "Sign in with a password",
		action: by((*API).signIn), refusals: []*refusal{errCredentials, errEmail, errPasswords, errCallback,
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
		action:        by((*API).changePassword),
		refusals:      []*refusal{errPassword, errNoPassword, errPasswords, errShort, errLong, errCommon, errUnchanged},
		example:       map[string]any{"currentPassword": "correct horse battery", "newPassword": "another horse battery"},
		exampleAnswer: exampleIssued},
	{name: "verify-password", method: "POST", path: "/verify-password", summary: "Prove again who one is",
		signedIn: true, action: by((*API).verifyPassword),
		refusals: []*refusal{errPassword, errNoPassword, errPasswords},
		example:  map[string]any{"password": "correct horse battery"}, exampleAnswer: done{true}},
	{name: "update-user", method: "POST", path: "/update-user", summary: "Change the name or the picture",
		signedIn: true, action: by((*API).updateUser), refusals: []*refusal{errEmailFixed, errNoFields},
		example: map[string]any{"name": "Ada Lovelace", "image": exampleImage}, exampleAnswer: done{true}},
	{name: "change-email", method: "POST", path: "/change-email", summary: "Ask for another address", signedIn: true,
		action:        by((*API).changeEmail),
		refusals:      []*refusal{errPassword, errNotFresh, errEmail, errSameEmail, errDomain, errChangeOff, errCallback},
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
		action: by((*API).openReset), refusals: []*refusal{errCallback, invalid("")}},
	{name: "reset-password", method: "POST", path: "/reset-password", summary: "Choose a new password with the link",
		action: by((*API).reset), refusals: []*refusal{errToken, errResetOff, errShort, errLong, errCommon},
		query:   []parameter{{"token", "in place of that in the body", false}},
		example: map[string]any{"newPassword": "another horse battery", "token": exampleLink}, exampleAnswer: done{true}},
	{name: "send-verification-email", method: "POST", path: "/send-verification-email",
		summary: "Ask for a link that confirms the address", action: by((*API).sendVerification),
		refusals: []*refusal{errConfirmOff, errMismatch, errVerified, errEmail, errCallback, errNoSolution, errBadSolution},
		example:  map[string]any{"email": "ada@example.com", "callbackURL": "/welcome"}, exampleAnswer: done{true}},
	{name: "verify-email", method: "GET", path: "/verify-email", summary: "Confirm the address with the link",
		query: withToken, action: by((*API).verifyEmail), refusals: []*refusal{errLinkToken, errCallback},
		exampleAnswer: &confirmed{Status: true}},
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
	{name: "callback", method: "GET", path: "/callback/{provider}", summary: "Where providers send browsers back to",
		elsewhere: true, action: notHere},
	{name: "post-callback", method: "POST", path: "/callback/{provider}",
		summary: "The same, for providers that send a form", elsewhere: true, action: notHere},
}

// socialRefusals are those of whatever leads to a provider.
var socialRefusals = []*refusal{errProvider, errIDToken, errCallback, errErrorCallback, errNewUserCallback,
	errElsewhere, errUnusable}
