package acceptance_test

import (
	"html"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/internal/seal"
)

// A path whose rule has a condition, in whatever reading, opens to no session that does not meet it. Who loads a page
// is led to where they prove themselves again, and everything else gets 401 with its address. A missing role comes
// first.
func TestStepUpIsAskedForInEveryReadingAndOfEveryClient(t *testing.T) {
	t.Parallel()
	l := newLane(t, "GATEPOST_PROTECT=/, /admin=admin+aal2, /vault=+aal2, /billing=+fresh=10m, /both=+aal2+fresh=10m",
		"GATEPOST_PUBLIC=/public", "GATEPOST_SESSION_CACHE=0", "GATEPOST_ENCRYPTION_KEY="+seal.NewKey())
	l.signIn(t)
	db := authtest.Pool(t, l.database)
	states := map[string]string{
		"fresh, one factor":   `methods = 'pwd', second_at = NULL, proved_at = now()`,
		"stale, one factor":   `methods = 'pwd', second_at = NULL, proved_at = now() - interval '11 minutes'`,
		"fresh by the second": `methods = 'pwd,otp', second_at = now(), proved_at = now() - interval '1 hour'`,
		"stale, two factors": `methods = 'pwd,otp', second_at = now() - interval '11 minutes',
			proved_at = now() - interval '1 hour'`,
		"of the future": `methods = 'pwd,otp', second_at = now() + interval '1 day', proved_at = now()`,
	}
	level := map[string]bool{"fresh by the second": true, "stale, two factors": true, "of the future": true}
	fresh := map[string]bool{"fresh, one factor": true, "fresh by the second": true}
	paths := map[string][2]bool{ // needs a level, an age
		"/other": {}, "/public": {}, "/vault": {true, false}, "/billing": {false, true}, "/both/x": {true, true},
		"//vault": {true, false}, "/%76ault": {true, false}, "/x/..%2fvault": {true, false}, "/VAULT": {true, false},
		"/vault;x=y": {true, false}, "/vault.json": {true, false}, "/_next/data/b/vault.json": {true, false},
		"/billing/..%2fvault": {true, true}, "/public/..%2fbilling": {false, true}, "/Billing/": {false, true},
	}
	for state, set := range states {
		if _, err := db.Exec(t.Context(), `UPDATE gatepost.session SET `+set); err != nil {
			t.Fatal(err)
		}
		for path, needs := range paths {
			want := 200
			if needs[0] && !level[state] || needs[1] && !fresh[state] {
				want = 401
			}
			l.stepUp(t, state, path, want, needs)
		}
		for _, headers := range [][]string{browserOf("navigate", "document"), nil} { // the role comes first
			l.refuses(t, l.request("GET /admin", append(headers, l.cookie)...), 403)
		}
	}
}

// stepUp asks for a path in each way in which a client may.
func (l *lane) stepUp(t *testing.T, state, path string, want int, needs [2]bool) {
	t.Helper()
	page := browserOf("navigate", "document")
	socket := []string{"Upgrade: websocket", "Connection: Upgrade", "Origin: http://" + l.host}
	for _, c := range []struct {
		name, line string
		headers    []string
		status     int
	}{
		{"a page", "GET " + path + "?a=b", page, 303}, {"HEAD", "HEAD " + path, page, 303},
		{"fetch", "GET " + path, browserOf("cors", "empty"), 401}, {"curl", "GET " + path, nil, 401},
		{"an event stream", "GET " + path, []string{"Accept: text/event-stream"}, 401},
		{"a range", "GET " + path, []string{"Range: bytes=0-3"}, 401}, {"OPTIONS", "OPTIONS " + path, nil, 401},
		{"an upload", "PUT " + path, []string{"Content-Length: 0"}, 401},
		{"a form", "POST " + path, append(page, "Content-Length: 0", "Referer: http://"+l.host+"/form"), 401},
		{"a post by a script", "POST " + path, []string{"Content-Length: 0"}, 401},
		{"a socket", "GET " + path, socket, 401},
	} {
		l.app.take()
		if c.name == "a socket" && want == 200 {
			continue // which stays open
		}
		r := l.one(t, l.request(c.line, append(c.headers, l.cookie)...))
		if want == 200 {
			if r.status != 200 || len(l.app.take()) != 1 {
				t.Errorf("%s, %s, %s: got %d", state, path, c.name, r.status)
			}
			continue
		}
		if r.status != c.status || len(l.app.take()) != 0 {
			t.Errorf("%s, %s, %s: got %d, want %d, and nothing for the app", state, path, c.name, r.status, c.status)
		}
		challenge := r.header.Get("WWW-Authenticate")
		if !strings.HasPrefix(challenge, `Bearer error="insufficient_user_authentication"`) ||
			strings.Contains(challenge, `acr_values="2"`) != needs[0] || strings.Contains(challenge, "max_age=600") != needs[1] {
			t.Errorf("%s, %s, %s: challenge %q", state, path, c.name, challenge)
		}
		switch to := r.location(); {
		case c.status == 303 && !strings.HasPrefix(to, "/account/confirm?next=") && !strings.HasPrefix(path, "//"):
			t.Errorf("%s, %s, %s: led to %q", state, path, c.name, to)
		case c.name == "a form" && !strings.Contains(r.body, `href="`+html.EscapeString("/account/confirm?next=%2Fform")+`"`):
			t.Errorf("%s, %s, %s: got %s", state, path, c.name, r.body)
		case c.status == 401 && c.name != "a form" && (!strings.Contains(r.body, `"code":"STEP_UP_REQUIRED"`) ||
			!strings.Contains(r.body, `"loginUrl":"http://`+l.host+`/account/confirm"`)):
			t.Errorf("%s, %s, %s: got %s", state, path, c.name, r.body)
		}
	}
}

