package acceptance_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/internal/doctor"
)

// unserved are paths of which some app reads one below /api/auth that the gate does not serve.
var unserved = []string{
	"/api/auth", "/api/auth/", "/api/auth/sign-in/username", "/api/auth/sign-in/email/", "/api/auth/organization/list",
	"/API/auth/sign-in/email", "/api/Auth/get-session", "/api/auth//sign-in/email", "//api/auth/sign-in/email",
	"/api//auth/sign-in/email", "/api/%61uth/sign-in/email", "/api%2fauth%2fsign-in%2femail", "/api/auth%2fsign-in/email",
	"/api/%2561uth/sign-in/email", "/x/../api/auth/sign-in/email", "/api/./auth/sign-in/email", "/api/x/..%2fauth/y",
	"/api;v=1/auth/sign-in/email", "/api/auth;x/sign-in/email", "/api%5cauth%5csign-in%5cemail",
	"/api/auth/sign-in/email.json",
	"/api/auth/sign-in/email%00", "/api/auth/%67et-session", "/api/auth/callback/nobody",
	"/_next/data/b/api/auth/session.json",
	"/api/auth/../users", "/api/auth/get-session/../../../admin", "/api/auth/reset-password/TOKENTOKEN/x",
	"/Api/auth/Reset-Password/TOKENTOKEN",
}

// What looks like the protocol and is not served never reaches the app, with nothing that was meant for the gate.
func TestTheAppNeverGetsWhatIsMeantForTheGate(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+a.url,
		"GATEPOST_PROTECT=/dashboard", "GATEPOST_PUBLIC=/api, /api/auth")
	v := g.visitor(t)
	v.signUp("ada@example.com")
	a.take()
	for _, path := range unserved {
		for _, who := range []*visitor{v, g.visitor(t)} {
			for _, method := range []string{"GET", "POST", "OPTIONS", "PROPFIND"} {
				r := who.do(method, path, strings.NewReader(`{"email":"ada@example.com","password":"secret horse"}`),
					"Content-Type: application/json", "Sec-Fetch-Mode: navigate")
				if r.status != 404 || r.body != "" || r.header.Get("Content-Type") != "" || r.header.Get("Set-Cookie") != "" {
					t.Errorf("%s %s: got %d %q %v", method, path, r.status, r.body, r.header)
				}
			}
		}
	}
	if seen := a.take(); len(seen) > 0 {
		t.Errorf("the app got %q", seen)
	}
	for _, path := range []string{"/api/users", "/api/authors/1", "/api/authenticate", "/x/api/auth"} {
		if r := v.fetch(path); r.status != 200 {
			t.Errorf("%s: %d", path, r.status)
		}
	}
	eventually(t, "what was refused is in the log", func() bool {
		return strings.Contains(g.log.String(), "/x/api/auth") // the last request
	})
	if log := g.log.String(); strings.Contains(log, "TOKENTOKEN") || strings.Contains(log, "secret horse") ||
		!strings.Contains(log, "/api/auth/organization/list") {
		t.Error("a secret is in the log, or what was refused is not")
	}
}

