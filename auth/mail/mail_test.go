package mail_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
)

func TestMain(m *testing.M) { authtest.Main(m) }

var here = secret.Client{Addr: netip.MustParseAddr("192.0.2.7")}

// office is an outbox on a database of its own, and where its mail goes: what mail servers do is tested with real
// ones, where they are spoken to. It sends when a test has it send, and at no other time.
type office struct {
	*mail.Outbox
	db    *database.DB
	mu    sync.Mutex
	sent  []mail.Mail
	fault func(mail.Mail) error // nil: none
}

func newOffice(t *testing.T, change ...func(*mail.Options)) *office {
	t.Helper()
	o := &office{db: newDB(t, authtest.NewPool(t))}
	options := mail.Options{Send: o.send, Log: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&options)
	}
	o.Outbox = mail.NewOutbox(o.db, options)
	return o
}

func newDB(t *testing.T, pool *pgxpool.Pool) *database.DB {
	t.Helper()
	db := database.New(pool, database.Options{Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(db.Close)
	return db
}

func (o *office) send(_ context.Context, m mail.Mail) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fault != nil {
		if err := o.fault(m); err != nil {
			return err
		}
	}
	o.sent = append(o.sent, m)
	return nil
}

// post puts letters into the outbox, as a deed does.
func (o *office) post(t *testing.T, letters ...mail.Letter) {
	t.Helper()
	err := o.db.Transact(t.Context(), "post", func(ctx context.Context, tx pgx.Tx) error {
		return o.Post(ctx, tx, letters...)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// invite fills the outbox with mail that has a link.
func (o *office) invite(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		o.post(t, mail.NewLetter(mail.Invite, "", fmt.Sprintf("guest%d@example.com", i), here))
	}
}

// collect sends what is due and returns it.
func (o *office) collect(t *testing.T) []mail.Mail {
	t.Helper()
	for sent := true; sent; {
		var err error
		if sent, err = o.SendNext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	sent := o.sent
	o.sent = nil
	return sent
}

// one is collect where one invitation has to come.
func (o *office) one(t *testing.T, to string) mail.Mail {
	t.Helper()
	sent := o.collect(t)
	if len(sent) != 1 || sent[0].Kind != mail.Invite || sent[0].To != to {
		t.Fatalf("sent %v, want one invitation to %s", sent, to)
	}
	return sent[0]
}

// none is collect where nothing may come.
func (o *office) none(t *testing.T) {
	t.Helper()
	if sent := o.collect(t); len(sent) != 0 {
		t.Errorf("sent %v, want nothing", sent)
	}
}

// take takes the mail that is due next and does no more, as a gate that ends then.
func (o *office) take(ctx context.Context) (taken mail.Mail, err error) {
	dies := func(_ context.Context, m mail.Mail) error { taken = m; runtime.Goexit(); return nil }
	var ended sync.WaitGroup
	ended.Go(func() { _, err = mail.NewOutbox(o.db, mail.Options{Send: dies}).SendNext(ctx) })
	ended.Wait()
	return taken, err
}

func (o *office) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := o.db.Pages.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func (o *office) dueNow(t *testing.T) {
	t.Helper()
	o.exec(t, `UPDATE gatepost.outbox SET due_at = now()`)
}

// left is how many mails are still to be sent.
func (o *office) left(t *testing.T) (n int) {
	t.Helper()
	if err := o.db.Pages.QueryRow(t.Context(), `SELECT count(*) FROM gatepost.outbox`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// works tells whether a link does.
func (o *office) works(t *testing.T, link secret.Token) (yes bool) {
	t.Helper()
	err := o.db.Pages.QueryRow(t.Context(),
		`SELECT EXISTS (SELECT FROM gatepost.verification WHERE value = $1 AND expires_at > now())`,
		link.Hash()).Scan(&yes)
	if err != nil {
		t.Fatal(err)
	}
	return yes
}
