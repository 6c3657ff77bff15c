package webhook_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/webhook"
)

func TestMain(m *testing.M) { authtest.Main(m) }

// app is an outbox on a database of its own, and who is told. It sends when a test has it send.
type app struct {
	*webhook.Outbox
	db    *database.DB
	mu    sync.Mutex
	told  []webhook.Event
	fault func(webhook.Event) error // nil: none
}

func newApp(t *testing.T, change ...func(*webhook.Options)) *app {
	t.Helper()
	a := &app{db: newDB(t, authtest.NewPool(t))}
	options := webhook.Options{Send: a.send, Log: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&options)
	}
	a.Outbox = webhook.NewOutbox(a.db, options)
	a.renew(t)
	return a
}

func newDB(t *testing.T, pool *pgxpool.Pool) *database.DB {
	t.Helper()
	db := database.New(pool, database.Options{Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(db.Close)
	return db
}

func (a *app) renew(t *testing.T) {
	t.Helper()
	if err := a.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (a *app) send(_ context.Context, e webhook.Event) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fault != nil {
		if err := a.fault(e); err != nil {
			return err
		}
	}
	a.told = append(a.told, e)
	return nil
}

// collect sends what is due and returns it.
func (a *app) collect(t *testing.T) []webhook.Event {
	t.Helper()
	for sent := true; sent; {
		var err error
		if sent, err = a.SendNext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	told := a.told
	a.told = nil
	return told
}

// tells is collect, as lines of type and data in the order of the alphabet.
func (a *app) tells(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for _, e := range a.collect(t) {
		got = append(got, e.Type+" "+short(t, e.Data))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the app is told\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// short is data without what is empty, false or null.
func short(t *testing.T, data json.RawMessage) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	for key, value := range m {
		if value == nil || value == "" || value == false {
			delete(m, key)
		}
	}
	b, _ := json.Marshal(m)
	return strings.ReplaceAll(string(b), `"`, "")
}

// exec runs statements as one transaction.
func (a *app) exec(t *testing.T, sql ...string) {
	t.Helper()
	if err := pgx.BeginFunc(t.Context(), a.db.Pages, func(tx pgx.Tx) error {
		for _, one := range sql {
			if _, err := tx.Exec(t.Context(), one); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// count counts events of the table.
func (a *app) count(t *testing.T, condition string) (n int) {
	t.Helper()
	err := a.db.Pages.QueryRow(t.Context(), `SELECT count(*) FROM gatepost.webhook_event WHERE `+condition).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (a *app) dueNow(t *testing.T) {
	t.Helper()
	a.exec(t, `UPDATE gatepost.webhook_event SET due_at = now()`)
}

const (
	insertAda     = `INSERT INTO gatepost."user" (id, email) VALUES ('ada', 'ada@example.com')`
	insertSession = `INSERT INTO gatepost.session (id, token, user_id, expires_at, idle_seconds)
		VALUES ('s', 'the hash', 'ada', now() + interval '1 day', 3600)`
)
