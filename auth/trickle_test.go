package auth_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
)

// before is a system that says whether a password is right.
type before struct {
	user  auth.OldUser
	err   error
	asked int
}

func (b *before) ask(_ context.Context, email string, p secret.Password) (auth.OldUser, error) {
	b.asked++
	switch {
	case b.err != nil:
		return auth.OldUser{}, b.err
	case email != "ada@example.com" || p != goodPassword:
		return auth.OldUser{}, auth.ErrUnknownThere
	}
	return b.user, nil
}

func newBefore(t *testing.T, change ...func(*auth.Options)) (*before, *auth.Store, *pgxpool.Pool) {
	t.Helper()
	b := &before{user: auth.OldUser{ID: "auth0|1", Email: "Ada@example.com", EmailVerified: true, Name: "Ada"}}
	s, db := authtest.NewStore(t, append(change, func(o *auth.Options) { o.Fallback, o.SignUpClosed = b.ask, true })...)
	auth.HashCheaply(s)
	return b, s, db
}

// Somebody whom the system before knows signs in with the password that they have there, once with its help.
func TestPeopleTrickleIn(t *testing.T) {
	t.Parallel()
	b, s, _ := newBefore(t)
	for range 2 {
		if _, err := signIn(s, t.Context(), "ADA@example.com", goodPassword); err != nil {
			t.Fatal(err)
		}
	}
	u, err := s.FindUser(t.Context(), "ada@example.com")
	if err != nil || u.ID != "auth0|1" || u.Name != "Ada" || !u.EmailVerified || b.asked != 1 {
		t.Errorf("%+v, %v, asked %d times", u, err, b.asked)
	}
	if _, err := signIn(s, t.Context(), "ada@example.com", "a wrong password"); !errors.Is(err, auth.ErrBadCredentials) ||
		b.asked != 1 {
		t.Errorf("a wrong password: %v, asked %d times", err, b.asked)
	}
}

// Who comes to two gates at the same time is one user, and gets in at both.
func TestPeopleTrickleInAtTwoGates(t *testing.T) {
	t.Parallel()
	there := before{user: auth.OldUser{ID: "auth0|1", Email: "ada@example.com", EmailVerified: true}}
	together := func(o *auth.Options) {
		o.SignUpClosed = true
		o.Fallback = func(ctx context.Context, email string, p secret.Password) (auth.OldUser, error) {
			b := there // each asks for itself
			return b.ask(ctx, email, p)
		}
	}
	one, db := authtest.NewStore(t, together)
	o := auth.Options{}
	together(&o)
	two := auth.New(db, o)
	t.Cleanup(two.Close)
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		s := []*auth.Store{one, two}[i%2]
		all.Go(func() { _, errs[i] = signIn(s, t.Context(), "ada@example.com", goodPassword) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Errorf("not everybody is in: %v", err)
	}
	if users, records := count(t, db, `"user"`), count(t, db, "import_record"); users != 1 || records != 1 {
		t.Errorf("%d users and %d records were made", users, records)
	}
}

// What the system before says, and what becomes of the sign-in.
func TestWhatTheSystemBeforeSays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		says    func(b *before)
		sql     string // what is here before
		email   string
		p       secret.Password
		want    error // nil: they are in
		asked   int
		nothing bool // is written
	}{
		"a wrong password": {nil, ``, "ada@example.com", "a wrong password", auth.ErrBadCredentials, 1, true},
		"nobody":           {nil, ``, "eve@example.com", goodPassword, auth.ErrBadCredentials, 1, true},
		"an outage": {func(b *before) { b.err = errors.New("status 500") }, ``, "ada@example.com", goodPassword,
			database.ErrUnavailable, 1, true},
		"a different person": {func(b *before) { b.user.Email = "eve@example.com" }, ``, "ada@example.com", goodPassword,
			auth.ErrBadCredentials, 1, true},
		"no id": {func(b *before) { b.user.ID = "  " }, ``, "ada@example.com", goodPassword, auth.ErrBadCredentials, 1,
			true},
		"an id of two lines": {func(b *before) { b.user.ID = "a\r\nX-Y: 1" }, ``, "ada@example.com", goodPassword,
			auth.ErrBadCredentials, 1, true},
		"an id that turns around": {func(b *before) { b.user.ID = "a\u202e" }, ``, "ada@example.com", goodPassword,
			auth.ErrBadCredentials, 1, true},
		"somebody who was deleted here": {nil, `INSERT INTO gatepost.import_record (source, source_id)
		    VALUES ('auth0', 'auth0|1')`,
			"ada@example.com", goodPassword, auth.ErrBadCredentials, 1, true},
		"an id that is taken here": {nil, `INSERT INTO gatepost."user" (id, email) VALUES ('auth0|1', 'other@example.com')`,
			"ada@example.com", goodPassword, auth.ErrBadCredentials, 1, false},
		"an address of somebody here": {nil, `INSERT INTO gatepost."user" (id, email) VALUES ('x', 'ada@example.com')`,
			"ada@example.com", goodPassword, auth.ErrBadCredentials, 0, false},
		"an imported user without a password": {nil, `INSERT INTO gatepost."user" (id, email)
		    VALUES ('auth0|1', 'ada@example.com');
		    INSERT INTO gatepost.import_record (source, source_id, user_id) VALUES ('auth0', 'auth0|1', 'auth0|1')`,
			"ada@example.com", goodPassword, nil, 1, false},
		"an imported user whose password is empty": {nil, `INSERT INTO gatepost."user" (id, email)
		    VALUES ('auth0|1', 'ada@example.com');
		    INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id)
		    VALUES ('a', 'local:credential', 'credential', 'auth0|1', 'auth0|1');
		    INSERT INTO gatepost.import_record (source, source_id, user_id) VALUES ('auth0', 'auth0|1', 'auth0|1')`,
			"ada@example.com", goodPassword, nil, 1, false},
		// Anybody may have opened an account there with an address that another account has.
		"an imported user of another account there": {nil, `INSERT INTO gatepost."user" (id, email, email_verified, role)
		    VALUES ('google-oauth2|1', 'ada@example.com', true, 'admin');
		    INSERT INTO gatepost.import_record (source, source_id, user_id)
		    VALUES ('auth0', 'google-oauth2|1', 'google-oauth2|1')`,
			"ada@example.com", goodPassword, auth.ErrBadCredentials, 1, false},
		"an account there that is another user's here": {nil, `INSERT INTO gatepost."user" (id, email)
		    VALUES ('x', 'ada@example.com'), ('auth0|1', 'other@example.com');
		    INSERT INTO gatepost.import_record (source, source_id, user_id)
		    VALUES ('auth0', 'x', 'x'), ('auth0', 'auth0|1', 'auth0|1')`,
			"ada@example.com", goodPassword, auth.ErrBadCredentials, 1, false},
		"an imported user who is disabled": {nil, `INSERT INTO gatepost."user" (id, email, disabled_at)
		    VALUES ('auth0|1', 'ada@example.com', now());
		    INSERT INTO gatepost.import_record (source, source_id, user_id) VALUES ('auth0', 'auth0|1', 'auth0|1')`,
			"ada@example.com", goodPassword, auth.ErrBadCredentials, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, s, db := newBefore(t)
			if c.says != nil {
				c.says(b)
			}
			exec(t, db, c.sql+` `, pgx.QueryExecModeSimpleProtocol)
			_, err := signIn(s, t.Context(), c.email, c.p)
			if !errors.Is(err, c.want) || b.asked != c.asked || err != nil && strings.Contains(err.Error(), "user database") {
				t.Errorf("%v, asked %d times", err, b.asked)
			}
			if c.nothing && count(t, db, `"user"`) != 0 {
				t.Error("somebody was written")
			}
		})
	}
}

