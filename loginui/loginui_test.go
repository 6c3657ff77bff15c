package loginui_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/loginui"
)

func TestMain(m *testing.M) { authtest.Main(m) }

const password = "correct horse battery"

// desk serves the pages on a database of its own.
type desk struct {
	ui      *loginui.UI
	handler http.Handler
	store   *auth.Store
	db      *pgxpool.Pool
}

func newDesk(t *testing.T, change ...func(*loginui.Config)) *desk {
	t.Helper()
	c := loginui.Config{
		PublicURL: &url.URL{Scheme: "http", Host: "localhost:8080"}, Home: "/home",
		AppName: "Test <App>", PasswordMin: 8,
		Cookie: session.Cookie{Name: "gatepost_8080", MaxAge: 720 * 3600e9}, Log: slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&c)
	}
	store, db := authtest.NewStore(t, func(o *auth.Options) { o.SignUpClosed = c.SignUpClosed })
	ui, err := loginui.New(c, store)
	if err != nil {
		t.Fatal(err)
	}
	return &desk{ui, ui.Handler(), store, db}
}

// answer is a response and its body.
type answer struct {
	*http.Response
	body string
}

func (d *desk) do(t *testing.T, method, target, body string, headers ...string) answer {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "localhost:8080"
	r.RemoteAddr = "192.0.2.1:0"
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Accept", "text/html")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		switch name {
		case "Host":
			r.Host = value
		case "RemoteAddr":
			r.RemoteAddr = value
			continue
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	res := w.Result()
	b, _ := io.ReadAll(res.Body)
	return answer{res, strings.ReplaceAll(string(b), "<wbr>", "")} // nobody reads where an address may break
}

// cookie signs a user up and returns their Cookie header.
func (d *desk) cookie(t *testing.T, email string) string {
	t.Helper()
	a := d.do(t, "POST", "/signup", form("email", email, "password", password, "name", "Ada", "remember", "on"))
	if a.StatusCode != 303 {
		t.Fatalf("sign up: %d %s", a.StatusCode, a.body)
	}
	c, _, _ := strings.Cut(a.Header.Get("Set-Cookie"), ";")
	return "Cookie: " + c
}

func form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

func TestEveryPageCarriesTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.cookie(t, "ada@example.com")
	for _, c := range []struct {
		method, target, body, header string
		status                       int
	}{
		{"GET", "/login", "", "X: y", 200},
		{"HEAD", "/login", "", "X: y", 200},
		{"GET", "/login?next=/x", "", cookie, 303},
		{"POST", "/login", "email=x", "X: y", 422},
		{"POST", "/login", form("email", "ada@example.com", "password", "wrong password"), "X: y", 401},
		{"GET", "/signup", "", "X: y", 200},
		{"GET", "/register", "", "X: y", 303},
		{"GET", "/logout", "", cookie, 200},
		{"GET", "/logout", "", "X: y", 303},
		{"GET", "/account", "", cookie, 200},
		{"GET", "/account", "", "X: y", 303},
		{"GET", "/account/name", "", cookie, 200},
		{"POST", "/account/name", form("name", strings.Repeat("a", 101)), cookie, 422},
		{"GET", "/account/password", "", cookie, 200},
		{"POST", "/account/password", "", cookie, 422},
		{"GET", "/account/delete", "", cookie, 200},
		{"POST", "/account/delete", form("password", "wrong password"), cookie, 401},
		{"POST", "/account/export", "", cookie, 200},
		{"GET", "/account/sessions/end", "", cookie, 303},
		{"GET", "/account/nothing", "", cookie, 404},
		{"PUT", "/login", "", "X: y", 405},
		{"GET", "/.gatepost/nothing", "", "X: y", 404},
		{"GET", "/api/auth/get-session", "", cookie, 200},
		{"POST", "/login", "", "Sec-Fetch-Site: cross-site", 403},
		{"POST", "/login", strings.Repeat("x", 70_000), "X: y", 413},
		{"POST", "/login", "{}", "Content-Type: application/json", 415},
		{"POST", "/login", "email=%zz", "X: y", 400},
		{"POST", "/login", "email=a&email=b", "X: y", 400},
	} {
		d.do(t, c.method, c.target, c.body, c.header).mustBeGuarded(t, c.method+" "+c.target, c.status)
	}
	authtest.Refuse(t, d.db)
	for _, c := range []struct{ method, target, body string }{
		{"GET", "/account", ""}, {"POST", "/login", form("email", "ada@example.com", "password", password)},
		{"POST", "/logout", ""}, {"GET", "/login", ""},
	} {
		d.do(t, c.method, c.target, c.body, cookie).mustBeGuarded(t, c.method+" "+c.target, 503)
	}
	for _, status := range []int{400, 403, 404, 405, 408, 413, 415, 429, 500, 502, 503, 504} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/any", nil)
		r.Header.Set("Accept", "text/html")
		d.ui.Refuse(w, r, status, errors.New("a cause that nobody reads"))
		b, _ := io.ReadAll(w.Body)
		answer{w.Result(), string(b)}.mustBeGuarded(t, "a refusal", status)
	}
}

