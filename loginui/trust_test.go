package loginui_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/passkey/passkeytest"
	"github.com/gatepost/gatepost/auth/secret"
)

func trusting(s *setting) {
	s.Config.TrustBrowser, s.Options.TrustBrowser = 720*time.Hour, 720*time.Hour
}

// trusted is a browser that Ada trusts, signed out.
func (c *careful) trusted(t *testing.T) *browser {
	t.Helper()
	b := c.half(t)
	b.mustLand("a code", b.submit("/login/code", "code", c.code(t), "trust", "on"), "/home")
	if b.cookies["gatepost_8080_trust"] == "" {
		t.Fatal("no cookie of the trust")
	}
	b.submit("/logout")
	return b
}

// enters reports whether the password alone opens the account page in a browser, and the methods of the session.
func (c *careful) enters(t *testing.T, b *browser, secret string) (bool, string) {
	t.Helper()
	c.exec(t, `DELETE FROM gatepost.throttle`)
	b.submit("/login", "email", "ada@example.com", "password", secret)
	if b.get("/account").StatusCode != 200 {
		return false, ""
	}
	s, err := c.store.Lookup(t.Context(), b.token())
	if err != nil {
		t.Fatal(err)
	}
	var methods []string
	for _, m := range s.Proof.Methods {
		methods = append(methods, string(m))
	}
	if s.Proof.Level() != 1 {
		t.Errorf("the level is %d", s.Proof.Level())
	}
	return true, strings.Join(methods, ",")
}

var trustID = regexp.MustCompile(`(?s)action="/account/trusted/end">\s*<input type="hidden" name="id" value="([^"]+)"`)

// In a browser that a user trusts the password alone lets them in, at level 1. What the cookie is not of gets nothing.
func TestInATrustedBrowserThePasswordIsEnough(t *testing.T) {
	t.Parallel()
	c := newCareful(t, trusting)
	if a := c.half(t).get("/login/code"); !strings.Contains(a.body, "Ask for no code in this browser for 30 days") ||
		strings.Contains(a.body, "checked") {
		t.Fatalf("the page does not offer it, or insists:\n%s", a.body)
	}
	b := c.trusted(t)
	b.closed("the cookie of the trust")
	if in, methods := c.enters(t, b, password); !in || methods != "pwd,trusted" {
		t.Fatalf("enters %t with %q", in, methods)
	}
	if in, _ := c.enters(t, c.browser(t), password); in {
		t.Error("any browser is trusted")
	}
	a := b.get("/account")
	id := trustID.FindStringSubmatch(a.body)
	if id == nil || !strings.Contains(a.body, "No code needed") {
		t.Fatalf("the account page does not list it:\n%s", a.body)
	}
	c.cookie(t, "grace@example.com")
	grace := c.browser(t)
	grace.submit("/login", "email", "grace@example.com", "password", password)
	grace.submit("/account/trusted/end", "id", id[1])
	b.submit("/logout")
	if in, _ := c.enters(t, b, password); !in {
		t.Error("another user ends the trust")
	}
	b.mustLand("end the trust", b.submit("/account/trusted/end", "id", id[1]), "/account")
	b.submit("/logout")
	if in, _ := c.enters(t, b, password); in {
		t.Error("it is trusted after the trust has ended")
	}
}

