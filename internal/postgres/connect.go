package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/internal/config"
)

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
		return nil, &connectError{Describe(url), err, quotable(config)}
	}
	return conn, nil
}

// listenConfig is for the connection that hears of revocations.
func (d *Database) ListenConfig() (*pgx.ConnConfig, error) {
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

// Describe names a database without its password.
func Describe(s string) string {
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
