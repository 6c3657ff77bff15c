package e2e

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// move is a gate beside the real Better Auth, whose people move in.
type move struct {
	old    *betterAuth
	gate   *home
	people map[string]*member
}

// oldPasswords are by login. Better Auth takes ﬁ for fi and Å for Å, whatever it consists of.
var oldPasswords = map[string]string{
	"admin": "the keys of the house", "ada": "a quiet river at noon", "una": "hunter22",
	"fay": "ﬁsh-A\u030angstro\u0308m", "fio": "ﬁsh-A\u030angstro\u0308m",
	"kim": "пароль и ключ", "pat": "before the change", "leo": "lion in winter", "con": "both sides now",
	"cop": "two passwords", "del": "gone over there", "gon": "gone over here", "eml": "a new address",
	"bob": "barred for good", "ben": "barred for an hour", "bea": "barred until a while ago", "tom": "two steps to go",
}

// Everybody moves in from the real Better Auth, in each layout that its tables have: with their ids, passwords and
// sessions, again and again.
func TestMoveInFromBetterAuth(t *testing.T) {
	for _, l := range layouts {
		t.Run(l.name, func(t *testing.T) {
			m := newMove(t, l)
			for _, step := range []struct {
				name string
				take func(*testing.T)
			}{
				{"a dry run changes nothing", m.rehearse},
				{"everybody comes as they are", m.bringAll},
				{"another run changes nothing", m.bringAgain},
				{"old cookies count until they are replaced", m.honour},
				{"old passwords are known and replaced", m.know},
				{"what changes there changes here", m.follow},
				{"what was changed here stays", m.keep},
				{"a second factor comes with its user", m.second},
			} {
				if !t.Run(step.name, func(t *testing.T) { m.prepare(t); step.take(t) }) {
					break // the others build on it
				}
			}
		})
	}
}

// prepare has people fail the test that they are in.
func (m *move) prepare(t *testing.T) {
	for _, one := range m.people {
		one.t = t
	}
}

func newMove(t *testing.T, l layout) *move {
	m := &move{old: l.start(t), people: map[string]*member{}}
	app := httptest.NewServer(http.HandlerFunc(tellHeaders))
	t.Cleanup(app.Close)
	m.gate = moveInto(t, "better-auth", m.old.source, app.URL, freePort(t),
		"GATEPOST_IMPORT_BETTER_AUTH_SECRET="+oldSecret,
		"GATEPOST_ENCRYPTION_KEY="+base64.StdEncoding.EncodeToString([]byte("a key of 32 bytes, for this test"))).serve(t)
	for login, password := range oldPasswords {
		m.people[login] = m.old.join(t, login, password)
	}
	m.people["ada"].confirm()
	m.people["tom"].enrol()
	for login, seconds := range map[string]int{"bob": 0, "ben": 3600, "bea": 3600} {
		m.ban(login, seconds)
	}
	sql(t, m.old.base, fmt.Sprintf(`UPDATE "user" SET %[1]s = %[1]s - interval '2 hours' WHERE email = 'bea@example.com'`,
		l.column("banExpires")))
	return m
}

func (m *move) ban(login string, seconds int) {
	body := map[string]any{"userId": m.people[login].id, "banReason": "they know why"}
	if seconds > 0 {
		body["banExpiresIn"] = seconds
	}
	m.people["admin"].ask(200, "admin/ban-user", body)
}

// withoutSessions are those whose sessions end at Better Auth when they are banned, or do not come without their
// second factor.
var withoutSessions = []string{"bob", "ben", "bea", "tom"}

func (m *move) rehearse(t *testing.T) {
	n, report := m.gate.bring(t, "--dry-run")
	m.mustBeAll(t, n)
	if len(report) != n.Created+1 {
		t.Errorf("the report has %d lines: %v", len(report), report)
	}
	if got := sql(t, m.gate.database, `SELECT (SELECT count(*) FROM gatepost."user") +
	    (SELECT count(*) FROM gatepost.imported_session) + (SELECT count(*) FROM gatepost.import_record)`); got[0] != "0" {
		t.Errorf("a dry run has left %s rows", got[0])
	}
}

// mustBeAll checks the counts of an import that brings everybody but who has a second factor.
func (m *move) mustBeAll(t *testing.T, n counts) {
	t.Helper()
	all := len(m.people)
	if want := (counts{Read: all, Created: all - 1, Refused: 1, SecondFactors: 1,
		Sessions: all - len(withoutSessions)}); n != want {
		t.Errorf("counts %+v, want %+v", n, want)
	}
}