func (a answer) mustBeGuarded(t *testing.T, what string, status int) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("%s: got %d, want %d", what, a.StatusCode, status)
	}
	for name, want := range map[string]string{
		"Content-Security-Policy": "frame-ancestors 'none'", "X-Content-Type-Options": "nosniff",
		"Referrer-Policy": "same-origin", "Cache-Control": "no-store",
	} {
		if got := a.Header.Get(name); !strings.Contains(got, want) {
			t.Errorf("%s: %s is %q", what, name, got)
		}
	}
	if strings.Contains(a.Header.Get("Content-Security-Policy"), "unsafe") || strings.Contains(a.body, "<App>") ||
		strings.Contains(a.body, "nobody reads") || strings.Contains(a.body, "fault.") {
		t.Errorf("%s: unsafe, or without words: %s", what, a.body)
	}
}

func TestAssetsAreKeptForEver(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	page := d.do(t, "GET", "/login", "").body
	_, rest, _ := strings.Cut(page, `rel="stylesheet" href="`)
	path, _, _ := strings.Cut(rest, `"`)
	a := d.do(t, "GET", path, "")
	if a.StatusCode != 200 || !strings.Contains(a.Header.Get("Cache-Control"), "immutable") || !d.ui.Owns(path) {
		t.Errorf("%s: %d %v", path, a.StatusCode, a.Header)
	}
}