// Libraries of scripts are led to the proof as they are to the login, and the login itself leads whoever is signed in
// there.
func TestWhatLeadsToTheLoginLeadsToTheProof(t *testing.T) {
	t.Parallel()
	l := newLane(t, "GATEPOST_PROTECT=/, /billing=+fresh=10m", "GATEPOST_SESSION_CACHE=0")
	l.signIn(t)
	if _, err := authtest.Pool(t, l.database).Exec(t.Context(),
		`UPDATE gatepost.session SET proved_at = now() - interval '1 hour'`); err != nil {
		t.Fatal(err)
	}
	from := "Referer: http://" + l.host + "/shop"
	const here, there = "/account/confirm?next=%2Fbilling", "/account/confirm?next=%2Fshop"
	for _, c := range map[string]struct {
		headers []string
		status  int
		by, to  string
	}{
		"htmx":    {[]string{"HX-Request: true", "HX-Current-URL: http://" + l.host + "/shop"}, 401, "HX-Redirect", there},
		"Inertia": {[]string{"X-Inertia: true", from}, 409, "X-Inertia-Location", here},
		"Turbo":   {[]string{"X-Turbo-Request-Id: 1", "Accept: text/html", from}, 401, "leave", here},
		"a frame": {append(browserOf("navigate", "iframe"), from), 401, "page", there},
	} {
		r := l.refuses(t, l.request("GET /billing", append(c.headers, l.cookie)...), c.status)
		l.mustLeadTo(t, r, c.by, c.to)
	}
	for next, want := range map[string]string{"/billing?a=b": "/account/confirm?next=%2Fbilling%3Fa%3Db", "/shop": "/shop",
		"/x/..%2fbilling": "/account/confirm?next=%2Fx%2F..%252fbilling", "/account": "/account"} {
		r := l.one(t, l.request("GET /login?next="+strings.ReplaceAll(next, "%", "%25"),
			append(browserOf("navigate", "document"), l.cookie)...))
		if r.status != 303 || r.location() != want {
			t.Errorf("the login leads to %s by %d %q, want %q", next, r.status, r.location(), want)
		}
	}
	r := l.one(t, l.request("GET /api/auth/get-session", l.cookie))
	if r.status != 200 || !strings.Contains(r.body, `"session":{`) {
		t.Errorf("get-session: %d %s", r.status, r.body)
	}
}

// Whoever proves themselves goes on to the page, in the same session, and the requests under way with the token before
// are answered as before.
func TestAProofOpensThePage(t *testing.T) {
	t.Parallel()
	l := newLane(t, "GATEPOST_PROTECT=/, /billing=+fresh=10m", "GATEPOST_SESSION_CACHE=0")
	v := l.signIn(t)
	before := l.cookie
	db := authtest.Pool(t, l.database)
	if _, err := db.Exec(t.Context(), `UPDATE gatepost.session SET proved_at = now() - interval '1 hour'`); err != nil {
		t.Fatal(err)
	}
	r := v.open("/billing")
	if r.status != 303 || r.location() != "/account/confirm?next=%2Fbilling" {
		t.Fatalf("got %d %q", r.status, r.location())
	}
	if r = v.open(r.location()); r.status != 200 || !strings.Contains(r.body, `name="next" value="/billing"`) {
		t.Fatalf("the page is %d\n%s", r.status, r.body)
	}
	if r = v.post("/account/confirm", "password", "not the password", "next", "/billing"); r.status != 401 ||
		!strings.Contains(r.body, `name="next" value="/billing"`) {
		t.Errorf("a wrong password: %d\n%s", r.status, r.body)
	}
	if r = v.post("/account/confirm", "password", password, "next", "/billing"); r.status != 303 ||
		r.location() != "/billing" {
		t.Fatalf("the right password: %d %q", r.status, r.location())
	}
	l.cookie = "Cookie: " + v.cookie().String()
	if l.cookie == before {
		t.Error("the token is the one before")
	}
	l.app.take()
	for path, cookie := range map[string]string{"/billing": l.cookie, "/other": before} {
		if r := l.one(t, l.request("GET "+path, cookie)); r.status != 200 {
			t.Errorf("%s is %d", path, r.status)
		}
	}
	l.app.take()
	l.refuses(t, l.request("GET /billing", before), 401)
	if _, err := db.Exec(t.Context(), `UPDATE gatepost.session SET last_until = now()`); err != nil {
		t.Fatal(err)
	}
	l.refuses(t, l.request("GET /other", before), 401)
	if r := l.one(t, l.request("GET /other", l.cookie)); r.status != 200 {
		t.Errorf("a minute later the new token gets %d", r.status)
	}
}

