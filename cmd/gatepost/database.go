package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/localpg"
	"github.com/gatepost/gatepost/migrations"
)

// postgres is where users live: the operator's PostgreSQL, or the built-in one.
type postgres struct {
	url, direct string
	builtin     *localpg.Server // nil for the operator's own
	path, work  int32           // connections besides those of openPool
	// warned hears what a migration has to tell the operator. Nil: nobody does.
	warned func(note string)
}

// Times the start may take. A database that comes up beside the gate, as in a compose file, gets a moment.
const (
	startTimeout    = 90 * time.Second
	connectPatience = 15 * time.Second
)

// openDatabase finds the database of a command. Only a command that stays, as serve does, may be the one that runs the
// built-in PostgreSQL; a short one joins it when it runs already.
func openDatabase(ctx context.Context, c *config.Config, stays bool) (*postgres, error) {
	if c.Settings.DatabaseURL != "" {
		return &postgres{url: c.Settings.DatabaseURL, direct: cmp.Or(c.Settings.DirectDatabaseURL, c.Settings.DatabaseURL)}, nil
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
	return &postgres{url: url, direct: url, builtin: server}, nil
}

// Close ends the built-in PostgreSQL, if that is what it is and this process runs it.
func (d *postgres) Close() error {
	if d.builtin == nil {
		return nil
	}
	return d.builtin.Stop()
}

// ended is closed when the built-in PostgreSQL dies; nil, and so never ready, for any other.
func (d *postgres) ended() <-chan struct{} {
	if d.builtin == nil {
		return nil
	}
	return d.builtin.Done()
}

// connect opens the one connection that migrations use.
func (d *postgres) connect(ctx context.Context) (*pgx.Conn, error) {
	return connectWarned(ctx, d.direct, d.warned)
}

// connectBothWays is connect where the way that everything else goes, a pooler perhaps, leads to PostgreSQL too.
func (d *postgres) connectBothWays(ctx context.Context) (*pgx.Conn, error) {
	if d.url != d.direct {
		conn, err := connectTo(ctx, d.url)
		if err != nil {
			return nil, err
		}
		_ = conn.Close(ctx)
	}
	return d.connect(ctx)
}

func connectTo(ctx context.Context, url string) (*pgx.Conn, error) {
	return connectWarned(ctx, url, nil)
}

// connectWarned is connectTo for who hears what PostgreSQL warns of.
func connectWarned(ctx context.Context, url string, warned func(note string)) (*pgx.Conn, error) {
	config, err := parseConn(url, 5*time.Second)
	if err != nil {
		return nil, err
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if warned != nil && n.SeverityUnlocalized == "WARNING" { // below it are those of PostgreSQL about what exists
			warned(n.Message)
		}
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, &connectError{describeURL(url), err, quotable(config)}
	}
	return conn, nil
}

// listenConfig is for the connection that hears of revocations.
func (d *postgres) listenConfig() (*pgx.ConnConfig, error) {
	config, err := parseConn(d.direct, 2*time.Second)
	if err == nil && config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "gatepost listening"
	}
	return config, err
}

// parseConn leaves out what is for a pool (pool_max_conns), which PostgreSQL does not know.
func parseConn(url string, timeout time.Duration) (*pgx.ConnConfig, error) {
	config, err := parsePool(url, timeout)
	if err != nil {
		return nil, err
	}
	return config.ConnConfig, nil
}

func parsePool(url string, timeout time.Duration) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("DATABASE_URL cannot be read") // checked at load, so this is never seen
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = timeout
	}
	avoidStandbys(&config.ConnConfig.Config)
	return config, nil
}

// avoidStandbys is for who set no target_session_attrs, or any: a standby may learn of a revocation late, and would have a session
// that is over served until then. Of several hosts one that is read-only is left out as well, as that is how an old primary is
// fenced; a lone one may have a full disk, and still knows who is signed in.
func avoidStandbys(c *pgconn.Config) {
	if c.ValidateConnect != nil {
		return
	}
	c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPrimary
	for _, other := range c.Fallbacks { // the same host without TLS is one too
		if other.Host != c.Host || other.Port != c.Port {
			c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
		}
	}
}

// connectError says in one line where PostgreSQL was looked for and what happened.
type connectError struct {
	where    string
	cause    error
	quotable bool // what PostgreSQL says repeats nothing of the address but what we know of
}