func TestSignUpLogInLogOut(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a := d.do(t, "POST", "/signup", form("email", "Ada@Example.com", "password", password, "remember", "on",
		"next", "/dashboard?a=b&c"))
	if a.StatusCode != 303 || a.Header.Get("Location") != "/dashboard?a=b&c" {
		t.Fatalf("sign up: %d to %q: %s", a.StatusCode, a.Header.Get("Location"), a.body)
	}
	set := a.Header.Get("Set-Cookie")
	for _, part := range []string{"gatepost_8080=", "; Path=/", "; HttpOnly", "; SameSite=Lax", "; Max-Age=2592000"} {
		if !strings.Contains(set, part) {
			t.Errorf("Set-Cookie %q lacks %q", set, part)
		}
	}
	cookie, _, _ := strings.Cut(set, ";")
	a = d.do(t, "POST", "/logout", "", "Cookie: "+cookie)
	if a.StatusCode != 303 || a.Header.Get("Location") != "/login" || a.Header.Get("Clear-Site-Data") != `"cache"` ||
		!strings.Contains(a.Header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("log out: %d %v", a.StatusCode, a.Header)
	}
	marker, _, _ := strings.Cut(a.Header.Values("Set-Cookie")[1], ";")
	if a = d.do(t, "GET", "/login", "", "Cookie: "+marker); !strings.Contains(a.body, `src="/.gatepost/forget"`) {
		t.Errorf("the page after a log-out does not make the browser forget:\n%s", a.body)
	}
	if a = d.do(t, "GET", "/login", ""); strings.Contains(a.body, "forget") {
		t.Error("a page without a log-out makes the browser forget")
	}
	if a = d.do(t, "GET", "/.gatepost/forget", ""); a.StatusCode != 204 ||
		a.Header.Get("Clear-Site-Data") != `"cache"` {
		t.Errorf("forget: %d %v", a.StatusCode, a.Header)
	}
	a = d.do(t, "GET", "/.gatepost/forget", "", "Sec-Fetch-Site: cross-site")
	if a.Header.Get("Clear-Site-Data") != "" {
		t.Error("another site can make the browser forget")
	}
	if a = d.do(t, "GET", "/account", "", "Cookie: "+cookie); a.StatusCode != 303 ||
		!strings.Contains(a.Header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("the cookie replayed: %d %v", a.StatusCode, a.Header)
	}
	a = d.do(t, "POST", "/login", form("email", "ada@example.com", "password", password))
	if a.StatusCode != 303 || a.Header.Get("Location") != "/home" ||
		strings.Contains(a.Header.Get("Set-Cookie"), "Max-Age") {
		t.Errorf("log in without remember: %d %v", a.StatusCode, a.Header)
	}
}

func TestAFailedFormKeepsWhatWasTypedAndNeverThePassword(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.cookie(t, "taken@example.com")
	for _, c := range []struct {
		target, email, password, name, say string
		status                             int
	}{
		{"/login", "ada@example.com", "wrong password", "", "not right", 401},
		{"/login", "ada", "a password", "", "like name@example.com", 422},
		{"/login", "ada@example.com", "", "", "Enter a password", 422},
		{"/login", "ada@example.com", "nul\x00nul\x00nul", "", "cannot be used", 422},
		{"/signup", "ada@example.com", "short", "Ada", "at least 8", 422},
		{"/signup", "ada@example.com", "password1", "Ada", "common", 422},
		{"/signup", "taken@example.com", "another long password", "Ada", "already has an account", 409},
		{"/signup", "\"><script>alert(1)</script>@x.yz", password, "<b>Ada</b>", "like name@example.com", 422},
		{"/signup", "a\xff\xfe@example.com", password, "Ada", "like name@example.com", 422},
		{"/signup", "ada@example.com", password, "A\xffda", "characters that cannot be shown", 422},
		{"/signup", "ada@example.com", password, strings.Repeat("a", 101), "at most 100", 422},
	} {
		a := d.do(t, "POST", c.target, form("email", c.email, "password", c.password, "name", c.name, "next",
			"/keep?me=1", "remember", "on"))
		if a.StatusCode != c.status || !strings.Contains(a.body, c.say) {
			t.Errorf("%s %q: got %d, want %d and %q in\n%s", c.target, c.email, a.StatusCode, c.status, c.say, a.body)
		}
		if !strings.Contains(a.body, `name="next" value="/keep?me=1"`) || !strings.Contains(a.body, " checked") ||
			!strings.Contains(a.body, "next=%2Fkeep%3Fme%3D1") {
			t.Errorf("%s %q: next, the checkbox or the link to the other page was lost", c.target, c.email)
		}
		if c.password != "" && strings.Contains(a.body, c.password) || strings.Contains(a.body, "<script>") ||
			strings.Contains(a.body, "<b>") {
			t.Errorf("%s %q: the password or markup is in the page", c.target, c.email)
		}
		if a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s %q: a cookie was set", c.target, c.email)
		}
		if !utf8.ValidString(a.body) {
			t.Errorf("%s %q: the page is no UTF-8", c.target, c.email)
		}
	}
}

