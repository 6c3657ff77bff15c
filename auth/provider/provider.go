// Package provider signs people in with others: GitHub, Google, Microsoft, Apple, GitLab, Discord, and any OpenID
// provider. It speaks their protocols, and returns who a provider says was there (Identity). What is special about
// one of them is one value in a file of its own.
//
// It never decides whose account an identity belongs to, stores nothing, and is handed every secret that outlives a
// call. Whatever a provider answers is bounded, checked, and never shown to anybody.
package provider

import (
	"time"

	"github.com/gatepost/gatepost/auth/secret"
)

// Spec is one provider as the operator configured it.
type Spec struct {
	// Name is the provider's name in paths and settings, in lower case: github, google, microsoft, apple, gitlab,
	// discord, or the operator's for an OpenID provider.
	Name string
	// Label is what visitors read on the button. Empty: the brand's name, or Name.
	Label string
	// Logo is the URL of the mark on the button of an OpenID provider. Empty: none.
	Logo string
	// Issuer is the issuer of an OpenID provider, exactly as its discovery document spells it. For GitLab it is the
	// address of a server of one's own; empty: gitlab.com. Other built-in providers have their own.
	Issuer string
	// ClientID and ClientSecret are what the provider gave to the operator. Apple has no secret: it is made from
	// Apple.
	ClientID     string
	ClientSecret secret.Text
	// Scopes are asked for. Empty: what the kind of provider needs.
	Scopes []string
	// Tenant is Microsoft's: a tenant's id, or common, organizations or consumers. Empty: common.
	Tenant string
	// Apple are the key and the ids that Apple's client secret is made from.
	Apple AppleKey
	// TrustEmail says that the operator vouches for the addresses of this provider: a verified address is the
	// mailbox of who signs in. Without it only providers that are authoritative by themselves are believed. Danger:
	// whoever can set an address at the provider can take over the account that has it here.
	TrustEmail bool
	// AllowedDomains are the domains of verified addresses that may sign in; for Google, those of `hd` instead.
	// AllowedOrgs are GitHub organisations, or teams as org/team. Empty: everybody.
	AllowedDomains, AllowedOrgs []string
	// RoleClaim is the claim with the groups of a person. Roles are the roles that its values give, separated by
	// commas; a value that is not there gives none. Empty: no roles.
	RoleClaim string
	Roles     map[string]string
	// RolesMaxAge is how long roles count that came with a sign-in. 0: until the next sign-in.
	RolesMaxAge time.Duration
	// SecondFactor says what in an ID token means that the provider has asked for two factors: values of the claims amr
	// and acr (OpenID Connect Core, section 2), any of which suffices. acr_values asks for those of acr. Empty: a
	// sign-in at the provider is one factor. Danger: a value that the provider also gives for one factor alone, as otp
	// in amr may be, lets whoever has that one skip the second factor here.
	SecondFactor map[string][]string
	// Logout sends people who sign out here on to the provider's sign-out.
	Logout bool
}

// AppleKey is what Apple's client secret is made from.
type AppleKey struct {
	TeamID, KeyID string
	PrivateKey    secret.Text // PEM, PKCS #8, as Apple hands it out (.p8)
}

// Options tune a Provider.
type Options struct {
	// Callback is the absolute URL at which the provider's answers arrive.
	Callback string
	// AfterLogout is the absolute URL to which the provider sends browsers back that signed out there, BackChannel that
	// to which it sends logout tokens. They are for Setup alone.
	AfterLogout, BackChannel string
	// KeepTokens says that the tokens of people are kept for the app. Then a refresh token is asked for where the scope
	// offline_access is, although providers may ask people for their consent at each sign-in.
	KeepTokens bool
	// Insecure allows http issuers on loopback, for a demo and for tests.
	Insecure bool
}

// Ask is a sign-in to be begun. State, Nonce and Verifier are fresh and random, 43 characters each, and are the same
// in Answer.
type Ask struct {
	State, Nonce, Verifier string
	// MaxAge asks the provider to have people prove themselves again unless they did so this recently. 0: any age.
	MaxAge time.Duration
	// SelectAccount asks the provider to let people choose an account.
	SelectAccount bool
	// LoginHint is the address of who is expected. Empty: anybody.
	LoginHint string
}

// Answer is what came to the callback, and what belongs to the Ask.
type Answer struct {
	Code            string
	Issuer          string // the parameter iss of RFC 9207; empty: it did not come
	User            string // Apple's form field user, for the name; it is not signed
	Nonce, Verifier string
	MaxAge          time.Duration
}

// Identity is who a provider says was there.
type Identity struct {
	Provider string // Spec.Name
	// Issuer and Subject identify a person for ever. Nothing else does.
	Issuer, Subject string
	Email           string // lower case as the provider spells it; empty: none came. Not checked for its form.
	// EmailProved says that the address is the person's mailbox: the provider is authoritative for it, and says that
	// it is verified.
	EmailProved bool
	Name        string // for display; empty: none came
	Picture     string // an https URL; empty: none came
	Login       string // how the person is called there, for display: a user name or an address
	// Roles are those that Spec.Roles gives for the claim. An absent claim is none.
	Roles []string
	// Scopes are those that the provider granted: what it names, or what was asked for where it names none.
	Scopes []string
	// AuthTime is when the person proved themselves to the provider. Zero: the provider did not say.
	AuthTime time.Time
	// SecondFactor says that the ID token has what Spec.SecondFactor names.
	SecondFactor bool
	// SessionID is the provider's session (sid), for back-channel logout. Empty: none came.
	SessionID string
	IDToken   string // as it came, for the hint at logout; empty: not an OpenID provider
	Tokens    Tokens
}

// Tokens are what an app can use to call the provider in a person's name.
type Tokens struct {
	Access, Refresh secret.Text
	Expires         time.Time // of Access; zero: unknown, or never
}

// Logout is a verified back-channel logout token.
type Logout struct {
	Issuer    string
	Subject   string // empty: SessionID says which
	SessionID string
	ID        string    // jti; whoever stores it refuses it a second time
	Expires   time.Time // after it the token is not accepted any more
}
