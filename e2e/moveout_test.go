package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// Better Auth takes everybody back, in each layout of its tables: into those that they left, and into empty ones.
func TestMoveOutToBetterAuth(t *testing.T) {
	for _, l := range layouts {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			old := l.start(t)
			const password = "a quiet river at noon"
			names := []string{"ada", "bob", "eve", "kim", "una"}
			people := map[string]*member{}
			for _, name := range names {
				people[name] = old.join(t, name, password)
			}
			old.link(t, people["ada"], "github", "4711")
			app := httptest.NewServer(http.HandlerFunc(tellHeaders))
			t.Cleanup(app.Close)
			h := moveInto(t, "better-auth", old.source, app.URL, freePort(t))
			if n, report := h.bring(t); n.Created != len(names) {
				t.Fatalf("counts %+v of %v", n, report)
			}
			h.changeAll(t, people)
			empty := l.start(t)
			for name, to := range map[string]*betterAuth{"the tables that they left": old, "empty tables": empty} {
				t.Run(name, func(t *testing.T) {
					for range 2 { // once more changes nothing
						out, said, code := h.command(t, "export", "--format", "better-auth")
						if code != 0 {
							t.Fatalf("the export: code %d: %s", code, said)
						}
						site.psql(t, to.base, out)
						to.mustHaveBack(t, people, password)
					}
				})
			}
			if people["kim"].t = t; string(people["kim"].get("/api/auth/get-session?disableCookieCache=true")) != "null" {
				t.Error("a session at Better Auth is alive after another password here")
			}
		})
	}
}

// link adds an account at a provider, as Better Auth does.
func (o *betterAuth) link(t *testing.T, m *member, provider, subject string) {
	t.Helper()
	m.t = t
	issuer := ""
	if o.version == "better-auth-1.7.1" {
		issuer = "&issuer=local:oauth:" + provider
	}
	m.get("/link?userId=" + m.id + "&providerId=" + provider + "&accountId=" + subject + issuer)
}

// changeAll changes people at the gate, and has "new" and "goo" come.
func (h *home) changeAll(t *testing.T, people map[string]*member) {
	t.Helper()
	sql(t, h.database, fmt.Sprintf(`
		UPDATE gatepost."user" SET email = 'x@example.com' WHERE id = '%[1]s';
		UPDATE gatepost."user" SET email = 'ada@example.com' WHERE id = '%[2]s';
		UPDATE gatepost."user" SET email = 'una@example.com', email_verified = true WHERE id = '%[1]s';
		UPDATE gatepost."user" SET disabled_at = now() WHERE id = '%[3]s';
		UPDATE gatepost."user" SET role = 'editor', name = 'Eve \ O''Eve' WHERE id = '%[4]s';
		INSERT INTO gatepost."user" (id, name, email, email_verified, role) VALUES ('new', 'New', 'new@example.com', true,
		    'user'), ('goo', 'Goo', 'goo@example.com', true, 'user');
		INSERT INTO gatepost.account (id, user_id, issuer, provider_id, account_id, password)
		SELECT 'new', 'new', issuer, provider_id, 'new', password FROM gatepost.account
		WHERE user_id = '%[1]s' AND provider_id = 'credential';
		INSERT INTO gatepost.account (id, user_id, issuer, provider_id, account_id)
		VALUES ('goo', 'goo', 'https://accounts.google.com', 'google', '113');
		UPDATE gatepost.account SET password = (SELECT password FROM gatepost.account WHERE user_id = 'new')
		WHERE user_id = '%[5]s'`, people["ada"].id, people["una"].id, people["bob"].id, people["eve"].id, people["kim"].id))
}

// mustHaveBack checks that people sign in at Better Auth as the gate knows them.
func (o *betterAuth) mustHaveBack(t *testing.T, people map[string]*member, password string) {
	t.Helper()
	for name, email := range map[string]string{"ada": "una", "una": "ada", "eve": "eve", "kim": "kim", "new": "new"} {
		m := o.stranger(t, person{name, email + "@example.com", password})
		m.ask(200, "sign-in/email", map[string]any{"email": m.email, "password": password})
		want := "new"
		if people[name] != nil {
			want = people[name].id
		}
		if got := m.find(); got != want {
			t.Errorf("%s signs in as %s, want %s", m.email, got, want)
		}
		if accounts := string(m.get("/api/auth/list-accounts")); name == "ada" && strings.Count(accounts, "4711") != 1 {
			t.Errorf("the accounts of ada are %s", accounts)
		}
	}
	banned := o.stranger(t, person{"bob", "bob@example.com", password})
	banned.ask(403, "sign-in/email", map[string]any{"email": banned.email, "password": password})
	got := sql(t, o.base, fmt.Sprintf(`
		SELECT concat_ws(' ', u.email, u.%s, u.role, u.banned, a.%s, u.name, 
		    abs(extract(epoch FROM u.%s) - extract(epoch FROM now())) < 3600)
		FROM "user" u JOIN account a ON a.%s = u.id WHERE u.email < 'k' ORDER BY 1`, o.column("emailVerified"),
		o.column("providerId"), o.column("createdAt"), o.column("userId")))
	want := []string{`ada@example.com f user f credential Zoë una t`, `bob@example.com f user t credential Zoë bob t`,
		`eve@example.com f editor f credential Eve \ O'Eve t`, `goo@example.com t user f google Goo t`}
	if !slices.Equal(got, want) {
		t.Errorf("at Better Auth are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
