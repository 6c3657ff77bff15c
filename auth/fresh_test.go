package auth_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
)

// age is how long ago the user of a session was proved, as rules ask it.
func (p *careful) age(t *testing.T, token secret.Token) time.Duration {
	t.Helper()
	v, err := p.s.Lookup(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return v.Age()
}

// By a first factor alone, whichever and wherever, no session of whoever has a second one gets fresher or comes to a
// higher level.
func TestAFirstFactorAloneMakesNoSessionFresher(t *testing.T) {
	t.Parallel()
	states := map[string]string{
		"level 2, long ago": `methods = 'pwd,otp', second_at = now() - interval '5 hours',
			proved_at = now() - interval '5 hours'`,
		"level 2 by a provider": `methods = 'fed,mfa', second_at = NULL, proved_at = now() - interval '5 hours'`,
		"level 1":               `methods = 'pwd,trusted', second_at = NULL, proved_at = now() - interval '5 hours'`,
	}
	ways := map[string]func(*testing.T, *careful) (auth.Issued, error){
		"the password": func(t *testing.T, p *careful) (auth.Issued, error) {
			return p.s.Confirm(t.Context(), p.token, goodPassword, p.home)
		},
		"a change of address": func(t *testing.T, p *careful) (auth.Issued, error) {
			return p.s.RequestEmailChange(t.Context(), p.token, goodPassword, "new@example.com", p.home)
		},
		"a mailed link": func(t *testing.T, p *careful) (auth.Issued, error) {
			if err := p.s.RequestProof(t.Context(), p.token, p.home); err != nil {
				t.Fatal(err)
			}
			link := p.o.one(t, p.s, mail.Prove, "ada@example.com").Link
			return p.s.ProveByLink(t.Context(), link, p.token, p.home)
		},
	}
	p := aCareful(t)
	for state, set := range states {
		for way, prove := range ways {
			exec(t, p.db, `DELETE FROM gatepost.throttle`)
			exec(t, p.db, `DELETE FROM gatepost.verification`)
			exec(t, p.db, `UPDATE gatepost.session SET `+set)
			before := p.row(t)
			if _, err := prove(t, p); !errors.Is(err, auth.ErrStaleFactor) {
				t.Errorf("%s, %s: %v", state, way, err)
			}
			if after := p.row(t); after != before {
				t.Errorf("%s, %s: the session was %s, and is %s", state, way, before, after)
			}
		}
	}
	// While the second factor is fresh, the deed is done, and the session is as old as it was.
	exec(t, p.db, `UPDATE gatepost.session SET methods = 'pwd,otp', second_at = now() - interval '9 minutes',
		proved_at = now() - interval '5 hours'`)
	issued, err := ways["the password"](t, p)
	if err != nil || p.age(t, issued.Session) < 8*time.Minute {
		t.Fatalf("a fresh second factor: %v, or it gets fresher", err)
	}
	p.token = issued.Session
	exec(t, p.db, `UPDATE gatepost.session SET second_at = now() - interval '5 hours'`)
	issued, err = p.s.ChangePassword(t.Context(), p.token, goodPassword, chosen, p.home)
	if err != nil || p.age(t, issued.Session) < time.Hour {
		t.Errorf("a new password: %v, or the session is fresher", err)
	}
}

// row is what was proved in the only session.
func (p *careful) row(t *testing.T) (text string) {
	t.Helper()
	if err := p.db.QueryRow(t.Context(), `SELECT token || methods || proved_at || coalesce(second_at::text, '')
		FROM gatepost.session`).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}