// Neither the body nor a header may show whether an address has an account, before and after the throttle acts.
func TestLoginAnswersKnownAndUnknownAddressesAlike(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.cookie(t, "ada@example.com")
	if _, err := d.db.Exec(t.Context(), `DELETE FROM gatepost.familiar`); err != nil {
		t.Fatal(err)
	}
	for i := range 7 {
		known := d.do(t, "POST", "/login", form("email", "ada@example.com", "password", "wrong password"))
		unknown := d.do(t, "POST", "/login", form("email", "eve@example.com", "password", "wrong password"))
		seconds := regexp.MustCompile(`\d+ seconds`) // the number may change between the two answers
		if known.StatusCode != unknown.StatusCode ||
			seconds.ReplaceAllString(strings.ReplaceAll(known.body, "ada@", "eve@"),
				"") != seconds.ReplaceAllString(unknown.body, "") {
			t.Errorf("attempt %d: %d and %d\n%s\n%s", i+1, known.StatusCode, unknown.StatusCode,
				known.body, unknown.body)
		}
		known.Header.Del("Retry-After")
		unknown.Header.Del("Retry-After")
		if fmt.Sprint(known.Header) != fmt.Sprint(unknown.Header) {
			t.Errorf("attempt %d: %v and %v", i+1, known.Header, unknown.Header)
		}
	}
}

// A user who has logged in with this browser can log in again while others guess their password, even long
// after the session ended.
func TestTheBrowserIsKnownAgainAfterALogOut(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	a := d.do(t, "POST", "/signup", form("email", "ada@example.com", "password", password))
	cookies := strings.Join(a.Header.Values("Set-Cookie"), "\n")
	_, rest, _ := strings.Cut(cookies, "gatepost_8080_known=")
	token, _, _ := strings.Cut(rest, ";")
	_, err := d.db.Exec(t.Context(), `UPDATE gatepost.account SET failed_attempts = 100; DELETE FROM gatepost.session`)
	if err != nil {
		t.Fatal(err)
	}
	login := form("email", "ada@example.com", "password", password)
	if a = d.do(t, "POST", "/login", login, "RemoteAddr: 198.51.100.9:0"); a.StatusCode != 401 {
		t.Errorf("a strange browser elsewhere: %d", a.StatusCode)
	}
	a = d.do(t, "POST", "/login", login, "RemoteAddr: 198.51.100.9:0", "Cookie: gatepost_8080_known="+token)
	if a.StatusCode != 303 ||
		!strings.Contains(strings.Join(a.Header.Values("Set-Cookie"), "\n"), "gatepost_8080_known=") {
		t.Errorf("got %d %v", a.StatusCode, a.Header)
	}
}

func TestTooManyAttemptsSayHowLongToWait(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var a answer
	for range 6 {
		a = d.do(t, "POST", "/login", form("email", "nobody@example.com", "password", "wrong password"))
	}
	if a.StatusCode != 429 || a.Header.Get("Retry-After") == "" || !strings.Contains(a.body, "Try again in") {
		t.Errorf("got %d, Retry-After %q", a.StatusCode, a.Header.Get("Retry-After"))
	}
}

func TestFormsFromOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.cookie(t, "ada@example.com")
	for _, from := range []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site",
		"Origin: https://evil.example", "Origin: null", "Origin: http://localhost:9999"} {
		for _, target := range []string{"/login", "/signup", "/logout", "/account/name", "/account/password",
			"/account/delete", "/account/export", "/account/sessions/end", "/account/sessions/end-others"} {
			a := d.do(t, "POST", target, form("email", "eve@example.com", "password", password), from, cookie)
			if a.StatusCode != 403 || a.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s, %s: got %d", target, from, a.StatusCode)
			}
		}
	}
	if a := d.do(t, "GET", "/account", "", cookie); a.StatusCode != 200 {
		t.Errorf("still signed in? %d", a.StatusCode)
	}
	for _, from := range []string{"Sec-Fetch-Site: same-origin", "Origin: http://localhost:8080", "X: curl"} {
		if a := d.do(t, "POST", "/logout", "", from); a.StatusCode != 303 {
			t.Errorf("%s: got %d", from, a.StatusCode)
		}
	}
}

