package acceptance_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/secret"
)

const oldSecret = "an old secret of Better Auth's"

// movers is a gate, in two processes, that people move into from Better Auth.
type movers struct {
	gate, twin *running
	app        *app
	db         *pgxpool.Pool
	env        []string
	cookie     string // the name of the gate's
	tokens     int
}

const betterAuthTables = `
	CREATE SCHEMA old;
	CREATE TABLE old."user" (id text PRIMARY KEY, name text NOT NULL, email text NOT NULL UNIQUE,
	    "emailVerified" boolean NOT NULL, image text, "createdAt" timestamptz NOT NULL DEFAULT now());
	CREATE TABLE old.account (id text PRIMARY KEY, "accountId" text NOT NULL, "providerId" text NOT NULL,
	    "userId" text NOT NULL, password text);
	CREATE TABLE old.session (id text PRIMARY KEY, "expiresAt" timestamptz NOT NULL, token text NOT NULL,
	    "createdAt" timestamptz NOT NULL DEFAULT now(), "ipAddress" text, "userAgent" text, "userId" text NOT NULL)`

func newMovers(t *testing.T) *movers {
	t.Helper()
	url := authtest.NewDatabase(t)
	m := &movers{app: newApp(t), db: authtest.Pool(t, url)}
	m.exec(t, betterAuthTables)
	m.env = []string{"DATABASE_URL=" + url, "GATEPOST_UPSTREAM=" + m.app.url,
		"GATEPOST_IMPORT_BETTER_AUTH_SECRET=" + oldSecret,
		"GATEPOST_IMPORT_UNTIL=" + time.Now().Add(24*time.Hour).UTC().Format(time.RFC3339)}
	m.gate = startGate(t, m.env...)
	m.twin = startGate(t, append(m.env, "GATEPOST_PUBLIC_URL="+m.gate.url)...)
	m.cookie = "gatepost_" + m.gate.url[strings.LastIndex(m.gate.url, ":")+1:]
	return m
}

func (m *movers) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := m.db.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// person makes a user of Better Auth with a session, and returns its cookie. bring brings it over.
func (m *movers) person(t *testing.T, name string) string {
	t.Helper()
	m.exec(t, `INSERT INTO old."user" VALUES ($1, $1, $1 || '@example.com', true) ON CONFLICT DO NOTHING`, name)
	m.exec(t, `INSERT INTO old.account SELECT $1, $1, 'credential', $1, $2 WHERE NOT EXISTS (SELECT FROM old.account
	    WHERE id = $1)`, name, betterAuthHash)
	m.tokens++
	token := fmt.Sprintf("token%027d", m.tokens)
	m.exec(t, `INSERT INTO old.session VALUES ($1, now() + interval '7 days', $1, now() - interval '1 hour', '', '', $2)`,
		token, name)
	return "better-auth.session_token=" + url.QueryEscape(signed(token, oldSecret))
}

// betterAuthHash is that of "correct horse battery staple", made by Better Auth itself.
const betterAuthHash = "00112233445566778899aabbccddeeff:" +
	"f5b22309b28fe412c82a4b2cab57498b8f8a42c849af16cb908974048f61c139" +
	"33421858db3a8f111430bdc493c7cef90f61f904061c77206e3820a2e8b11bc2"

func signed(token, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(token))
	return token + "." + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (m *movers) bring(t *testing.T) {
	t.Helper()
	var out bytes.Buffer
	args := []string{"gatepost", "import", "better-auth", "--schema", "old", "--from", m.db.Config().ConnString()}
	if code := run(context.Background(), args, m.env, strings.NewReader(""), &out, &out); code != 0 {
		t.Fatalf("import: code %d: %s", code, &out)
	}
}

// page is what a browser gets.
type page struct {
	status  int
	to      string
	body    string
	cookies map[string]*http.Cookie // by name, and with their domain where they have one
}