func (m *move) bringAll(t *testing.T) {
	acting := m.old.stranger(t, m.people["admin"].person) // an administrator who acts as somebody else
	acting.ask(200, "sign-in/email", map[string]any{"email": acting.email, "password": acting.password})
	acting.ask(200, "admin/impersonate-user", map[string]any{"userId": m.people["una"].id})
	if who := acting.find(); who != m.people["una"].id {
		t.Fatalf("the administrator acts as %s", who)
	}
	n, report := m.gate.bring(t)
	n.Sessions-- // that of the administrator, who has signed in once more
	m.mustBeAll(t, n)
	for _, line := range report {
		if tom := m.people["tom"]; line.Result != "created" && (line.Result != "refused" || line.ID != tom.id ||
			line.Email != tom.email || !strings.Contains(line.Reason, "second factor")) {
			t.Errorf("the report has %+v", line)
		}
	}
	there := sql(t, m.old.base, fmt.Sprintf(`
		SELECT concat_ws(' | ', id, email, name, %s, role, round(extract(epoch FROM %s) * 1000))
		FROM "user" WHERE email NOT LIKE 'tom@%%' ORDER BY id`, m.old.column("emailVerified"), m.old.column("createdAt")))
	here := sql(t, m.gate.database, `
		SELECT concat_ws(' | ', id, email, name, email_verified, role, round(extract(epoch FROM created_at) * 1000))
		FROM gatepost."user" ORDER BY id`)
	if !slices.Equal(there, here) {
		t.Errorf("at Better Auth are\n%s\nand at the gate\n%s", strings.Join(there, "\n"), strings.Join(here, "\n"))
	}
	r := m.gate.with(t, acting.cookies())
	r.mustBeOut()
}

func (m *move) bringAgain(t *testing.T) {
	n, report := m.gate.bring(t)
	if want := (counts{Read: len(m.people), Unchanged: len(m.people) - 1, Refused: 1, SecondFactors: 1}); n != want ||
		len(report) != 1 {
		t.Errorf("counts %+v, want %+v, and a report of %v", n, want, report)
	}
}

// honour uses live cookies of the real server, as its browsers have them.
func (m *move) honour(t *testing.T) {
	ada := m.people["ada"]
	old := ada.cookies()
	r := m.gate.with(t, old)
	before := r.cookies()
	r.mustBeIn(ada.id) // which sets nothing
	if now := r.cookies(); !slices.Equal(now, before) || len(now) < 2 {
		t.Errorf("after a script the browser has\n%s\nand had\n%s", strings.Join(now, "\n"), strings.Join(before, "\n"))
	}
	r.mustArrive(ada.id)
	if page := r.read(200, "/account", nil); !strings.Contains(page, ada.email) {
		t.Errorf("the account is\n%s", page)
	}
	r.read(303, "/logout", url.Values{})
	r.mustBeOut()
	m.gate.with(t, old).mustBeOut() // and nowhere else

	kim := m.people["kim"] // once more, and not to be remembered
	brief := m.old.stranger(t, kim.person)
	brief.ask(200, "sign-in/email", map[string]any{"email": kim.email, "password": kim.password, "rememberMe": false})
	m.gate.with(t, brief.cookies()).mustBeOut() // no import has seen this one
	if n, _ := m.gate.bring(t); n.Sessions != 1 || n.Changed != 0 {
		t.Errorf("an import after another sign-in: %+v", n)
	}
	r = m.gate.with(t, brief.cookies())
	res, _ := r.get("/.gatepost/arrive?next=%2Fdashboard", opening)
	for _, c := range res.Cookies() {
		if ours := "gatepost_" + m.gate.port(); c.Name == ours && c.MaxAge > 0 {
			t.Errorf("a browser that was to forget is to remember for %d s", c.MaxAge)
		}
	}
	r.mustBeIn(kim.id)
	for _, login := range withoutSessions {
		m.gate.with(t, m.people[login].cookies()).mustBeOut()
	}
}

// know logs in with old passwords. The next hash is the gate's own.
func (m *move) know(t *testing.T) {
	m.gate.mustKnow(t, "fio@example.com", "fish-Ångström", m.people["fio"].id) // as Better Auth reads it
	for _, login := range []string{"fay", "una", "bea"} {
		p := m.people[login]
		hash := `SELECT split_part(password, '$', 2) FROM gatepost.account WHERE user_id = '` + p.id + `'`
		if got := sql(t, m.gate.database, hash); got[0] == "argon2id" {
			t.Errorf("%s has a hash of ours already", login)
		}
		m.gate.mustKnow(t, p.email, p.password, p.id)
		if got := sql(t, m.gate.database, hash); got[0] != "argon2id" {
			t.Errorf("after the sign-in %s has a hash of the kind %q", login, got)
		}
		m.gate.mustKnow(t, p.email, p.password, p.id)
	}
	for login, password := range map[string]string{"una": "hunter23", "bob": oldPasswords["bob"],
		"tom": oldPasswords["tom"]} {
		if status, _ := m.gate.tryPassword(t, login+"@example.com", password); status == 303 {
			t.Errorf("%s gets in with %q", login, password)
		}
	}
}