func TestClosedSignUp(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(c *loginui.Config) { c.SignUpClosed = true })
	if a := d.do(t, "GET", "/login", ""); strings.Contains(a.body, "signup") {
		t.Error("the login page links to signup")
	}
	for _, method := range []string{"GET", "POST"} {
		a := d.do(t, method, "/signup", form("email", "ada@example.com", "password", password))
		if a.StatusCode != 403 || !strings.Contains(a.body, "does not take new accounts") {
			t.Errorf("%s: got %d", method, a.StatusCode)
		}
	}
}

func TestPagesUnderAPrefix(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(c *loginui.Config) { c.Prefix = "/auth" })
	for path, want := range map[string]bool{
		"/auth/login": true, "/auth/account": true, "/auth/account/x": true, "/api/auth/get-session": true,
		"/.gatepost/healthz": true, "/.gatepost/x": true,
		"/login": false, "/auth/login/": false, "/auth": false, "/auth/accounts": false,
		"/api/auth/sign-in/email": true, "/api/auth/nothing": false, "/.gatepost": false,
		"/auth/account/../x": false, "/auth/account/%2e%2e/x": false, "/auth/account//x": false,
		"/.gatepost/../dashboard": false, "/.gatepost/a;b": false,
	} {
		if got := d.ui.Owns(path); got != want {
			t.Errorf("%s: got %v", path, got)
		}
	}
	if a := d.do(t, "GET", "/auth/login", ""); !strings.Contains(a.body, `action="/auth/login"`) ||
		!strings.Contains(a.body, `"/auth/signup"`) {
		t.Errorf("links leave the prefix:\n%s", a.body)
	}
}