// ask sends a request with the given headers, "Name: value", to a gate.
func (m *movers) ask(t *testing.T, g *running, method, path string, headers ...string) page {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, g.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = strings.TrimPrefix(m.gate.url, "http://")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	p := page{res.StatusCode, res.Header.Get("Location"), string(body), map[string]*http.Cookie{}}
	for _, c := range res.Cookies() {
		name := strings.TrimSuffix(c.Name+" "+c.Domain, " ")
		if p.cookies[name] != nil {
			t.Errorf("%s %s: the cookie %s is set twice", method, path, name)
		}
		p.cookies[name] = c
	}
	return p
}

var navigation = []string{"Sec-Fetch-Mode: navigate", "Sec-Fetch-Site: none", "Accept: text/html"}

func (m *movers) open(t *testing.T, g *running, path, cookie string) page {
	t.Helper()
	return m.ask(t, g, "GET", path, append(navigation, "Cookie: "+cookie)...)
}

func (m *movers) fetch(t *testing.T, g *running, path, cookie string) page {
	t.Helper()
	return m.ask(t, g, "GET", path, "Sec-Fetch-Mode: cors", "Sec-Fetch-Site: same-origin", "Cookie: "+cookie)
}

// A browser that was signed in before stays so: the page leads over the arrival, which gives it a session of the gate's
// and takes the old cookie away.
func TestABrowserMovesIn(t *testing.T) {
	t.Parallel()
	m := newMovers(t)
	old := m.person(t, "ada")
	m.bring(t)

	p := m.open(t, m.gate, "/dashboard/x?a=1", old)
	if p.status != 303 || p.to != "/.gatepost/arrive?next="+url.QueryEscape("/dashboard/x?a=1") || len(p.cookies) > 0 {
		t.Fatalf("the page: %d to %s, cookies %v", p.status, p.to, p.cookies)
	}
	arrived := m.open(t, m.twin, p.to, old)
	if arrived.status != 303 || arrived.to != "/dashboard/x?a=1" {
		t.Fatalf("the arrival: %d to %s", arrived.status, arrived.to)
	}
	session, gone, moved := arrived.cookies[m.cookie], arrived.cookies["better-auth.session_token"],
		arrived.cookies[m.cookie+"_moved"]
	if session == nil || session.MaxAge <= 0 || gone == nil || gone.MaxAge >= 0 || moved == nil || moved.MaxAge <= 0 {
		t.Fatalf("cookies: %v", arrived.cookies)
	}
	mine := m.cookie + "=" + session.Value
	p = m.open(t, m.gate, arrived.to, mine+"; "+m.cookie+"_moved=1; "+old)
	if p.status != 200 || !strings.Contains(p.body, `for "ada@example.com"`) || strings.Contains(p.body, "better-auth") {
		t.Errorf("then: %d %s", p.status, p.body)
	}
	// What the app sees of another app's cookie stays.
	p = m.fetch(t, m.gate, "/dashboard", mine+"; theme=dark; better-auth.session_data=x; "+old)
	if !strings.Contains(p.body, `cookie "theme=dark"`) {
		t.Errorf("the app sees %s", p.body)
	}
	if p = m.open(t, m.gate, "/dashboard", m.cookie+"_moved=1; "+old); p.status != 303 ||
		!strings.HasPrefix(p.to, "/login") {
		t.Errorf("with an old cookie after the arrival: %d to %s", p.status, p.to)
	}
	// The proof is as old as the sign-in there.
	var age, methods string
	if err := m.db.QueryRow(t.Context(), `SELECT (now() - proved_at > interval '59 minutes')::text, methods
	    FROM gatepost.session`).Scan(&age, &methods); err != nil || age != "true" || methods != "imported" {
		t.Errorf("proved long ago: %s, by %s, %v", age, methods, err)
	}
}

