package provider

import (
	"net/url"
	"slices"
	"strings"
)

// google signs people in with Google. Google does not heed max_age, and has no sign-out to go on to.
var google = kind{
	offline:  true,
	consents: true,
	selects:  true,
	name:     "google",
	label:    "Google",
	issuer:   "https://accounts.google.com",
	scopes:   []string{"openid", "email", "profile"},
	params:   googleParams,
	proved:   googleProved,
	domain:   func(_ Identity, c claims) string { return c.text("hd") },
	setup: func(*Provider) []string {
		return []string{
			"In console.cloud.google.com, open Google Auth Platform, Clients, Create client, Web application.",
			"Under Audience choose Internal for your own Workspace, or External and publish the app for everybody.",
		}
	},
	mark: `<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20" viewBox="0 0 48 48">` +
		`<path fill="#EA4335" d="M24 9.5c3.54 0 6.71 1.22 9.21 3.6l6.85-6.85C35.9 2.38 30.47 0 24 0 14.62 0 6.51 5.38 ` +
		`2.56 13.22l7.98 6.19C12.43 13.72 17.74 9.5 24 9.5z"/>` +
		`<path fill="#4285F4" d="M46.98 24.55c0-1.57-.15-3.09-.38-4.55H24v9.02h12.94c-.58 2.96-2.26 5.48-4.78 7.18l7.73 ` +
		`6c4.51-4.18 7.09-10.36 7.09-17.65z"/>` +
		`<path fill="#FBBC05" d="M10.53 28.59c-.48-1.45-.76-2.99-.76-4.59s.27-3.14.76-4.59l-7.98-6.19C.92 16.46 0 20.12 ` +
		`0 24c0 3.88.92 7.54 2.56 10.78l7.97-6.19z"/>` +
		`<path fill="#34A853" d="M24 48c6.48 0 11.93-2.13 15.89-5.81l-7.73-6c-2.15 1.45-4.92 2.3-8.16 2.3-6.26 ` +
		`0-11.57-4.22-13.47-9.91l-7.98 6.19C6.51 42.62 14.62 48 24 48z"/></svg>`,
}

// googleParams asks for a refresh token as Google wants to be asked (with the prompt besides), and has the list of
// accounts filtered where one domain may come. The filter is a courtesy: what counts is the claim hd.
func googleParams(p *Provider, _ Ask) url.Values {
	v := url.Values{}
	if slices.Contains(p.spec.Scopes, offlineScope) {
		v.Set("access_type", "offline")
	}
	if len(p.spec.AllowedDomains) == 1 {
		v.Set("hd", p.spec.AllowedDomains[0])
	}
	return v
}

// googleProved believes Google about its own mailboxes and those of its Workspace customers. The owner of another
// address may have lost it since Google verified it.
func googleProved(_ Spec, c claims) bool {
	own := strings.HasSuffix(asciiLower(c.text("email")), "@gmail.com")
	return c.isTrue("email_verified") && (own || c.text("hd") != "")
}
