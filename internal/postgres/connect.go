package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
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

// connectWarned is connectTo with a function for PostgreSQL's warnings.
func connectWarned(ctx context.Context, url string, warned func(note string)) (*pgx.Conn, error) {
	config, err := parseConn(url, 5*time.Second)
	if err != nil {
		return nil, err
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		// Notices below WARNING are about objects that exist already.
		if warned != nil && n.SeverityUnlocalized == "WARNING" {
			warned(n.Message)
		}
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, &connectError{Describe(url), err, quotable(config)}
	}
	return conn, nil
}

// ListenConfig is the configuration of the connection that listens for revocations.
func (d *Database) ListenConfig() (*pgx.ConnConfig, error) {
	config, err := parseConn(d.direct, 2*time.Second)
	if err == nil && config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "gatepost listening"
	}
	return config, err
}

// parseConn parses an address without its pool parameters (pool_max_conns), which PostgreSQL does not know.
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
	speakUTF8(config.ConnConfig.RuntimeParams)
	avoidStandbys(&config.ConnConfig.Config)
	return config, nil
}

// speakUTF8 asks for what pgx needs to quote values, whatever a database or a role has as its default. Poolers know
// both names.
func speakUTF8(params map[string]string) {
	params["client_encoding"], params["standard_conforming_strings"] = "UTF8", "on"
}

// avoidStandbys sets a condition on the server when target_session_attrs is not set, or is any. A standby may learn
// of a revocation late, and the gate would serve an ended session until then. With several hosts a read-only server
// is refused as well, because an old primary is fenced that way. A single host may be read-only, for example with a
// full disk: it still knows who is signed in.
func avoidStandbys(c *pgconn.Config) {
	if c.ValidateConnect != nil {
		return
	}
	c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPrimary
	for _, other := range c.Fallbacks { // the same host without TLS is a fallback too
		if other.Host != c.Host || other.Port != c.Port {
			c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
		}
	}
}

// connectError is one line about the server and the failure.
type connectError struct {
	where    string
	cause    error
	quotable bool // PostgreSQL's message repeats no unknown part of the address
}

// Error is the last line of pgx's error. The lines before repeat the hosts.
func (e *connectError) Error() string {
	if errors.Is(e.cause, pgconn.ErrStandbyConnection) || errors.Is(e.cause, pgconn.ErrReadOnlyConnection) {
		return fmt.Sprintf("PostgreSQL at %s: a standby answers, or one that is read-only, and no primary; point "+
			"DATABASE_URL at the primary, or list all hosts", e.where)
	}
	var refused *pgconn.PgError
	if errors.As(e.cause, &refused) && !e.quotable && !aboutTheUser(refused.Code) {
		return fmt.Sprintf("PostgreSQL at %s cannot be used: it refuses the connection with SQLSTATE %s, perhaps "+
			"for a parameter in DATABASE_URL "+
			"that it does not know (its name is not shown, as it may be a piece of a password): leave out what is "+
			"for a framework or another driver", e.where, refused.Code)
	}
	if strings.HasSuffix(e.cause.Error(), "server refused TLS connection") { // pgx has no type for it
		return fmt.Sprintf("PostgreSQL at %s speaks no TLS, and DATABASE_URL asks for it: switch it on there (ssl = "+
			"on), or set "+
			"sslmode=disable where nobody else is on the way", e.where)
	}
	lines := strings.Split(strings.TrimSpace(e.cause.Error()), "\n")
	last := dialled.ReplaceAllString(strings.TrimSpace(lines[len(lines)-1]), "")
	if refused != nil {
		return fmt.Sprintf("PostgreSQL at %s refuses the connection: %s%s", e.where, last, cureOf(refused.Code))
	}
	return fmt.Sprintf("PostgreSQL at %s cannot be reached: %s; is it running, and is that its address in DATABASE_URL?",
		e.where, last)
}

// dialled is what Go puts before the cause of a failed connection: it repeats the address that pgx has named.
var dialled = regexp.MustCompile(`dial error: dial \S+ \S+: `)

// cureOf says what to do about a connection that PostgreSQL refuses; nothing, where its own words say all.
func cureOf(code string) string {
	switch code {
	case "3D000": // invalid_catalog_name
		return "; make it with `createdb`, or name another in DATABASE_URL"
	case "28000", "28P01": // invalid_authorization_specification, invalid_password
		return "; correct the role and the password in DATABASE_URL, or what pg_hba.conf says about them"
	case "53300": // too_many_connections
		return "; raise max_connections there, or leave more of them to the gate"
	}
	return ""
}

// aboutTheUser reports whether an SQLSTATE is about the user, the database or the server's state: classes 28 and
// 57, 3D000 and 53300.
func aboutTheUser(code string) bool {
	return strings.HasPrefix(code, "28") || code == "3D000" || code == "53300" || strings.HasPrefix(code, "57")
}

// quotable reports whether all parameters of an address are known. PostgreSQL and poolers repeat the name of an
// unknown one, which may be a piece of a password.
func quotable(config *pgx.ConnConfig) bool {
	for name := range config.RuntimeParams {
		if !slices.Contains([]string{"application_name", "search_path", "statement_timeout", "lock_timeout",
			"idle_in_transaction_session_timeout", "TimeZone", "timezone", "client_encoding",
			"standard_conforming_strings"}, name) {
			return false
		}
	}
	return true
}

// Unwrap is the cause.
func (e *connectError) Unwrap() error { return e.cause }

// mayPass reports whether waiting can help: the server did not answer or is starting up, as opposed to refusing the
// connection.
func mayPass(err error) bool {
	var pgErr *pgconn.PgError
	return !errors.As(err, &pgErr) || pgErr.Code == "57P03"
}

// Describe is the address of a database without its password.
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