// What else a request with an old cookie gets.
func TestWhatAnOldCookieOpens(t *testing.T) {
	t.Parallel()
	m := newMovers(t)
	ada, eve := m.person(t, "ada"), m.person(t, "eve")
	m.bring(t)
	name, value, _ := strings.Cut(ada, "=")
	forged := name + "=" + url.QueryEscape(signed("token%027d", "another secret that is long enough"))
	raw := name + "=" + fmt.Sprintf("token%027d", 1)
	following := []string{"Sec-Fetch-Mode: navigate", "Sec-Fetch-Site: cross-site", "Accept: text/html"}
	for _, c := range []struct {
		name, method, path string
		headers            []string
		status             int
		to, body           string
	}{
		{"a page", "GET", "/dashboard", append(navigation, "Cookie: "+ada), 303, "/.gatepost/arrive?next=%2Fdashboard", ""},
		{"its head", "HEAD", "/dashboard", append(navigation, "Cookie: "+ada), 303,
			"/.gatepost/arrive?next=%2Fdashboard", ""},
		{"a public page", "GET", "/", append(navigation, "Cookie: "+ada), 200, "", `for "ada@example.com"`},
		{"a script", "GET", "/dashboard", []string{"Sec-Fetch-Mode: cors", "Cookie: " + ada},
			200, "", `for "ada@example.com"`},
		{"a form", "POST", "/dashboard", []string{"Cookie: " + ada}, 200, "", `for "ada@example.com"`},
		{"in quotes", "POST", "/dashboard", []string{"Cookie: " + name + `="` + value + `"`},
			200, "", `for "ada@example.com"`},
		{"not encoded", "POST", "/dashboard",
			[]string{"Cookie: " + name + "=" + signed(fmt.Sprintf("token%027d", 1), oldSecret)},
			200, "", `for "ada@example.com"`},
		{"across sites", "POST", "/dashboard", []string{"Sec-Fetch-Site: cross-site", "Cookie: " + ada}, 401, "", ""},
		{"a page across sites", "GET", "/dashboard", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate",
			"Cookie: " + ada}, 303, "/login?next=%2Fdashboard", ""},
		{"a link on another site", "GET", "/dashboard", append(following, "Sec-Fetch-Dest: document", "Cookie: "+ada),
			303, "/.gatepost/arrive?next=%2Fdashboard", ""},
		{"a frame of another site", "GET", "/dashboard", append(following, "Sec-Fetch-Dest: iframe", "Cookie: "+ada), 401, "",
			""},
		{"a form of another site", "POST", "/dashboard", append(following, "Sec-Fetch-Dest: document", "Cookie: "+ada),
			303, "/login", ""},
		{"two of one name", "POST", "/dashboard", []string{"Cookie: " + ada + "; " + eve}, 401, "", ""},
		{"two of one name in two lines", "POST", "/dashboard", []string{"Cookie: " + ada, "Cookie: " + eve}, 401, "", ""},
		{"two of one name and value", "POST", "/dashboard", []string{"Cookie: " + ada + "; " + ada}, 401, "", ""},
		{"beside a dead one of ours", "POST", "/dashboard", []string{"Cookie: " + m.cookie + "=dead; " + ada}, 401, "", ""},
		{"beside an API token", "POST", "/dashboard", []string{"Cookie: " + ada,
			"Authorization: Bearer " + string(secret.NewAPIToken(secret.PersonalPrefix))}, 400, "", ""},
		{"beside the mark", "POST", "/dashboard", []string{"Cookie: " + m.cookie + "_moved=1; " + ada}, 401, "", ""},
		{"of an https site", "POST", "/dashboard", []string{"Cookie: __Secure-" + ada}, 401, "", ""},
		{"forged", "POST", "/dashboard", []string{"Cookie: " + forged}, 401, "", ""},
		{"unsigned", "POST", "/dashboard", []string{"Cookie: " + raw}, 401, "", ""},
		{"as a cookie of Auth.js", "POST", "/dashboard",
			[]string{"Cookie: authjs.session-token=" + fmt.Sprintf("token%027d", 1)}, 401, "", ""},
		{"as ours", "POST", "/dashboard", []string{"Cookie: " + m.cookie + "=" + fmt.Sprintf("token%027d", 1)}, 401, "", ""},
		{"the question of Better Auth's client", "GET", "/api/auth/get-session",
			[]string{"Sec-Fetch-Mode: cors", "Cookie: " + ada}, 200, "", `"email":"ada@example.com"`},
		{"its question across sites", "GET", "/api/auth/get-session",
			[]string{"Sec-Fetch-Site: cross-site", "Cookie: " + ada}, 200, "", `null`},
		{"its question from another origin", "GET", "/api/auth/get-session",
			[]string{"Origin: https://evil.example", "Cookie: " + ada}, 200, "", `null`},
		{"the own sessions", "GET", "/api/auth/list-sessions", []string{"Cookie: " + ada}, 200, "", `"userId":"ada"`},
		{"the head of the own sessions", "HEAD", "/api/auth/list-sessions", []string{"Cookie: " + ada}, 200, "", ""},
		{"the own sessions across sites", "GET", "/api/auth/list-sessions",
			[]string{"Sec-Fetch-Site: cross-site", "Cookie: " + ada}, 401, "", ""},
		{"the own sessions, forged", "GET", "/api/auth/list-sessions", []string{"Cookie: " + forged}, 401, "", ""},
		{"the own accounts", "GET", "/api/auth/list-accounts", []string{"Cookie: " + ada}, 200, "",
			`"providerId":"credential","userId":"ada"`},
		{"the own accounts from another origin", "GET", "/api/auth/list-accounts",
			[]string{"Origin: https://evil.example", "Cookie: " + ada}, 401, "", ""},
		{"at the login", "GET", "/login?next=/dashboard", append(navigation, "Cookie: "+ada), 303, "/dashboard", ""},
		{"at the account", "GET", "/account", append(navigation, "Cookie: "+ada), 200, "", "ada@example.com"},
		{"a link to the account", "GET", "/account", append(following, "Sec-Fetch-Dest: document", "Cookie: "+eve), 200, "",
			"eve@example.com"},
		{"nothing at the arrival", "GET", "/.gatepost/arrive?next=%2Fdashboard", navigation, 303,
			"/login?next=%2Fdashboard", ""},
		{"forged at the arrival", "GET", "/.gatepost/arrive?next=%2Fdashboard", append(navigation, "Cookie: "+forged), 303,
			"/login?next=%2Fdashboard", ""},
		{"an arrival that leads away", "GET", "/.gatepost/arrive?next=https%3A%2F%2Fevil.example", append(navigation,
			"Cookie: "+ada), 303, "/", ""},
	} {
		p := m.ask(t, m.gate, c.method, c.path, c.headers...)
		body := strings.ReplaceAll(p.body, "<wbr>", "") // where an address may break
		if p.status != c.status || p.to != c.to || !strings.Contains(body, c.body) {
			t.Errorf("%s: %d to %q %s, want %d to %q %s", c.name, p.status, p.to, p.body, c.status, c.to, c.body)
		}
		if c.status == 401 && len(p.cookies) > 0 {
			t.Errorf("%s: sets %v", c.name, p.cookies)
		}
	}
	if p := m.ask(t, m.gate, "GET", "/dashboard/ws", "Connection: Upgrade", "Upgrade: websocket",
		"Origin: https://evil.example", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
		"Cookie: "+eve); p.status != 403 {
		t.Errorf("a socket from elsewhere: %d", p.status)
	}
}

