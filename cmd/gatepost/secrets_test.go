package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatepost/gatepost/internal/config"
)

// secretWith is a random word that occurs nowhere else, with something in its middle.
func secretWith(r *rand.Rand, middle string) string {
	const letters = "QXZJKVWqxzjkvw23456789" // makes no words
	word := func() string {
		b := make([]byte, 9)
		for i := range b {
			b[i] = letters[r.IntN(len(letters))]
		}
		return string(b)
	}
	return word() + middle + word()
}

// told is a piece of a secret in a text, of four characters or more; empty for none.
func told(text, secret string) string {
	for _, part := range strings.FieldsFunc(secret,
		func(r rune) bool { return strings.ContainsRune("@/?#:,; %='&\n\\", r) }) {
		for i := range len(part) - 3 {
			if strings.Contains(text, part[i:i+4]) {
				return part[i : i+4]
			}
		}
	}
	return ""
}

// forms are the ways in which a password can be written in a text.
var forms = map[string]string{
	"a URL of PostgreSQL":                  "postgres://gate:SECRET@127.0.0.1:1/db",
	"with another scheme":                  "postgresql+psycopg2://gate:SECRET@127.0.0.1:1/db?sslmode=disable",
	"with one slash":                       "postgres:/gate:SECRET@127.0.0.1:1/db?sslmode=disable",
	"in JDBC's form":                       "jdbc:postgresql://127.0.0.1:1/db?user=gate&password=SECRET",
	"in the query":                         "postgres://gate@127.0.0.1:1/db?password=SECRET&sslpassword=SECRET",
	"with an unknown parameter":            "postgres://gate:SECRET@127.0.0.1:1/db?SECRET=1",
	"with a port of digits":                "postgres://gate:12/SECRET@127.0.0.1:1/db",
	"a DSN":                                "host=127.0.0.1 port=1 user=gate password=SECRET dbname=db",
	"a quoted DSN":                         `host=127.0.0.1 port=1 user=gate password='SECRET \'x' dbname=db`,
	"a DSN with a blank too many":          "host=127.0.0.1 port=1 user=gate password=my SECRET dbname=db",
	"a DSN with a password like a keyword": "host=127.0.0.1 port=1 user=gate password=my SECRET=1 dbname=db",
	"in .NET's form":                       "Host=127.0.0.1;Port=1;Username=gate;Password=SECRET;Database=db",
	"a URL of a mail server":               "smtp://gate:SECRET@127.0.0.1:1",
	"a web address":                        "https://gate:SECRET@127.0.0.1:1/x",
	"a web address with a query":           "https://gate:SECRET@127.0.0.1:1/x?y=z#f",
	"a URL without a user":                 "redis://:SECRET@127.0.0.1:1",
	"without a scheme":                     "gate:SECRET@127.0.0.1:1",
	"behind something harmless": "10.0.0.0/8, /ok, https://example.com/@x, " +
		"postgres://gate:SECRET@127.0.0.1:1/db",
	"an assignment":      "PGPASSWORD=SECRET",
	"a key":              "-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----",
	"in quotation marks": `"postgres://gate:SECRET@127.0.0.1:1/db"`,
}

// cancelled ends a command once it waits for PostgreSQL, after all of its output.
type cancelled struct {
	mu     sync.Mutex
	b      bytes.Buffer
	cancel func()
}

func (c *cancelled) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if bytes.Contains(p, []byte("waiting for PostgreSQL")) {
		c.cancel()
	}
	return c.b.Write(p)
}

// says runs a command and returns all of its output.
func says(t *testing.T, args []string, env []string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	said := &cancelled{cancel: cancel}
	run(ctx, append([]string{"gatepost"}, args...), env, strings.NewReader(""), &out, said)
	said.mu.Lock()
	defer said.mu.Unlock()
	return out.String() + said.b.String()
}

// noSettings are just enough settings for a gate, with a database that does not exist.
func noSettings(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{"HOME": t.TempDir(), "GATEPOST_UPSTREAM": "http://127.0.0.1:1",
		"DATABASE_URL":        "postgres://127.0.0.1:1/db",
		"GATEPOST_OPS_LISTEN": "off", "GATEPOST_LISTEN": "localhost:0", "GATEPOST_PUBLIC_URL": "http://localhost:1"}
}

func environ(values map[string]string) (env []string) {
	for name, value := range values {
		env = append(env, name+"="+value)
	}
	return env
}

