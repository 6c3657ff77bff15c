package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Addresses in the form of other programs have the same meaning here.
func TestAddressesOfOtherProgramsAreTaken(t *testing.T) {
	t.Parallel()
	const base = "postgres://gate:hush@db.example.com:6543/app"
	for _, c := range []struct{ whose, written, same string }{
		{"PostgreSQL", "postgresql://gate:hush@db.example.com:6543/app", base},
		{"SQLAlchemy", "postgresql+psycopg2://gate:hush@db.example.com:6543/app", base},
		{"Django", "postgis://gate:hush@db.example.com:6543/app", base},
		{"somebody loud", "POSTGRES://gate:hush@db.example.com:6543/app", base},
		{"Prisma", base + "?schema=public", base},
		{"Prisma", base + "?schema=public&connection_limit=7&pool_timeout=20&socket_timeout=3&connect_timeout=4",
			base + "?pool_max_conns=7&connect_timeout=4"},
		{"Prisma on Vercel", base + "?pgbouncer=true&connection_limit=1",
			base + "?default_query_exec_mode=exec&pool_max_conns=3"},
		{"Prisma, strict", base + "?sslmode=require&sslaccept=strict", base + "?sslmode=verify-full"},
		{"Prisma, not strict", base + "?sslmode=require&sslaccept=accept_invalid_certs", base + "?sslmode=require"},
		{"Prisma, without statements", base + "?statement_cache_size=0", base + "?default_query_exec_mode=exec"},
		{"Supabase on Vercel", base + "?sslmode=require&supa=base-pooler.x&pgbouncer=true",
			base + "?sslmode=require&default_query_exec_mode=exec"},
		{"Supabase", base + "?pgbouncer=true&default_query_exec_mode=cache_describe",
			base + "?default_query_exec_mode=cache_describe"},
		{"Neon", base + "?sslmode=require&channel_binding=require", base + "?sslmode=require&channel_binding=require"},
		{"Neon", base + "?options=endpoint%3Dx-y&sslmode=require", base + "?options=endpoint%3Dx-y&sslmode=require"},
		{"node-postgres", base + "?sslmode=no-verify", base + "?sslmode=require"},
		{"node-postgres", base + "?ssl=true", base + "?sslmode=verify-full"},
		{"node-postgres", base + "?ssl=no-verify", base + "?sslmode=require"},
		{"node-postgres", base + "?sslmode=no-verify&uselibpqcompat=false", base + "?sslmode=require"},
		{"node-postgres", base + "?ssl=0", base + "?sslmode=disable"},
		{"node-postgres", base + "?uselibpqcompat=true&sslmode=require", base + "?sslmode=require"},
		{"node-postgres", base + "?uselibpqcompat=false&sslmode=require", base + "?sslmode=verify-full"},
		{"two opinions", base + "?ssl=true&sslmode=verify-full", base + "?sslmode=verify-full"},
		{"Rails", base + "?pool=5&prepared_statements=false&encoding=utf8", base + "?default_query_exec_mode=exec"},
		{"Doctrine", base + "?serverVersion=16&charset=utf8", base},
		{"pgx of before", base + "?statement_cache_mode=describe", base + "?default_query_exec_mode=exec"},
		{"Ecto", base + "?pool_size=10&ssl=true", base + "?sslmode=verify-full"},
		{"libpq", base + "?gssencmode=prefer&keepalives=1&keepalives_idle=30&keepalives_interval=10" +
			"&keepalives_count=3&tcp_user_timeout=5000", base},
		{"libpq", base + "?ssl_min_protocol_version=TLSv1.2&client_encoding=UTF8" +
			"&fallback_application_name=x&application_name=y", base + "?application_name=y"},
		{"libpq, as a DSN",
			"host=db.example.com port=6543 user=gate password=hush dbname=app gssencmode=disable keepalives=0",
			"host=db.example.com port=6543 user=gate password=hush dbname=app"},
		{"a DSN of several lines", "host=db.example.com\r\nport=6543\nuser=gate\npassword='hu\\'sh'\ndbname=app",
			`host=db.example.com port=6543 user=gate password='hu\'sh' dbname=app`},
		{"a DSN with a semicolon", "host=db.example.com user=gate password='a;b' dbname=app",
			"host=db.example.com user=gate password='a;b' dbname=app"},
		{"a DSN through a pooler", "host=db.example.com pgbouncer=true",
			"host=db.example.com default_query_exec_mode=exec"},
		{"a password with signs", "postgres://gate:a?b#c%40d@db.example.com/app?schema=x",
			"postgres://gate:a?b#c%40d@db.example.com/app"},
		{"several hosts", "postgres://gate:hush@a:1,b:2/app?schema=x&target_session_attrs=any",
			"postgres://gate:hush@a:1,b:2/app?target_session_attrs=any"},
		{"a socket", "postgres:///app?host=/var/run/postgresql&schema=x", "postgres:///app?host=/var/run/postgresql"},
		{"PostgreSQL's own", base + "?statement_timeout=5s&search_path=x",
			base + "?statement_timeout=5s&search_path=x"},
	} {
		got, err := readDatabaseURL(c.written)
		if err != nil {
			t.Errorf("%s: %s: %v", c.whose, c.written, err)
			continue
		}
		if a, b := meaning(t, got), meaning(t, c.same); a != b {
			t.Errorf("%s: %s is\n%s, want\n%s", c.whose, c.written, a, b)
		}
	}
}

// meaning is pgx's reading of an address.
func meaning(t *testing.T, s string) string {
	t.Helper()
	pool, err := pgxpool.ParseConfig(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	c := pool.ConnConfig
	var params []string
	for name, value := range c.RuntimeParams {
		params = append(params, name+"="+value)
	}
	slices.Sort(params)
	var hosts []string
	for _, f := range c.Fallbacks {
		hosts = append(hosts, f.Host)
	}
	verified := c.TLSConfig != nil && !c.TLSConfig.InsecureSkipVerify
	return strings.Join(append(params, c.Host, c.User, c.Password, c.Database, c.DefaultQueryExecMode.String(),
		c.ConnectTimeout.String(), c.ChannelBinding,
		map[bool]string{true: "TLS", false: "clear"}[c.TLSConfig != nil],
		map[bool]string{true: "verified", false: "unverified"}[verified],
		strings.Join(hosts, ","), string(rune('0'+pool.MaxConns))), " ")
}
