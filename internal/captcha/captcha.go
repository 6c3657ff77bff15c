// Package captcha checks what tells people from bots, as GATEPOST_CHALLENGE has it: a proof of work that browsers do by
// themselves, in the protocol of ALTCHA, or the answer of a service. It does not decide when a solution is asked for,
// and stores nothing.
//
// A challenge is something else in the code: half a sign-in, which a user has to meet (package auth/session).
package captcha

import (
	"errors"
	"slices"
)

// Purpose is what a solution is for. It counts for nothing else.
type Purpose string

// The purposes.
const (
	SignUp Purpose = "sign-up"
	SignIn Purpose = "sign-in"
	Mail   Purpose = "mail" // to an address that anybody may type: for a new password, or to confirm it
)

// ParsePurpose returns the purpose of a name.
func ParsePurpose(name string) (p Purpose, ok bool) {
	p = Purpose(name)
	return p, slices.Contains([]Purpose{SignUp, SignIn, Mail}, p)
}

var (
	// ErrMissing means that there is no solution.
	ErrMissing = errors.New("a solution to the challenge for bots is missing")
	// ErrWrong means that a solution is not right, too old, used, or for something else.
	ErrWrong = errors.New("the solution to the challenge for bots is not right")
	// ErrUnavailable means that nobody can say whether a solution is right: the service does not answer, or is not set up.
	ErrUnavailable = errors.New("the service of the challenge for bots cannot say")
)

// solutionMost bounds a solution, in bytes. It is that of Friendly Captcha; the others are shorter.
const solutionMost = 16 << 10

// Kind is a way to tell people from bots.
type Kind struct {
	// Name is how GATEPOST_CHALLENGE calls it, and Label how people do.
	Name, Label string
	// Field is the field of a form that has the solution.
	Field string
	// Class is that of the element that the script of the service fills, and Script the address of that; Module says that
	// it is a module. Empty for ALTCHA, whose script is the gate's own.
	Class, Script string
	Module        bool
	// Policy is what a page with it needs besides its own Content-Security-Policy: directives, and sources of each.
	Policy [][2]string

	verify  string // the address of the service; empty for ALTCHA
	header  string // what has the secret in a question; empty: the field secret
	siteKey bool   // a question names the site key, so that solutions for other sites do not count
}

// IsService reports whether a service has to be asked.
func (k Kind) IsService() bool { return k.verify != "" }

// Fields are the fields of all kinds.
func Fields() (list []string) {
	for _, k := range Kinds {
		list = append(list, k.Field)
	}
	return list
}

const (
	cloudflare = "https://challenges.cloudflare.com"
	hcaptcha   = "https://hcaptcha.com https://*.hcaptcha.com"
	friendly   = "https://cdn.jsdelivr.net/npm/@friendlycaptcha/sdk@0.2.0/site.min.js"
)

// Kinds are all there are. Addresses, fields and policies are those that the services document.
var Kinds = []Kind{
	{Name: "altcha", Label: "ALTCHA", Field: "altcha"},
	{Name: "turnstile", Label: "Cloudflare", Field: "cf-turnstile-response",
		Class: "cf-turnstile", Script: cloudflare + "/turnstile/v0/api.js",
		Policy: [][2]string{{"script-src", cloudflare}, {"frame-src", cloudflare}},
		verify: cloudflare + "/turnstile/v0/siteverify"},
	{Name: "hcaptcha", Label: "hCaptcha", Field: "h-captcha-response",
		Class: "h-captcha", Script: "https://js.hcaptcha.com/1/api.js",
		Policy: [][2]string{{"script-src", hcaptcha}, {"frame-src", hcaptcha}, {"style-src", hcaptcha},
			{"connect-src", hcaptcha}},
		verify: "https://api.hcaptcha.com/siteverify", siteKey: true},
	{Name: "friendlycaptcha", Label: "Friendly Captcha", Field: "frc-captcha-response",
		Class: "frc-captcha", Script: friendly, Module: true,
		Policy: [][2]string{{"script-src", friendly}, {"frame-src", "https://*.frcapi.com"}},
		verify: "https://global.frcapi.com/api/v2/captcha/siteverify", header: "X-API-Key", siteKey: true},
}

// Find returns the kind of a name.
func Find(name string) (Kind, bool) {
	i := slices.IndexFunc(Kinds, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{}, false
	}
	return Kinds[i], true
}
