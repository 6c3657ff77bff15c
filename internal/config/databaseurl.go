package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// takeDatabaseURL returns the address of a database in the form that pgx reads. When it cannot be read, the address
// becomes "unreadable". Faults name a parameter and what to do, and quote no value: pgx's own errors repeat pieces
// of a password that has characters with a meaning in URLs.
func takeDatabaseURL(list *Faults, name, s string) string {
	if s == "" {
		return ""
	}
	plain, err := readDatabaseURL(s)
	if err != nil {
		var each Faults
		each.Add(err)
		for _, err := range each {
			list.Add(fmt.Errorf("%s %w", name, err))
		}
		return "unreadable"
	}
	return plain
}

var (
	errShape = errors.New(`is not a PostgreSQL URL or DSN (examples: postgres://user:password@host:5432/database, ` +
		`or "host=… user=… dbname=…"); ` +
		`in a URL, write / @ : # ? % in a password as %2F %40 %3A %23 %3F %25`)
	errAt = errors.New("is not a PostgreSQL URL or DSN: it has an @ too many; in a password write / @ : # ? % as " +
		"%2F %40 %3A %23 %3F %25")
)

// readDatabaseURL reads DSNs, and URLs as PostgreSQL's tools and app frameworks write them.
func readDatabaseURL(s string) (string, error) {
	if err := foreign(s); err != nil {
		return "", err
	}
	c := databaseURL{dsn: true}
	var err error
	if before, rest, ok := strings.Cut(s, "://"); ok && scheme.MatchString(before) {
		c, err = splitURL(rest)
	} else {
		c.params, err = splitDSN(s)
	}
	if err == nil {
		err = c.translate()
	}
	if err != nil {
		return "", err
	}
	return c.String(), c.check()
}

// scheme matches the URL schemes for PostgreSQL, also with a driver or an extension (postgresql+psycopg2, postgis).
var scheme = regexp.MustCompile(`(?i)^(postgres|postgresql|pgsql|postgis)(\+[a-z0-9]+)?$`)

// foreign fails for addresses that only other programs read.
func foreign(s string) error {
	low := strings.ToLower(s)
	switch {
	case ownName.MatchString(s):
		return errors.New("begins with its name once more: leave that and the = out")
	case strings.HasPrefix(low, "jdbc:"):
		return errors.New("is a JDBC address: leave out jdbc: and put user:password@ before the host")
	case strings.HasPrefix(low, "prisma://"), strings.HasPrefix(low, "prisma+postgres://"):
		return errors.New("is an address of Prisma's own service, which speaks no PostgreSQL: use the address of " +
			"the database behind it (postgres://…)")
	case adoNET.MatchString(s):
		return errors.New("is written for .NET (Host=…;Username=…): write it as " +
			"postgres://user:password@host:5432/database")
	}
	return nil
}

// ownName matches an address with a variable's name before it.
var ownName = regexp.MustCompile(`^\s*(export\s+)?[A-Z_]*DATABASE_URL\s*=`)

// adoNET matches a connection string for .NET.
var adoNET = regexp.MustCompile(`(?i)^\s*(host|server|user id|username|database|port)\s*=[^;\s']*;`)

// databaseURL is the address of a database in its parts.
type databaseURL struct {
	dsn    bool
	before string // for a URL, the part before the query: user, password, host and database
	params []param
}

// param is one parameter. written is its original spelling.
type param struct{ Name, Value, written string }

// splitURL splits the part of a URL after ://. The first @ ends the password, as in libpq.
func splitURL(rest string) (databaseURL, error) {
	c := databaseURL{before: rest}
	behind := 0
	if i := strings.IndexAny(rest, "@/"); i >= 0 && rest[i] == '@' {
		behind = i + 1
	}
	query := ""
	if i := strings.IndexByte(rest[behind:], '?'); i >= 0 {
		c.before, query = rest[:behind+i], rest[behind+i+1:]
	}
	place, _, _ := strings.Cut(rest[behind:], "?")
	_, database, _ := strings.Cut(place, "/")
	switch {
	case strings.Contains(place, "@"), strings.Contains(query, "@") && behind == 0:
		return c, errAt
	case strings.Contains(place, "#"), strings.Contains(database, "/"):
		return c, errShape
	}
	for written := range strings.SplitSeq(query, "&") {
		if written == "" {
			continue
		}
		name, value, _ := strings.Cut(written, "=")
		name, err1 := url.PathUnescape(name)
		value, err2 := url.PathUnescape(value)
		if err1 != nil || err2 != nil || !paramName.MatchString(name) {
			return c, errShape
		}
		c.params = append(c.params, param{name, value, written})
	}
	return c, nil
}