// A change of the password or of a factor, by whatever way, and the end of the time end the trust.
func TestWhatEndsTheTrustInABrowser(t *testing.T) {
	t.Parallel()
	c := newCareful(t, trusting, withMail, atSite)
	const another = "another horse battery"
	user := func() string {
		u, err := c.store.FindUser(t.Context(), "ada@example.com")
		if err != nil {
			t.Fatal(err)
		}
		return u.ID
	}()
	for _, way := range []struct {
		name string
		end  func(*browser)
	}{
		{"its time", func(*browser) { c.exec(t, `UPDATE gatepost.trusted_browser SET expires_at = now()`) }},
		{"a shorter setting", func(*browser) {
			c.exec(t, `UPDATE gatepost.trusted_browser SET created_at = now() - interval '721 hours'`)
		}},
		{"new app", func(*browser) {
			b := c.half(t)
			b.submit("/login/code", "code", c.code(t))
			c.exec(t, `UPDATE gatepost.session SET proved_at = now(), second_at = now()`)
			b.submit("/account/app")
			a := b.get("/account/app")
			c.key = a.key(t)
			b.submit("/account/app/code", "code", c.key.Code(c.now(t)))
		}},
		{"one more passkey", func(*browser) {
			b := c.half(t)
			b.submit("/login/code", "code", c.code(t))
			a := passkeytest.New("http://localhost:8080")
			b.mustLand("one more passkey", b.submit("/account/passkeys/add", "answer",
				string(a.Create(t, []byte(b.ask("add").body)))), "/account")
		}},
		{"new recovery codes", func(*browser) {
			b := c.half(t)
			b.submit("/login/code", "code", c.code(t))
			if a := b.submit("/account/recovery"); a.StatusCode != 200 {
				t.Errorf("new recovery codes: %d", a.StatusCode)
			}
		}},
		{"a reset by mail", func(b *browser) {
			c.post.mu.Lock()
			c.post.sent = nil
			c.post.mu.Unlock()
			b.submit("/login/forgot", "email", "ada@example.com")
			m := c.post.wait(t, mail.Reset)
			b.get("/login/reset?token=" + string(m.Link))
			a := b.get("/login/reset")
			b.mustLand("a new password", b.submit("/login/reset", "id", a.hidden("id"), "password", password), "/login")
		}},
		{"the end of all other sessions", func(*browser) {
			b := c.half(t)
			b.submit("/login/code", "code", c.code(t))
			b.mustLand("the end of all others", b.submit("/account/sessions/end-others"), "/account")
		}},
		{"the end of all sessions", func(*browser) {
			b := c.half(t)
			b.submit("/login/code", "code", c.code(t))
			if err := c.store.EndAllSessions(t.Context(), b.token(), secret.Client{}); err != nil {
				t.Fatal(err)
			}
		}},
		{"an operator's password", func(*browser) {
			if err := c.store.SetPassword(t.Context(), user, password); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		b := c.trusted(t)
		if in, _ := c.enters(t, b, password); !in {
			t.Errorf("%s: not trusted before", way.name)
		}
		b.submit("/logout")
		c.exec(t, `DELETE FROM gatepost.throttle`)
		way.end(b)
		if in, _ := c.enters(t, b, password); in {
			t.Errorf("%s: trusted afterwards", way.name)
		}
	}
	b := c.trusted(t)
	c.enters(t, b, password)
	c.exec(t, `DELETE FROM gatepost.throttle`)
	b.mustLand("a new password in a trusted browser", b.submit("/account/password", "current", password, "password",
		another), "/login/code?next=%2Faccount")
	b.closed("a new password in a trusted browser")
}

// Where the operator does not allow it, nothing is offered and nothing counts.
func TestWithoutTheSettingNoBrowserIsTrusted(t *testing.T) {
	t.Parallel()
	c := newCareful(t)
	b := c.half(t)
	if a := b.get("/login/code"); strings.Contains(a.body, `name="trust"`) {
		t.Error("it is offered")
	}
	b.mustLand("a code", b.submit("/login/code", "code", c.code(t), "trust", "on"), "/home")
	if b.cookies["gatepost_8080_trust"] != "" || c.count(t, "trusted_browser") != 0 {
		t.Error("it is trusted")
	}
}

// A browser that two people trust asks neither, and nobody knows its token who gave the browser one before.
func TestTwoPeopleMayTrustOneBrowser(t *testing.T) {
	t.Parallel()
	c := newCareful(t, trusting)
	b := c.trusted(t)
	planted := b.cookies["gatepost_8080_trust"]
	c.exec(t, `INSERT INTO gatepost."user" (id, name, email, email_verified) VALUES ('g', '', 'grace@example.com', true)`)
	c.exec(t, `INSERT INTO gatepost.trusted_browser (id, user_id, token, expires_at)
		SELECT 'other', 'g', token, now() + interval '1 day' FROM gatepost.trusted_browser`)
	c.exec(t, `DELETE FROM gatepost.trusted_browser WHERE user_id <> 'g'`)
	c.exec(t, `DELETE FROM gatepost.throttle`)
	b.submit("/login", "email", "ada@example.com", "password", password)
	b.mustLand("a code", b.submit("/login/code", "code", c.code(t), "trust", "on"), "/home")
	var rows, tokens int
	if err := c.db.QueryRow(t.Context(), `SELECT count(*), count(DISTINCT token) FROM gatepost.trusted_browser`).
		Scan(&rows, &tokens); err != nil || rows != 2 || tokens != 1 {
		t.Errorf("%d rows, %d tokens, %v", rows, tokens, err)
	}
	thief := c.browser(t)
	thief.cookies["gatepost_8080_trust"] = planted
	if in, _ := c.enters(t, thief, password); in || b.cookies["gatepost_8080_trust"] == planted {
		t.Error("the token from before is of use")
	}
}

// One more trusted browser than a user may have ends the trust in the oldest.
func TestAUserTrustsSoManyBrowsers(t *testing.T) {
	t.Parallel()
	c := newCareful(t, trusting)
	c.exec(t, `INSERT INTO gatepost.trusted_browser (id, user_id, token, expires_at, created_at)
		SELECT n, (SELECT id FROM gatepost."user"), sha256(n::text::bytea), now() + interval '1 day',
		    now() - n * interval '1 hour'
		FROM generate_series(1, 20) n`)
	c.trusted(t)
	var rows, oldest int
	err := c.db.QueryRow(t.Context(), `
		SELECT count(*), count(*) FILTER (WHERE id = '20') FROM gatepost.trusted_browser`).Scan(&rows, &oldest)
	if err != nil || rows != 20 || oldest != 0 {
		t.Errorf("%d rows, the oldest %d times, %v", rows, oldest, err)
	}
}
