package auth_test

import (
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// What has expired in any room goes with the one sweep.
func TestTheSweepIsOfEveryRoom(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, audited)
	signUp(t, s, "ada@example.com")
	exec(t, db, `UPDATE gatepost.session SET expires_at = now() - interval '1 second'`)
	exec(t, db, `INSERT INTO gatepost.logout_token (id, expires_at) VALUES ('x', now() - interval '1 second')`)
	exec(t, db, `UPDATE gatepost.audit_event SET at = now() - interval '61 minutes'`)
	exec(t, db, `UPDATE gatepost.familiar SET expires_at = now() - interval '1 second'`)
	exec(t, db, `INSERT INTO gatepost.outbox (id, kind, email, language, facts, expires_at)
		VALUES ('x', 'invite', 'bob@example.com', '', '{}', now() - interval '1 second')`)
	if n, err := s.Sweep(t.Context()); err != nil || n < 5 {
		t.Errorf("swept %d, %v", n, err)
	}
	for _, table := range []string{"session", "logout_token", "audit_event", "familiar", "outbox"} {
		if n := count(t, db, table); n != 0 {
			t.Errorf("%s: %d rows are left", table, n)
		}
	}
}
