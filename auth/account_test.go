package auth_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/share"
)

const chosen secret.Password = "another quiet river"

// proofs are what takes the password once more.
var proofs = map[string]func(*auth.Store, context.Context, secret.Token, secret.Password) (auth.Issued, error){
	"confirm": func(s *auth.Store, ctx context.Context, token secret.Token, p secret.Password) (auth.Issued, error) {
		return s.Confirm(ctx, token, p, here)
	},
	"change-password": func(s *auth.Store, ctx context.Context, token secret.Token,
		p secret.Password) (auth.Issued, error) {
		return s.ChangePassword(ctx, token, p, chosen, here)
	},
	"delete-account": func(s *auth.Store, ctx context.Context, token secret.Token,
		p secret.Password) (auth.Issued, error) {
		return auth.Issued{}, s.DeleteAccount(ctx, token, p, here)
	},
}

// alive says whether a token is a session's.
func alive(t *testing.T, s *auth.Store, token secret.Token) bool {
	t.Helper()
	_, err := s.Lookup(t.Context(), token)
	if err != nil && !errors.Is(err, session.ErrNoSession) {
		t.Fatal(err)
	}
	return err == nil
}

// content is what a deed may write, so that before and after can be compared: all but the counts of failures.
func content(t *testing.T, db *pgxpool.Pool) (all string) {
	t.Helper()
	err := db.QueryRow(t.Context(), `SELECT concat_ws(E'\n',
		(SELECT string_agg(u::text, E'\n' ORDER BY u::text) FROM gatepost."user" u),
		(SELECT string_agg(concat(id, password), E'\n' ORDER BY id) FROM gatepost.account),
		(SELECT string_agg(s::text, E'\n' ORDER BY s::text) FROM gatepost.session s),
		(SELECT string_agg(concat(user_id, place), E'\n' ORDER BY user_id, place) FROM gatepost.familiar))`).Scan(&all)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWhatIssuesASessionSaysWhetherItIsRemembered(t *testing.T) {
	t.Parallel()
	s, _ := authtest.NewStore(t)
	for _, remember := range []bool{true, false} {
		email := map[bool]string{true: "ada@example.com", false: "bob@example.com"}[remember]
		issued, err := s.SignUp(t.Context(), auth.NewUser{Email: email, Password: goodPassword}, remember, "", here)
		if err != nil || issued.Remember != remember {
			t.Fatalf("signed up: remembered %v (%v), want %v", issued.Remember, err, remember)
		}
		issued, err = s.SignIn(t.Context(), auth.Credentials{Email: email, Password: goodPassword,
			Remember: remember, Client: here})
		if err != nil || issued.Remember != remember {
			t.Fatalf("signed in: remembered %v (%v), want %v", issued.Remember, err, remember)
		}
		if issued, err = s.Confirm(t.Context(), issued.Session, goodPassword, here); err != nil ||
			issued.Remember != remember {
			t.Fatalf("confirmed: remembered %v (%v), want %v", issued.Remember, err, remember)
		}
		d, err := s.Describe(t.Context(), issued.Session)
		if rests := d.ExpiresAt.Sub(d.CreatedAt); err != nil || (rests > 24*time.Hour) != remember {
			t.Errorf("confirmed: the session may rest for %v (%v)", rests, err)
		}
		if issued, err = s.ChangePassword(t.Context(), issued.Session, goodPassword, chosen, here); err != nil ||
			issued.Remember != remember {
			t.Errorf("a new password: remembered %v (%v), want %v", issued.Remember, err, remember)
		}
	}
}

func TestConfirmGivesTheSessionANewToken(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	browser := ada(t, s)
	old := sessionsOf(t, db, "ada@example.com", 2)
	was, err := s.Lookup(t.Context(), old[0])
	if err != nil {
		t.Fatal(err)
	}
	client := here
	client.Browser = browser
	issued, err := s.Confirm(t.Context(), old[0], goodPassword, client)
	if err != nil {
		t.Fatal(err)
	}
	now, err := s.Lookup(t.Context(), issued.Session)
	if err != nil || now.ID != was.ID || issued.SessionID != was.ID || issued.Session == old[0] {
		t.Errorf("got session %q (%v) with a new token %v, want %q", now.ID, err, issued.Session != old[0], was.ID)
	}
	if !alive(t, s, old[0]) || !alive(t, s, old[1]) {
		t.Error("want another session to live, and the token presented for a minute")
	}
	exec(t, db, `UPDATE gatepost.session SET last_until = now()`)
	if alive(t, s, old[0]) || !alive(t, s, issued.Session) {
		t.Error("want the token presented to end, and the new one to live")
	}
	if issued.Browser == browser || issued.Browser == "" {
		t.Error("the browser's token is not new")
	}
	if n := count(t, db, "session"); n != 3 {
		t.Errorf("got %d sessions, want 3 as before", n)
	}
}

func TestAProofReadsThePasswordStrictly(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	token := signUp(t, s, "ada@example.com")
	defer auth.FillHashQueue(s)() // whoever would hash is told that it is busy
	before := content(t, db)
	for event, prove := range proofs {
		field := "password"
		if event == "change-password" {
			field = "current"
		}
		for p, want := range map[secret.Password]auth.FieldError{
			"":                                 {Field: field, Problem: auth.Missing},
			"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8": {Field: field, Problem: auth.Malformed},
			secret.Password(strings.Repeat("x", 5e3)): {Field: field, Problem: auth.TooLong, Limit: 256},
		} {
			var input auth.InputError
			if _, err := prove(s, t.Context(), token, p); !errors.As(err, &input) ||
				len(input) != 1 || input[0] != want {
				t.Errorf("%s: got %v, want %v", event, err, want)
			}
		}
	}
	for p, want := range map[secret.Password]auth.InputError{
		"": {{Field: "current", Problem: auth.Missing}, {Field: "password", Problem: auth.Missing}},
		"short": {{Field: "current", Problem: auth.Missing},
			{Field: "password", Problem: auth.TooShort, Limit: 8}},
		"Ada@example.com": {{Field: "current", Problem: auth.Missing}, {Field: "password", Problem: auth.TooPersonal}},
	} {
		var input auth.InputError
		if _, err := s.ChangePassword(t.Context(), token, "", p, here); !errors.As(err, &input) ||
			!slices.Equal(input, want) {
			t.Errorf("chosen: got %v, want %v", err, want)
		}
	}
	if content(t, db) != before {
		t.Error("something was written")
	}
}

func TestANewPasswordEndsEverySessionAndStartsANewOne(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	browser := ada(t, s)
	failUntilThrottled(t, s, attacker, "")
	bob := signUp(t, s, "bob@example.com")
	tokens := sessionsOf(t, db, "ada@example.com", 2)
	client := here
	client.Browser = browser
	issued, err := s.ChangePassword(t.Context(), tokens[0], goodPassword, chosen, client)
	if err != nil {
		t.Fatal(err)
	}
	if alive(t, s, tokens[0]) || alive(t, s, tokens[1]) || !alive(t, s, issued.Session) || !alive(t, s, bob) {
		t.Error("want every old session of the user to end, and nobody else's")
	}
	var sessions, failures, throttled, places int
	err = db.QueryRow(t.Context(), `
		SELECT (SELECT count(*) FROM gatepost.session WHERE user_id = u.id),
		       (SELECT failed_attempts FROM gatepost.account WHERE user_id = u.id),
		       (SELECT count(*) FROM gatepost.throttle WHERE user_id = u.id),
		       (SELECT count(*) FROM gatepost.familiar WHERE user_id = u.id)
		FROM gatepost."user" u WHERE email = 'ada@example.com'`).Scan(&sessions, &failures, &throttled, &places)
	if err != nil || sessions != 1 || failures != 0 || throttled != 0 || places != 2 {
		t.Errorf("got %d sessions, %d failures, %d rows of the throttle, %d places (%v), want 1, 0, 0 and 2", sessions,
			failures, throttled, places, err)
	}
	if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("the old password: got %v, want ErrBadCredentials", err)
	}
	exec(t, db, `UPDATE gatepost.account SET failed_attempts = 100`)
	if _, err := from(s, cafe, issued.Browser, "ada@example.com", chosen); err != nil {
		t.Errorf("the new password in the browser it was chosen in: %v", err)
	}
}

