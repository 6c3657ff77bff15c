package doctor

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// checkLogin tests a whole session: sign in, open a page, sign out, and use the old cookie again.
func (e *examination) checkLogin(ctx context.Context) {
	if e.c.Email == "" {
		e.report.note("login", "login.skipped",
			"not tried: give --email and --password-stdin to sign in with a test account")
		return
	}
	if !e.needGate("login") {
		return
	}
	cookie, ok := e.signIn(ctx)
	if !ok {
		return
	}
	e.checkSession(ctx, cookie)
	e.checkProtectedPage(ctx, cookie)
	e.checkCircle(ctx, cookie)
	e.signOut(context.WithoutCancel(ctx), cookie) // so that no test session is left
}

// signIn signs in and returns the pair for the Cookie header. The cookie and the password are never shown.
func (e *examination) signIn(ctx context.Context) (cookie string, ok bool) {
	r := e.form("login", "", url.Values{"email": {e.c.Email}, "password": {e.c.Password},
		"next": {e.c.Protected}}.Encode())
	r.target = e.gate.login
	a := e.ask(ctx, r)
	pair, _, _ := strings.Cut(e.setCookie(a), ";")
	if a.status == http.StatusSeeOther && pair != "" {
		e.report.ok("login", "login.in", "%s signed in", e.c.Email)
		return pair, true
	}
	f := e.found("login", "login.in", Failed, r, a, "%s was not signed in", e.c.Email)
	switch a.status {
	case http.StatusSeeOther:
		f.because("The password was right, and the session cookie did not come back.",
			"See what in front of the gate removes or renames Set-Cookie, and let it pass.")
	case http.StatusUnauthorized, http.StatusUnprocessableEntity:
		f.because("The e-mail address or the password is not right.",
			"Give those of a test account; `gatepost user create` makes one.")
	case http.StatusForbidden:
		f.because("The gate took its own form for one from another site, so nobody can log in.",
			"Let the proxy in front pass Origin and Host as they are, and see that GATEPOST_PUBLIC_URL is what "+
				"people type.")
	case http.StatusTooManyRequests:
		f.because("There were too many attempts for this account or from this network.",
			"Try again later; behind a proxy, set GATEPOST_TRUSTED_PROXIES, or all visitors count as one.")
	default:
		f.because("Nobody can log in.", "Look into the gate's log for this request.")
	}
	return "", false
}

// checkSession asks the gate who is signed in.
func (e *examination) checkSession(ctx context.Context, cookie string) {
	r := request{target: "/api/auth/get-session", lines: []string{"Cookie: " + cookie}}
	a := e.ask(ctx, r)
	var who struct{ User struct{ Email string } }
	if json.Unmarshal([]byte(a.body), &who) == nil && strings.EqualFold(who.User.Email, strings.TrimSpace(e.c.Email)) {
		e.report.ok("login", "login.session", "with its cookie, the gate knows who is there")
		return
	}
	e.found("login", "login.session", Failed, r, a, "with its cookie, the gate does not know who is there").
		because("The cookie does not arrive, or the answer came out of a cache: each page asks for the login again.",
			"Let the CDN or proxy forward the Cookie header and cache nothing below /api/auth/.")
}

// checkProtectedPage opens the page, and then requests it without the cookie, in case a cache has kept it. Caches
// often keep paths that end like a style sheet.
func (e *examination) checkProtectedPage(ctx context.Context, cookie string) {
	in := request{target: e.c.Protected, lines: []string{"Cookie: " + cookie}}
	a := e.ask(ctx, in)
	e.judgePage(in, a, cookie)
	if a.is2xx() {
		e.checkFilesOf(ctx, e.c.Protected, a.body, cookie)
	}
	if a.status == http.StatusForbidden {
		e.checkRole(ctx, cookie)
	}
	for _, target := range []string{e.c.Protected, strings.TrimSuffix(e.c.Protected, "/") + "/" + userAgent + ".css"} {
		in.target = target
		e.ask(ctx, in)
		out := request{target: target}
		if a := e.ask(ctx, out); e.judge(a) == through && !e.gate.open {
			e.found("login", "login.cached", Failed, out, a, "a page that was opened signed in came back signed out").
				because("A cache keeps what was made for one visitor and shows it to everybody.", obeyNoStore)
		}
	}
}

func (e *examination) judgePage(r request, a answer, cookie string) {
	_, value, _ := strings.Cut(cookie, "=")
	_, refused := e.refusal(a)
	switch {
	case refused:
		e.found("login", "login.page", Failed, r, a, "%s stays closed after the login", e.c.Protected).
			because("The cookie does not arrive at the gate on this path.",
				"Let the CDN or proxy forward the Cookie header on every path.")
	case a.err == nil && a.holds(value):
		e.found("login", "login.cookie-seen", Failed, r, a, "%s shows the session cookie", e.c.Protected).
			because("The app, or something beside it, sees a secret that the gate keeps from it.",
				"See what in front of the gate copies the Cookie header.")
	case a.is2xx() || a.status/100 == 3:
		e.report.ok("login", "login.page", "%s opens after the login", e.c.Protected)
	case a.status == http.StatusForbidden:
		e.found("login", "login.page", Warning, r, a, "%s needs a role that %s does not have",
			e.c.Protected, e.c.Email).
			because("Whether it opens could not be seen.",
				"Give the account the role with `gatepost user set-role`, or name another page with --protected.")
	default:
		e.found("login", "login.page", Warning, r, a, "%s did not open after the login", e.c.Protected).
			because("The gate let the request pass, and the app did not serve the page.",
				"See that the app is up and that this path exists.")
	}
}

// signOut ends the session and tests that the old cookie no longer works.
func (e *examination) signOut(ctx context.Context, cookie string) {
	r := e.form("logout", cookie, "x=1")
	if a := e.ask(ctx, r); a.status != http.StatusSeeOther {
		e.found("login", "login.out", Failed, r, a, "logging out did not work").
			because("The test session is still open.",
				"End it with `gatepost user sign-out`, and look into the gate's log.")
		return
	}
	r = request{target: "/api/auth/get-session", lines: []string{"Cookie: " + cookie}}
	if a := e.ask(ctx, r); strings.TrimSpace(a.body) != "null" {
		e.found("login", "login.replay", Failed, r, a, "the old cookie still counts after logging out").
			because("Whoever copied it stays signed in, or a cache answers for the gate.",
				"Cache nothing below /api/auth/, and see that all gates use one database.")
		return
	}
	e.report.ok("login", "login.out", "after logging out the old cookie is dead")
}
