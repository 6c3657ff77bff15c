package auth_test

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/secret"
)

// loud is a store that keeps events, with what it logs of them.
func loud(t *testing.T) (*auth.Store, *pgxpool.Pool, func() []string) {
	t.Helper()
	var mu sync.Mutex
	var log strings.Builder
	to := writer(func(b []byte) { mu.Lock(); defer mu.Unlock(); log.Write(b) })
	s, db := authtest.NewStore(t, audited, func(o *auth.Options) { o.Log = slog.New(slog.NewTextHandler(to, nil)) })
	return s, db, func() (lines []string) {
		mu.Lock()
		defer mu.Unlock()
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, "msg=audit") {
				lines = append(lines, line)
			}
		}
		return lines
	}
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) { w(b); return len(b), nil }

// rowsOf are the rows as event=result×count, in order.
func rowsOf(t *testing.T, db *pgxpool.Pool) (list string) {
	t.Helper()
	err := db.QueryRow(t.Context(), `
		SELECT coalesce(string_agg(event || '=' || result || '×' || count, ' ' ORDER BY event, result, count, id), '')
		FROM gatepost.audit_event`).Scan(&list)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Each way to be refused, over and over: a row and two lines, whatever is typed.
func TestRefusalsOverAndOverAreOneRowWithACount(t *testing.T) {
	t.Parallel()
	const times = 60
	for name, refuse := range map[string]func(s *auth.Store, t *testing.T, i int) error{
		"sign-in=bad_input": func(s *auth.Store, t *testing.T, i int) error {
			_, err := signIn(s, t.Context(), fmt.Sprintf("no address %d", i), wrong)
			return err
		},
		"sign-up=bad_input": func(s *auth.Store, t *testing.T, i int) error {
			_, err := s.SignUp(t.Context(), auth.NewUser{Email: fmt.Sprintf("no address %d", i)}, true, "", here)
			return err
		},
		"rename=no_session": func(s *auth.Store, t *testing.T, i int) error {
			return s.Rename(t.Context(), token(i), "Eve", here)
		},
		"end-session=no_session": func(s *auth.Store, t *testing.T, i int) error {
			return s.EndSession(t.Context(), token(i), "x", here)
		},
		"confirm=no_session": func(s *auth.Store, t *testing.T, i int) error {
			_, err := s.Confirm(t.Context(), token(i), wrong, here)
			return err
		},
		"delete-account=no_session": func(s *auth.Store, t *testing.T, i int) error {
			return s.DeleteAccount(t.Context(), token(i), wrong, here)
		},
		"end-other-sessions=no_session": func(s *auth.Store, t *testing.T, i int) error {
			_, err := s.EndOtherSessions(t.Context(), token(i), here)
			return err
		},
		"reset-password=bad_link": func(s *auth.Store, t *testing.T, i int) error {
			_, err := s.ResetPassword(t.Context(), token(i), goodPassword, here)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, db, lines := loud(t)
			for i := range times {
				if err := refuse(s, t, i); err == nil {
					t.Fatal("it was not refused")
				}
				if i == times/2 {
					auth.FlushAudit(s, t.Context()) // the row is there before all of it happened
				}
			}
			s.Close()
			if got, want := rowsOf(t, db), fmt.Sprintf("%s×%d", name, times); got != want {
				t.Errorf("the table has %s, want %s", got, want)
			}
			if got := lines(); len(got) != 2 || strings.Contains(got[0], "repeats") ||
				!strings.Contains(got[1], fmt.Sprintf("repeats=%d", times-1)) {
				t.Errorf("the log has %q", got)
			}
		})
	}
}

// token is one that nobody has.
func token(i int) secret.Token { return secret.Token(fmt.Sprintf("%043d", i)) }

func TestRefusalsAreToldApartByKindNetworkAndUser(t *testing.T) {
	t.Parallel()
	s, db, _ := loud(t)
	ada := signUp(t, s, "ada@example.com")
	for i := range 3 {
		there := secret.Client{Addr: netip.MustParseAddr(fmt.Sprintf("2001:db8::%d", i+1))} // one network
		_ = s.EndSession(t.Context(), token(i), "x", here)
		_ = s.EndSession(t.Context(), token(i), "x", there)
		_ = s.Rename(t.Context(), token(i), "Eve", here)
		_ = s.Rename(t.Context(), ada, strings.Repeat("x", 101), here)
	}
	s.Close()
	want := "end-session=no_session×3 end-session=no_session×3 rename=bad_input×3 rename=no_session×3 sign-up=ok×1"
	if got := rowsOf(t, db); got != want {
		t.Errorf("the table has %s, want %s", got, want)
	}
}

func TestRefusalsFromManyNetworksAreAThousandRowsAndOne(t *testing.T) {
	t.Parallel()
	s, db, lines := loud(t)
	for round := range 2 {
		for i := range 1500 {
			there := secret.Client{Addr: netip.MustParseAddr(fmt.Sprintf("198.51.%d.%d", i/256, i%256))}
			_ = s.Rename(t.Context(), token(round), "Eve", there)
		}
	}
	s.Close()
	var rows, sum, rest int
	err := db.QueryRow(t.Context(), `
		SELECT count(*), sum(count), max(count) FILTER (WHERE event = 'others')
		FROM gatepost.audit_event`).Scan(&rows, &sum, &rest)
	if err != nil || rows != 1001 || sum != 3000 || rest != 1000 {
		t.Errorf("%d rows of %d refusals, others %d, %v", rows, sum, rest, err)
	}
	if n := len(lines()); n != 2002 {
		t.Errorf("%d lines", n)
	}
}

// Nobody fills the table by what may be done without end either.
func TestWhatAUserDoesOverAndOverIsCounted(t *testing.T) {
	t.Parallel()
	s, db, lines := loud(t)
	ada := signUp(t, s, "ada@example.com")
	for i := range 50 {
		there := secret.Client{Addr: netip.MustParseAddr(fmt.Sprintf("198.51.100.%d", i))}
		if err := s.Rename(t.Context(), ada, "Ada", there); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	want := strings.Repeat("rename=ok×1 ", 9) + "rename=ok×41 sign-up=ok×1"
	if got := rowsOf(t, db); got != want {
		t.Errorf("the table has %s", got)
	}
	if n := len(lines()); n != 12 {
		t.Errorf("%d lines", n)
	}
}