func TestAPlaceFromBeforeANewPasswordIsForgotten(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	browser := ada(t, s) // a thief may have been there
	token := sessionsOf(t, db, "ada@example.com", 1)[0]
	_, err := s.ChangePassword(t.Context(), token, goodPassword, chosen, secret.Client{Addr: here.Addr})
	if err != nil {
		t.Fatal(err)
	}
	exec(t, db, `UPDATE gatepost.account SET failed_attempts = 100`)
	if _, err := from(s, cafe, browser, "ada@example.com", chosen); !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("the browser is still known: %v", err)
	}
}

// That the two are the same must tell nothing to whoever does not know the password.
func TestTheSamePasswordIsNoNewOne(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	const composed, decomposed secret.Password = "caf\u00e9 au lait, s'il vous pla\u00eet",
		"cafe\u0301 au lait, s'il vous plai\u0302t"
	issued, err := s.SignUp(t.Context(), auth.NewUser{Email: "ada@example.com", Password: composed}, true, "", here)
	if err != nil {
		t.Fatal(err)
	}
	before := content(t, db)
	for _, same := range []secret.Password{composed, decomposed} {
		var input auth.InputError
		_, err := s.ChangePassword(t.Context(), issued.Session, composed, same, here)
		if !errors.As(err, &input) ||
			!slices.Equal(input, auth.InputError{{Field: "password", Problem: auth.Unchanged}}) {
			t.Errorf("got %v, want unchanged", err)
		}
	}
	if content(t, db) != before {
		t.Error("something was written")
	}
	_, err = s.ChangePassword(t.Context(), issued.Session, wrong, wrong, here)
	if !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("a wrong one twice: got %v, want ErrBadCredentials", err)
	}
}

