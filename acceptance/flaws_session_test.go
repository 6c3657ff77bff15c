package acceptance_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
)

// cli runs a subcommand of gatepost on the lane's database.
func (l *lane) cli(t *testing.T, args ...string) string {
	t.Helper()
	gatepost, err := exec.LookPath("gatepost")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(gatepost, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "DATABASE_URL=" + l.database}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v: %s", args, err, out)
	}
	return string(out)
}

func (l *lane) exec(t *testing.T, sql string) {
	t.Helper()
	if _, err := authtest.Pool(t, l.database).Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// replays checks that the session of a cookie has ended, at this gate and at others on the same database.
func (l *lane) replays(t *testing.T, cookie string, others ...*lane) {
	t.Helper()
	_, token, _ := strings.Cut(cookie, "=")
	ended := time.Now()
	for _, gate := range append(others, l) {
		cookie := "Cookie: " + gate.cookieName() + "=" + token
		for began := ended; began.Sub(ended) <= time.Second &&
			gate.one(t, gate.request("GET /dashboard", cookie)).status != 401; began = time.Now() {
			gate.app.take() // at another gate this may take a moment
		}
		gate.app.take() // of a request at the very moment
		gate.refuses(t, gate.request("GET /dashboard", cookie), 401)
		r := gate.refuses(t, gate.request("GET /dashboard", cookie, navigate), 303)
		if set := r.header.Get("Set-Cookie"); !strings.HasPrefix(set, gate.cookieName()+"=;") ||
			!strings.Contains(set, "Max-Age=0") {
			t.Errorf("the dead cookie is not cleared: %q", set)
		}
		if r := gate.one(t, gate.request("GET /api/auth/get-session", cookie)); strings.TrimSpace(r.body) != "null" {
			t.Errorf("get-session knows %s", r.body)
		}
		gate.refuses(t, gate.request("GET /account", cookie), 401)
		gate.passes(t, gate.request("GET /public", cookie), gate.forwarded("GET /public", ""))
	}
}

// Whatever ended a session, a copy of its cookie is refused by every gate on the database.
func TestAnEndedSessionIsOverEverywhere(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	second := newLane(t, "DATABASE_URL="+l.database)
	v := l.visitor(t)
	v.signUp("ada@example.com")
	signIn := func(remember string) string {
		v.client.Jar.SetCookies(&url.URL{Scheme: "http", Host: l.host},
			[]*http.Cookie{{Name: l.cookieName(), MaxAge: -1}})
		r := v.post("/login", "email", "ada@example.com", "password", password, "remember", remember)
		if r.status != 303 {
			t.Fatalf("log in: %d %s", r.status, r.body)
		}
		return "Cookie: " + v.cookie().String()
	}
	for _, row := range []struct {
		id  string
		end func()
	}{
		{"E3_CSEC_CVE-2024-21492_logout", func() { v.post("/logout") }},
		{"E4_AUK_CVE-2025-29928_every_device", func() {
			elsewhere := l.visitor(t)
			elsewhere.post("/login", "email", "ada@example.com", "password", password)
			elsewhere.post("/account/sessions/end-others")
		}},
		{"E4_by_the_command", func() { l.cli(t, "user", "sign-out", "ada@example.com") }},
		{"E4_by_SQL", func() { l.exec(t, `DELETE FROM gatepost.session`) }},
		{"E5_AUK_CVE-2025-53942_disabled", func() { l.cli(t, "user", "disable", "ada@example.com") }},
		{"E5_disabled_by_SQL", func() { l.exec(t, `UPDATE gatepost."user" SET disabled_at = now()`) }},
		{"A7.3.1_unused", func() {
			l.exec(t, `UPDATE gatepost.session SET last_used_at = now() - interval '169 hours'`)
		}},
		{"A7.3.2_too_old", func() {
			l.exec(t, `UPDATE gatepost.session SET created_at = now() - interval '721 hours'`)
		}},
		{"bar_26_expired", func() { l.exec(t, `UPDATE gatepost.session SET expires_at = now()`) }},
		{"bar_26_another_login_in_this_browser",
			func() { v.post("/login", "email", "ada@example.com", "password", password) }},
		{"E5_deleted", func() { l.cli(t, "user", "delete", "ada@example.com") }},
	} {
		t.Run(row.id, func(t *testing.T) {
			l.exec(t, `UPDATE gatepost."user" SET disabled_at = NULL`)
			cookie := signIn("on")
			if r := v.fetch("/dashboard"); r.status != 200 || len(l.app.take()) != 1 {
				t.Fatalf("before: %d", r.status)
			}
			second.one(t, second.request("GET /dashboard",
				strings.Replace(cookie, l.cookieName(), second.cookieName(), 1)))
			second.app.take()
			row.end()
			l.replays(t, cookie, second)
		})
	}
	t.Run("E5_a_deleted_user_cannot_log_in", func(t *testing.T) {
		if r := v.post("/login", "email", "ada@example.com", "password", password); r.status != 401 {
			t.Errorf("got %d", r.status)
		}
	})
}

func TestSigningInNeverContinuesASession(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	a := l.signIn(t)
	aCookie := l.cookie
	for _, value := range []string{"attacker", strings.Repeat("A", 43), strings.Repeat("-", 43), ""} {
		t.Run("bar_25_fixation_"+value, func(t *testing.T) {
			cookie := "Cookie: " + l.cookieName() + "=" + value
			r := l.one(t, l.form("/login", "email=ada%40example.com&password="+url.QueryEscape(password), cookie))
			set := r.header.Values("Set-Cookie")
			if r.status != 303 || len(set) != 2 || strings.HasPrefix(set[0], l.cookieName()+"="+value+";") {
				t.Fatalf("got %d %q", r.status, set)
			}
			l.refuses(t, l.request("GET /dashboard", cookie), 401)
		})
	}
	t.Run("E1_O2P_CVE-2026-34454", func(t *testing.T) {
		l.visitor(t).signUp("bob@example.com")
		r := a.post("/login", "email", "bob@example.com", "password", password)
		if r.status != 303 || "Cookie: "+a.cookie().String() == aCookie {
			t.Fatalf("got %d", r.status)
		}
		a.fetch("/dashboard")
		if seen := l.app.take(); len(seen) != 1 || !strings.Contains(seen[0], "X-Auth-Email: bob@example.com\r\n") {
			t.Errorf("the app saw %q", seen)
		}
		l.replays(t, aCookie)
	})
	t.Run("A7.6.2_no_session_without_a_deed", func(t *testing.T) {
		for _, raw := range []string{
			l.request("GET /login?email=bob%40example.com&password="+url.QueryEscape(password),
				"Sec-Purpose: prefetch"), l.request("HEAD /login"),
			l.request("GET /signup?email=x%40example.com&password=" + url.QueryEscape(password)),
			l.request("PUT /login"), l.request("OPTIONS /login"), l.request("GET /account"),
			l.request("POST /login?email=bob%40example.com&password="+url.QueryEscape(password), "Content-Length: 0"),
		} {
			if r := l.one(t, raw); r.header.Get("Set-Cookie") != "" {
				t.Errorf("%.80q: %d sets %q", raw, r.status, r.header.Get("Set-Cookie"))
			}
		}
	})
}

// Only the cookie exactly as it was issued, sent once, is a session.
func TestWhatIsNotQuiteTheCookieIsNone(t *testing.T) {
	t.Parallel()
	l := newLane(t, "GATEPOST_PROTECT=/dashboard")
	l.signIn(t)
	own := strings.TrimPrefix(l.cookie, "Cookie: ")
	name, token, _ := strings.Cut(own, "=")
	bob := l.visitor(t)
	bob.signUp("bob@example.com")
	for id, headers := range map[string][]string{
		"B6_AUK_CVE-2026-25748_percents":  {"Cookie: " + name + "=%%%"},
		"B6_truncated":                    {"Cookie: " + own[:len(own)-1]},
		"B6_longer":                       {"Cookie: " + own + "A"},
		"B6_empty":                        {"Cookie: " + name + "="},
		"B6_without_equals":               {"Cookie: " + name},
		"B6_8_KiB":                        {"Cookie: " + name + "=" + strings.Repeat("A", 8192)},
		"B6_bytes":                        {"Cookie: " + name + "=\xff\xfe" + token[2:]},
		"bar_27_doubled":                  {"Cookie: " + own + "; " + own},
		"bar_27_two_users":                {"Cookie: " + own + "; " + bob.cookie().String()},
		"bar_27_bad_then_good":            {"Cookie: " + name + "=bad; " + own},
		"bar_27_good_then_bad":            {"Cookie: " + own + "; " + name + "=bad"},
		"bar_27_good_then_empty":          {"Cookie: " + own + "; " + name},
		"A12_two_lines":                   {"Cookie: " + own, "Cookie: " + name + "=bad"},
		"A12_two_lines_in_two_cases":      {"cookie: " + name + "=bad", "COOKIE: " + own},
		"bar_27_quoted":                   {"Cookie: " + name + `="` + token + `"`},
		"bar_27_U+2000":                   {"Cookie: \u2000" + own},
		"bar_27_no-break_space":           {"Cookie: \u00a0" + own},
		"bar_27_U+0085":                   {"Cookie: \xc2\x85" + own},
		"bar_27_comma":                    {"Cookie: a=1, " + own},
		"bar_27_Version_and_comma":        {"Cookie: $Version=1, " + own},
		"bar_27_upper_case":               {"Cookie: " + strings.ToUpper(name) + "=" + token},
		"bar_27_percent_in_the_name":      {"Cookie: g%61tepost" + strings.TrimPrefix(own, "gatepost")},
		"bar_27_host_prefix":              {"Cookie: __Host-gatepost=" + token + "; __Secure-" + own},
		"bar_27_value_with_blanks_inside": {"Cookie: " + name + "=" + token[:20] + " " + token[20:]},
		"E10_VOU_bearer":                  {"Authorization: Bearer " + token},
		"E10_VOU_any_scheme":              {"Authorization: " + token},
		"E10_VOU_basic": {"Authorization: Basic " +
			base64.StdEncoding.EncodeToString([]byte("ada@example.com:"+password))},
		"E10_VOU_token_headers": {"X-Access-Token: " + token, "X-Session: " + token,
			"Proxy-Authorization: Bearer " + token, "Cookie2: " + own, "Set-Cookie: " + own},
		"A7.2.3_the_hash_is_no_token": {"Cookie: " + name + "=" + hexSum(token)},
		"A7.2.3_the_hash_base64": {"Cookie: " + name + "=" +
			base64.RawURLEncoding.EncodeToString(sum(token))},
		"E9_TFA_another_users_id_appended": {"Cookie: " + own + "|ada@example.com"},
	} {
		t.Run(id, func(t *testing.T) {
			l.refuses(t, l.request("GET /dashboard", headers...), 401)
			l.refuses(t, l.request("GET /dashboard", append(headers, navigate)...), 303)
			if r := l.one(t, l.request("GET /account", headers...)); r.status != 401 {
				t.Errorf("account: %d", r.status)
			}
			r := l.one(t, l.request("GET /public", headers...))
			seen := l.app.take()
			if r.status != 200 || len(seen) != 1 || strings.Contains(seen[0], "X-Auth-") ||
				r.header.Get("Set-Cookie") != "" {
				t.Errorf("public: %d, the app saw %q", r.status, seen)
			}
		})
	}
	t.Run("E10_VOU_in_the_query", func(t *testing.T) {
		for _, target := range []string{"/dashboard?access_token=" + token, "/dashboard?" + own, "/dashboard?token=" +
			token, "/dashboard;" + own, "/dashboard;jsessionid=" + token} {
			l.refuses(t, l.request("GET "+target), 401)
		}
	})
	t.Run("A7.2.1_any_byte_changed", func(t *testing.T) {
		for i := range token {
			for _, c := range "Aa0-_" {
				if changed := token[:i] + string(c) + token[i+1:]; changed != token {
					l.refuses(t, l.request("GET /dashboard", "Cookie: "+name+"="+changed), 401)
				}
			}
		}
		// The last character holds four significant bits.
		for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
			if changed := token[:42] + string(c); changed != token {
				l.refuses(t, l.request("GET /dashboard", "Cookie: "+name+"="+changed), 401)
			}
		}
	})
	// The other cookies reach the app byte for byte.
	for id, c := range map[string][2]string{
		"alone":   {own, ""},
		"first":   {own + "; a=1;b=\"2;3\"", `a=1;b="2;3"`},
		"middle":  {"a=1; " + own + "; b=2", "a=1; b=2"},
		"last":    {"a=1;b==;;" + own, "a=1;b==;"},
		"markers": {"a=1; " + name + "_left=1; " + own + "; " + name + "_known=x; " + name + "_done=name", "a=1"},
		"blanks":  {" a = 1 ;\t" + name + " = " + token + " ; b", "a = 1 ; b"},
		"look-alikes": {own + "; " + name + "x=1; x" + name + "=2; b=" + name, name + "x=1; x" +
			name + "=2; b=" + name},
		"helpers":      {own + "; a=1; " + name + "_lefty=3", "a=1"},
		"comma":        {own + "; a=1," + own + "; b=2", "b=2"},
		"blank":        {own + "; a=1; b=x " + own, "a=1"},
		"quotes":       {own + `; a="` + own + `"; b=2`, "b=2"},
		"nameless":     {own + "; =" + own, ""},
		"another_case": {own + "; a=1; " + strings.ToUpper(name) + "=" + token, "a=1"},
		"percent":      {own + "; " + strings.Replace(name, "_", "%5f", 1) + "=" + token + "; b=%2C", "b=%2C"},
		"as_PHP_reads": {own + "; " + strings.Replace(name, "_", ".", 1) + "=" + token + "; " + name + "[a]=" +
			token + "; b[c]=1", "b[c]=1"},
		"dollar_version": {"$Version=1; " + own + "; $Path=/", "$Version=1; $Path=/"},
		"sandwich":       {`$Version=1; a="x; ` + own + `; b=y"`, `$Version=1; a="x; b=y"`},
		"other_bytes":    {"ä=\xff; " + own + "; \u2000c=d", "ä=\xff; \u2000c=d"},
	} {
		t.Run("bar_28_leak_"+id, func(t *testing.T) {
			want := append([]string{}, l.identity...)
			if c[1] != "" {
				want = append(want, "Cookie: "+c[1])
			}
			l.passes(t, l.request("GET /dashboard", "Cookie: "+c[0]), l.forwarded("GET /dashboard", "", want...))
		})
	}
}

