// Package demo runs the gate in front of a sample app, with a PostgreSQL of its own and a mailbox for all mail. It
// is for a first look. Like any app, the sample app knows the identity headers only.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/server"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// Run runs the gate in front of the sample app. The app listens on a socket in a directory that only this user can
// enter, so that it cannot be reached without the gate. Instructions are written to stdout, and the log to stderr.
// Run sets Log, Lines, Step and Up of o.
func Run(ctx context.Context, env []string, stdout, stderr io.Writer, o server.Options) error {
	defer server.Tune(env)()
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
	says := &steps{out: stdout}
	o.Step = says.of
	o.Up = func(ctx context.Context, s *auth.Store, database string) error {
		id.answerTo(c.CallbackURL("demo")) // the port is known now
		url := c.PublicURL.String()
		sample.url.Store(&url)
		says.begin("Setting up the account of the demo's admin.")
		password, err := makeAdmin(ctx, s, c.DataDir)
		if err != nil {
			return fmt.Errorf("make the demo's admin: %w", err)
		}
		return says.done(welcome(c, password, database))
	}
	defer context.AfterFunc(ctx, upkeep.Watch{}.Guard("say that the demo stops", func() { says.begin("Stopping.") }))()
	if err := server.Serve(ctx, c, o); err != nil && !errors.Is(err, context.Canceled) { // as where it still started
		return errors.Join(explained(err, c.Settings.Listen), says.close(""))
	}
	return says.close(fmt.Sprintf(farewell, c.DataDir))
}

// farewell is said when the demo was told to stop.
const farewell = `
  The demo has stopped. Its users stay in %[1]s: the next demo has them again. To begin anew, remove that folder.
`

// explained adds to a port in use the command that starts the demo on others.
func explained(err error, listen string) error {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return err
	}
	var list config.Faults
	list.Add(err)
	other := "localhost:8090"
	if !strings.Contains(err.Error(), "GATEPOST_LISTEN: ") {
		other = listen // that one was free
	}
	list.Add(errors.New("to have the demo on other ports: " +
		"GATEPOST_LISTEN=" + other + " GATEPOST_OPS_LISTEN=off make demo"))
	return list
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
		"GATEPOST_IDENTITY_HEADERS=", "GATEPOST_APP_NAME=" + appName,
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

// welcome says what to do next. Where the database is stands here, and on no page, as whoever reaches the demo can open
// its pages.
func welcome(c *config.Config, password secret.Password, database string) string {
	return fmt.Sprintf(`
  Gatepost is running in front of a sample app.

    Open          %[1]s/
    Protected     %[1]s/dashboard   (sign up with any e-mail address, or with Demo ID, which stands in for Google)
    Admins only   %[1]s/admin       (asks for a second factor, and leads through adding one)
    Mailbox       %[1]s/mailbox     (all mail ends here, whatever the address)
    Admin login   %[2]s   password: %[3]s
    Database      psql "%[5]s"

  Its users are in %[4]s, and stay there.  GATEPOST_LOG_LEVEL=info shows the log.  Stop with Ctrl-C.
%[6]s
`, c.PublicURL, admin, string(password), c.DataDir, database, warning(c))
}

// warning says who can read the mailbox, where that is more than this machine.
func warning(c *config.Config) string {
	if c.OnlyHere() {
		return ""
	}
	return `
  WARNING: other machines can reach this demo. Whoever does can read the mailbox, and with a mailed link enter any
  account, the admin's too.
`
}

// dataDir is the directory of the demo's database, apart from a real one.
func dataDir(dataDir string) string { return filepath.Join(dataDir, "demo") }