// Whoever has a stolen cookie guesses no more than whoever has none.
func TestAWrongPasswordForAProofIsAFailedSignIn(t *testing.T) {
	t.Parallel()
	for event, prove := range proofs {
		t.Run(event, func(t *testing.T) {
			t.Parallel()
			s, db := authtest.NewStore(t)
			token := signUp(t, s, "ada@example.com")
			for i := range 5 {
				if _, err := prove(s, t.Context(), token, wrong); !errors.Is(err, auth.ErrBadCredentials) {
					t.Fatalf("attempt %d: got %v, want ErrBadCredentials", i+1, err)
				}
			}
			if _, err := prove(s, t.Context(), token, goodPassword); !isThrottled(err) {
				t.Errorf("after five failures: got %v, want to wait", err)
			}
			if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); !isThrottled(err) {
				t.Errorf("a sign-in from there: got %v, want to wait", err)
			}
			var failures int
			err := db.QueryRow(t.Context(), `SELECT failed_attempts FROM gatepost.account`).Scan(&failures)
			if err != nil || failures != 5 {
				t.Errorf("%d failures are counted, want 5 (%v)", failures, err)
			}
			exec(t, db, `UPDATE gatepost.throttle SET blocked_until = now()`)
			if _, err := prove(s, t.Context(), token, goodPassword); err != nil {
				t.Errorf("after the wait: %v", err)
			}
		})
	}
}

func TestOfTwoNewPasswordsAtOnceOneIsTaken(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	signUp(t, s, "ada@example.com")
	results := make(chan error, 2)
	tokens := sessionsOf(t, db, "ada@example.com", 2)
	release := auth.HoldHashQueue(s)
	for i, p := range []secret.Password{"a first new password", "a second new password"} {
		go func() {
			_, err := s.ChangePassword(context.Background(), tokens[i], goodPassword, p, here)
			results <- err
		}()
	}
	release()
	changed := 0
	for range 2 {
		switch err := <-results; {
		case err == nil:
			changed++
		case errors.Is(err, share.ErrBusy),
			errors.Is(err, share.ErrCrowded): // a slow machine: the first took longer than the second may wait
		case !errors.Is(err, auth.ErrBadCredentials) && !errors.Is(err, session.ErrNoSession):
			t.Errorf("got %v", err)
		}
	}
	if n := count(t, db, "session"); changed != 1 || n != 1 {
		t.Errorf("%d succeeded and %d sessions are left, want 1 and 1", changed, n)
	}
}

// What changed while the password was hashed must count, and leave no trace of the attempt.
func TestARevocationDuringAProofComesInTime(t *testing.T) {
	t.Parallel()
	for event, prove := range proofs {
		for name, c := range map[string]struct {
			sql  string
			want error
		}{
			"revoked": {`DELETE FROM gatepost.session WHERE created_at < now() - interval '1 hour'`,
				session.ErrNoSession},
			"expired": {`UPDATE gatepost.session SET expires_at = now() WHERE created_at < now() - interval '1 hour'`,
				session.ErrNoSession},
			"disabled": {`UPDATE gatepost."user" SET disabled_at = now()`, auth.ErrBadCredentials},
		} {
			t.Run(event+" "+name, func(t *testing.T) {
				t.Parallel()
				registry := prometheus.NewRegistry()
				s, db := authtest.NewStore(t, func(o *auth.Options) { o.Metrics = registry })
				token := signUp(t, s, "ada@example.com")
				exec(t, db, `UPDATE gatepost.session SET created_at = now() - interval '2 hours'`)
				sessionsOf(t, db, "ada@example.com", 1)
				release := auth.HoldHashQueue(s)
				done := begin(func() error {
					_, err := prove(s, context.Background(), token, goodPassword)
					return err
				})
				eventually(t, "it waits for its turn",
					func() bool { return gauge(t, registry, "gatepost_hashes_waiting") == 1 })
				exec(t, db, c.sql)
				before := content(t, db)
				release()
				if err := <-done; !errors.Is(err, c.want) || errors.Is(err, database.ErrUnavailable) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if content(t, db) != before {
					t.Error("something was written")
				}
			})
		}
	}
}

