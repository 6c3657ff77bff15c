package auth_test

import (
	"errors"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/session"
)

func TestUsersSeeWhatHappenedToTheirAccountAlone(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, audited)
	ada := signUp(t, s, "ada@example.com")
	signUp(t, s, "eve@example.com")
	for range 2 {
		_, _ = signIn(s, t.Context(), "ada@example.com", wrong)
	}
	_, err := db.Exec(t.Context(), `INSERT INTO gatepost.audit_event (at, event, result, user_id, actor)
		SELECT now() - interval '1 day', 'set-role', 'ok', user_id, 'root@db1' FROM gatepost.audit_event LIMIT 1`)
	if err != nil {
		t.Fatal(err)
	}
	s.Close() // writes down what waits
	list, err := s.Activity(t.Context(), ada, 10)
	var got []string
	for _, p := range list {
		got = append(got, p.Event+"="+p.Result)
	}
	if err != nil || len(got) != 3 || got[0] != "sign-in=bad_credentials" || got[2] != "set-role=ok" {
		t.Fatalf("%q, %v", got, err)
	}
	for _, p := range list {
		operator := p.Event == "set-role"
		if p.Event == "sign-in" && p.Count != 2 || p.ByOperator != operator || (p.Client == "") != operator {
			t.Errorf("%+v", p)
		}
	}
	if list, err := s.Activity(t.Context(), ada, 1); err != nil || len(list) != 1 {
		t.Errorf("of one: %+v, %v", list, err)
	}
	if _, err := s.Activity(t.Context(), "", 10); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("nobody: %v", err)
	}
	without, _ := authtest.NewStore(t)
	if list, err := without.Activity(t.Context(), signUp(t, without, "ada@example.com"), 10); err != nil || list != nil {
		t.Errorf("where none are kept: %+v, %v", list, err)
	}
}
