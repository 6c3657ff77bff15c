package auth_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

const goodPassword = secret.Password("correct horse battery")

var here = secret.Client{Addr: netip.MustParseAddr("192.0.2.7"), UserAgent: "test/1"}

func signUp(t *testing.T, s *auth.Store, email string) secret.Token {
	t.Helper()
	u := auth.NewUser{Email: email, Name: "Ada", Password: goodPassword}
	issued, err := s.SignUp(t.Context(), u, true, "", here)
	if err != nil {
		t.Fatalf("sign up: %v", err)
	}
	return issued.Session
}

func signIn(s *auth.Store, ctx context.Context, email string, p secret.Password) (secret.Token, error) {
	issued, err := s.SignIn(ctx, auth.Credentials{Email: email, Password: p, Remember: true, Client: here})
	return issued.Session, err
}

func exec(t *testing.T, db *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := db.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func count(t *testing.T, db *pgxpool.Pool, table string) (n int) {
	t.Helper()
	if err := db.QueryRow(t.Context(), "SELECT count(*) FROM gatepost."+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSignUpMakesUserAccountAndSession(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	token := signUp(t, s, "Ada@Example.COM")
	v, err := s.Lookup(t.Context(), token)
	if err != nil {
		t.Fatalf("look up: %v", err)
	}
	if v.User.Email != "ada@example.com" || v.User.Name != "Ada" || !v.User.HasAny([]string{"user"}) {
		t.Errorf("got user %+v", v.User)
	}
	for _, table := range []string{`"user"`, "account", "session"} {
		if n := count(t, db, table); n != 1 {
			t.Errorf("%s: got %d rows, want 1", table, n)
		}
	}
	d, err := s.Describe(t.Context(), token)
	if err != nil || d.IPAddress != "192.0.2.7" || d.UserAgent != "test/1" {
		t.Errorf("describe: got %+v, %v", d, err)
	}
	if idle := d.ExpiresAt.Sub(d.CreatedAt); idle != 168*time.Hour {
		t.Errorf("got expiry %v after sign-up, want 168h", idle)
	}
}

func TestSignInMakesANewSessionAndEndsTheOnePresented(t *testing.T) {
	t.Parallel()
	s, _ := authtest.NewStore(t)
	first := signUp(t, s, "ada@example.com")
	second, err := s.SignIn(t.Context(), auth.Credentials{Email: " ADA@example.com ", Password: goodPassword,
		Presented: first, Client: here})
	if err != nil {
		t.Fatal(err)
	}
	if second.Session == first {
		t.Error("the token did not change")
	}
	if _, err := s.Lookup(t.Context(), first); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("the session presented lives on: %v", err)
	}
}

func TestWrongPasswordUnknownAndDisabledAreTheSame(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	signUp(t, s, "ada@example.com")
	signUp(t, s, "off@example.com")
	exec(t, db, `UPDATE gatepost."user" SET disabled_at = now() WHERE email = 'off@example.com'`)
	for email, p := range map[string]secret.Password{
		"ada@example.com": "wrong password", "nobody@example.com": goodPassword, "off@example.com": goodPassword,
	} {
		if _, err := signIn(s, t.Context(), email, p); !errors.Is(err, auth.ErrBadCredentials) {
			t.Errorf("%s: got %v, want ErrBadCredentials", email, err)
		}
	}
}

// Each way a session can die, done as an operator would, must be seen by the next look-up.
func TestLookupRefusesDeadSessions(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"row deleted":      `DELETE FROM gatepost.session`,
		"expired":          `UPDATE gatepost.session SET expires_at = now()`,
		"idle":             `UPDATE gatepost.session SET last_used_at = now() - interval '169 hours'`,
		"older than limit": `UPDATE gatepost.session SET created_at = now() - interval '721 hours'`,
		"user disabled":    `UPDATE gatepost."user" SET disabled_at = now()`,
		"user deleted":     `DELETE FROM gatepost."user"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, db := authtest.NewStore(t)
			token := signUp(t, s, "ada@example.com")
			exec(t, db, sql)
			if _, err := s.Lookup(t.Context(), token); !errors.Is(err, session.ErrNoSession) {
				t.Errorf("got %v, want ErrNoSession", err)
			}
		})
	}
}

func TestUseMovesTheExpiryUpToTheLifetime(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ age, want string }{
		"used yesterday": {"UPDATE gatepost.session SET last_used_at = now() - interval '24 hours', expires_at = " +
			"now() + interval '144 hours', created_at = now() - interval '24 hours'", "168:00:00"},
		"near its lifetime": {"UPDATE gatepost.session SET last_used_at = now() - interval '24 hours', expires_at = " +
			"now() + interval '10 hours', created_at = now() - interval '710 hours'", "10:00:00"},
		"shortened by hand": {"UPDATE gatepost.session SET last_used_at = now() - interval '24 hours', expires_at = " +
			"now() + interval '1 hour', created_at = now() - interval '48 hours'", "01:00:00"},
		"used just now": {"UPDATE gatepost.session SET expires_at = now() + interval '167 hours'", "167:00:00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, db := authtest.NewStore(t)
			token := signUp(t, s, "ada@example.com")
			exec(t, db, c.age)
			if _, err := s.Lookup(t.Context(), token); err != nil {
				t.Fatal(err)
			}
			s.Close() // writes down what was gathered
			var ok bool
			err := db.QueryRow(t.Context(),
				`SELECT abs(extract(epoch FROM expires_at - now() - $1::interval)) < 60 FROM gatepost.session`,
				c.want).Scan(&ok)
			if err != nil || !ok {
				t.Errorf("the session does not end in about %s (%v)", c.want, err)
			}
		})
	}
}

func TestWithoutRememberTheSessionEndsAfterADayUnused(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	signUp(t, s, "ada@example.com")
	issued, err := s.SignIn(t.Context(), auth.Credentials{Email: "ada@example.com",
		Password: goodPassword, Client: here})
	if err != nil {
		t.Fatal(err)
	}
	exec(t, db, `
		UPDATE gatepost.session SET last_used_at = now() - interval '25 hours', expires_at = now() + interval '1 hour'
		WHERE idle_seconds = 86400`)
	if _, err := s.Lookup(t.Context(), issued.Session); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("got %v, want ErrNoSession", err)
	}
}

func TestALoweredSettingCountsForOldSessions(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	token := signUp(t, s, "ada@example.com")
	exec(t, db, `UPDATE gatepost.session SET last_used_at = now() - interval '2 hours'`)
	strict := auth.New(db, auth.Options{SessionIdle: time.Hour})
	defer strict.Close()
	if _, err := strict.Lookup(t.Context(), token); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("got %v, want ErrNoSession", err)
	}
}

// Whoever goes on using a session stays signed in under a lowered limit.
func TestUnderALoweredSettingSessionsInUseGoOn(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	token := signUp(t, s, "ada@example.com")
	for range 3 {
		exec(t, db, `
			UPDATE gatepost.session SET last_used_at = last_used_at - interval '40 minutes',
				expires_at = expires_at - interval '40 minutes'`)
		strict := auth.New(db, auth.Options{SessionIdle: time.Hour})
		_, err := strict.Lookup(t.Context(), token)
		strict.Close() // writes down what was gathered
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestSignOutEndsTheSessionAtOnce(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	token := signUp(t, s, "ada@example.com")
	other, err := signIn(s, t.Context(), "ada@example.com", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SignOut(t.Context(), token, here); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lookup(t.Context(), token); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("signed out: got %v", err)
	}
	if _, err := s.Lookup(t.Context(), other); err != nil {
		t.Errorf("the other session: got %v", err)
	}
	if n := count(t, db, "session"); n != 1 {
		t.Errorf("got %d sessions left, want 1", n)
	}
}

func TestANewPasswordEndsEverySession(t *testing.T) {
	t.Parallel()
	s, _ := authtest.NewStore(t)
	token := signUp(t, s, "ada@example.com")
	before, err := s.Lookup(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	const changed secret.Password = "another quiet river"
	if err := s.SetPassword(t.Context(), before.User.ID, changed); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lookup(t.Context(), token); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("the old session: got %v, want ErrNoSession", err)
	}
	if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("the old password: got %v, want ErrBadCredentials", err)
	}
	if _, err := signIn(s, t.Context(), "ada@example.com", changed); err != nil {
		t.Errorf("the new password: %v", err)
	}
}

// withExpired has one session that is valid and some, from old1 on, that are not.
func withExpired(t *testing.T, n int) (*auth.Store, *pgxpool.Pool) {
	t.Helper()
	s, db := authtest.NewStore(t)
	signUp(t, s, "ada@example.com")
	exec(t, db, `
		INSERT INTO gatepost.session (id, token, user_id, idle_seconds, expires_at)
		SELECT 'old' || n, 'old' || n, u.id, 60, now() - interval '1 second'
		FROM generate_series(1, $1::int) n, gatepost."user" u`, n)
	return s, db
}

func TestSweepDeletesOnlyWhatHasExpired(t *testing.T) {
	t.Parallel()
	s, db := withExpired(t, 2500)
	n, err := s.Sweep(t.Context())
	if err != nil || n != 2500 {
		t.Errorf("got %d rows swept, %v; want 2500", n, err)
	}
	if n := count(t, db, "session"); n != 1 {
		t.Errorf("got %d sessions left, want 1", n)
	}
}

// What somebody else has locked is left for the next time, and nobody waits for it.
func TestSweepWaitsForNobody(t *testing.T) {
	t.Parallel()
	s, db := withExpired(t, 3)
	err := pgx.BeginFunc(t.Context(), db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `SELECT FROM gatepost.session WHERE id = 'old2' FOR UPDATE`); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if n, err := s.Sweep(ctx); err != nil || n != 2 {
			t.Errorf("got %d rows swept, %v; want the 2 that nobody holds", n, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if n, err := s.Sweep(t.Context()); err != nil || n != 1 {
		t.Errorf("then got %d rows swept, %v; want 1", n, err)
	}
}

// The partitions that docs/scaling.md advises are swept as one table is.
func TestSweepOfPartitionsDeletesOnlyWhatHasExpired(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	signUp(t, s, "ada@example.com")
	exec(t, db, `
		ALTER TABLE gatepost.session RENAME TO session_before;
		CREATE TABLE gatepost.session
			(LIKE gatepost.session_before INCLUDING DEFAULTS, PRIMARY KEY (id, token), UNIQUE (token))
			PARTITION BY HASH (token);
		CREATE TABLE gatepost.session_0 PARTITION OF gatepost.session FOR VALUES WITH (MODULUS 2, REMAINDER 0);
		CREATE TABLE gatepost.session_1 PARTITION OF gatepost.session FOR VALUES WITH (MODULUS 2, REMAINDER 1);
		INSERT INTO gatepost.session (id, token, user_id, idle_seconds, expires_at)
		SELECT n, n, u.id, 60, now() + interval '1 hour' * (n % 2 - 0.5)
		FROM generate_series(1, 200) n, gatepost."user" u`)
	if n, err := s.Sweep(t.Context()); err != nil || n != 100 {
		t.Errorf("got %d rows swept, %v; want 100", n, err)
	}
	var valid int
	err := db.QueryRow(t.Context(), `SELECT count(*) FROM gatepost.session WHERE expires_at > now()`).Scan(&valid)
	if err != nil || valid != 100 {
		t.Errorf("got %d valid sessions left, %v; want 100", valid, err)
	}
}

// An operator may write that a session has no end. It has the one that all have.
func TestASessionWithoutAnEndEndsWithTheLifetime(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	token := signUp(t, s, "ada@example.com")
	for _, sql := range []string{`expires_at = 'infinity'`, `created_at = 'infinity'`, `last_used_at = 'infinity'`} {
		exec(t, db, `UPDATE gatepost.session SET `+sql)
		v, err := s.Lookup(t.Context(), token)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		if left := time.Until(v.ExpiresAt); left > 721*time.Hour {
			t.Errorf("%s: it ends in %v", sql, left)
		}
	}
	exec(t, db, `UPDATE gatepost.session SET expires_at = '-infinity'`)
	if _, err := s.Lookup(t.Context(), token); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("got %v, want ErrNoSession", err)
	}
}

// A value that Go cannot hold, here as somebody has changed our tables, says nothing about the connection: nobody else
// is refused for it.
func TestAValueThatCannotBeReadIsNoOutage(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	ada, bob := signUp(t, s, "ada@example.com"), signUp(t, s, "bob@example.com")
	exec(t, db, `ALTER TABLE gatepost."user" ALTER name DROP NOT NULL`)
	exec(t, db, `UPDATE gatepost."user" SET name = NULL WHERE email = 'ada@example.com'`)
	for range 10 {
		if _, err := s.Describe(t.Context(), ada); !errors.As(err, new(*database.RefusedError)) ||
			errors.Is(err, database.ErrUnavailable) {
			t.Errorf("ada: got %v, want a RefusedError", err)
		}
		if _, err := s.Describe(t.Context(), bob); err != nil {
			t.Errorf("bob: %v", err)
		}
	}
	if n := db.Stat().NewConnsCount(); n > 5 {
		t.Errorf("%d connections were opened", n)
	}
}

// A row that somebody holds is waited for less long than a page may take: whoever waits has a connection that others
// want.
func TestARowThatIsHeldIsNotWaitedForLong(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	token := signUp(t, s, "ada@example.com")
	locked(t, db, `SELECT FROM gatepost."user" FOR UPDATE`)
	for name, do := range map[string]func() error{
		"rename": func() error { return s.Rename(t.Context(), token, "Lovelace", here) },
		"end others": func() error {
			_, err := s.EndOtherSessions(t.Context(), token, here)
			return err
		},
		"a wrong password": func() error { // which is counted in a turn to hash
			_, err := signIn(s, t.Context(), "ada@example.com", "wrong password")
			return err
		},
	} {
		var said *pgconn.PgError
		if err := do(); !errors.Is(err, database.ErrUnavailable) || !errors.As(err, &said) || said.Code != "55P03" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever goes wrong with what else a sign-out does, the session is over.
func TestASignOutEndsTheSessionFirst(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	token := signUp(t, s, "ada@example.com")
	exec(t, db, `ALTER TABLE gatepost.signup_browser RENAME TO gone`)
	c := here
	c.Browser = token
	if err := s.SignOut(t.Context(), token, c); err == nil {
		t.Error("nothing went wrong")
	}
	if _, err := s.Lookup(t.Context(), token); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("got %v", err)
	}
}

// A user from before addresses had to be there has none: nobody is signed in as them, as the app would be told of
// nobody.
func TestAUserWithoutAnAddressIsSignedOut(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	token := signUp(t, s, "ada@example.com")
	exec(t, db, `ALTER TABLE gatepost."user" DROP CONSTRAINT user_email_present`)
	exec(t, db, `UPDATE gatepost."user" SET email = ''`)
	if _, err := s.Lookup(t.Context(), token); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("got %v", err)
	}
}