// Error keeps the last line of pgx's words; those before name the hosts once more.
func (e *connectError) Error() string {
	if errors.Is(e.cause, pgconn.ErrStandbyConnection) || errors.Is(e.cause, pgconn.ErrReadOnlyConnection) {
		return fmt.Sprintf("PostgreSQL at %s: a standby answers, or one that is read-only, and no primary; point DATABASE_URL at the primary, or list all hosts", e.where)
	}
	var refused *pgconn.PgError
	if errors.As(e.cause, &refused) && !e.quotable && !aboutTheUser(refused.Code) {
		return fmt.Sprintf("PostgreSQL at %s cannot be used: it refuses the connection with SQLSTATE %s, perhaps for a parameter in DATABASE_URL "+
			"that it does not know (its name is not shown, as it may be a piece of a password): leave out what is for a framework or another driver", e.where, refused.Code)
	}
	if strings.HasSuffix(e.cause.Error(), "server refused TLS connection") { // which pgx gives no type
		return fmt.Sprintf("PostgreSQL at %s speaks no TLS, and DATABASE_URL asks for it: switch it on there (ssl = on), or set "+
			"sslmode=disable where nobody else is on the way", e.where)
	}
	lines := strings.Split(strings.TrimSpace(e.cause.Error()), "\n")
	return fmt.Sprintf("PostgreSQL at %s cannot be reached: %s", e.where, strings.TrimSpace(lines[len(lines)-1]))
}

// aboutTheUser is for what PostgreSQL says of user, database and itself: classes 28 and 3D, 53300, and 57.
func aboutTheUser(code string) bool {
	return strings.HasPrefix(code, "28") || code == "3D000" || code == "53300" || strings.HasPrefix(code, "57")
}

// quotable says that each parameter of an address is one that we know. PostgreSQL and poolers repeat those they do not,
// and such a name may be a piece of a password.
func quotable(config *pgx.ConnConfig) bool {
	for name := range config.RuntimeParams {
		if !slices.Contains([]string{"application_name", "search_path", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "TimeZone", "timezone"}, name) {
			return false
		}
	}
	return true
}

func (e *connectError) Unwrap() error { return e.cause }

// mayPass says whether waiting can help: PostgreSQL did not answer, or is starting up, as opposed to refusing us.
func mayPass(err error) bool {
	var pgErr *pgconn.PgError
	return !errors.As(err, &pgErr) || pgErr.Code == "57P03"
}

// connectPatiently waits a moment for a database that is still starting.
func (d *postgres) connectPatiently(ctx context.Context, log *slog.Logger) (*pgx.Conn, error) {
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

// describeURL names a database without its password.
func describeURL(s string) string {
	parsed, err := pgx.ParseConfig(s)
	if err != nil {
		return "(unreadable)"
	}
	host := parsed.Host
	if !strings.HasPrefix(host, "/") {
		host = fmt.Sprintf("%s:%d", host, parsed.Port)
	}
	return fmt.Sprintf("%s, database %s, user %s", host, config.Quote(parsed.Database), config.Quote(parsed.User))
}

// withDatabase runs a short command on the configured database.
func (p *process) withDatabase(ctx context.Context, f func(*config.Config, *postgres) error) error {
	c, err := config.Load(ctx, p.env)
	if err != nil {
		return err
	}
	db, err := openDatabase(ctx, c, false)
	if err != nil {
		return err
	}
	defer db.Close()
	return f(c, db)
}

// checkDatabase refuses a database this binary does not fit; the built-in one, which nobody else migrates, is migrated.
func checkDatabase(ctx context.Context, c *config.Config, db *postgres) error {
	conn, err := db.connectBothWays(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if db.builtin != nil {
		return prepare(ctx, c, conn, slog.New(slog.DiscardHandler), nil)
	}
	return migrations.Check(ctx, conn)
}

// prepare migrates the database, or, when that is not wanted, says what is missing. waits is told while others are
// waited for.
func prepare(ctx context.Context, c *config.Config, conn *pgx.Conn, log *slog.Logger, waits func(migrations.Wait)) error {
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

// openPool opens the pool the store works on, and notes how many connections of all there may be are left for its
// others.
func openPool(ctx context.Context, d *postgres) (*pgxpool.Pool, error) {
	config, err := parsePool(d.url, 2*time.Second)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(d.url, "pool_max_conns") {
		config.MaxConns = 20
	}
	config.MaxConns, d.path, d.work = database.Shares(config.MaxConns)
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "gatepost"
	}
	config.PingTimeout = time.Second
	return pgxpool.NewWithConfig(ctx, config)
}
