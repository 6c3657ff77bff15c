package auth_test

import (
	"testing"

	"github.com/gatepost/gatepost/auth/factor"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/passkey/passkeytest"
	"github.com/gatepost/gatepost/auth/secret"
)

// movedAway is Ada, who has an app and recovery codes since yesterday, and in whose session the address was changed. It
// returns the link that undoes that.
func movedAway(t *testing.T) (p *careful, undo secret.Token) {
	t.Helper()
	p = aCareful(t, atSite)
	exec(t, p.db, `UPDATE gatepost.totp SET created_at = now() - interval '1 day'`)
	exec(t, p.db, `UPDATE gatepost.recovery_code SET created_at = now() - interval '1 day'`)
	issued, err := p.s.RequestEmailChange(t.Context(), p.token, goodPassword, "new@example.com", p.home)
	if err != nil {
		t.Fatal(err)
	}
	p.token = issued.Session
	link := p.o.one(t, p.s, mail.Change, "new@example.com").Link
	if err := p.s.ConfirmEmail(t.Context(), link, p.token, p.home); err != nil {
		t.Fatal(err)
	}
	return p, p.o.collect(t, p.s)[0].Link
}

// Whoever undoes a change of address keeps the second factors that they had, and none that were made since: neither a
// passkey, nor recovery codes, nor an app in place of theirs. Recovery codes go with the last factor.
func TestAnUndoKeepsTheFactorsOfBefore(t *testing.T) {
	t.Parallel()
	newApp := func(t *testing.T, p *careful) {
		e, err := p.s.BeginApp(t.Context(), p.token)
		if err != nil {
			t.Fatal(err)
		}
		p.key = e.Key
		issued, _, err := p.s.ConfirmApp(t.Context(), p.token, p.code(t), p.home)
		if err != nil {
			t.Fatal(err)
		}
		p.token = issued.Session
	}
	newPasskey := func(t *testing.T, p *careful) { p.has(t, passkeytest.New(passkeyOrigin)) }
	newCodes := func(t *testing.T, p *careful) {
		if _, err := p.s.NewRecoveryCodes(t.Context(), p.token, p.home); err != nil {
			t.Fatal(err)
		}
	}
	begun := func(t *testing.T, p *careful) {
		if _, err := p.s.BeginApp(t.Context(), p.token); err != nil {
			t.Fatal(err)
		}
	}
	for what, c := range map[string]struct {
		since            []func(*testing.T, *careful)
		apps, keys, left int
	}{
		"nothing":           {nil, 1, 0, factor.RecoveryCodes},
		"a passkey":         {[]func(*testing.T, *careful){newPasskey}, 1, 0, factor.RecoveryCodes},
		"recovery codes":    {[]func(*testing.T, *careful){newCodes}, 1, 0, 0},
		"another app":       {[]func(*testing.T, *careful){newApp}, 0, 0, 0},
		"all of them":       {[]func(*testing.T, *careful){newPasskey, newCodes, newApp}, 0, 0, 0},
		"an app, half done": {[]func(*testing.T, *careful){begun}, 1, 0, factor.RecoveryCodes},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p, undo := movedAway(t)
			for _, do := range c.since {
				do(t, p)
			}
			if _, err := p.s.UndoEmailChange(t.Context(), undo, chosen, elsewhere); err != nil {
				t.Fatal(err)
			}
			apps, keys, left := count(t, p.db, "totp"), count(t, p.db, "passkey"), count(t, p.db, "recovery_code")
			if apps != c.apps || keys != c.keys || left != c.left {
				t.Errorf("%d apps, %d passkeys and %d codes are left", apps, keys, left)
			}
			if n := count(t, p.db, "totp_pending") + count(t, p.db, "trusted_browser"); n != 0 {
				t.Errorf("%d rows of what was under way are left", n)
			}
			token, err := signIn(p.s, t.Context(), "ada@example.com", chosen)
			if err != nil || (token == "") != (c.apps > 0) {
				t.Errorf("the password alone: a session %t, %v", token != "", err)
			}
		})
	}
}