// Whatever of the protocol needs a session takes the old cookie: what only reads is answered from the old session, and
// a deed gives the browser one of the gate's first.
func TestTheProtocolTakesAnOldCookie(t *testing.T) {
	t.Parallel()
	m := newMovers(t)
	var document struct {
		Paths map[string]map[string]struct {
			Name     string           `json:"operationId"`
			Security []map[string]any `json:"security"`
		} `json:"paths"`
	}
	if err := json.Unmarshal([]byte(m.ask(t, m.gate, "GET", "/.gatepost/openapi.json").body), &document); err != nil {
		t.Fatal(err)
	}
	type endpoint struct{ method, path string }
	people := map[string]endpoint{}
	for path, methods := range document.Paths {
		for method, e := range methods {
			if len(e.Security) > 0 {
				people[e.Name] = endpoint{strings.ToUpper(method), path}
			}
		}
	}
	cookies := map[string]string{}
	for name := range people {
		cookies[name] = m.person(t, name)
	}
	m.bring(t)
	read := 0
	for name, e := range people {
		p := m.ask(t, m.gate, e.method, e.path, "Sec-Fetch-Site: same-origin", "Origin: "+m.gate.url,
			"Content-Type: application/json", "Cookie: "+cookies[name])
		var made int
		if err := m.db.QueryRow(t.Context(), `SELECT count(*) FROM gatepost.session WHERE user_id = $1`, name).
			Scan(&made); err != nil {
			t.Fatal(err)
		}
		switch {
		case p.status == 401:
			t.Errorf("%s: %d %s", name, p.status, p.body)
		case e.method == "GET" && name != "passkey-register-options": // which begins a deed
			if read++; p.status != 200 || len(p.cookies) > 0 || made > 0 {
				t.Errorf("%s: %d %s, sets %v, %d sessions", name, p.status, p.body, p.cookies, made)
			}
		case p.cookies[m.cookie] == nil || p.cookies[m.cookie+"_moved"] == nil:
			t.Errorf("%s: %d %s, sets %v", name, p.status, p.body, p.cookies)
		}
	}
	if read < 2 || len(people) < 10 {
		t.Errorf("the document has %d endpoints that need a session, %d of which read", len(people), read)
	}
}

