package acceptance_test

import (
	"encoding/json"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// withoutOurScript returns the page without the gate's own script, if that is written exactly as expected.
func withoutOurScript(page string) string {
	for _, path := range []*regexp.Regexp{scriptPath, errorScriptPath} {
		page = strings.Replace(page, `<script src="`+path.FindString(page)+`" defer></script>`, "", 1)
	}
	return page
}

// The scripts of most pages, and of error pages.
var (
	scriptPath      = regexp.MustCompile(`/\.gatepost/script-[0-9a-f]{12}\.js`)
	errorScriptPath = regexp.MustCompile(`/\.gatepost/error-[0-9a-f]{12}\.js`)
	// passkeyScriptPath is that of the login, and of other pages with a passkey's button.
	passkeyScriptPath = regexp.MustCompile(`/\.gatepost/passkey-[0-9a-f]{12}\.js`)
)

// Every answer of the gate's own has the protective headers, in every kind of failure, and reveals nothing
// about the app.
func TestEveryOwnAnswerIsGuarded(t *testing.T) {
	t.Parallel()
	l := newLane(t, siteRules...)
	l.signIn(t)
	dead := "Cookie: " + l.cookieName() + "=dead"
	form := func(path, body string, headers ...string) string { return l.form(path, body, headers...) }
	for id, c := range map[string]struct {
		raw    string
		status int
	}{
		"login":                 {l.request("GET /login", navigate), 200},
		"login_HEAD":            {l.request("HEAD /login", navigate), 200},
		"login_signed_in":       {l.request("GET /login", navigate, l.cookie), 303},
		"login_dead_cookie":     {l.request("GET /login", navigate, dead), 200},
		"login_wrong_password":  {form("/login", "email=ada%40example.com&password=not+it", navigate), 401},
		"login_bad_input":       {form("/login", "email=ada", navigate), 422},
		"login_cross_site":      {form("/login", "email=ada", navigate, "Origin: https://evil.example"), 403},
		"login_cross_site_JSON": {form("/login", "email=ada", "Sec-Fetch-Site: cross-site"), 403},
		"login_too_large":       {form("/login", strings.Repeat("x", 70_000), navigate), 413},
		"login_not_a_form": {l.request("POST /login", navigate, "Content-Type: text/plain",
			"Content-Length: 1") + "x", 415},
		"login_unreadable": {form("/login", "email=%zz", navigate), 400},
		"login_method":     {l.request("DELETE /login", navigate), 405},
		"login_options": {l.request("OPTIONS /login", "Origin: https://evil.example",
			"Access-Control-Request-Method: POST"), 405},
		"signup": {l.request("GET /signup", navigate), 200},
		"signup_taken": {form("/signup",
			"email=ada%40example.com&password=another+long+password", navigate), 409},
		"register":                {l.request("GET /register", navigate), 303},
		"logout":                  {l.request("GET /logout", navigate, l.cookie), 200},
		"logout_signed_out":       {l.request("GET /logout", navigate), 303},
		"logout_post_signed_out":  {form("/logout", "", navigate), 303},
		"account":                 {l.request("GET /account", navigate, l.cookie), 200},
		"account_signed_out":      {l.request("GET /account", navigate), 303},
		"account_signed_out_JSON": {l.request("GET /account"), 401},
		"account_nothing":         {l.request("GET /account/nothing", navigate, l.cookie), 404},
		"account_nothing_JSON":    {l.request("GET /account/nothing"), 404},
		"own_nothing":             {l.request("GET /.gatepost/nothing", navigate), 404},
		"health":                  {l.request("GET /.gatepost/healthz"), 200},
		"get-session":             {l.request("GET /api/auth/get-session", l.cookie), 200},
		"get-session_signed_out":  {l.request("GET /api/auth/get-session"), 200},
		"get-session_method":      {l.request("POST /api/auth/get-session", "Content-Length: 0"), 405},
		"sign-in_JSON":            {l.request("POST /api/auth/sign-in/email", "Content-Length: 0"), 400},
		"document":                {l.request("GET /.gatepost/openapi.json"), 200},
		"refused_page":            {l.request("GET /dashboard", navigate), 303},
		"refused_JSON":            {l.request("GET /dashboard"), 401},
		"refused_form":            {l.request("POST /dashboard", navigate, "Content-Length: 0"), 303},
		"role_page":               {l.request("GET /admin", navigate, l.cookie), 403},
		"role_JSON":               {l.request("GET /admin", l.cookie), 403},
		"target_page":             {l.request(`GET /a\b`, navigate), 400},
		"target_JSON":             {l.request(`GET /a\b`), 400},
		"method_page":             {l.request("TRACE /", navigate), 405},
		"method_JSON":             {l.request("TRACE /"), 405},
		"websocket": {l.request("GET /public", "Upgrade: websocket", "Connection: Upgrade",
			"Origin: https://evil.example", l.cookie), 403},
	} {
		t.Run("I5_bar_42_"+id, func(t *testing.T) {
			script := scriptPath.FindString(l.one(t, l.request("GET /login", navigate)).body)
			if script == "" {
				t.Fatal("the login page has no script")
			}
			script = "http://" + l.host + script
			r := l.refuses(t, strings.Replace(c.raw, "\r\n\r\n", "\r\nX-Forwarded-For: 192.0.2.9\r\n\r\n", 1), c.status)
			if own := errorScriptPath.FindString(r.body); own != "" {
				script = "http://" + l.host + own
			}
			connect := ""
			if own := passkeyScriptPath.FindString(r.header.Get("Content-Security-Policy")); own != "" {
				script += " http://" + l.host + own
				connect = "; connect-src http://" + l.host + "/.gatepost/passkey"
			}
			for name, want := range map[string]string{
				"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src " + script +
					"; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; img-src 'self' data:" + connect,
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "no-store",
				"Cross-Origin-Opener-Policy":  "same-origin",
				"Access-Control-Allow-Origin": "", "Access-Control-Allow-Credentials": "",
				"Server": "", "X-Powered-By": "",
			} {
				if got := r.header.Get(name); got != want {
					t.Errorf("%s: got %q, want %q", name, got, want)
				}
			}
			kind := r.header.Get("Content-Type")
			if r.status != 303 && kind != "text/html; charset=utf-8" && kind != "application/json; charset=utf-8" &&
				kind != "text/plain; charset=utf-8" {
				t.Errorf("A3.2.1: Content-Type: got %q", kind)
			}
			if strings.Contains(r.body, "pgx") || strings.Contains(r.body, "SQLSTATE") ||
				strings.Contains(r.body, ".go:") || strings.Contains(r.body, strings.TrimPrefix(l.app.url, "http://")) {
				t.Errorf("A16.5.1: %s", r.body)
			}
			if strings.Contains(withoutOurScript(r.body), "<script") ||
				strings.Contains(r.body, "http://") && kind == "text/html; charset=utf-8" ||
				strings.Contains(r.body, " style=") || strings.Contains(r.body, " onload=") {
				t.Errorf("A3.6.1: %s", r.body)
			}
		})
	}
	t.Run("E7_POM_CVE-2024-39315_no_secret_shows", func(t *testing.T) {
		_, token, _ := strings.Cut(l.cookie, "=")
		for _, target := range []string{"/account", "/logout", "/api/auth/get-session", "/admin", "/login"} {
			r := l.one(t, l.request("GET "+target, l.cookie, navigate))
			if strings.Contains(r.body, token) || strings.Contains(r.body, hexSum(token)) ||
				strings.Contains(r.body, "argon2") {
				t.Errorf("%s shows a secret", target)
			}
		}
		if log := l.log.String(); strings.Contains(log, token) || strings.Contains(log, hexSum(token)) {
			t.Error("the log shows a secret")
		}
	})
	t.Run("bar_24_pages_do_not_depend_on_other_headers", func(t *testing.T) {
		plain := l.one(t, l.request("GET /login", navigate)).body
		r := l.one(t, l.request("GET /login", navigate, "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: gopher",
			"X-Original-URL: /evil", "Accept-Language: xx", "X-Forwarded-Prefix: /evil", "User-Agent: <evil>",
			"Referer: https://evil.example"))
		if r.body != plain || r.header.Get("Cache-Control") != "no-store" {
			t.Errorf("got\n%s\nwant\n%s", r.body, plain)
		}
	})
}

// Text of a stranger in an address, a field or a header is shown as text, or not at all.
func TestNothingIsEchoedAsMarkup(t *testing.T) {
	t.Parallel()
	l := newLane(t, siteRules...)
	l.signIn(t)
	const evil = `"><script>alert(document.domain)</script><img src=x onerror=alert(1)>'`
	encoded, field := url.PathEscape(evil), url.QueryEscape(evil)
	raw := strings.ReplaceAll(evil, " ", "%20")
	for id, request := range map[string]string{
		"I1_CSEC_CVE-2023-52430": l.request(
			"GET /admin/%22%3E%3Cscript%3Ealert(document.domain)%3C/script%3E/admin/login", navigate, l.cookie),
		"I1_signed_out": l.request(
			"GET /admin/%22%3E%3Cscript%3Ealert(document.domain)%3C/script%3E/admin/login", navigate),
		"I1_unencoded":       l.request("GET /dashboard/"+raw, navigate),
		"I1_own_path":        l.request("GET /account/"+raw, navigate),
		"I1_CSEC_settings":   l.request("GET /account/mfa/delete/<img/src=x/onerror=alert(1)>", navigate, l.cookie),
		"I1_own_assets":      l.request("GET /.gatepost/"+raw, navigate),
		"I1_own_path_JSON":   l.request("GET /.gatepost/" + raw),
		"I1_next":            l.request("GET /login?next=/"+field, navigate),
		"I1_next_signup":     l.request("GET /signup?next=/"+field, navigate),
		"I1_next_javascript": l.request("GET /login?next=javascript:alert(1)", navigate),
		"I1_email":           l.form("/login", "password=x&email="+field, navigate),
		"I1_all_fields": l.form("/signup",
			"password="+field+"&name="+field+"&email="+field+"&next=/"+field, navigate),
		"I1_name":         l.form("/signup", "email=x&password=short&name="+field, navigate),
		"I1_broken_UTF-8": l.form("/signup", "email=%ff"+field+"&password=short&name=%c3"+field, navigate),
		"I1_Host": strings.Replace(l.request("GET /login?next=/x", navigate,
			"Referer: http://a'b<c/login"), "Host: "+l.host, "Host: a'b<c", 1),
		"I1_Host_with_a_quote": strings.Replace(l.request("GET /login?next=/x", navigate,
			"Referer: http://a'onload=alert(1)/login"), "Host: "+l.host, "Host: a'onload=alert(1)", 1),
		"I1_Referer":         l.request("GET /login?next=/x", navigate, "Referer: http://"+l.host+"/login?"+evil),
		"I1_target":          l.request(`GET /\`+raw, navigate),
		"I1_request_id":      l.request("GET /admin", navigate, l.cookie, "X-Request-Id: "+evil),
		"I1_request_id_JSON": l.request("GET /admin", l.cookie, "X-Request-Id: "+evil),
		"I1_method":          l.request("<script> /login", navigate),
		"I1_path_with_everything": l.request("GET /account/nothing?x="+encoded, navigate,
			"User-Agent: "+evil, "Cookie: x="+evil),
		"I3_AUL_CVE-2026-33525_javascript": l.form("/login", "email=x&password=x&next=javascript:alert(1)", navigate),
		"I3_AUK_CVE-2024-21637_data_in_use": l.form("/login",
			"email=x&password=x&next=data:text/html,<script>", navigate),
	} {
		t.Run(id, func(t *testing.T) {
			r := l.one(t, request)
			for _, s := range []string{"<script", "<img src=x", "<img/src", "javascript:",
				`value="/">`, "'onload=", "a'b<c"} {
				if strings.Contains(withoutOurScript(r.body), s) {
					t.Errorf("%d: %s in\n%s", r.status, s, r.body)
				}
			}
			if strings.ContainsAny(r.location(), `"<>' `) {
				t.Errorf("Location: %q", r.location())
			}
		})
	}
	t.Run("I1_the_stored_name", func(t *testing.T) {
		r := l.one(t, l.form("/signup", "email=eve%40example.com&name="+field+"&password="+url.QueryEscape(password)))
		cookie, _, _ := strings.Cut(r.header.Get("Set-Cookie"), ";")
		for _, target := range []string{"/account", "/logout"} {
			if r := l.one(t, l.request("GET "+target, "Cookie: "+cookie, navigate)); r.status != 200 ||
				strings.Contains(withoutOurScript(r.body), "<script") || strings.Contains(r.body, "<img src=x") {
				t.Errorf("%s: %d\n%s", target, r.status, r.body)
			}
		}
		var session struct{ User struct{ Name string } }
		r = l.one(t, l.request("GET /api/auth/get-session", "Cookie: "+cookie))
		if err := json.Unmarshal([]byte(r.body), &session); err != nil || session.User.Name != evil ||
			strings.Contains(r.body, "<script") {
			t.Errorf("get-session: %s", r.body)
		}
	})
	t.Run("A16.4.1_no_line_in_the_log_is_a_visitors", func(t *testing.T) {
		l.one(t, l.form("/login", "email=a%0aFAKE%3dline&password=x%0aFAKE%3dline", "User-Agent: x\x1b[31mFAKE=line"))
		l.one(t, l.request("GET /public/%0aFAKE=line?x=%0aFAKE=line", "X-Request-Id: a\tFAKE=line"))
		eventually(t, "the log is written", func() bool { return strings.Contains(l.log.String(), "%0aFAKE") })
		for line := range strings.SplitSeq(l.log.String(), "\n") {
			if strings.HasPrefix(line, "FAKE") || strings.Contains(line, "\x1b") || strings.Contains(line, "\tFAKE") {
				t.Errorf("the log says %q", line)
			}
		}
	})
}

