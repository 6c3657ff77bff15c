package e2e

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// follow changes people at Better Auth, brings them over once more, and looks what is here.
func (m *move) follow(t *testing.T) {
	p := m.people
	before, inBefore := m.gate.with(t, p["pat"].cookies()), m.gate.with(t, p["leo"].cookies())
	before.mustArrive(p["pat"].id)
	inBefore.mustBeIn(p["leo"].id)
	gone := m.gate.with(t, p["del"].cookies())
	gone.mustBeIn(p["del"].id)
	kept := m.gate.with(t, p["una"].cookies())

	p["una"].ask(200, "update-user", map[string]any{"name": "Una the Second"})
	p["pat"].ask(200, "change-password", map[string]any{"currentPassword": p["pat"].password,
		"newPassword": "after the change", "revokeOtherSessions": true})
	p["leo"].ask(200, "sign-out", nil)
	p["del"].ask(200, "delete-user", map[string]any{"password": p["del"].password})
	p["eml"].ask(200, "change-email", map[string]any{"newEmail": "eml.second@example.com"})
	p["admin"].ask(200, "admin/unban-user", map[string]any{"userId": p["ben"].id})
	p["admin"].ask(200, "admin/set-role", map[string]any{"userId": p["kim"].id, "role": []string{"user", "editor"}})
	m.ban("bea", 3600) // that before has ended
	p["new"] = m.old.join(t, "new", "just arrived")

	n, report := m.gate.bring(t)
	if n.Created != 1 || n.Changed != 6 || n.Conflicts != 0 || n.Refused != 1 || n.Read != len(p)-1 {
		t.Errorf("counts %+v of %v", n, report)
	}
	m.gate.mustKnow(t, "new@example.com", "just arrived", p["new"].id)
	m.gate.mustKnow(t, "pat@example.com", "after the change", p["pat"].id)
	m.gate.mustKnow(t, "ben@example.com", p["ben"].password, p["ben"].id)
	m.gate.mustKnow(t, "eml.second@example.com", p["eml"].password, p["eml"].id)
	m.gate.mustKnow(t, "del@example.com", p["del"].password, p["del"].id) // only their sessions are gone there
	for login, password := range map[string]string{"pat": p["pat"].password, "bea": p["bea"].password,
		"eml": p["eml"].password} {
		if status, _ := m.gate.tryPassword(t, login+"@example.com", password); status == 303 {
			t.Errorf("%s gets in as before", login)
		}
	}
	for _, r := range []*reader{before, inBefore, gone} { // of the gate's or not, their sessions have ended
		r.mustBeOut()
	}
	kept.mustArrive(p["una"].id)
	if _, body := kept.get("/dashboard", scripted); !strings.Contains(body, "Name: Una the Second") {
		t.Errorf("the app does not see the new name\n%s", body)
	}
	roles := sql(t, m.gate.database, `SELECT role FROM gatepost."user" WHERE id = '`+p["kim"].id+`'`)
	if roles[0] != "user,editor" {
		t.Errorf("kim has the roles %q", roles)
	}
}

// keep changes people here and there, each their own way.
func (m *move) keep(t *testing.T) {
	con, cop, gon := m.people["con"], m.people["cop"], m.people["gon"]
	r := m.gate.mustKnow(t, con.email, con.password, con.id)
	r.read(303, "/account/name", url.Values{"name": {"Con from here"}})
	con.ask(200, "update-user", map[string]any{"name": "Con from there"})

	r = m.gate.mustKnow(t, cop.email, cop.password, cop.id)
	r.read(303, "/account/password", url.Values{"current": {cop.password}, "password": {"a password from here"}})
	cop.ask(200, "change-password", map[string]any{"currentPassword": cop.password,
		"newPassword": "a password from there"})
	cop.ask(200, "update-user", map[string]any{"name": "Cop from there"}) // which nobody changed here

	m.gate.must(t, "user", "delete", gon.email)
	gon.ask(200, "update-user", map[string]any{"name": "Gon from there"})

	for range 2 { // a conflict stays one
		n, report := m.gate.bring(t)
		if n.Conflicts != 2 || n.Deleted != 1 || n.Created != 0 {
			t.Errorf("counts %+v of %v", n, report)
		}
		for _, want := range []told{{Result: "conflict", ID: con.id, Email: con.email, Field: "name"},
			{Result: "conflict", ID: cop.id, Email: cop.email, Field: "password"},
			{Result: "deleted", ID: gon.id, Email: gon.email}} {
			if !slices.ContainsFunc(report, func(line told) bool {
				reason := line.Reason
				line.Reason = ""
				return line == want && reason != ""
			}) {
				t.Errorf("no line %+v in %+v", want, report)
			}
		}
	}
	m.gate.mustKnow(t, cop.email, "a password from here", cop.id)
	for email, password := range map[string]string{cop.email: "a password from there", gon.email: gon.password} {
		if status, _ := m.gate.tryPassword(t, email, password); status == 303 {
			t.Errorf("%s gets in with %q", email, password)
		}
	}
	names := sql(t, m.gate.database, `SELECT name FROM gatepost."user" WHERE name LIKE '%from%' ORDER BY name`)
	if want := []string{"Con from here", "Cop from there"}; !slices.Equal(names, want) {
		t.Errorf("names are %q, want %q", names, want)
	}
	for _, old := range []*member{con, cop, gon} {
		// Con's session goes on there and here; with a changed password or without an account it does not.
		r := m.gate.with(t, old.cookies())
		if old == con {
			r.mustBeIn(con.id)
		} else {
			r.mustBeOut()
		}
	}
}
