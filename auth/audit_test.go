package auth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
)

func audited(o *auth.Options) { o.AuditRetention = time.Hour }

// events are the rows as event=result, oldest first.
func events(t *testing.T, db *pgxpool.Pool) (list string) {
	t.Helper()
	err := db.QueryRow(t.Context(), `
		SELECT coalesce(string_agg(event || '=' || result, ' ' ORDER BY at, id), '')
		FROM gatepost.audit_event`).Scan(&list)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestDecisionsAboutPeopleAreKept(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, audited)
	client := here
	client.RequestID = "ID\x00\xff"
	_, err := s.SignUp(t.Context(), auth.NewUser{Email: "ada@example.com", Password: goodPassword}, true, "", client)
	if err != nil {
		t.Fatal(err)
	}
	for _, email := range []string{"ada@example.com", "my password@example.com", "eve@example.com"} {
		_, _ = signIn(s, t.Context(), email, wrong)
	}
	s.Close() // writes down what waits
	if got := events(t, db); got != "sign-up=ok sign-in=bad_credentials sign-in=bad_input sign-in=bad_credentials" {
		t.Errorf("kept are %s", got)
	}
	var rows string
	var users int
	var youngest, oldest time.Duration
	err = db.QueryRow(t.Context(), `
		SELECT string_agg(e::text, ' '), count(DISTINCT user_id), now() - max(at), now() - min(at)
		FROM gatepost.audit_event e`).Scan(&rows, &users, &youngest, &oldest)
	if err != nil || users != 1 || youngest < 0 || oldest < youngest {
		t.Errorf("%d users, from %v to %v ago, %v", users, oldest, youngest, err)
	}
	if strings.Contains(rows, "@") || !strings.Contains(rows, "192.0.2.7") {
		t.Errorf("the rows hold what strangers typed, or not where they were: %s", rows)
	}
}

func TestEventsAreInTheExport(t *testing.T) {
	t.Parallel()
	s, _ := authtest.NewStore(t, audited)
	token := signUp(t, s, "ada@example.com")
	e, err := whole(s.Export(t.Context(), token, here))
	if err != nil || len(e.Events) != 1 || e.Events[0].Event != "sign-up" || e.Events[0].Client != "192.0.2.7" {
		t.Errorf("got %+v, %v", e.Events, err)
	}
}