// Requests that another site makes a browser send change nothing in the gate. Requests for the app's paths are
// passed on.
func TestCrossSiteRequestsChangeNothing(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	l.signIn(t)
	body := "email=ada%40example.com&password=" + url.QueryEscape(password)
	origins := []string{
		"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Sec-Fetch-Site: x", "Origin: https://evil.example",
		"Origin: null", "Origin: http://" + l.host + ".evil.example", "Origin: http://localhost",
		"Origin: http://localhost:1", "Origin: http://127.0.0.1:1", "Origin: file://", "Origin: " + l.host,
	}
	for _, origin := range origins {
		t.Run("bar_29_bar_30_I2/"+origin, func(t *testing.T) {
			for _, path := range []string{"/login", "/signup", "/logout", "/account/name", "/account/password",
				"/account/delete", "/account/export", "/account/sessions/end", "/account/sessions/end-others"} {
				r := l.one(t, l.form(path, body, origin, l.cookie))
				if r.status != 403 || len(r.header.Values("Set-Cookie")) != 0 || r.header.Get("Clear-Site-Data") != "" {
					t.Errorf("%s: got %d %v", path, r.status, r.header)
				}
			}
			// I4
			l.passes(t, l.request("POST /dashboard", "Content-Length: 0", origin, l.cookie),
				l.forwarded("POST /dashboard", "", append(l.identity, "Content-Length: 0", origin)...))
		})
	}
	t.Run("A3.5.3_bar_30_reading_changes_nothing", func(t *testing.T) {
		for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
			for _, path := range []string{"/login", "/signup", "/register", "/logout", "/logout?confirm=1", "/account",
				"/account/name", "/account/password", "/account/delete", "/account/export", "/account/sessions/end",
				"/account/sessions/end-others", "/.gatepost/forget", "/api/auth/get-session", "/.gatepost/healthz"} {
				r := l.one(t, l.request(method+" "+path, l.cookie, "Sec-Fetch-Dest: image",
					"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"))
				if len(r.header.Values("Set-Cookie")) != 0 || r.header.Get("Clear-Site-Data") != "" {
					t.Errorf("%s %s: %v", method, path, r.header)
				}
			}
		}
		l.passes(t, l.request("GET /dashboard", l.cookie), l.forwarded("GET /dashboard", "", l.identity...))
	})
}

// J3, A11.1: randomness comes from crypto/rand alone.
func TestNoPackageOfOursUsesMathRand(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./cmd/...", "./auth", "./loginui",
		"./proxy", "./migrations", "./internal/...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(out), "\n") {
		if words := strings.Fields(line); slices.Contains(words, "math/rand") ||
			slices.Contains(words, "math/rand/v2") {
			t.Errorf("J3_CSEC_CVE-2024-21495: %s imports math/rand", words[0])
		}
	}
}