// Wherever a password is put by mistake, and whatever characters it has, no command repeats a piece of it.
func TestNoPasswordIsRepeated(t *testing.T) {
	t.Parallel()
	names := []string{"PORT", "GATEPOST_UNKNOWN", "GATEPOST_PROTECT_FILE"}
	for _, k := range (config.Settings{}).All() {
		names = append(names, k.Name)
		if k.Secret {
			names = append(names, k.Name+"_FILE")
		}
	}
	middles := []string{"", "@", "@", "/", "?", "#", ":", ",", " ", "%", "%40", ", ", "&", "=", "'", "://"}
	commands := [][]string{{"check"}, {"serve"}, {"migrate"}, {"user", "list"}, {"doctor", "http://127.0.0.1:1"},
		{"health"}, {"explain", "/x"}}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, none := rand.New(rand.NewPCG(1, uint64(len(name)))), noSettings(t)
			for form, text := range forms {
				for i := range 4 {
					middle := middles[r.IntN(len(middles))]
					hush := secretWith(r, middle)
					values := maps.Clone(none)
					values[name] = strings.ReplaceAll(text, "SECRET", hush)
					if name == "GATEPOST_LISTEN" || name == "PORT" {
						delete(values, "GATEPOST_PUBLIC_URL")
					}
					if name == "PORT" {
						delete(values, "GATEPOST_LISTEN")
					}
					if plain, ok := strings.CutSuffix(name, "_FILE"); ok {
						delete(values, plain)
					}
					for _, command := range commands {
						// Check prints all that the others do.
						if command[0] != "check" && (i > 0 || r.IntN(3) > 0) {
							continue
						}
						if piece := told(says(t, command, environ(values)), hush); piece != "" {
							t.Errorf("%s, %q in the middle: gatepost %s tells %q of %q: %s", form, middle,
								strings.Join(command, " "), piece, values[name],
								says(t, command, environ(values)))
						}
					}
				}
			}
		})
	}
}

// A file that holds a secret is read, and nothing of it is repeated.
func TestNoPasswordFromAFileIsRepeated(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	file, none := filepath.Join(t.TempDir(), "secret"), noSettings(t)
	for _, k := range (config.Settings{}).All() {
		for form, text := range forms {
			if !k.Secret {
				continue
			}
			hush := secretWith(r, "@")
			if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "SECRET", hush)+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			values := maps.Clone(none)
			delete(values, k.Name)
			values[k.Name+"_FILE"] = file
			for _, command := range [][]string{{"check"}, {"serve"}, {"user", "list"}} {
				if piece := told(says(t, command, environ(values)), hush); piece != "" {
					t.Errorf("%s in %s_FILE: gatepost %s tells %q", form, k.Name, command[0], piece)
				}
			}
		}
	}
}

// An argument on the command line is not repeated when it may hold a password.
func TestNoPasswordOnTheCommandLineIsRepeated(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	for _, command := range [][]string{
		{"X"}, {"check", "X"}, {"doctor", "X"}, {"doctor", "http://127.0.0.1:1", "--direct", "X"},
		{"doctor", "http://127.0.0.1:1", "--protected", "X"},
		{"explain", "X"}, {"user", "X"}, {"user", "show", "--json=X"}, {"serve", "--X"}, {"serve", "--password=X"},
		{"user", "set-role", "a@example.com", "X"},
		{"user", "create", "a@example.com", "--role", "X"},
	} {
		for form, text := range forms {
			hush := secretWith(r, "@")
			args := slices.Clone(command)
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], "X", strings.ReplaceAll(text, "SECRET", hush))
			}
			if said := says(t, args, environ(noSettings(t))); told(said, hush) != "" {
				t.Errorf("%s in gatepost %q: %s", form, command, said)
			}
		}
	}
}

// A variable whose name may be a piece of a password is not named.
func TestNoPasswordInANameIsRepeated(t *testing.T) {
	t.Parallel()
	hush := secretWith(rand.New(rand.NewPCG(7, 8)), "@")
	said := says(t, []string{"check"},
		append(environ(noSettings(t)), "GATEPOST_X postgres://u:"+hush+"@h/db?sslmode=disable"))
	if told(said, hush) != "" || !strings.Contains(said, "its name is not shown") {
		t.Error(said)
	}
}

// A value that holds no password is quoted, so that its fault can be found.
func TestWhatHoldsNoPasswordIsQuoted(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"nowhere", "10minutes", "GET /users:all, /@me", "everyone",
		"a@example.com, b@example.com", "http://localhost:3000/app", "https://example.com/@me/terms",
		"Example <login@example.com>", "/run/secrets/db", "10.0.0.0/8, 2001:db8::/32", "X-Auth-User=id, X-Token=email",
		"/token=admin", "https://example.com:8443/x?y=z",
		"unix:///run/app.sock", "DokuWiki*@/wiki", "News: mail us @ work", "café"} {
		if got, want := config.Quote(s), fmt.Sprintf("%q", s); got != want {
			t.Errorf("quote(%q) = %s", s, got)
		}
	}
}

// Names made by programs may look like keys. They are accepted as names of cookies and headers.
func TestNamesThatLookLikeKeysAreTaken(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"GATEPOST_APP_COOKIES":   "SSESSd41d8cd98f00b204e9800998ecf8427e",
		"GATEPOST_STRIP_HEADERS": "X-Internal-Service-Token-V2",
	} {
		values := noSettings(t)
		values[name] = value
		if _, err := config.Load(t.Context(), environ(values)); err != nil {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
}