// A page that needs a second factor and a recent proof opens to nobody by the password alone, in a session whose second
// factor is old.
func TestThePasswordAloneOpensNoPageOfTwoFactors(t *testing.T) {
	t.Parallel()
	l := newLane(t, "GATEPOST_PROTECT=/, /both=+aal2+fresh=10m", "GATEPOST_SESSION_CACHE=0",
		"GATEPOST_ENCRYPTION_KEY="+seal.NewKey())
	v := l.signIn(t)
	db := authtest.Pool(t, l.database)
	for _, sql := range []string{
		`INSERT INTO gatepost.totp (user_id, secret, last_step) SELECT id, '', 0 FROM gatepost."user"`,
		`UPDATE gatepost.session SET methods = 'pwd,otp', second_at = now() - interval '5 hours',
			proved_at = now() - interval '5 hours'`,
	} {
		if _, err := db.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	const proof = "/account/confirm?next=%2Fboth"
	if r := v.post("/account/confirm", "password", password, "next", "/both"); r.status != 303 || r.location() != proof {
		t.Errorf("the password: %d %q", r.status, r.location())
	}
	if r := v.open("/both"); r.status != 303 || r.location() != proof {
		t.Errorf("the page: %d %q", r.status, r.location())
	}
	l.app.take()
	l.refuses(t, l.request("GET /both", l.cookie), 401)
}

// What lasts goes on through a proof, and when a proof grows too old for what would begin: an age is asked for at the
// beginning. A level is asked for all the time, also over HTTP/2.
func TestWhatLastsIsJudgedByItsLevelAndNotByItsAge(t *testing.T) {
	t.Parallel()
	app := newTalker(t)
	database := authtest.NewDatabase(t)
	g := startGate(t, "DATABASE_URL="+database, "GATEPOST_UPSTREAM="+app.url, "GATEPOST_LISTEN_H2C=true",
		"GATEPOST_TRUSTED_PROXIES=127.0.0.2", "GATEPOST_PROTECT=/, /live=+fresh=10m, /vault=+aal2",
		"GATEPOST_ENCRYPTION_KEY="+seal.NewKey())
	v := g.visitor(t)
	v.signUp("ada@example.com")
	db := authtest.Pool(t, database)
	now := func(set string) {
		t.Helper()
		if _, err := db.Exec(t.Context(), `UPDATE gatepost.session SET `+set); err != nil {
			t.Fatal(err)
		}
	}
	now(`methods = 'pwd,otp', second_at = now()`)
	v.becomes("/vault/short", 200)
	h2 := g.visitor(t).overH2C("127.0.0.2")
	h2.client.Jar = v.client.Jar
	socket := []string{"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Origin: " + g.url}
	open := map[string]*opened{"/live/events": v.opens("/live/events"), "/vault/events": v.opens("/vault/events"),
		"/live/ws": v.opens("/live/ws", socket...), "/live/events over HTTP/2": h2.asks("GET", "/live/events", nil),
		"/vault/events over HTTP/2": h2.asks("GET", "/vault/events", nil)}
	goOn := func(when string, paths ...string) {
		t.Helper()
		for _, path := range paths {
			open[path].goesOn(t, path+" "+when)
		}
	}
	streams := []string{"/live/events", "/vault/events", "/live/events over HTTP/2", "/vault/events over HTTP/2"}
	goOn("at first", streams...)
	now(`proved_at = now() - interval '1 hour', second_at = now() - interval '1 hour'`)
	v.becomes("/live/short", 401)
	if r := h2.fetch("/live/short"); r.status != 401 || !strings.Contains(r.body, "STEP_UP_REQUIRED") {
		t.Errorf("over HTTP/2: %d %s", r.status, r.body)
	}
	if o := v.opens("/live/ws", socket...); o.status != 401 {
		t.Errorf("another socket: %d", o.status)
	}
	goOn("when its proof is old", streams...)
	if r := v.post("/account/confirm", "password", password, "next", "/live/short"); r.location() != "/live/short" {
		t.Fatalf("the password: %d %q", r.status, r.location())
	}
	v.becomes("/live/short", 200)
	goOn("after a proof", streams...)
	if o := open["/live/ws"]; o.status != 101 || app.answers("/live/ws") != 1 {
		t.Errorf("the socket is %d, %d at the app", o.status, app.answers("/live/ws"))
	}
	now(`methods = 'pwd', second_at = NULL`)
	latest := time.Now().Add(endsWithin)
	open["/vault/events"].endsBy(t, "the stream that needs a level", latest)
	open["/vault/events over HTTP/2"].endsBy(t, "the one over HTTP/2", latest)
	goOn("without the level", "/live/events", "/live/events over HTTP/2")
}