// Six requests at once, some of which arrive, all have an answer for their user.
func TestRequestsBesideTheArrival(t *testing.T) {
	t.Parallel()
	m := newMovers(t)
	old := m.person(t, "ada")
	m.bring(t)
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			g := []*running{m.gate, m.twin}[i%2]
			if i < 2 {
				if p := m.open(t, g, "/.gatepost/arrive?next=%2Fdashboard", old); p.to != "/dashboard" ||
					p.cookies[m.cookie] == nil {
					t.Errorf("arrival %d: %d to %s", i, p.status, p.to)
				}
			} else if p := m.fetch(t, g, "/dashboard", old); !strings.Contains(p.body, `for "ada@example.com"`) {
				t.Errorf("request %d: %d %s", i, p.status, p.body)
			}
		})
	}
	all.Wait()
	if p := m.fetch(t, m.gate, "/dashboard", old); p.status != 200 {
		t.Errorf("shortly after: %d", p.status)
	}
	m.exec(t, `UPDATE gatepost.imported_session SET replaced_at = now() - interval '61 s'`)
	for _, g := range []*running{m.gate, m.twin} {
		eventually(t, "a minute after the arrival the old cookie is dead", func() bool {
			return m.fetch(t, g, "/dashboard", old).status == 401
		})
	}
}