func sum(s string) []byte { b := sha256.Sum256([]byte(s)); return b[:] }

func hexSum(s string) string { return hex.EncodeToString(sum(s)) }

// F1: when many visitors sign up at once, each gets their own session and no other.
func TestAHundredAtOnceEachGetTheirOwnIdentity(t *testing.T) {
	t.Parallel()
	l := newLane(t, watched)
	l.app.answerBy(func(r *http.Request) string {
		email := r.Header.Get("X-Auth-Email")
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(email), email)
	})
	var wg sync.WaitGroup
	var mu sync.Mutex
	tokens := map[string]bool{}
	for i := range 100 {
		v, email, from := l.visitor(t), fmt.Sprintf("user%d@example.com", i),
			fmt.Sprintf("X-Forwarded-For: 198.51.%d.1", i)
		v.client.Timeout = time.Minute // there are a hundred passwords to hash
		form := url.Values{"email": {email}, "password": {password}, "remember": {"on"}}.Encode()
		wg.Go(func() {
			status := 503
			for status == 503 || status == 429 { // the queue for hashing is full
				status = v.do("POST", "/signup", strings.NewReader(form), from, navigate).status
			}
			mu.Lock()
			tokens[v.cookie().Value] = true
			mu.Unlock()
			for range 10 {
				if r := v.fetch("/dashboard"); status != 303 || r.status != 200 || r.body != email {
					t.Errorf("F1_TIN_CVE-2026-33544: %s signed up (%d) and is %d %q", email, status, r.status, r.body)
				}
			}
			if r := v.fetch("/api/auth/get-session"); !strings.Contains(r.body, `"email":"`+email+`"`) {
				t.Errorf("F1: %s has the session %s", email, r.body)
			}
		})
	}
	wg.Wait()
	for token := range tokens {
		if b, err := base64.RawURLEncoding.DecodeString(token); err != nil || len(b) != 32 {
			t.Errorf("A7.2.3: a token of %d bytes, %v", len(b), err)
		}
	}
	var sessions, users int
	err := authtest.Pool(t, l.database).QueryRow(context.Background(),
		`SELECT count(DISTINCT token), count(DISTINCT user_id) FROM gatepost.session`).Scan(&sessions, &users)
	if err != nil || len(tokens) != 100 || sessions != 100 || users != 100 {
		t.Errorf("A7.2.2: %d tokens, %d sessions of %d users, %v", len(tokens), sessions, users, err)
	}
}
