package auth_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/secret"
)

// token is one that nobody has.
func token(i int) secret.Token { return secret.Token(fmt.Sprintf("%043d", i)) }

// refusals are ways to be refused, by what is kept of it; i is how often it was tried before.
var refusals = map[string]func(s *auth.Store, ctx context.Context, i int) error{
	"sign-in=bad_input": func(s *auth.Store, ctx context.Context, i int) error {
		_, err := signIn(s, ctx, fmt.Sprintf("no address %d", i), wrong)
		return err
	},
	"sign-up=bad_input": func(s *auth.Store, ctx context.Context, i int) error {
		_, err := s.SignUp(ctx, auth.NewUser{Email: fmt.Sprintf("no address %d", i)}, true, "", here)
		return err
	},
	"rename=no_session": func(s *auth.Store, ctx context.Context, i int) error {
		return s.Rename(ctx, token(i), "Eve", here)
	},
	"end-session=no_session": func(s *auth.Store, ctx context.Context, i int) error {
		return s.EndSession(ctx, token(i), "x", here)
	},
	"confirm=no_session": func(s *auth.Store, ctx context.Context, i int) error {
		_, err := s.Confirm(ctx, token(i), wrong, here)
		return err
	},
	"delete-account=no_session": func(s *auth.Store, ctx context.Context, i int) error {
		return s.DeleteAccount(ctx, token(i), wrong, here)
	},
	"end-other-sessions=no_session": func(s *auth.Store, ctx context.Context, i int) error {
		_, err := s.EndOtherSessions(ctx, token(i), here)
		return err
	},
	"reset-password=bad_link": func(s *auth.Store, ctx context.Context, i int) error {
		_, err := s.ResetPassword(ctx, token(i), goodPassword, here)
		return err
	},
}

// A gate that ends while it writes the row of a refusal writes it once, also when it is too late to break the writing
// off: the trigger goes on then.
func TestAnEndInTheMiddleOfARowWritesItOnce(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, audited)
	if _, err := db.Exec(t.Context(), `
		CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$
			BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL;
			EXCEPTION WHEN query_canceled THEN RETURN NULL; END $$;
		CREATE TRIGGER late AFTER INSERT ON gatepost.audit_event EXECUTE FUNCTION late()`); err != nil {
		t.Fatal(err)
	}
	lock, err := db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Exec(t.Context(), `SELECT pg_advisory_xact_lock(1)`); err != nil {
		t.Fatal(err)
	}
	if err := refusals["sign-in=bad_input"](s, t.Context(), 0); err == nil {
		t.Fatal("it was not refused")
	}
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() { s.Run(ctx) })
	writing := func() (n int) {
		if err := db.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
			AND pid <> pg_backend_pid() AND state = 'active'
			AND query LIKE '%INSERT INTO gatepost.audit_event%'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	eventually(t, "the row waits for the lock", func() bool { return writing() == 1 })
	stop()
	time.AfterFunc(100*time.Millisecond, func() { _ = lock.Rollback(context.Background()) }) // it ends with the database
	work.Wait()
	s.Close()
	eventually(t, "nobody writes any more", func() bool { return writing() == 0 })
	if n := count(t, db, "audit_event"); n != 1 {
		t.Errorf("there are %d rows", n)
	}
}

// Each way to be refused, over and over: a row and two lines, whatever is typed.
func TestRefusalsOverAndOverAreOneRowWithACount(t *testing.T) {
	t.Parallel()
	const times = 60
	for name, refuse := range refusals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log lockedBuffer
			s, db := authtest.NewStore(t, audited,
				func(o *auth.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
			try := func(i int) {
				if err := refuse(s, t.Context(), i); err == nil {
					t.Fatal("it was not refused")
				}
			}
			for i := range times / 2 {
				try(i)
			}
			ctx, stop := context.WithCancel(t.Context())
			var work sync.WaitGroup
			work.Go(func() { s.Run(ctx) })
			eventually(t, "the row is there before all of it happened",
				func() bool { return count(t, db, "audit_event") == 1 })
			for i := range times / 2 {
				try(times/2 + i)
			}
			stop()
			work.Wait()
			s.Close()
			var kept string
			err := db.QueryRow(t.Context(), `
				SELECT string_agg(event || '=' || result || '×' || count, ' ') FROM gatepost.audit_event`).Scan(&kept)
			if want := fmt.Sprintf("%s×%d", name, times); err != nil || kept != want {
				t.Errorf("the table has %s, want %s, %v", kept, want, err)
			}
			var lines []string
			for line := range strings.Lines(log.String()) {
				if strings.Contains(line, "msg=audit") {
					lines = append(lines, line)
				}
			}
			if len(lines) != 2 || strings.Contains(lines[0], "repeats") ||
				!strings.Contains(lines[1], fmt.Sprintf("repeats=%d", times-1)) {
				t.Errorf("the log has %q", lines)
			}
		})
	}
}
