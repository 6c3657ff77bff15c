// Package postgres is the operator's PostgreSQL, or the built-in one: how it is connected to with an address as people write
// it, waited for, migrated and looked at, and in which words it is told that this failed.
//
// What is asked of it is none of its business: package auth/database has the connections that a gate works with.
package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/localpg"
	"github.com/gatepost/gatepost/migrations"
)

// Database is where users live: the operator's PostgreSQL, or the built-in one.
type Database struct {
	URL, direct string
	builtin     *localpg.Server // nil for the operator's own
	Path, Work  int32           // connections besides those of OpenPool
	// Warned hears what a migration has to tell the operator. Nil: nobody does.
	Warned func(note string)
}

// Times the start may take. A database that comes up beside the gate, as in a compose file, gets a moment.
const (
	startTimeout    = 90 * time.Second
	connectPatience = 15 * time.Second
)

// Open finds the database of a command. Only a command that stays, as serve does, may be the one that runs the
// built-in PostgreSQL; a short one joins it when it runs already.
func Open(ctx context.Context, c *config.Config, stays bool) (*Database, error) {
	if c.Settings.DatabaseURL != "" {
		return &Database{URL: c.Settings.DatabaseURL, direct: cmp.Or(c.Settings.DirectDatabaseURL, c.Settings.DatabaseURL)}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	start := localpg.Open
	if stays {
		start = localpg.Start
	}
	server, err := start(ctx, localpg.Config{Dir: c.DataDir, Bin: c.Settings.PostgresBin})
	if errors.Is(err, localpg.ErrInUse) {
		return nil, fmt.Errorf("another gatepost runs on %s: stop it, name another folder in GATEPOST_DATA_DIR, or set DATABASE_URL so that both can work on one PostgreSQL", c.DataDir)
	}
	if err != nil {
		return nil, err
	}
	url := server.URL(localpg.Superuser)
	return &Database{URL: url, direct: url, builtin: server}, nil
}

// Close ends the built-in PostgreSQL, if that is what it is and this process runs it.
func (d *Database) Close() error {
	if d.builtin == nil {
		return nil
	}
	return d.builtin.Stop()
}

// Ended is closed when the built-in PostgreSQL dies; nil, and so never ready, for any other.
func (d *Database) Ended() <-chan struct{} {
	if d.builtin == nil {
		return nil
	}
	return d.builtin.Done()
}

// Connect opens the one connection that migrations use.
func (d *Database) Connect(ctx context.Context) (*pgx.Conn, error) {
	return connectWarned(ctx, d.direct, d.Warned)
}

// connectBothWays is Connect where the way that everything else goes, a pooler perhaps, leads to PostgreSQL too.
func (d *Database) connectBothWays(ctx context.Context) (*pgx.Conn, error) {
	if d.URL != d.direct {
		conn, err := connectTo(ctx, d.URL)
		if err != nil {
			return nil, err
		}
		_ = conn.Close(ctx)
	}
	return d.Connect(ctx)
}

// ConnectPatiently waits a moment for a database that is still starting.
func (d *Database) ConnectPatiently(ctx context.Context, log *slog.Logger) (*pgx.Conn, error) {
	deadline := time.Now().Add(connectPatience)
	for waiting := false; ; waiting = true {
		conn, err := d.connectBothWays(ctx)
		if err == nil || ctx.Err() != nil || !mayPass(err) || time.Now().After(deadline) {
			return conn, err
		}
		if !waiting {
			log.Warn("waiting for PostgreSQL", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// Check refuses a database this binary does not fit; the built-in one, which nobody else migrates, is migrated.
func Check(ctx context.Context, c *config.Config, db *Database) error {
	conn, err := db.connectBothWays(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if db.builtin != nil {
		return Prepare(ctx, c, conn, slog.New(slog.DiscardHandler), nil)
	}
	return migrations.Check(ctx, conn)
}

// Prepare migrates the database, or, when that is not wanted, says what is missing. waits is told while others are
// waited for.
func Prepare(ctx context.Context, c *config.Config, conn *pgx.Conn, log *slog.Logger, waits func(migrations.Wait)) error {
	if !c.Migrate {
		return migrations.Check(ctx, conn)
	}
	n, err := migrations.Set{Waits: waits}.Up(ctx, conn)
	if err != nil {
		return err
	}
	if n == 0 {
		return migrations.Check(ctx, conn)
	}
	log.Info("migrated the database", "migrations", n)
	fresh, err := pgx.ConnectConfig(ctx, conn.Config()) // that one may have been idle for so long that it is dead
	if err != nil {
		return err
	}
	defer fresh.Close(context.WithoutCancel(ctx))
	return migrations.Check(ctx, fresh)
}

// OpenPool opens the pool the store works on, and notes how many connections of all there may be are left for its
// others.
func OpenPool(ctx context.Context, d *Database) (*pgxpool.Pool, error) {
	config, err := parsePool(d.URL, 2*time.Second)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(d.URL, "pool_max_conns") {
		config.MaxConns = 20
	}
	config.MaxConns, d.Path, d.Work = database.Shares(config.MaxConns)
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "gatepost"
	}
	config.PingTimeout = time.Second
	return pgxpool.NewWithConfig(ctx, config)
}
