// Package demo runs the gate in front of a sample app, with a PostgreSQL of its own and a mailbox for all mail. It
// is for a first look. Like any app, the sample app knows the identity headers only.
package demo

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth"

	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/server"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// Run runs the gate in front of the sample app. The app listens on a socket in a directory that only this user can
// enter, so that it cannot be reached without the gate. Instructions are written to stdout, and the log to stderr.
// Run sets Log, Lines and Up of o.
func Run(ctx context.Context, env []string, stdout, stderr io.Writer, o server.Options) error {
	defer runtime.KeepAlive(server.Tune(env))
	dir, err := os.MkdirTemp("", "gatepost-demo-")
	if err != nil {
		return fmt.Errorf("make a directory for the sample app's socket: %w", err)
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "app.sock")
	id, stopID, err := serveIDP()
	if err != nil {
		return err
	}
	defer stopID()
	c, err := config.Load(ctx, environment(env, socket, id))
	if err != nil {
		return err
	}
	c.DataDir = dataDir(c.DataDir)
	box := &mailbox{}
	c.Deliver, c.Verify = box.deliver, auth.VerifyOptional
	sample := &app{box: box}
	stop, err := serveApp(socket, sample.handler())
	if err != nil {
		return err
	}
	defer stop()
	out := &server.BatchWriter{To: stderr}
	defer out.Flush()
	o.Log, o.Lines = server.NewLogger(c, out), out
	o.Up = func(ctx context.Context, s *auth.Store, database string) error {
		id.answerTo(c.CallbackURL("demo")) // the port is known now
		sample.place.Store(&place{c.PublicURL.String(), database})
		return welcome(ctx, stdout, c, s)
	}
	return server.Serve(ctx, c, o)
}

// environment sets the variables of the demo. The others (ports, directories, log) are left to the operator.
func environment(env []string, socket string, id *idp) []string {
	fixed := []string{
		"DATABASE_URL=", "DATABASE_URL_FILE=", "GATEPOST_DIRECT_DATABASE_URL=", "GATEPOST_DIRECT_DATABASE_URL_FILE=",
		"PORT=", "GATEPOST_UPSTREAM=unix://" + socket, "GATEPOST_UPSTREAM_SERVER_NAME=",
		"GATEPOST_UPSTREAM_CA=", "GATEPOST_UPSTREAM_CA_FILE=",
		"GATEPOST_UPSTREAM_CERT=", "GATEPOST_UPSTREAM_CERT_FILE=",
		"GATEPOST_UPSTREAM_KEY=", "GATEPOST_UPSTREAM_KEY_FILE=",
		"GATEPOST_PROTECT=" + protect, "GATEPOST_PUBLIC=",
		"GATEPOST_PAGES=", "GATEPOST_HOME=/dashboard", "GATEPOST_SIGNUP=",
		"GATEPOST_SIGNUP_DOMAINS=", "GATEPOST_MIGRATE=",
		"GATEPOST_SMTP_URL=", "GATEPOST_SMTP_URL_FILE=", "GATEPOST_MAIL_FROM=", "GATEPOST_VERIFY_EMAIL=",
		"GATEPOST_IDENTITY_HEADERS=", "GATEPOST_APP_NAME=Gatepost demo",
		"GATEPOST_PROVIDERS=", "GATEPOST_PASSWORDS=", "GATEPOST_API_AUTH=",
	}
	if config.Lookup(env, "GATEPOST_LOG_LEVEL") == "" { // what matters is on the page
		fixed = append(fixed, "GATEPOST_LOG_LEVEL=error")
	}
	fixed = append(fixed, id.settings()...)
	kept := slices.DeleteFunc(slices.Clone(env), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return strings.HasPrefix(name, "GATEPOST_OIDC_DEMO_") ||
			slices.ContainsFunc(fixed, func(f string) bool { return strings.HasPrefix(f, name+"=") })
	})
	return append(kept, fixed...)
}

// idleTimeout is how long the sample app and Demo ID keep an idle connection: longer than the gate keeps one to its
// app.
const idleTimeout = 2 * time.Minute

func serveApp(socket string, app http.Handler) (stop func(), err error) {
	l, err := net.Listen("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("start the sample app: %w", config.Cause(err))
	}
	s := &http.Server{Handler: app, ReadHeaderTimeout: server.ReadHeaderTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: server.MaxHeaderBytes}
	// Ends with Close.
	go upkeep.Watch{}.Run(context.Background(), "the sample app", func(context.Context) { _ = s.Serve(l) })
	return func() { _ = s.Close() }, nil
}

// welcome prints what to do next.
func welcome(ctx context.Context, stdout io.Writer, c *config.Config, s *auth.Store) error {
	password, err := makeAdmin(ctx, s, c.DataDir)
	if err != nil {
		return fmt.Errorf("make the demo's admin: %w", err)
	}
	_, err = fmt.Fprintf(stdout, `
  Gatepost is running in front of a sample app.

    Open          %[1]s/
    Protected     %[1]s/dashboard   (sign up with any address, or sign in with Demo ID)
    Admins only   %[1]s/admin       (asks for a second factor, and leads through adding one)
    Mailbox       %[1]s/mailbox     (all mail ends here, whatever the address)
    Admin login   %[2]s   password: %[3]s

  Its users are in %[4]s, and stay there.  GATEPOST_LOG_LEVEL=info shows the log.  Stop with Ctrl-C.

`, c.PublicURL, admin, string(password), c.DataDir)
	return err
}

// dataDir is the directory of the demo's database, apart from a real one.
func dataDir(dataDir string) string { return filepath.Join(dataDir, "demo") }
