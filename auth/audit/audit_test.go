package audit_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
)

func TestMain(m *testing.M) { authtest.Main(m) }

var here = secret.Client{Addr: netip.MustParseAddr("192.0.2.7")}

// book is a Trail and what it writes into: a database of its own and a log.
type book struct {
	*audit.Trail
	db  *database.DB
	log *strings.Builder
}

// newBook keeps events for so long.
func newBook(t *testing.T, pool *pgxpool.Pool, retention time.Duration) book {
	t.Helper()
	b := book{log: &strings.Builder{}}
	log := slog.New(slog.NewTextHandler(b.log, nil))
	b.db = database.New(pool, database.Options{Log: log})
	b.Trail = audit.New(b.db, audit.Options{Retention: retention, Log: log})
	t.Cleanup(b.db.Close)
	return b
}

// kept is a book that keeps events for an hour.
func kept(t *testing.T) book {
	t.Helper()
	return newBook(t, authtest.NewPool(t), time.Hour)
}

// deed writes down a deed of a user, as whoever does it.
func (b book) deed(t *testing.T, name, userID string) {
	t.Helper()
	v := audit.Event{Name: name, UserID: userID, Client: here}
	err := b.db.Transact(t.Context(), name, func(ctx context.Context, tx pgx.Tx) error { return b.Write(ctx, tx, v) })
	if err != nil {
		t.Fatal(err)
	}
	b.Wrote(t.Context(), v)
}

// refused notes a refusal.
func (b book) refused(t *testing.T, name, result, userID string, c secret.Client) {
	t.Helper()
	b.Note(t.Context(), audit.Event{Name: name, Result: result, UserID: userID, Client: c})
}

// lines are those of events in the log.
func (b book) lines() (list []string) {
	for line := range strings.Lines(b.log.String()) {
		if strings.Contains(line, "msg=audit") {
			list = append(list, line)
		}
	}
	return list
}

// rows are those of events as event=result×count, in order.
func (b book) rows(t *testing.T) (list string) {
	t.Helper()
	err := b.db.Pages.QueryRow(t.Context(), `
		SELECT coalesce(string_agg(event || '=' || result || '×' || count, ' ' ORDER BY event, result, count, id), '')
		FROM gatepost.audit_event`).Scan(&list)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func (b book) exec(t *testing.T, sql string) {
	t.Helper()
	if _, err := b.db.Pages.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func TestAuditEventsEnd(t *testing.T) {
	t.Parallel()
	b := kept(t)
	b.exec(t, `
		INSERT INTO gatepost.audit_event (at, event, result) VALUES
			(now() - interval '59 minutes', 'young', 'ok'),
			(now() - interval '61 minutes', 'old', 'ok')`)
	if n, err := b.Sweep(t.Context()); n != 1 || err != nil || b.rows(t) != "young=ok×1" {
		t.Errorf("swept %d, %v, left %s", n, err, b.rows(t))
	}
	off := newBook(t, b.db.Pages, 0)
	off.deed(t, "sign-up", "ada")
	off.refused(t, "sign-in", "bad_credentials", "ada", here)
	off.Close() // writes down what waits
	if n, err := off.Sweep(t.Context()); n != 0 || err != nil || off.rows(t) != "young=ok×1" {
		t.Errorf("whoever keeps none writes %s, and sweeps %d, %v", off.rows(t), n, err)
	}
	if n := len(off.lines()); n != 2 {
		t.Errorf("whoever keeps none logs %d lines", n)
	}
}

// While PostgreSQL cannot take them they wait, and when there are too many the log says so.
func TestAuditEventsWaitForPostgreSQL(t *testing.T) {
	t.Parallel()
	b := kept(t)
	b.exec(t, `ALTER TABLE gatepost.audit_event RENAME TO away`)
	for i := range 10_007 {
		b.refused(t, fmt.Sprint(i), "ok", "", secret.Client{})
	}
	b.Flush(t.Context())
	b.refused(t, "later", "ok", "", secret.Client{})
	b.exec(t, `ALTER TABLE gatepost.away RENAME TO audit_event`)
	b.Flush(t.Context())
	if n := len(strings.Fields(b.rows(t))); n != 10_000 || !strings.Contains(b.log.String(), "events=7") {
		t.Errorf("%d were kept", n)
	}
}
