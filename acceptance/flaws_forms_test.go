package acceptance_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
)

// attempt posts an address and a password from a network of its own.
func (l *lane) attempt(t *testing.T, path, email, secret, from string) reply {
	t.Helper()
	body := url.Values{"email": {email}, "password": {secret}}.Encode()
	return l.one(t, l.form(path, body, "X-Forwarded-For: "+from, navigate))
}

var digits = regexp.MustCompile(`\d+`)

// face returns all that an answer shows, apart from the input, what differs between any two answers, and the
// time to wait.
func (r reply) face(typed string) string {
	r.header.Del("Date")
	r.header.Del("Content-Length")
	header := fmt.Sprint(r.status, len(r.header["Retry-After"]))
	for _, name := range []string{"Content-Type", "Cache-Control", "Content-Security-Policy",
		"Set-Cookie", "Vary", "Location"} {
		header += "\n" + name + ": " + r.header.Get(name)
	}
	return header + "\n" + digits.ReplaceAllString(strings.ReplaceAll(r.body, typed, "TYPED"), "N")
}

// wrong tries wrong passwords for the spellings of an address, alternately at the gates.
func wrong(t *testing.T, gates []*lane, spellings []string, from string) (codes []int, faces []string) {
	t.Helper()
	for i := range 8 {
		email := spellings[i%len(spellings)]
		r := gates[i%len(gates)].attempt(t, "/login", email, "not the password", from)
		// The attempt got no turn to be hashed, and is not counted.
		for strings.Contains(r.body, "Try again in a few seconds") {
			r = gates[i%len(gates)].attempt(t, "/login", email, "not the password", from)
		}
		codes, faces = append(codes, r.status), append(faces, r.face(email))
	}
	return codes, faces
}

func TestGuessingTellsNothingAndCountsEverything(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	second := newLane(t, "DATABASE_URL="+l.database)
	for i := range 6 {
		r := l.attempt(t, "/signup", fmt.Sprintf("known%d@example.com", i), password, fmt.Sprintf("192.0.2.%d", i))
		if r.status != 303 {
			t.Fatalf("sign up: %d", r.status)
		}
	}
	l.cli(t, "user", "disable", "known5@example.com")
	want, faces := wrong(t, []*lane{l}, []string{"other0@example.com"}, "198.51.100.1")
	if want[0] != 401 || want[7] != 429 {
		t.Fatalf("wrong passwords in a row: %v", want)
	}
	rows := []struct {
		id        string
		gates     []*lane
		spellings []string
	}{
		{"G6_TIN_a_known_account", []*lane{l}, []string{"known0@example.com"}},
		{"bar_31_a_disabled_account", []*lane{l}, []string{"known5@example.com"}},
		{"G4_AUL_CVE-2025-24806_letter_case", []*lane{l}, []string{"known1@example.com", "KNOWN1@example.com",
			"Known1@Example.COM", "kNoWn1@EXAMPLE.com"}},
		{"G4_AUL_CVE-2026-47203_blanks", []*lane{l}, []string{"known2@example.com", " known2@example.com",
			"known2@example.com ", "\tknown2@example.com\r\n"}},
		{"G4_domain_in_other_letters", []*lane{l}, []string{"known3@example.com", "known3@ｅｘａｍｐｌｅ.com",
			"known3@example。com", "known3@ＥＸＡＭＰＬＥ.com"}},
		{"G10_two_gates", []*lane{l, second}, []string{"known4@example.com"}},
		{"G10_two_gates_an_unknown_account", []*lane{l, second}, []string{"other1@example.com", "OTHER1@example.com"}},
	}
	t.Run("each", func(t *testing.T) { // each row has its own account and network
		for i, row := range rows {
			t.Run(row.id, func(t *testing.T) {
				t.Parallel()
				got, shown := wrong(t, row.gates, row.spellings, fmt.Sprintf("198.51.100.%d", i+2))
				if !slices.Equal(got, want) {
					t.Errorf("got %v, and %v for an unknown address", got, want)
				}
				for i := range shown {
					if len(row.gates) == 1 && shown[i] != faces[i] {
						t.Errorf("attempt %d differs:\n%s\nan unknown address:\n%s", i, shown[i], faces[i])
					}
				}
			})
		}
	})
	t.Run("G7_TIN_CVE-2026-77561_bogus_names_lock_nobody_out", func(t *testing.T) {
		const attempts, atOnce = 120, 8
		var refused atomic.Int64
		var wg sync.WaitGroup
		for n := range atOnce {
			wg.Go(func() {
				for i := n; i < attempts; i += atOnce {
					if l.attempt(t, "/login", fmt.Sprintf("bogus%d@example.com", i), "not the password",
						"203.0.113.9").status == 429 {
						refused.Add(1)
					}
				}
			})
		}
		wg.Wait()
		var rows int
		if err := authtest.Pool(t, l.database).QueryRow(t.Context(),
			`SELECT count(*) FROM gatepost.throttle`).Scan(&rows); err != nil || rows > attempts/2 ||
			refused.Load() < attempts/2 {
			t.Errorf("%d of %d were throttled, %d rows, %v", refused.Load(), attempts, rows, err)
		}
		l.exec(t, `UPDATE gatepost."user" SET disabled_at = NULL`)
		l.attempt(t, "/signup", "good@example.com", password, "192.0.2.77")
		if r := l.attempt(t, "/login", "good@example.com", password, "192.0.2.78"); r.status != 303 {
			t.Errorf("a good user from elsewhere: %d", r.status)
		}
	})
	t.Run("C2_AUK_CVE-2024-47070_junk_addresses_skip_nothing", func(t *testing.T) {
		for _, from := range []string{"a", "", "1.2.3.4.5", "::", "%", "127.0.0.1, 127.0.0.1"} {
			if r := l.attempt(t, "/login", "good@example.com", "not the password", from); r.status != 401 &&
				r.status != 429 || r.header.Get("Set-Cookie") != "" {
				t.Errorf("%q: got %d", from, r.status)
			}
		}
	})
}

