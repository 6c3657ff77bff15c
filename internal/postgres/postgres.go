// Package postgres opens the operator's PostgreSQL or the built-in one: it connects, waits for a database that is
// starting, migrates it, checks it, and explains failures.
//
// Queries are not its business. Package auth/database has the connections that they use.
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

// Database is the PostgreSQL of the gate: the operator's, or the built-in one.
type Database struct {
	// URL is the address for queries, perhaps of a pooler. direct is the address for migrations and notifications.
	URL, direct string
	builtin     *localpg.Server // nil for the operator's
	Path, Work  int32           // Path and Work are numbers of connections besides those of OpenPool.
	// Warned gets the warnings of a migration. It may be nil.
	Warned func(note string)
}

// Time limits of the start. A database that starts beside the gate, as in a compose file, gets connectPatience.
const (
	startTimeout    = 90 * time.Second
	connectPatience = 15 * time.Second
)

// Open finds the database of a command. With stays, as for serve, it starts the built-in PostgreSQL and keeps it
// running. Without, it joins a built-in PostgreSQL that runs already.
func Open(ctx context.Context, c *config.Config, stays bool) (*Database, error) {
	if c.Settings.DatabaseURL != "" {
		return &Database{URL: c.Settings.DatabaseURL, direct: cmp.Or(c.Settings.DirectDatabaseURL,
			c.Settings.DatabaseURL)}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	start := localpg.Open
	if stays {
		start = localpg.Start
	}
	server, err := start(ctx, localpg.Config{Dir: c.DataDir, Bin: c.Settings.PostgresBin})
	if errors.Is(err, localpg.ErrInUse) {
		return nil, fmt.Errorf("another gatepost runs on %s: stop it, name another folder in GATEPOST_DATA_DIR, or "+
			"set DATABASE_URL so that both can work on one PostgreSQL", c.DataDir)
	}
	if err != nil {
		return nil, err
	}
	url := server.URL(localpg.Superuser)
	return &Database{URL: url, direct: url, builtin: server}, nil
}

// Close stops the built-in PostgreSQL if this process runs it.
func (d *Database) Close() error {
	if d.builtin == nil {
		return nil
	}
	return d.builtin.Stop()
}

// Ended is closed when the built-in PostgreSQL ends. It is nil for the operator's.
func (d *Database) Ended() <-chan struct{} {
	if d.builtin == nil {
		return nil
	}
	return d.builtin.Done()
}

// Connect opens a connection for migrations.
func (d *Database) Connect(ctx context.Context) (*pgx.Conn, error) {
	return connectWarned(ctx, d.direct, d.Warned)
}

// connectBothWays is Connect, and fails also when the address for queries, perhaps of a pooler, cannot be connected
// to.
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

// ConnectPatiently connects, and waits up to connectPatience for a database that is starting.
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

// Check fails when the database does not fit this binary. The built-in PostgreSQL is migrated instead, as no other
// command migrates it.
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

// Foresee is Check for who wants to know what a gate finds at its start. It returns the migrations that the gate will
// apply then. Without GATEPOST_MIGRATE, missing ones are a fault as in Check.
func Foresee(ctx context.Context, c *config.Config, db *Database) ([]migrations.Migration, error) {
	if !c.Migrate || db.builtin != nil {
		return nil, Check(ctx, c, db)
	}
	conn, err := db.connectBothWays(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if ahead, err := migrations.Ahead(ctx, conn); err != nil || len(ahead) > 0 {
		return ahead, err
	}
	return nil, migrations.Check(ctx, conn)
}

// Prepare migrates the database. Without GATEPOST_MIGRATE it fails when a migration is missing. waits is called
// while the migration waits for others.
func Prepare(ctx context.Context, c *config.Config, conn *pgx.Conn, log *slog.Logger,
	waits func(migrations.Wait)) error {
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
	fresh, err := pgx.ConnectConfig(ctx, conn.Config()) // conn may have been idle for so long that it is dead
	if err != nil {
		return err
	}
	defer fresh.Close(context.WithoutCancel(ctx))
	return migrations.Check(ctx, fresh)
}

// OpenPool opens the pool of the store. It sets Path and Work to the shares of the connections that the store opens
// besides.
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