// paramName matches the name of a parameter. Any other name is a piece of a password with characters that have a
// meaning in URLs.
var paramName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$`)

// splitDSN reads keywords and values as libpq does: a value with blanks is in single quotation marks, and \ escapes
// the next byte.
func splitDSN(s string) (params []param, err error) {
	const blanks = " \t\n\r\v\f"
	for s = strings.TrimLeft(s, blanks); s != ""; s = strings.TrimLeft(s, blanks) {
		name, rest, ok := strings.Cut(s, "=")
		if name = strings.TrimRight(name, blanks); !ok || !paramName.MatchString(name) {
			return nil, errShape
		}
		rest = strings.TrimLeft(rest, blanks)
		value, after, ok := dsnValue(rest)
		if !ok {
			return nil, errShape
		}
		params = append(params, param{name, value, name + "=" + rest[:len(rest)-len(after)]})
		s = after
	}
	if !slices.ContainsFunc(params, func(p param) bool { return slices.Contains(leadsSomewhere, p.Name) }) {
		return nil, errShape // all defaults, which would lead to the database of the operating system's user
	}
	return params, nil
}

// leadsSomewhere are keywords that name a database. A DSN needs at least one.
var leadsSomewhere = []string{"host", "hostaddr", "port", "user", "dbname", "database", "service"}

func dsnValue(s string) (value, after string, ok bool) {
	quoted := strings.HasPrefix(s, "'")
	i := 0
	if quoted {
		i = 1
	}
	for ; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
		case quoted && s[i] == '\'':
			return value, s[i+1:], true
		case !quoted && strings.IndexByte(" \t\n\r\v\f", s[i]) >= 0:
			return value, s[i:], true
		}
		value += s[i : i+1]
	}
	return value, "", !quoted
}

// String is the address in the form that pgx reads.
func (c databaseURL) String() string {
	written := make([]string, len(c.params))
	for i, p := range c.params {
		written[i] = p.written
	}
	if c.dsn {
		return strings.Join(written, " ")
	}
	if len(written) == 0 {
		return "postgres://" + c.before
	}
	return "postgres://" + c.before + "?" + strings.Join(written, "&")
}

// get is the last parameter of a name, which is the one that counts.
func (c databaseURL) get(name string) (string, bool) {
	for i := len(c.params) - 1; i >= 0; i-- {
		if c.params[i].Name == name {
			return c.params[i].Value, true
		}
	}
	return "", false
}

// set replaces all parameters of a name by one.
func (c *databaseURL) set(name, value string) {
	c.drop(name)
	written := name + "=" + url.PathEscape(value)
	if c.dsn {
		written = name + "='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
	}
	c.params = append(c.params, param{name, value, written})
}

func (c *databaseURL) drop(name string) {
	kept := c.params[:0:0]
	for _, p := range c.params {
		if p.Name != name {
			kept = append(kept, p)
		}
	}
	c.params = kept
}

// place matches the name of a host, or a directory of Unix sockets, which begins with a slash.
var place = regexp.MustCompile(`^(/.*|[A-Za-z0-9._:%-]*)$`)

// check parses the address with pgx. It fails when a host may be a piece of a password.
func (c databaseURL) check() error {
	config, err := pgxpool.ParseConfig(c.String())
	var file *fs.PathError
	switch {
	case errors.As(err, &file):
		return fmt.Errorf("names a file in sslrootcert, sslcert, sslkey or passfile that cannot be read: %w", file.Err)
	case err != nil && c.has("sslcert", "sslkey"):
		return errors.New("has sslcert or sslkey, which cannot be used: both are needed, in PEM (what Prisma calls " +
			"sslcert, the authority's, is sslrootcert here), with sslpassword where the key has one")
	case err != nil:
		return errShape
	}
	hosts := []string{config.ConnConfig.Host}
	for _, other := range config.ConnConfig.Fallbacks {
		hosts = append(hosts, other.Host)
	}
	for _, host := range hosts {
		if strings.Contains(host, "@") {
			return errAt
		}
		if !place.MatchString(host) {
			return errShape
		}
	}
	return nil
}

func (c databaseURL) has(names ...string) bool {
	for _, name := range names {
		if _, ok := c.get(name); ok {
			return true
		}
	}
	return false
}
