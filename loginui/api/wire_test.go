package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// Where a request comes from decides before anything else of it counts.
func TestOrigins(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.signUp(t, "ada@example.com")
	const cookie = "Cookie: theme=dark"
	for _, c := range []struct {
		headers []string
		status  int
		code    string
	}{
		{[]string{"Origin: http://localhost:8080"}, 200, ""}, {[]string{"Origin: http://LOCALHOST:8080", cookie}, 200, ""},
		{[]string{"Origin: "}, 200, ""}, // no browser
		{[]string{"Origin: ", "Referer: http://localhost:8080/login?x", cookie}, 200, ""},
		{[]string{"Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors", cookie}, 200, ""},
		{[]string{"Origin: http://evil.example"}, 403, "INVALID_ORIGIN"},
		{[]string{"Origin: http://evil.example", cookie, "Sec-Fetch-Site: same-origin"}, 403, "INVALID_ORIGIN"},
		{[]string{"Origin: http://127.0.0.1:8080", cookie}, 403, "INVALID_ORIGIN"},
		{[]string{"Origin: http://localhost:8081", cookie}, 403, "INVALID_ORIGIN"},
		{[]string{"Origin: https://localhost:8080"}, 403, "INVALID_ORIGIN"},
		{[]string{"Origin: http://localhost:8080.evil.example"}, 403, "INVALID_ORIGIN"},
		{[]string{"Origin: http://localhost:8080@evil.example"}, 403, "INVALID_ORIGIN"},
		{[]string{"Origin: http://x@localhost:8080"}, 403, "INVALID_ORIGIN"}, {[]string{"Origin: nonsense"},
			403, "INVALID_ORIGIN"},
		{[]string{"Origin: ", "Referer: http://evil.example/http://localhost:8080"}, 403, "INVALID_ORIGIN"},
		{[]string{"Origin: null"}, 403, "MISSING_OR_NULL_ORIGIN"}, {[]string{"Origin: null", cookie},
			403, "MISSING_OR_NULL_ORIGIN"},
		{[]string{"Origin: ", cookie}, 403, "MISSING_OR_NULL_ORIGIN"},
		{[]string{"Origin: ", "Sec-Fetch-Mode: cors"}, 403, "MISSING_OR_NULL_ORIGIN"},
		{[]string{"Origin: ", "Sec-Fetch-Dest: empty"}, 403, "MISSING_OR_NULL_ORIGIN"},
		{[]string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"}, 403, "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED"},
	} {
		a := d.do(t, "POST", "/api/auth/sign-in/email", object("email", "ada@example.com", "password", password),
			c.headers...)
		a.must(t, fmt.Sprint(c.headers), c.status, c.code)
		if (sessionLine(a) != "") != (c.status == 200) {
			t.Errorf("%q: %v", c.headers, a.Header)
		}
	}
	d.do(t, "GET", "/api/auth/get-session", "", "Origin: http://evil.example", cookie).must(t, "a read", 200, "")
}

func TestBodies(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.signUp(t, "ada@example.com")
	const in = `{"email":"ada@example.com","password":"correct horse battery"`
	deep := strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)
	for _, c := range []struct {
		path, kind, body string
		status           int
		code, say        string
	}{
		{"/sign-in/email", "application/json; charset=utf-8", in + `,"unknown":{"a":[1]}}`, 200, "", ""},
		{"/sign-in/email", "application/json", "{" + strings.Repeat(`"a":1,`, 9_000) + in[1:] + "}", 200, "", ""},
		{"/sign-in/email", "application/json", `{"email":"x","email":"ada@example.com","password":"` + password + `"}`, 200,
			"", ""},
		{"/sign-in/email", "Application/JSON", " " + in + "}\n", 200, "", ""},
		{"/sign-in/email", "application/x-www-form-urlencoded", "email=ada%40example.com", 415, "UNSUPPORTED_MEDIA_TYPE", ""},
		{"/sign-in/email", "multipart/form-data; boundary=x", in + "}", 415, "UNSUPPORTED_MEDIA_TYPE", ""},
		{"/sign-in/email", "text/plain", in + "}", 415, "UNSUPPORTED_MEDIA_TYPE", ""},
		{"/sign-in/email", "application/json, text/plain", in + "}", 415, "UNSUPPORTED_MEDIA_TYPE", ""},
		{"/sign-in/email", "", in + "}", 415, "UNSUPPORTED_MEDIA_TYPE", ""},
		{"/sign-out", "", "", 200, "", ""}, {"/sign-out", "text/plain", "", 415, "UNSUPPORTED_MEDIA_TYPE", ""},
		{"/sign-in/email", "application/json", in, 400, "BAD_REQUEST", "Invalid JSON in request body"},
		{"/sign-in/email", "application/json", in + "} {", 400, "BAD_REQUEST", "Invalid JSON"},
		{"/sign-in/email", "application/json", "{\"email\":\"a\xff\"}", 400, "BAD_REQUEST", "Invalid JSON"},
		{"/sign-in/email", "application/json", `{"password":"a\ud800"}`, 400, "BAD_REQUEST", "Invalid JSON"},
		{"/sign-in/email", "application/json", deep, 400, "", ""},
		{"/sign-in/email", "application/json", `{"email":` + deep + `}`, 400, "", ""},
		{"/sign-in/email", "application/json", `[]`, 400, "VALIDATION_ERROR",
			"[body] Invalid input: expected object, received array"},
		{"/sign-in/email", "application/json", `null`, 400, "VALIDATION_ERROR",
			"[body] Invalid input: expected object, received null"},
		{"/sign-in/email", "application/json", `{}`, 400, "VALIDATION_ERROR",
			"[body.email] Invalid input: expected string, " +
				"received undefined; [body.password] Invalid input: expected string, received undefined"},
		{"/sign-in/email", "application/json", ``, 400, "VALIDATION_ERROR", "received undefined"},
		{"/sign-in/email", "application/json", `{"email":1,"password":{}}`, 400, "VALIDATION_ERROR",
			"[body.email] Invalid input: " +
				"expected string, received number; [body.password] Invalid input: expected string, received object"},
		{"/sign-in/email", "application/json", `{"Email":"ada@example.com","password":"x"}`, 400, "VALIDATION_ERROR",
			"[body.email]"},
		{"/sign-in/email", "application/json", in + `,"rememberMe":"yes"}`, 400, "VALIDATION_ERROR",
			"[body.rememberMe] Invalid input: expected boolean, received string"},
		{"/sign-in/email", "application/json", in + `,"callbackURL":["/"]}`, 400, "VALIDATION_ERROR", "received array"},
		{"/sign-in/email", "application/json", in + `,"x":"` + strings.Repeat("a", 64<<10) + `"}`, 413, "PAYLOAD_TOO_LARGE",
			""},
		{"/request-password-reset", "application/json", `{"email":null}`, 400, "", ""},
		{"/sign-up/email", "application/json", `{"name":"","email":"x","password":true}`, 400, "VALIDATION_ERROR",
			"[body.email] Invalid email address; [body.password] Invalid input: expected string, received boolean"},
	} {
		a := d.do(t, "POST", "/api/auth"+c.path, c.body, "Content-Type: "+c.kind)
		if code, _ := a.field("code").(string); a.StatusCode != c.status || c.code != "" && code != c.code ||
			!strings.Contains(a.body, c.say) {
			t.Errorf("%s, %s, %.60s: got %d %.200s", c.path, c.kind, c.body, a.StatusCode, a.body)
		}
		if strings.Contains(a.body, "battery") {
			t.Errorf("a password is in %s", a.body)
		}
	}
}