// The protocol works through the whole program, and is counted by endpoint.
func TestTheProtocolIsServed(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+a.url)
	v := g.visitor(t)
	send := func(path, body string) reply {
		t.Helper()
		return v.do("POST", "/api/auth"+path, strings.NewReader(body), "Content-Type: application/json",
			"Origin: "+g.url)
	}
	if r := send("/sign-up/email",
		`{"name":"Ada","email":"ada@example.com","password":"correct horse battery"}`); r.status != 200 {
		t.Fatalf("sign up: %d %s", r.status, r.body)
	}
	if r := v.open("/dashboard"); r.status != 200 || !strings.Contains(r.body, "ada@example.com") {
		t.Errorf("the dashboard: %d %s", r.status, r.body)
	}
	if r := send("/sign-out", ""); r.status != 200 {
		t.Errorf("sign out: %d %s", r.status, r.body)
	}
	if r := v.open("/dashboard"); r.status != 303 {
		t.Errorf("the dashboard after it: %d", r.status)
	}
	if r := v.fetch("/api/auth/reset-password/TOKENTOKEN?callbackURL=/x"); r.status != 302 {
		t.Errorf("a link: %d", r.status)
	}
	eventually(t, "the link is in the log", func() bool {
		return strings.Contains(g.log.String(), "/api/auth/reset-password/…")
	})
	if strings.Contains(g.log.String(), "TOKENTOKEN") {
		t.Error("the secret of a link is in the log")
	}
	for _, want := range []string{`gatepost_api_answers_total{endpoint="sign-up-email",status="200"} 1`,
		`gatepost_api_answers_total{endpoint="open-password-reset",status="302"} 1`} {
		if !strings.Contains(g.metrics(t), want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	var doc struct{ OpenAPI string }
	if r := v.fetch("/.gatepost/openapi.json"); json.Unmarshal([]byte(r.body), &doc) != nil || doc.OpenAPI != "3.1.0" {
		t.Errorf("the document: %d %.200s", r.status, r.body)
	}
}

// An app that keeps its protocol gets all of it, by the rules, and all of its cookies.
func TestTheProtocolOfTheAppFollowsTheRules(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	env := []string{"DATABASE_URL=" + authtest.NewDatabase(t), "GATEPOST_UPSTREAM=" + a.url, "GATEPOST_API_AUTH=app",
		"GATEPOST_PROTECT=/"}
	g := startGate(t, append(env, "GATEPOST_PUBLIC=/api/auth")...)
	for _, path := range []string{"/api/auth/get-session", "/api/auth/sign-in/email", "/api/auth/x"} {
		r := g.visitor(t).do("POST", path, strings.NewReader("{}"), "Cookie: better-auth.session_token=abc.def; a=b")
		if r.status != 200 || !strings.Contains(r.body, `cookie "better-auth.session_token=abc.def; a=b"`) {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	if r := g.visitor(t).fetch("/API/auth/x"); r.status != 401 {
		t.Errorf("another spelling than the rule's: %d", r.status)
	}
	closed := startGate(t, env...)
	if r := closed.visitor(t).fetch("/api/auth/get-session"); r.status != 401 {
		t.Errorf("protected by the rules: %d", r.status)
	}
	out, code := runGate(t, []string{"check"}, append(env, "GATEPOST_OPS_LISTEN=off")...)
	if code != 0 || !strings.Contains(out, "warning: GATEPOST_API_AUTH=app: POST /api/auth/sign-in/email is not public") {
		t.Errorf("check: exit %d, %s", code, out)
	}
	out, code = runGate(t, []string{"check"}, append(env, "GATEPOST_OPS_LISTEN=off", "GATEPOST_PUBLIC=/api/auth")...)
	if code != 0 || strings.Contains(out, "warning: ") {
		t.Errorf("check of a public one: exit %d, %s", code, out)
	}
}

// The code in the docs is that of the example, which a browser walks through.
func TestTheDocsShowTheExamplesCode(t *testing.T) {
	t.Parallel()
	docs, err1 := os.ReadFile("../docs/better-auth-client.md")
	code, err2 := os.ReadFile("../examples/nextjs-better-auth/lib/auth.ts")
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	_, body, _ := strings.Cut(string(code), "\n") // below the comment
	if body = strings.TrimSpace(body) + "\n```\n"; !strings.Contains(string(docs), body) {
		t.Errorf("docs/better-auth-client.md does not show\n%s", body)
	}
}

// What the gate hides of an app is said before it is missed.
func TestAnAuthenticationOfTheAppsOwnIsNoticed(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/auth/ok", "/api/auth/get-session", "/api/auth/csrf", "/api/auth/providers":
			_, _ = io.WriteString(w, "null")
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(app.Close)
	env := []string{"DATABASE_URL=" + authtest.NewDatabase(t),
		"GATEPOST_UPSTREAM=" + app.URL, "GATEPOST_PROTECT=/dashboard",
		"GATEPOST_OPS_LISTEN=off"}
	const all = "the app has an authentication of its own at /api/auth/ok, /api/auth/get-session, /api/auth/csrf, " +
		"/api/auth/providers, which nobody reaches"
	if out, code := runGate(t, []string{"check"}, env...); code != 0 || !strings.Contains(out, "warning: "+all) ||
		!strings.Contains(out, "GATEPOST_API_AUTH=app") {
		t.Errorf("check: exit %d, %s", code, out)
	}
	if out, code := runGate(t, []string{"check"}, append(env, "GATEPOST_API_AUTH=app")...); code != 0 ||
		strings.Contains(out, "warning: ") {
		t.Errorf("check of an app that keeps it: exit %d, %s", code, out)
	}
	for _, rule := range []string{"/api/auth", "GET /api/auth/get-session"} {
		out, code := runGate(t, []string{"check"}, append(env, "GATEPOST_PUBLIC="+rule)...)
		if code != 0 || !strings.Contains(out, `rule "`+rule+`" decides nothing`) {
			t.Errorf("check of a rule for nothing: exit %d, %s", code, out)
		}
	}
	g := startGate(t, env[:3]...)
	for _, f := range examined(t, "own-pages", "", env[:3], g.url) {
		if f.ID == "own-pages.api" && f.Level == doctor.Warning && f.Said == all {
			return
		}
	}
	t.Error("the doctor says nothing")
}