// G1: a wrong password takes as long for an unknown address as for a known one. The test compares medians of
// alternating attempts. The tolerance is far more than noise and far less than a missing hash.
func TestAnUnknownAddressTakesAsLong(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	const rounds = 12
	for i := range rounds / 3 {
		l.attempt(t, "/signup", fmt.Sprintf("known%d@example.com", i), password, fmt.Sprintf("192.0.2.%d", i))
	}
	took := map[string][]time.Duration{}
	for i := range rounds {
		for kind, email := range map[string]string{"known": fmt.Sprintf("known%d@example.com", i/3),
			"other": fmt.Sprintf("other%d@example.com", i/3)} {
			start := time.Now()
			r := l.attempt(t, "/login", email, "not the password", fmt.Sprintf("198.51.100.%d", i))
			if r.status != 401 {
				t.Fatalf("%s: %d", email, r.status)
			}
			took[kind] = append(took[kind], time.Since(start))
		}
	}
	slices.Sort(took["known"])
	slices.Sort(took["other"])
	known, other := took["known"][rounds/2], took["other"][rounds/2]
	if known > 3*other || other > 3*known {
		t.Errorf("G1_AUL_949: a known address takes %v, an unknown one %v", known, other)
	}
}

// C1, bar_32: without a trusted proxy, X-Forwarded-For has no effect: all attempts come from the peer.
func TestRotatingTheForwardedAddressHasNoEffect(t *testing.T) {
	t.Parallel()
	l := newLane(t, "GATEPOST_TRUSTED_PROXIES=")
	stopped := false
	for i := 0; i < 100 && !stopped; i++ {
		stopped = l.attempt(t, "/login", fmt.Sprintf("user%d@example.com", i), "not the password",
			fmt.Sprintf("1.3.3.%d", i)).status == 429
	}
	if !stopped {
		t.Error("C1_CSEC_CVE-2024-21494: 100 wrong passwords for 100 addresses were not throttled")
	}
	eventually(t, "the log is written", func() bool { return strings.Contains(l.log.String(), "event=sign-in") })
	if strings.Contains(l.log.String(), "client=1.3.3.") || !strings.Contains(l.log.String(), "client=127.0.0.1") {
		t.Error("C1: the audit line has another address than the peer's")
	}
}