// Redirects stay on this site.
func TestCallbackURLs(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.signUp(t, "ada@example.com")
	for address, want := range map[string]string{
		"/": "/", "/a?b=c d": "/a?b=c%20d", "/a#x": "/a#x", "/ä": "/%C3%A4", "": "",
		"/dashboard?test=123+456": "/dashboard?test=123+456",
		"http://localhost:8080":   "/", "http://localhost:8080/a?b": "/a?b", "HTTP://LOCALHOST:8080?q": "/?q",
		"//evil.example": "!", `/\evil.example`: "!", `\/evil.example`: "!", "javascript:alert(1)": "!", "evil": "!",
		"data:text/html,x": "!", "http://evil.example/": "!", "http://localhost:8080@evil.example/": "!",
		"https://localhost:8080/a": "!",
		"http://localhost/a":       "!", "http://127.0.0.1:8080/": "!", "http:/a": "!", "///evil.example": "!",
		"/\t/evil.example":      "!",
		"/a\r\nSet-Cookie: x=y": "!", "http://localhost:8080//evil.example": "!", `http://localhost:8080/\evil.example`: "!",
		"http://localhost:8080\\@evil.example/": "!", "/" + strings.Repeat("é", 15_000): "!", " /a": "!",
	} {
		a := d.browser(t).post("/sign-in/email", "email", "ada@example.com", "password", password, "callbackURL", address)
		if want == "!" {
			if a.must(t, address, 403, "INVALID_CALLBACK_URL"); sessionLine(a) != "" {
				t.Errorf("%q: signed in", address)
			}
			continue
		}
		if url, _ := a.field("url").(string); a.StatusCode != 200 || url != want || a.Header.Get("Location") != want {
			t.Errorf("%q: got %d %s, want %q", address, a.StatusCode, a.body, want)
		}
	}
}