func TestGetSession(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if a := d.do(t, "GET", "/api/auth/get-session", "", "Accept: */*"); a.StatusCode != 200 ||
		strings.TrimSpace(a.body) != "null" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("signed out: %d %q", a.StatusCode, a.body)
	}
	cookie := d.cookie(t, "ada@example.com")
	a := d.do(t, "GET", "/api/auth/get-session", "", "Accept: */*", cookie)
	var got map[string]map[string]any
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	if got["user"]["email"] != "ada@example.com" || got["user"]["emailVerified"] != false ||
		got["session"]["userId"] != got["user"]["id"] || got["session"]["expiresAt"] == nil {
		t.Errorf("got %s", a.body)
	}
	_, token, _ := strings.Cut(cookie, "=")
	if strings.Contains(a.body, token) || strings.Contains(a.body, "argon2") ||
		got["session"]["token"] != got["session"]["id"] {
		t.Errorf("a secret is in %s", a.body)
	}
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, c := range []struct {
		name, method, target, headers string
		status, want                  int
		location, body                string
	}{
		{"a browser loading a page", "GET", "/dashboard?a=b&c=d", "Sec-Fetch-Mode: navigate", 401, 303,
			"/login?next=%2Fdashboard%3Fa%3Db%26c%3Dd", ""},
		{"an old browser", "GET", "/dashboard", "Accept: text/html,*/*", 401, 303, "/login?next=%2Fdashboard", ""},
		{"a form", "POST", "/dashboard/save", "Sec-Fetch-Mode: navigate|Referer: http://localhost:8080/dashboard?x=1",
			401, 303, "/login?next=%2Fdashboard%3Fx%3D1", ""},
		{"a form from elsewhere", "POST", "/dashboard/save", "Sec-Fetch-Mode: navigate|Referer: http://evil.example/x",
			401, 303, "/login", ""},
		{"fetch", "GET", "/dashboard", "Sec-Fetch-Mode: cors|Accept: text/html", 401, 401, "", `"code":"UNAUTHORIZED"`},
		{"curl", "GET", "/dashboard", "Accept: */*", 401, 401, "", `"loginUrl":"http://localhost:8080/login"`},
		{"a socket", "GET", "/dashboard", "Upgrade: websocket|Accept: text/html", 401, 401, "",
			`"code":"UNAUTHORIZED"`},
		{"a URL in the query", "GET", "/dashboard?u=http://foo/bar", "Sec-Fetch-Mode: navigate", 401, 303,
			"/login?next=%2Fdashboard%3Fu%3Dhttp%3A%2F%2Ffoo%2Fbar", ""},
		{"another origin in the path", "GET", "//evil.example/dashboard", "Sec-Fetch-Mode: navigate",
			401, 303, "/login", ""},
		{"a missing role, page", "GET", "/admin", "Sec-Fetch-Mode: navigate", 403, 403, "", "<h1>"},
		{"a missing role, program", "GET", "/admin", "Accept: */*", 403, 403, "", `"code":"FORBIDDEN"`},
		{"no database", "GET", "/dashboard", "Accept: */*", 503, 503, "", `"code":"SERVICE_UNAVAILABLE"`},
		{"no app", "GET", "/", "Sec-Fetch-Mode: navigate", 502, 502, "", "cannot be reached right now"},
	} {
		r := httptest.NewRequest(c.method, "http://localhost:8080"+c.target, nil)
		r.RequestURI = c.target
		for h := range strings.SplitSeq(c.headers, "|") {
			name, value, _ := strings.Cut(h, ": ")
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		d.ui.Refuse(w, r, c.status, errors.New("dial tcp 10.1.2.3:5432: secret detail"))
		if w.Code != c.want || w.Header().Get("Location") != c.location || !strings.Contains(w.Body.String(), c.body) {
			t.Errorf("%s: got %d to %q: %s", c.name, w.Code, w.Header().Get("Location"), w.Body)
		}
		if strings.Contains(w.Body.String(), "secret detail") {
			t.Errorf("%s: the cause is in the answer", c.name)
		}
		if c.want == 503 && w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", c.name)
		}
	}
}

// A form that never arrives is answered with 408, over a real connection.
func TestAFormThatDoesNotArriveIs408(t *testing.T) {
	loginui.ShortForms()
	d := newDesk(t)
	server := httptest.NewServer(d.handler)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	fmt.Fprint(conn, "POST /login HTTP/1.1\r\nHost: x\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nemail=")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != 408 {
		t.Errorf("got %v, %v", res, err)
	}
}

func TestALoginThatSeemsToLoopIsExplained(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(c *loginui.Config) {
		c.PublicURL = &url.URL{Scheme: "https", Host: "app.example"}
		c.Cookie = session.NewCookie(true, "", 1)
	})
	a := d.do(t, "POST", "/login", form("email", "ada@example.com", "password", password), "Origin: http://app.example")
	if a.StatusCode != 403 || !strings.Contains(a.body, "https://app.example/login") {
		t.Errorf("posted over http: %d %s", a.StatusCode, a.body)
	}
	for referer, want := range map[string]string{
		"https://app.example/signup":                "Allow cookies",
		"http://app.example/login?next=/dashboard":  "only travels over https",
		"https://other.example/login":               "this site is https://app.example/",
		"https://app.example/login?next=/dashboard": "Allow cookies",
		"https://app.example/":                      "",
	} {
		from, _ := url.Parse(referer)
		a := d.do(t, "GET", "/login?next=/dashboard", "", "Referer: "+referer, "Host: "+from.Host)
		if got := strings.Contains(a.body, "notice"); got != (want != "") || !strings.Contains(a.body, want) {
			t.Errorf("from %s: got\n%s", referer, a.body)
		}
	}
}
