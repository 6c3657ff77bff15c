package database_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/internal/share"
)

func TestMain(m *testing.M) { authtest.Main(m) }

// newDB is a database of its own with a user in it, and what is logged of it.
func newDB(t *testing.T) (*database.DB, *lockedBuffer) {
	t.Helper()
	log := &lockedBuffer{}
	d := database.New(authtest.NewPool(t), database.Options{Log: slog.New(slog.NewTextHandler(log, nil))})
	t.Cleanup(d.Close)
	exec(t, d, `INSERT INTO gatepost."user" (id, email) VALUES ('ada', 'ada@example.com')`)
	return d, log
}

func exec(t *testing.T, d *database.DB, sql string, args ...any) {
	t.Helper()
	if _, err := d.Pages.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Of a thousand at once from one address none keeps a visitor from elsewhere waiting for a connection.
func TestPagesOfOneNetworkLeaveConnectionsToOthers(t *testing.T) {
	t.Parallel()
	d, log := newDB(t)
	look := func(ctx context.Context, addr string) error {
		return d.Again(share.FromClient(ctx, netip.MustParseAddr(addr)), func(ctx context.Context) error {
			_, err := d.Pages.Exec(ctx, `SELECT FROM gatepost."user"`)
			return err
		})
	}
	ctx, stop := context.WithCancel(t.Context())
	var crowd sync.WaitGroup
	for range 1000 {
		crowd.Go(func() {
			for ctx.Err() == nil {
				_ = look(ctx, "203.0.113.66")
			}
		})
	}
	for i := range 100 {
		if err := look(t.Context(), fmt.Sprintf("198.51.100.%d", i+1)); err != nil {
			t.Errorf("visitor %d: %v", i, err)
		}
	}
	stop()
	crowd.Wait()
	if strings.Contains(log.String(), "PostgreSQL does not answer") {
		t.Error("an outage was declared")
	}
}
