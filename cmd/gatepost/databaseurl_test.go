package main

import (
	"strings"
	"testing"
)

// A parameter whose loss would weaken a connection, or change its meaning, is named with its cure.
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
			if !strings.Contains(said, name+": ") && !strings.Contains(said, name+" ") ||
				!strings.Contains(said, wants) {
				t.Errorf("%s=%s says nothing of %q: %s", name, written, wants, said)
			}
			if strings.Contains(said, "hush") || strings.Contains(said, "Everything is in order") {
				t.Errorf("%s=%s: %s", name, written, said)
			}
		}
	}
}
