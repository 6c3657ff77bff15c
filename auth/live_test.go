package auth_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// lasting is something that goes on; role is what its user needs.
type lasting struct {
	role  string
	ended atomic.Int32
	moves atomic.Bool
}

func (l *lasting) Still(v session.Session) bool {
	return l.role == "" || v.User.HasAny([]string{l.role})
}
func (l *lasting) End()        { l.ended.Add(1) }
func (l *lasting) Moved() bool { return l.moves.Load() }

// Whatever ends a session, here or elsewhere, ends what it began; and nothing else does.
func TestWhatLastsEndsWithItsSession(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *auth.Store, secret.Token) string{
		"logout here": func(t *testing.T, s *auth.Store, token secret.Token) string {
			if err := s.SignOut(t.Context(), token, here); err != nil {
				t.Error(err)
			}
			return `SELECT`
		},
		"deleted elsewhere": func(*testing.T, *auth.Store, secret.Token) string {
			return `DELETE FROM gatepost.session`
		},
		"disabled": func(*testing.T, *auth.Store, secret.Token) string {
			return `UPDATE gatepost."user" SET disabled_at = now()`
		},
		"deleted with the user": func(*testing.T, *auth.Store, secret.Token) string {
			return `DELETE FROM gatepost."user"`
		},
		"all sessions truncated": func(*testing.T, *auth.Store, secret.Token) string {
			return `TRUNCATE gatepost.session`
		},
		"expired": func(*testing.T, *auth.Store, secret.Token) string {
			return `UPDATE gatepost.session SET expires_at = now() + interval '1 second'`
		},
		"unused for too long": func(*testing.T, *auth.Store, secret.Token) string {
			return `UPDATE gatepost.session
				SET last_used_at = now() - idle_seconds * interval '1 second' + interval '1 second'`
		},
		"the role taken away": func(*testing.T, *auth.Store, secret.Token) string {
			return `UPDATE gatepost."user" SET role = 'guest'`
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, db := running(t, authtest.NewDatabase(t))
			token, other := signUp(t, s, "ada@example.com"), signUp(t, s, "bob@example.com")
			sure(t, s)
			mine, bobs, over := &lasting{role: "user"}, &lasting{}, &lasting{}
			s.Hold(cached(t, s, token), mine)
			s.Hold(cached(t, s, other), bobs)
			s.Hold(cached(t, s, token), over).Release()
			exec(t, db, `UPDATE gatepost."user" SET name = 'Countess'`) // changes nothing for what goes on
			sql := end(t, s, token)
			exec(t, db, onlyAda(sql))
			eventually(t, "it is ended", func() bool { return mine.ended.Load() > 0 })
			if mine.ended.Load() != 1 || over.ended.Load() != 0 {
				t.Errorf("ended %d times; what was over before, %d times", mine.ended.Load(), over.ended.Load())
			}
			if bobs.ended.Load() != 0 && name != "all sessions truncated" {
				t.Error("somebody else's was ended too")
			}
		})
	}
}

// onlyAda keeps a statement to one user.
func onlyAda(sql string) string {
	const ada = `(SELECT id FROM gatepost."user" WHERE email = 'ada@example.com')`
	switch {
	case sql == `SELECT` || sql == `TRUNCATE gatepost.session`:
		return sql
	case sql == `DELETE FROM gatepost."user"` || sql[:16] == `UPDATE gatepost.` && sql[16] == '"':
		return sql + ` WHERE id IN ` + ada
	}
	return sql + ` WHERE user_id IN ` + ada
}

// What is revoked between the look-up and the beginning of the answer is not missed.
func TestWhatWasRevokedBeforeItBeganToLastIsEnded(t *testing.T) {
	t.Parallel()
	s, db := running(t, authtest.NewDatabase(t))
	token, other := signUp(t, s, "ada@example.com"), signUp(t, s, "bob@example.com")
	sure(t, s)
	v := cached(t, s, token)
	cached(t, s, other)
	if err := s.SignOut(t.Context(), token, here); err != nil {
		t.Fatal(err)
	}
	exec(t, db, `DELETE FROM gatepost.session`)
	eventually(t, "all of it was heard", func() bool { return auth.Cached(s) == 0 })
	l := &lasting{}
	s.Hold(v, l)
	eventually(t, "it is ended", func() bool { return l.ended.Load() == 1 })
}

// Without anybody to tell of revocations, PostgreSQL is asked instead.
func TestWhatLastsEndsAlsoWhenRevocationsGoUnheard(t *testing.T) {
	t.Parallel()
	_, _, l := revokedUnheard(t)
	revoked := time.Now()
	eventually(t, "it is ended", func() bool { return l.ended.Load() == 1 })
	if took := time.Since(revoked); took > time.Second {
		t.Errorf("it went on for %v", took)
	}
}

// When PostgreSQL cannot be asked at all, what lasts is not let go on for ever.
func TestWhatLastsEndsWhenNobodyCanBeAsked(t *testing.T) {
	t.Parallel()
	f := newFault(t, authtest.NewDatabase(t))
	s, _ := running(t, f.url)
	token := signUp(t, s, "ada@example.com")
	sure(t, s)
	l := &lasting{}
	s.Hold(cached(t, s, token), l)
	f.mode.Store(hangs)
	eventually(t, "it is ended", func() bool { return l.ended.Load() == 1 })
}