// Guesses at the system before are counted as those here are, and refused before it is asked, also when they come
// together.
func TestTheSystemBeforeIsNotGuessedAt(t *testing.T) {
	t.Parallel()
	_, s, _ := newBefore(t)
	var asked, together atomic.Int64
	auth.SetFallback(s, func(context.Context, string, secret.Password) (auth.OldUser, error) {
		if together.Add(1) > 1 {
			t.Error("two ask about one address at once")
		}
		defer together.Add(-1)
		asked.Add(1)
		time.Sleep(5 * time.Millisecond) // the others come meanwhile
		return auth.OldUser{}, auth.ErrUnknownThere
	})
	var all sync.WaitGroup
	for range 60 {
		all.Go(func() {
			if _, err := signIn(s, t.Context(), "ada@example.com", "a wrong password"); err == nil {
				t.Error("let in")
			}
		})
	}
	all.Wait()
	if n := asked.Load(); n == 0 || n > 20 {
		t.Errorf("asked %d times", n)
	}
}

// While the system before takes long to answer, so does every refusal: else it would tell who is here already.
func TestASlowSystemBeforeSlowsEveryRefusal(t *testing.T) {
	t.Parallel()
	_, s, _ := newBefore(t, func(o *auth.Options) { o.AnswerStep = time.Millisecond })
	auth.SetFallback(s, func(context.Context, string, secret.Password) (auth.OldUser, error) {
		time.Sleep(20 * time.Millisecond)
		return auth.OldUser{}, auth.ErrUnknownThere
	})
	var steps []time.Duration
	auth.OnHold(s, func(_ context.Context, _ time.Time, step time.Duration) { steps = append(steps, step) })
	if _, err := signIn(s, t.Context(), "eve@example.com", goodPassword); !errors.Is(err, auth.ErrBadCredentials) {
		t.Fatal(err)
	}
	if len(steps) != 1 || steps[0] < 50*time.Millisecond {
		t.Errorf("steps: %v", steps)
	}
}