func TestSigningUpGivesNobodyMoreThanAnAccount(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	db := authtest.Pool(t, l.database)
	type row struct {
		id, email, name, role, image string
		verified, disabled, old      bool
	}
	find := func(email string) (r row) {
		t.Helper()
		err := db.QueryRow(t.Context(), `
			SELECT id, email, name, role, coalesce(image, ''), email_verified, disabled_at IS NOT NULL,
				created_at < now() - interval '1 hour'
			FROM gatepost."user" WHERE email = $1`, email).
			Scan(&r.id, &r.email, &r.name, &r.role, &r.image, &r.verified, &r.disabled, &r.old)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	t.Run("H4_AUK_CVE-2023-46249_nobody_is_admin_by_being_first", func(t *testing.T) {
		for _, email := range []string{"first@example.com", "again@example.com"} {
			l.attempt(t, "/signup", email, password, "192.0.2.1")
			if r := find(email); r.role != "user" {
				t.Errorf("%s is %q", email, r.role)
			}
			l.exec(t, `DELETE FROM gatepost."user"`)
		}
	})
	t.Run("H5_AUK_CVE-2022-46172_mass_assignment", func(t *testing.T) {
		more := "&role=admin&roles=admin&roles[]=admin&user[role]=admin&id=chosen&user_id=chosen" +
			"&email_verified=true&emailVerified=true&verified=1" +
			"&disabled_at=&created_at=2000-01-01&createdAt=2000-01-01&image=http://x" +
			"&admin=1&is_admin=true&provider_id=x&issuer=y&token=z&expires_at=2100-01-01"
		body := "email=eve%40example.com&name=Eve&password=" + url.QueryEscape(password) + more
		if r := l.one(t, l.form("/signup?role=admin&id=chosen", body, "X-Forwarded-For: 192.0.2.2")); r.status != 303 {
			t.Fatalf("got %d %s", r.status, r.body)
		}
		if r := find("eve@example.com"); r != (row{id: r.id, email: "eve@example.com", name: "Eve", role: "user"}) ||
			r.id == "chosen" {
			t.Errorf("made %+v", r)
		}
		if r := l.one(t, l.form("/login?role=admin", body, "X-Forwarded-For: 192.0.2.2")); r.status != 303 ||
			find("eve@example.com").role != "user" {
			t.Errorf("log in: %d", r.status)
		}
	})
	t.Run("bar_36_twins", func(t *testing.T) {
		for i, email := range []string{
			"EVE@example.com", "eve@EXAMPLE.com", " eve@example.com", "eve@example.com\n", "eve@ｅｘａｍｐｌｅ.com",
			"eve@example.com.", "ｅve@example.com", "eve\u00ad@example.com",
			"eve\u200b@example.com", "evе@example.com",
			`"eve"@example.com`, "Eve <eve@example.com>", "eve@example.com\x00", "eve(x)@example.com",
			"eve@[127.0.0.1]", "eve @example.com", "eve@example.com,x@example.org", "eve@example.com%00",
		} {
			if r := l.attempt(t, "/signup", email, password, fmt.Sprintf("192.0.2.%d", 10+i)); r.status != 409 &&
				r.status != 422 {
				t.Errorf("%q: got %d", email, r.status)
			}
		}
		// F7_O2P_CVE-2026-40574
		for _, email := range []string{"attacker@evil.com@company.com", `"attacker@evil.com"@company.com`,
			"attacker@evil.com%40company.com@x", "attacker@evil.com\r\n@company.com", "@company.com", "a@b@c"} {
			for _, path := range []string{"/signup", "/login"} {
				if r := l.attempt(t, path, email, password, "192.0.2.50"); r.status != 422 {
					t.Errorf("F7 %s %q: got %d", path, email, r.status)
				}
			}
		}
		var users int
		if err := db.QueryRow(t.Context(), `SELECT count(*) FROM gatepost."user"`).Scan(&users); err != nil ||
			users != 1 {
			t.Errorf("%d users, %v", users, err)
		}
	})
	t.Run("H1_AUK_CVE-2022-46145_account_posts_need_a_session", func(t *testing.T) {
		before := find("eve@example.com")
		for _, path := range []string{"/account", "/account/name", "/account/email", "/account/password",
			"/account/delete", "/account/export", "/account/sessions/end", "/account/sessions/end-others"} {
			body := "email=owned%40example.com&password=x&id=" + before.id + "&user_id=" + before.id
			if r := l.one(t, l.form(path, body)); !slices.Contains([]int{401, 403, 404, 405}, r.status) {
				t.Errorf("%s: got %d", path, r.status)
			}
			if r := l.one(t, l.form(path, body, navigate)); !slices.Contains([]int{303, 403, 404, 405}, r.status) {
				t.Errorf("%s, a page: got %d", path, r.status)
			}
		}
		var sessions int
		if err := db.QueryRow(t.Context(), `SELECT count(*) FROM gatepost.session`).Scan(&sessions); err != nil ||
			sessions != 2 || find("eve@example.com") != before {
			t.Errorf("%d sessions, %v", sessions, err)
		}
	})
	t.Run("H6_AUK_CVE-2026-40166_no_command_prints_a_secret", func(t *testing.T) {
		out := l.cli(t, "user", "list", "--json") + l.cli(t, "user", "show", "eve@example.com") +
			l.cli(t, "user", "show", "--json", "eve@example.com")
		if strings.Contains(out, "argon2") || strings.Contains(out, "$v=") ||
			!strings.Contains(out, "eve@example.com") {
			t.Errorf("got %s", out)
		}
	})
}

// G8, bar_35, bar_37: whatever the fields hold, and if they are missing, the answer blames the request and
// nobody is signed in.
func TestNoFieldBreaksAForm(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	l.signIn(t)
	values := []string{
		"", "%00", "a%00b", "%ff%fe", "%c3%28", "%ed%a0%80", "%f4%90%80%80", "%0d%0aBcc:x", "%1b%5b31m", "%e2%80%ae",
		"%ef%bb%bf", "%uD800", "'", "%27%3b+DROP+TABLE+%22user%22%3b--", "%24%7b7*7%7d", "{{.}}",
		"%25s%25n", "../etc/passwd",
		strings.Repeat("a", 60_000), strings.Repeat("%f0%9f%99%82", 4_000), "-1", "99999999999999999999", "null", "[]",
		"true",
	}
	n := 0
	for _, path := range []string{"/login", "/signup", "/logout", "/account/name", "/account/password",
		"/account/delete", "/account/sessions/end"} {
		for _, field := range []string{"email", "password", "name", "remember", "next", "extra", "%00",
			"email[]", "__proto__"} {
			for _, value := range values {
				fields := map[string]string{"email": "nobody%40example.com",
					"password": "not+the+password", field: value}
				switch { // avoids most hashes, and makes no account
				case path == "/signup" && field != "password":
					fields["password"] = "short"
				case path == "/signup", field != "email" && field != "password":
					fields["email"] = "nobody"
				}
				var body []string
				for name, v := range fields {
					body = append(body, name+"="+v)
				}
				n++
				r := l.one(t, l.form(path, strings.Join(body, "&"),
					"X-Forwarded-For: 10."+strconv.Itoa(n/250)+"."+strconv.Itoa(n%250)+".1"))
				set := r.header.Get("Set-Cookie")
				if r.status >= 500 ||
					strings.Contains(set, l.cookieName()+"=") && !strings.Contains(set, "Max-Age=0") {
					t.Errorf("%s, %s=%.40s: got %d %v", path, field, value, r.status, r.header)
				}
			}
		}
	}
	for id, raw := range map[string]string{
		"G8_AUK_CVE-2026-49443_empty": l.form("/login", ""),
		"G8_only_separators":          l.form("/login", "&&&=&=&"),
		"G8_empty_fields":             l.form("/signup", "email=&password=&name="),
		"G8_no_password":              l.form("/login", "email=ada%40example.com"),
		"G8_password_in_the_query":    l.form("/login?password="+url.QueryEscape(password), "email=ada%40example.com"),
		"G8_semicolons":               l.form("/login", "email=ada%40example.com;password="+url.QueryEscape(password)),
		"A15.3.7_twice": l.form("/login",
			"email=ada%40example.com&email=bob%40example.com&password="+url.QueryEscape(password)),
		"A15.3.7_password_twice": l.form("/login",
			"email=ada%40example.com&password=x&password="+url.QueryEscape(password)),
		"A2.2.1_broken_escapes":  l.form("/login", "email=%zz&password=%"),
		"I2_CSEC_273_text/plain": l.request("POST /login", "Content-Type: text/plain", "Content-Length: 5") + "email",
		"I2_multipart": l.request("POST /login", "Content-Type: multipart/form-data; boundary=x",
			"Content-Length: 9") + "--x--\r\n\r\n",
		"I2_JSON": l.request("POST /login", "Content-Type: application/json",
			"Content-Length: 2") + "{}",
		"I2_no_type":                      l.request("POST /login", "Content-Length: 5") + "email",
		"I2_junk_type":                    l.request("POST /login", "Content-Type: ;;;", "Content-Length: 5") + "email",
		"J5_Traefik_CVE-2026-26998_1_GiB": l.form("/login", strings.Repeat("x", 70_000)) + strings.Repeat("x", 1<<20),
		"bar_34_1_MB_password": l.form("/login",
			"email=ada%40example.com&password="+strings.Repeat("x", 1<<20)),
		"bar_34_5000_byte_password": l.form("/login",
			"email=ada%40example.com&password="+strings.Repeat("x", 5000)),
		"bar_35_password_before_a_NUL": l.form("/login",
			"email=ada%40example.com&password="+url.QueryEscape(password)+"%00x"),
		"bar_35_password_with_a_blank_after": l.form("/login",
			"email=ada%40example.com&password="+url.QueryEscape(password+" ")),
		"bar_35_password_in_another_case": l.form("/login",
			"email=ada%40example.com&password="+url.QueryEscape(strings.ToUpper(password))),
	} {
		t.Run(id, func(t *testing.T) {
			if r := l.one(t, raw); r.status < 400 || r.status >= 500 || r.header.Get("Set-Cookie") != "" {
				t.Errorf("got %d %v", r.status, r.header)
			}
		})
	}
}
