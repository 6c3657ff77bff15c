package auth_test

import (
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/secret"
)

// What is proved in a session gives it a new token. The token before goes on for requests under way, with what was
// proved before: whoever has it does not come to the level of the new one.
func TestTheTokenBeforeAProofStaysAtItsLevel(t *testing.T) {
	t.Parallel()
	p := aCareful(t)
	exec(t, p.db, `UPDATE gatepost.session SET methods = 'pwd', second_at = NULL, proved_at = now() - interval '3 hours'`)
	issued, err := p.s.ProveFactor(t.Context(), p.token, p.code(t), p.home)
	if err != nil {
		t.Fatal(err)
	}
	was, err1 := p.s.Lookup(t.Context(), p.token)
	now, err2 := p.s.Lookup(t.Context(), issued.Session)
	if err1 != nil || err2 != nil || was.ID != now.ID {
		t.Fatal(err1, err2, was.ID, now.ID)
	}
	if was.Proof.Level() != 1 || was.Age() < 3*time.Hour || now.Proof.Level() != 2 || now.Age() > time.Minute {
		t.Errorf("before: level %d, age %v; after: level %d, age %v", was.Proof.Level(), was.Age(), now.Proof.Level(),
			now.Age())
	}
	for what, token := range map[string]secret.Token{"before": p.token, "after": issued.Session} {
		if d, err := p.s.Describe(t.Context(), token); err != nil || d.ID != now.ID {
			t.Errorf("described by the token %s: %v", what, err)
		}
		if a, err := p.s.Account(t.Context(), token); err != nil || a.Session.ID != now.ID || len(a.Sessions) != 1 {
			t.Errorf("the account by the token %s: %+v, %v", what, a, err)
		}
	}
	exec(t, p.db, `UPDATE gatepost.session SET last_until = now()`)
	if alive(t, p.s, p.token) || !alive(t, p.s, issued.Session) {
		t.Error("a minute later the token before is alive, or the new one is not")
	}
}

// Whoever signs out with the token before ends the session, also where copies of it are kept.
func TestTheTokenBeforeEndsTheSession(t *testing.T) {
	t.Parallel()
	s, _ := running(t, authtest.NewDatabase(t))
	token := signUp(t, s, "ada@example.com")
	sure(t, s)
	issued, err := s.Confirm(t.Context(), token, goodPassword, here)
	if err != nil {
		t.Fatal(err)
	}
	cached(t, s, issued.Session)
	if err := s.SignOut(t.Context(), token, here); err != nil {
		t.Fatal(err)
	}
	if alive(t, s, issued.Session) || alive(t, s, token) {
		t.Error("the session is still there")
	}
}

// The age of a proof grows while the session is kept in memory, and no use of the session makes it younger.
func TestAKeptSessionGrowsOlder(t *testing.T) {
	t.Parallel()
	s, db := running(t, authtest.NewDatabase(t))
	token := signUp(t, s, "ada@example.com")
	exec(t, db, `UPDATE gatepost.session SET proved_at = now() - interval '1 hour'`)
	sure(t, s)
	first := cached(t, s, token)
	age := first.Age()
	eventually(t, "the age grows", func() bool {
		v := cached(t, s, token)
		return v.ActiveAt.Equal(first.ActiveAt) && v.Age() > age && v.Age() >= time.Hour
	})
}

// What lasts goes on when its user proves themselves again, as the session stays the same.
func TestWhatLastsOutlivesAProof(t *testing.T) {
	t.Parallel()
	s, db := running(t, authtest.NewDatabase(t))
	token := signUp(t, s, "ada@example.com")
	sure(t, s)
	mine, other := &lasting{}, &lasting{}
	s.Hold(cached(t, s, token), mine)
	s.Hold(cached(t, s, sessionsOf(t, db, "ada@example.com", 1)[0]), other)
	issued, err := s.Confirm(t.Context(), token, goodPassword, here)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, db, `DELETE FROM gatepost.session WHERE id <> $1`, issued.SessionID)
	eventually(t, "what is of another session ends", func() bool { return other.ended.Load() == 1 })
	if mine.ended.Load() != 0 {
		t.Error("what lasts ended with the proof")
	}
}
