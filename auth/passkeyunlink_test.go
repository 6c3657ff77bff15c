package auth_test

import (
	"errors"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/secret"
)

// Disconnecting a provider takes no factor away: what was half a sign-in by it is over, the password still asks for the
// passkey, and nobody is left with a passkey that cannot sign in alone.
func TestDisconnectingKeepsPasskeys(t *testing.T) {
	t.Parallel()
	p, a := aHolder(t)
	a.Unsure = true // it is a second factor, and no way in
	p.has(t, a)
	exec(t, p.db, `
		INSERT INTO gatepost.account (id, user_id, issuer, provider_id, account_id)
		SELECT 'corp-' || i, id, 'https://corp.example', 'corp', i::text FROM gatepost."user", generate_series(1, 2) i`)
	if err := p.s.Unlink(t.Context(), p.token, "corp-1", p.home); err != nil {
		t.Fatal(err)
	}
	if n := count(t, p.db, "passkey") + count(t, p.db, "recovery_code"); n != 11 {
		t.Errorf("%d rows of factors are left", n)
	}
	if _, err := p.after(t, a); err != nil {
		t.Errorf("after the password: %v", err)
	}
	if token, err := signIn(p.s, t.Context(), "ada@example.com", goodPassword); token != "" {
		t.Errorf("the password alone opens a session: %v", err)
	}
	// A stale session disconnects nothing, and neither does one that has proved the password only.
	exec(t, p.db, `UPDATE gatepost.session SET proved_at = now() - interval '11 minutes',
		second_at = now() - interval '11 minutes'`)
	if err := p.s.Unlink(t.Context(), p.token, "corp-2", p.home); !errors.Is(err, auth.ErrStaleFactor) {
		t.Errorf("from a stale session: %v", err)
	}
	exec(t, p.db, `UPDATE gatepost.session SET proved_at = now(), second_at = now();
		DELETE FROM gatepost.account WHERE provider_id = 'credential'`)
	if err := p.s.Unlink(t.Context(), p.token, "corp-2", p.home); !errors.Is(err, auth.ErrLastWayIn) {
		t.Errorf("the last way in, beside a key that is none: %v", err)
	}
	if n := count(t, p.db, "account WHERE id = 'corp-2'"); n != 1 {
		t.Error("it is gone all the same")
	}
	// One that signs in alone is a way in: the provider may go, and the passkey and its level stay.
	exec(t, p.db, `UPDATE gatepost.passkey SET verified = true`)
	if err := p.s.Unlink(t.Context(), p.token, "corp-2", p.home); err != nil {
		t.Fatal(err)
	}
	a.Unsure = false
	issued, err := p.alone(t, a)
	if err != nil || issued.Session == secret.Token("") {
		t.Fatalf("alone: %v", err)
	}
	if _, level := p.methods(t, issued.Session); level != 2 {
		t.Errorf("the level is %d", level)
	}
	if _, err := p.s.RemovePasskey(t.Context(), issued.Session, firstPasskey(t, p, issued.Session), p.home); !errors.Is(
		err, auth.ErrLastWayIn) {
		t.Errorf("the passkey, too: %v", err)
	}
}

func firstPasskey(t *testing.T, p *careful, token secret.Token) string {
	t.Helper()
	list, err := p.s.Passkeys(t.Context(), token)
	if err != nil || len(list) == 0 {
		t.Fatalf("%+v, %v", list, err)
	}
	return list[0].ID
}
