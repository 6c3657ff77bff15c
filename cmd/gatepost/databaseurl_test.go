package main

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// Addresses as other programs write them mean the same here.
func TestAddressesOfOtherProgramsAreTaken(t *testing.T) {
	t.Parallel()
	const base = "postgres://gate:hush@db.example.com:6543/app"
	for _, c := range []struct{ whose, written, same string }{
		{"PostgreSQL", "postgresql://gate:hush@db.example.com:6543/app", base},
		{"SQLAlchemy", "postgresql+psycopg2://gate:hush@db.example.com:6543/app", base},
		{"Django", "postgis://gate:hush@db.example.com:6543/app", base},
		{"somebody loud", "POSTGRES://gate:hush@db.example.com:6543/app", base},
		{"Prisma", base + "?schema=public", base},
		{"Prisma", base + "?schema=public&connection_limit=7&pool_timeout=20&socket_timeout=3&connect_timeout=4", base + "?pool_max_conns=7&connect_timeout=4"},
		{"Prisma on Vercel", base + "?pgbouncer=true&connection_limit=1", base + "?default_query_exec_mode=exec&pool_max_conns=3"},
		{"Prisma, strict", base + "?sslmode=require&sslaccept=strict", base + "?sslmode=verify-full"},
		{"Prisma, not strict", base + "?sslmode=require&sslaccept=accept_invalid_certs", base + "?sslmode=require"},
		{"Prisma, without statements", base + "?statement_cache_size=0", base + "?default_query_exec_mode=exec"},
		{"Supabase on Vercel", base + "?sslmode=require&supa=base-pooler.x&pgbouncer=true", base + "?sslmode=require&default_query_exec_mode=exec"},
		{"Supabase", base + "?pgbouncer=true&default_query_exec_mode=cache_describe", base + "?default_query_exec_mode=cache_describe"},
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
		{"libpq", base + "?gssencmode=prefer&keepalives=1&keepalives_idle=30&keepalives_interval=10&keepalives_count=3&tcp_user_timeout=5000", base},
		{"libpq", base + "?ssl_min_protocol_version=TLSv1.2&client_encoding=UTF8&fallback_application_name=x&application_name=y", base + "?application_name=y"},
		{"libpq, as a DSN", "host=db.example.com port=6543 user=gate password=hush dbname=app gssencmode=disable keepalives=0", "host=db.example.com port=6543 user=gate password=hush dbname=app"},
		{"a DSN of several lines", "host=db.example.com\r\nport=6543\nuser=gate\npassword='hu\\'sh'\ndbname=app", `host=db.example.com port=6543 user=gate password='hu\'sh' dbname=app`},
		{"a DSN with a semicolon", "host=db.example.com user=gate password='a;b' dbname=app", "host=db.example.com user=gate password='a;b' dbname=app"},
		{"a DSN through a pooler", "host=db.example.com pgbouncer=true", "host=db.example.com default_query_exec_mode=exec"},
		{"a password with signs", "postgres://gate:a?b#c%40d@db.example.com/app?schema=x", "postgres://gate:a?b#c%40d@db.example.com/app"},
		{"several hosts", "postgres://gate:hush@a:1,b:2/app?schema=x&target_session_attrs=any", "postgres://gate:hush@a:1,b:2/app?target_session_attrs=any"},
		{"a socket", "postgres:///app?host=/var/run/postgresql&schema=x", "postgres:///app?host=/var/run/postgresql"},
		{"PostgreSQL's own", base + "?statement_timeout=5s&search_path=x", base + "?statement_timeout=5s&search_path=x"},
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

// meaning is what pgx makes of an address.
func meaning(t *testing.T, s string) string {
	t.Helper()
	pool, err := parsePool(s, 0)
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
	return strings.Join(append(params, c.Host, c.User, c.Password, c.Database, c.DefaultQueryExecMode.String(), c.ConnectTimeout.String(), c.ChannelBinding,
		map[bool]string{true: "TLS", false: "clear"}[c.TLSConfig != nil], map[bool]string{true: "verified", false: "unverified"}[verified],
		strings.Join(hosts, ","), string(rune('0'+pool.MaxConns))), " ")
}

// What would weaken a connection, or change what it means, is named with its cure.
func TestParametersThatAreNotTakenAreNamed(t *testing.T) {
	t.Parallel()
	const base = "postgres://gate:hush@127.0.0.1:1/app?"
	for written, wants := range map[string]string{
		base + "gssencmode=require":                               "gssencmode",
		base + "requirepeer=postgres":                             "requirepeer",
		base + "sslcrl=/etc/crl.pem":                              "sslcrl",
		base + "sslidentity=client.p12&sslpassword=hush":          "sslidentity",
		base + "sslcert=server-ca.pem":                            "sslrootcert",
		base + "sslrootcert=/nowhere/ca.pem":                      "no such file",
		base + "hostaddr=127.0.0.1":                               "hostaddr",
		base + "client_encoding=LATIN1":                           "client_encoding",
		base + "replication=database":                             "replication",
		base + "ssl_min_protocol_version=TLSv1.3":                 "ssl_min_protocol_version",
		base + "sslmode=sometimes":                                "sslmode",
		base + "sslaccept=perhaps":                                "sslaccept",
		base + "ssl=sometimes":                                    "verify-full",
		base + "connection_limit=many":                            "connection_limit",
		"jdbc:postgresql://127.0.0.1/app":                         "jdbc:",
		"prisma://accelerate.example.com/?api_key=hush":           "Prisma",
		"prisma+postgres://localhost:51213/?api_key=hush":         "Prisma",
		"Host=127.0.0.1;Username=gate;Password=hush;Database=app": ".NET",
		"postgres://gate:hu@sh@127.0.0.1/app":                     "%40",
		"postgres://gate:1/hush@127.0.0.1/app":                    "%40",
		"host=127.0.0.1 sslcrl=/etc/crl.pem password=hush":        "sslcrl",
		"host=127.0.0.1 gssencmode=require password=hush":         "gssencmode",
		"mysql://gate:hush@127.0.0.1/app":                         "is not a PostgreSQL URL",
		"postgres://gate:hush@127.0.0.1:1/app?sslmode%20=disable": "is not a PostgreSQL URL",
		"https://gate:hush@127.0.0.1:1/app?application_name=hush": "is not a PostgreSQL URL",
		"postgres://gate:hush@127.0.0.1:1/app/more":               "is not a PostgreSQL URL",
		"postgres://gate:hush@127.0.0.1:1/app?schema=%zz":         "is not a PostgreSQL URL",
		"host=127.0.0.1 password='hush":                           "is not a PostgreSQL URL",
		"DATABASE_URL=postgres://gate:hush@127.0.0.1:1/app":       "its name once more",
		"export DATABASE_URL=postgres://gate:hush@127.0.0.1/app":  "its name once more",
		"URL=postgres://gate:hush@127.0.0.1:1/app":                "is not a PostgreSQL URL",
		"password=hush":         "is not a PostgreSQL URL",
		base + "charset=latin1": "charset",
		"127.0.0.1 hush":        "is not a PostgreSQL URL",
	} {
		for _, name := range []string{"DATABASE_URL", "GATEPOST_DIRECT_DATABASE_URL"} {
			values := noSettings(t)
			values[name] = written
			said := says(t, []string{"check"}, environ(values))
			if !strings.Contains(said, name+": ") && !strings.Contains(said, name+" ") || !strings.Contains(said, wants) {
				t.Errorf("%s=%s says nothing of %q: %s", name, written, wants, said)
			}
			if strings.Contains(said, "hush") || strings.Contains(said, "Everything is in order") {
				t.Errorf("%s=%s: %s", name, written, said)
			}
		}
	}
}

// With the address of an app that uses Prisma behind a pooler, the whole gate works, and keeps no statement at the
// server.
func TestTheAddressOfAnAppWithPrismaWorks(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(authtest.NewEmptyDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	direct := u.String()
	q := u.Query()
	for _, name := range []string{"schema=public", "pgbouncer=true", "connection_limit=5", "pool_timeout=10", "gssencmode=disable", "keepalives_idle=30"} {
		key, value, _ := strings.Cut(name, "=")
		q.Set(key, value)
	}
	u.RawQuery = q.Encode()
	g := startGate(t, "DATABASE_URL="+u.String(), "GATEPOST_DIRECT_DATABASE_URL="+direct, "GATEPOST_UPSTREAM="+newApp(t).url)
	v := g.visitor(t)
	v.signUp("ada@example.com")
	if r := v.fetch("/dashboard"); r.status != 200 {
		t.Errorf("the dashboard: %d %s", r.status, r.body)
	}
}

// PostgreSQL repeats parameters that it does not know; such a name may be a piece of a password.
func TestWhatPostgreSQLRepeatsIsNotShown(t *testing.T) {
	t.Parallel()
	address := authtest.NewEmptyDatabase(t) + "&Secr3tTail9=1"
	plain, err := readDatabaseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := connectTo(t.Context(), plain)
	if err == nil {
		_ = conn.Close(context.Background())
		t.Fatal("PostgreSQL takes any parameter")
	}
	if said := err.Error(); strings.Contains(said, "Tail9") || !strings.Contains(said, "42704") || !strings.Contains(said, "leave out") {
		t.Error(said)
	}
}