// Whatever is not served has the answer of a Better Auth that lacks it.
func TestWhatIsNotServed(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withProvider)
	for path, owned := range map[string]bool{"/api/auth/get-session": true, "/api/auth/sign-in/email": true,
		"/api/auth/reset-password/x": true, "/api/auth/callback/demo": true, "/.gatepost/openapi.json": true,
		"/api/auth/callback/nobody": false, "/api/auth/sign-in/email/": false, "/api/auth/get-session/": false,
		"/api/auth":  false,
		"/api/auth/": false, "/api/auth/sign-in": false, "/api/auth/reset-password/": false,
		"/api/auth/reset-password/a/b": false,
		"/api/auth/reset-password/%41": false, "/api/auth/sign-in%2Femail": false, "/API/auth/ok": false,
		"/api/auth/two-factor/send-otp/": false, "/api/auth//ok": false, "/api/auth/delete-user/callback": false} {
		if got := d.ui.Owns(path); got != owned {
			t.Errorf("%s: owned is %t", path, got)
		}
	}
	for _, c := range [][2]string{{"GET", "/sign-in/email"}, {"PUT", "/sign-in/email"}, {"DELETE", "/delete-user"},
		{"OPTIONS", "/ok"},
		{"POST", "/ok"}, {"POST", "/reset-password/abc"}, {"GET", "/reset-password"}, {"PATCH", "/update-user"}} {
		a := d.do(t, c[0], "/api/auth"+c[1], "", "Content-Type: ")
		if a.StatusCode != 404 || a.body != "" || a.Header.Get("Content-Type") != "" {
			t.Errorf("%v: got %d %q %v", c, a.StatusCode, a.body, a.Header)
		}
	}
	if a := d.do(t, "HEAD", "/api/auth/get-session", ""); a.StatusCode != 200 {
		t.Errorf("HEAD: %d", a.StatusCode)
	}
	d.do(t, "POST", "/api/auth/get-session", "{}").
		must(t, "POST get-session", 405, "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED")
}

// With GATEPOST_API_AUTH=app nothing of the protocol is the gate's.
func TestAnAppMayHaveItsOwn(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(s *setting) { s.APIAuthApp = true })
	for _, path := range []string{"/api/auth/ok", "/api/auth/get-session", "/api/auth/sign-in/email",
		"/api/auth/reset-password/x"} {
		if d.ui.Owns(path) {
			t.Errorf("%s is the gate's", path)
		}
	}
	if a := d.do(t, "GET", "/.gatepost/openapi.json", ""); a.StatusCode != 404 {
		t.Errorf("a document of nothing: %d", a.StatusCode)
	}
}

// Each answer is counted by the name of its endpoint, and has the headers of the pages.
func TestAnswersAreCountedAndGuarded(t *testing.T) {
	t.Parallel()
	d := newDesk(t, withMail)
	counted := map[string]int{}
	d.ui.CountAPI(func(endpoint string, status int) { counted[fmt.Sprint(endpoint, " ", status)]++ })
	b := d.browser(t)
	secret := strings.Repeat("S", 43)
	for _, a := range []answer{b.get("/ok"), b.post("/sign-in/email", "email", "a@example.com", "password",
		"secret horse"),
		b.get("/reset-password/" + secret + "?callbackURL=/a"), b.get("/list-sessions"), b.get("/error"),
		b.do("POST", "/api/auth/sign-out", "{}", "Origin: http://evil.example")} {
		if a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Cache-Control") != "no-store" ||
			a.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("unguarded: %v", a.Header)
		}
	}
	want := map[string]int{"ok 200": 1, "sign-in-email 401": 1, "open-password-reset 302": 1, "list-sessions 401": 1,
		"error 200": 1, "sign-out 403": 1}
	if fmt.Sprint(counted) != fmt.Sprint(want) {
		t.Errorf("counted %v, want %v", counted, want)
	}
	if log := d.log.text(); strings.Contains(log, secret) || strings.Contains(log, "secret horse") {
		t.Errorf("a secret is in the log:\n%s", log)
	}
}

// A network that has too much under way is told to come back.
func TestACrowdIsToldToComeBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for range d.db.Config().MaxConns { // so that whoever asks PostgreSQL waits
		conn, err := d.db.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Release)
	}
	answers := make(chan answer, 600)
	for range 600 {
		go func() {
			answers <- d.do(t, "GET", "/api/auth/get-session", "", "Cookie: gatepost_8080="+strings.Repeat("A", 43))
		}()
	}
	a := <-answers
	if a.StatusCode != http.StatusTooManyRequests || a.Header.Get("X-Retry-After") != "2" ||
		a.body != `{"message":"Too many requests. Please try again later."}` {
		t.Errorf("got %d %s %v", a.StatusCode, a.body, a.Header)
	}
	for range 599 {
		<-answers
	}
}
