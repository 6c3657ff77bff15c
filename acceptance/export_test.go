package acceptance_test

import (
	"bufio"
	"encoding/json"
	"net"
	"net/http"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// One user requests their large export forty times at once and reads none of it. Other visitors are not
// affected, and a client that reads its export gets all of it.
func TestManyLargeExportsTakeNothingFromOthers(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	v := l.signIn(t)
	db := authtest.Pool(t, l.database)
	const events = 150_000 // some 20 MiB
	_, err := db.Exec(t.Context(), `
		INSERT INTO gatepost.audit_event (at, event, result, user_id, client)
		SELECT now() - i * interval '1 s', 'sign-in', 'ok', u.id, '2001:db8:1111:2222:3333:4444:5555:6666'
		FROM generate_series(1, $1) i, gatepost."user" u`, events)
	if err != nil {
		t.Fatal(err)
	}
	before := l.peak(t)
	var idle []net.Conn
	for range 40 {
		idle = append(idle, l.dial(t, l.open("POST /account/export", formType, "Content-Length: 0", l.cookie,
			"X-Forwarded-For: 198.51.100.7")))
	}
	for range 10 {
		if r := v.fetch("/dashboard"); r.status != 200 {
			t.Errorf("who is signed in: %d", r.status)
		}
	}
	other := l.visitor(t)
	other.signUp("bob@example.com")
	if r := other.post("/login", "email", "bob@example.com", "password", password); r.status != 303 {
		t.Errorf("who signs in meanwhile: %d", r.status)
	}
	conn := l.dial(t, l.open("POST /account/export", formType, "Content-Length: 0", l.cookie,
		"X-Forwarded-For: 203.0.113.9"))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	var export struct{ Events []struct{ Event string } }
	if err := json.NewDecoder(res.Body).Decode(&export); err != nil || len(export.Events) < events {
		t.Errorf("the file has %d events, %v", len(export.Events), err)
	}
	for _, conn := range idle { // most of them gave way before anything was written
		if res, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil ||
			res.StatusCode != 429 && res.StatusCode != 200 {
			t.Errorf("who gave way: %v, %v", res, err)
		}
	}
	after := l.peak(t)
	t.Logf("40 exports: %.0f → %.0f MiB", before/(1<<20), after/(1<<20))
	if after > before+100<<20 {
		t.Errorf("exports take %.0f MiB", (after-before)/(1<<20))
	}
}
