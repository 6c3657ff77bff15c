package auth_test

import (
	"context"
	"fmt"
	"log/slog"
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

func TestAuditEventsEnd(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, audited)
	exec(t, db, `
		INSERT INTO gatepost.audit_event (at, event, result) VALUES
			(now() - interval '59 minutes', 'young', 'ok'),
			(now() - interval '61 minutes', 'old', 'ok')`)
	if n, err := s.Sweep(t.Context()); n != 1 || err != nil || events(t, db) != "young=ok" {
		t.Errorf("swept %d, %v, left %s", n, err, events(t, db))
	}
	off := auth.New(db, auth.Options{Log: slog.New(slog.DiscardHandler)})
	signUp(t, off, "ada@example.com")
	t.Cleanup(off.Close)
	if n, err := off.Sweep(t.Context()); n != 0 || err != nil || events(t, db) != "young=ok" {
		t.Errorf("whoever keeps none writes %s, and sweeps %d, %v", events(t, db), n, err)
	}
}

// While PostgreSQL cannot take them they wait, and when there are too many the log says so.
func TestAuditEventsWaitForPostgreSQL(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	s, db := authtest.NewStore(t, audited, func(o *auth.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	exec(t, db, `ALTER TABLE gatepost.audit_event RENAME TO away`)
	for i := range 10_007 {
		auth.Audit(s, fmt.Sprint(i))
	}
	auth.FlushAudit(s, t.Context())
	auth.Audit(s, "later")
	exec(t, db, `ALTER TABLE gatepost.away RENAME TO audit_event`)
	auth.FlushAudit(s, t.Context())
	if n := count(t, db, "audit_event"); n != 10_000 || !strings.Contains(log.String(), "events=7") {
		t.Errorf("%d were kept", n)
	}
}

func TestEventsAreInTheExport(t *testing.T) {
	t.Parallel()
	s, _ := authtest.NewStore(t, audited)
	token := signUp(t, s, "ada@example.com")
	auth.FlushAudit(s, context.Background())
	e, err := whole(s.Export(t.Context(), token, here))
	if err != nil || len(e.Events) != 1 || e.Events[0].Event != "sign-up" || e.Events[0].Client != "192.0.2.7" {
		t.Errorf("got %+v, %v", e.Events, err)
	}
}