// Every way in which a session ends here ends the old one, at both gates, and no import brings it back.
func TestOldSessionsEnd(t *testing.T) {
	t.Parallel()
	m := newMovers(t)
	command := func(args ...string) func(*testing.T, string, string) {
		return func(t *testing.T, name, _ string) {
			var out bytes.Buffer
			full := append([]string{"gatepost", "user"}, append(args, name+"@example.com")...)
			if code := run(context.Background(), full, m.env, strings.NewReader(""), &out, &out); code != 0 {
				t.Errorf("%v: %s", full, &out)
			}
		}
	}
	form := func(path string) func(*testing.T, string, string) {
		return func(t *testing.T, _, old string) {
			p := m.ask(t, m.gate, "POST", path, "Sec-Fetch-Site: same-origin", "Origin: "+m.gate.url,
				"Content-Type: application/x-www-form-urlencoded", "Cookie: "+old)
			if p.status != 303 {
				t.Errorf("%s: %d %s", path, p.status, p.body)
			}
		}
	}
	ends := map[string]func(t *testing.T, name, old string){
		"logout": form("/logout"),
		"client": func(t *testing.T, _, old string) {
			p := m.ask(t, m.gate, "POST", "/api/auth/sign-out", "Sec-Fetch-Site: same-origin", "Origin: "+m.gate.url,
				"Content-Type: application/json", "Cookie: "+old)
			if p.status != 200 || p.cookies[m.cookie+"_moved"] == nil {
				t.Errorf("sign-out: %d %s %v", p.status, p.body, p.cookies)
			}
		},
		"disable":  command("disable"),
		"delete":   command("delete"),
		"signout":  command("sign-out"),
		"disabled": func(t *testing.T, name, _ string) { command("disable")(t, name, ""); command("enable")(t, name, "") },
		"sql":      func(t *testing.T, name, _ string) { m.exec(t, `DELETE FROM gatepost."user" WHERE id = $1`, name) },
		"atsource": func(t *testing.T, name, _ string) {
			m.exec(t, `DELETE FROM old.session WHERE "userId" = $1`, name)
			m.bring(t)
		},
		"expired": func(t *testing.T, name, _ string) {
			m.exec(t, `UPDATE gatepost.imported_session SET expires_at = now() WHERE user_id = $1`, name)
		},
		"banned": func(t *testing.T, name, _ string) {
			m.exec(t, `UPDATE gatepost."user" SET disabled_at = now() WHERE id = $1`, name)
		},
		"unused": func(t *testing.T, name, _ string) {
			m.exec(t, `UPDATE gatepost.imported_session SET imported_at = now() - interval '169 h' WHERE user_id = $1`, name)
		},
		"long": func(t *testing.T, name, _ string) {
			m.exec(t, `UPDATE gatepost.imported_session SET created_at = now() - interval '721 h' WHERE user_id = $1`, name)
		},
	}
	cookies := map[string]string{}
	for name := range ends {
		cookies[name] = m.person(t, name)
	}
	m.bring(t)
	both := []*running{m.gate, m.twin}
	for name, end := range ends {
		for _, g := range both {
			if p := m.fetch(t, g, "/dashboard", cookies[name]); p.status != 200 {
				t.Fatalf("%s: before: %d", name, p.status)
			}
		}
		end(t, name, cookies[name])
		for _, g := range both {
			eventually(t, name+" ends the old session", func() bool {
				return m.fetch(t, g, "/dashboard", cookies[name]).status == 401
			})
		}
	}
	m.bring(t)
	for name, old := range cookies {
		if p := m.fetch(t, m.gate, "/dashboard", old); p.status != 401 &&
			!slices.Contains([]string{"expired", "unused", "long"}, name) {
			t.Errorf("%s: after another import: %d", name, p.status)
		}
	}
}

// A socket that was opened with an old cookie ends with its session.
func TestASocketOfAnOldSessionEnds(t *testing.T) {
	t.Parallel()
	m := newMovers(t)
	old := m.person(t, "ada")
	m.bring(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(m.gate.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /dashboard/ws HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nOrigin: %s\r\nCookie: %s\r\n\r\n",
		strings.TrimPrefix(m.gate.url, "http://"), m.gate.url, old)
	head := make([]byte, 12)
	if _, err := io.ReadFull(conn, head); err != nil || string(head) != "HTTP/1.1 101" {
		t.Fatalf("%s %v", head, err)
	}
	m.exec(t, `UPDATE gatepost.imported_session SET ended_at = now()`)
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Errorf("the socket goes on: %v", err)
	}
}