func gauge(t *testing.T, r *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no %s", name)
	return 0
}

// overtaken has something begin while a transaction that has run some SQL is open, and commits that when it is waited
// for.
func overtaken(t *testing.T, db *pgxpool.Pool, sql string, do func() error) error {
	t.Helper()
	tx, err := db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background()) // of no effect once it is committed
	if _, err := tx.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
	done := begin(do)
	eventually(t, "it waits for a row", func() (yes bool) {
		err := db.QueryRow(t.Context(), `
			SELECT EXISTS (SELECT FROM pg_stat_activity
				WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&yes)
		return err == nil && yes
	})
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	return <-done
}

func begin(do func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	return done
}

// What is being written when the proof wants to write is waited for, and counts.
func TestARevocationUnderWayIsWaitedFor(t *testing.T) {
	t.Parallel()
	for event, prove := range proofs {
		for name, c := range map[string]struct {
			sql      string
			want     error
			sessions int // left
		}{
			"revoked":        {`DELETE FROM gatepost.session`, session.ErrNoSession, 0},
			"a new password": {`UPDATE gatepost.account SET password = 'new'`, auth.ErrBadCredentials, 1},
			"disabled":       {`UPDATE gatepost."user" SET disabled_at = now()`, auth.ErrBadCredentials, 0},
		} {
			t.Run(event+" "+name, func(t *testing.T) {
				t.Parallel()
				s, db := authtest.NewStore(t)
				token := signUp(t, s, "ada@example.com")
				err := overtaken(t, db, c.sql, func() error {
					_, err := prove(s, context.Background(), token, goodPassword)
					return err
				})
				if !errors.Is(err, c.want) || errors.Is(err, database.ErrUnavailable) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if n := count(t, db, "session"); n != c.sessions || count(t, db, `"user"`) != 1 {
					t.Errorf("%d sessions are left, want %d and the user", n, c.sessions)
				}
			})
		}
	}
}

// Nothing of a deleted user is left, in whatever table.
func TestADeletedAccountLeavesNothing(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	token, bob := signUp(t, s, "ada@example.com"), signUp(t, s, "bob@example.com")
	v, err := s.Lookup(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = from(s, attacker, "", "ada@example.com", wrong)
	if n := mentions(t, db, v.User.ID); n < 5 { // user, account, session, familiar, throttle
		t.Fatalf("only %d rows are about Ada to begin with", n)
	}
	if err := s.DeleteAccount(t.Context(), token, goodPassword, here); err != nil {
		t.Fatal(err)
	}
	if n := mentions(t, db, v.User.ID) + mentions(t, db, "ada@example.com"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	if alive(t, s, token) || !alive(t, s, bob) {
		t.Error("want Ada's session to end, and nobody else's")
	}
	if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("a sign-in: got %v, want ErrBadCredentials", err)
	}
	signUp(t, s, "ada@example.com")
}

// mentions counts the rows in which a text stands.
func mentions(t *testing.T, db *pgxpool.Pool, text string) (n int) {
	t.Helper()
	tables := column(t, db, `SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'gatepost'`)
	if len(tables) < 6 {
		t.Fatalf("the tables are only %q", tables)
	}
	for _, table := range tables {
		n += count(t, db, table+` t WHERE strpos(t::text, '`+text+`') > 0`)
	}
	return n
}

func column(t *testing.T, db *pgxpool.Pool, sql string) []string {
	t.Helper()
	var list []string
	err := db.QueryRow(t.Context(), `SELECT coalesce(array_agg(x::text), '{}') FROM (`+sql+`) q (x)`).Scan(&list)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// A link without an address, as SQL can write one, keeps nobody from deleting their account.
func TestAnAccountWithALinkToNowhereIsDeleted(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, func(o *auth.Options) {
		o.Verify, o.Send = auth.VerifyOptional, func(context.Context, mail.Mail) error { return nil }
	})
	token := signUp(t, s, "ada@example.com")
	exec(t, db, `INSERT INTO gatepost.verification (id, identifier, value, user_id, expires_at)
		SELECT 'x', 'undo-change-email:x', 'x', id, now() + interval '1 hour' FROM gatepost."user"`)
	if err := s.DeleteAccount(t.Context(), token, goodPassword, here); err != nil {
		t.Error(err)
	}
}
