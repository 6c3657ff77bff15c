package doctor

import (
	"context"
	"strings"
)

// identityHeaders are headers that apps behind any gate take for the identity of the user, in spellings that
// servers read as the same.
var identityHeaders = []string{
	"X-Auth-User", "x-auth-user", "X_Auth_User", "X-Auth_User", "X.Auth.User", "X-Auth-Email", "X_Auth_Email",
	"X-Auth-Name", "X-Auth-Roles", "X_Auth_Roles",
	"Remote-User", "Remote_User", "Remote-Email", "Remote-Groups", "Remote-Name", "X-Remote-User", "X_Remote_User",
	"X-Forwarded-User", "X_Forwarded_User", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Preferred-Username",
	"X-Auth-Request-User", "X-Auth-Request-Email", "X-WebAuth-User", "X-Authentik-Username",
	"X-Pomerium-Claim-Email", "X-Token-Subject",
}

// checkIdentity sends identity headers to an open page. An app that shows the user's name shows that the header
// arrived.
func (e *examination) checkIdentity(ctx context.Context) {
	arrived := 0
	for _, name := range identityHeaders {
		arrived += e.pretend(ctx, name, request{target: e.c.Public, lines: []string{name + ": " + e.marker}})
	}
	// The trailer goes to a page that does not exist, because a request with a body needs a method that may change
	// something.
	target := strings.TrimSuffix(e.c.Public, "/") + "/" + userAgent
	arrived += e.pretend(ctx, "the trailer X-Auth-User",
		request{method: "POST", target: target, trailer: "X-Auth-User: " + e.marker})
	if arrived == 0 {
		e.report.ok("identity", "identity.headers", "none of %s came back from %s",
			plural(len(identityHeaders)+1, "header"), e.c.Public)
	}
}

func (e *examination) pretend(ctx context.Context, name string, r request) (arrived int) {
	a := e.ask(ctx, r)
	if !a.holds(e.marker) {
		return 0
	}
	e.found("identity", "identity."+fold(name), Failed, r, a, "%s came back in the answer", name).
		because("The header reaches the app, which takes it for who is there: a visitor can pretend to be anybody.",
			"Let every request pass the gate, which removes this header; if it does pass, list the name in "+
				"GATEPOST_STRIP_HEADERS, and see that no proxy between gate and app sets it.")
	return 1
}

// fold keeps the letters and digits of a name and replaces the rest by dashes, for a stable id.
func fold(name string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '_', r == '.':
			return r
		case 'A' <= r && r <= 'Z':
			return r
		}
		return '-'
	}, name), "-")
}

// fill puts values into a pattern.
func fill(pattern, path, host, method string) string {
	return strings.NewReplacer("%p", path, "%h", host, "%m", method).Replace(pattern)
}

func cutHeader(line string) (name, value string, ok bool) {
	return strings.Cut(line, ": ")
}
