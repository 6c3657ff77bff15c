package acceptance_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/internal/seal"
)

// docWorld is where the commands of a page run.
type docWorld struct {
	t         *testing.T
	root, dir string // what the page has below /, and the working directory
	database  string // with the tables of the gate
	app       *app
	url       string // of the gate, once a command of the page serves
	env       []string
	words     *strings.Replacer // what is called otherwise here
	keeps     bool              // whether settings count for the commands after them
	settings  string            // the file into which the page has its settings written
}

// newDocWorld prepares a page: its directory, a database, an app, and what docPrepared says.
func newDocWorld(t *testing.T, page string) *docWorld {
	t.Helper()
	w := &docWorld{t: t, root: t.TempDir(), database: authtest.NewDatabase(t), app: newApp(t)}
	w.dir = w.root + "/work"
	port, ops := freePort(t), freePort(t)
	w.url = "http://localhost:" + port
	w.env = []string{"PATH=" + w.root + "/bin:" + os.Getenv("PATH"), "HOME=" + w.root, "ROOT=" + w.root,
		"TOP=" + abs(t, ".."), "PROGRAM=" + plainGate, "DATABASE_URL=" + w.database, "GATEPOST_UPSTREAM=" + w.app.url,
		"GATEPOST_PROTECT=/dashboard, /billing", "GATEPOST_LISTEN=localhost:" + port,
		"GATEPOST_OPS_LISTEN=localhost:" + ops, "UP=http://localhost:" + ops + isUp}
	w.repository()
	w.standIns()
	var words []string
	for _, all := range []prepared{docPrepared, docMoveIn} {
		if prepare := all[page]; prepare != nil {
			words = prepare(w)
		}
	}
	w.words = strings.NewReplacer(append(words, w.names()...)...)
	t.Cleanup(w.stop)
	return w
}

// names are the words of all pages that mean something else here.
func (w *docWorld) names() []string {
	until := time.Now().Add(30 * 24 * time.Hour).UTC().Format(time.RFC3339)
	return []string{
		"http://localhost:3000", w.app.url, "http://127.0.0.1:3000", w.app.url, "http://localhost:8080", w.url,
		"postgres://user:password@localhost:5432/mydb", w.database,
		"postgres://user:password@localhost/gatepost", w.database,
		"/etc/gatepost/", w.root + "/etc/gatepost/", "/etc/gatepost\n", w.root + "/etc/gatepost\n",
		"/etc/systemd/", w.root + "/etc/systemd/", "/usr/local/", w.root + "/usr/local/",
		"/run/gatepost/", w.root + "/run/gatepost/",
		"GATEPOST_IMPORT_UNTIL=2027-01-31T00:00:00Z", "GATEPOST_IMPORT_UNTIL=" + until,
		"GATEPOST_IMPORT_UNTIL=…", "GATEPOST_IMPORT_UNTIL=" + until,
		"…", "0123456789-0123456789-0123456789",
	}
}

// repository puts the files of the repository into the working directory, and what pages have below /.
func (w *docWorld) repository() {
	w.t.Helper()
	for _, dir := range []string{"work/bin", "bin", "etc/gatepost", "etc/systemd/system", "run/gatepost",
		"usr/local/bin", "usr/local/share/ca-certificates"} {
		w.must(os.MkdirAll(filepath.Join(w.root, dir), 0o755))
	}
	top := abs(w.t, "..")
	entries, err := os.ReadDir(top)
	w.must(err)
	for _, e := range entries {
		if e.Name() != "bin" {
			w.must(os.Symlink(filepath.Join(top, e.Name()), filepath.Join(w.dir, e.Name())))
		}
	}
}

// authority makes an authority of its own, and a certificate for this machine, below /etc/gatepost.
func (w *docWorld) authority() {
	w.t.Helper()
	cmd := w.command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
		"-subj", "/CN=localhost", "-keyout", "client.key", "-out", "ca.pem")
	cmd.Dir = w.root + "/etc/gatepost"
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("%v: %s", err, out)
	}
	pem, err := os.ReadFile(cmd.Dir + "/ca.pem")
	w.must(err)
	w.write(cmd.Dir+"/client.pem", string(pem))
}

// first runs commands before those of the page.
func (w *docWorld) first(commands string) string {
	w.t.Helper()
	out, err := w.command("sh", "-euc", commands).CombinedOutput()
	if err != nil {
		w.t.Fatalf("%v: %s\n%s", err, commands, out)
	}
	return strings.TrimSpace(string(out))
}

// source is another database, with the tables of the system that people come from. The gate reads it.
func (w *docWorld) source(tables string) string {
	w.t.Helper()
	from := authtest.NewEmptyDatabase(w.t)
	_, err := authtest.Pool(w.t, from).Exec(w.t.Context(), tables)
	w.must(err)
	return from
}

// someoneHasAnApp makes a user with an authenticator app: who loses it is that user, as Ada of the page has none.
func (w *docWorld) someoneHasAnApp() []string {
	w.t.Helper()
	w.env = append(w.env, "GATEPOST_ENCRYPTION_KEY="+seal.NewKey())
	w.write("app.csv", "id,email,second_factor,totp_secret\n1,eve@example.com,true,JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n")
	w.first("gatepost import csv app.csv")
	return []string{"reset-factors ada@example.com", "reset-factors eve@example.com"}
}

// write writes a file of the working directory.
func (w *docWorld) write(name, text string) {
	w.t.Helper()
	if !filepath.IsAbs(name) {
		name = filepath.Join(w.dir, name)
	}
	w.must(os.WriteFile(name, []byte(text), 0o600))
}

// stop ends the gates that the page has started.
func (w *docWorld) stop() {
	pids, _ := os.ReadFile(w.root + "/pids") // none
	for pid := range strings.FieldsSeq(string(pids)) {
		if n, err := strconv.Atoi(pid); err == nil {
			_ = syscall.Kill(n, syscall.SIGTERM)
		}
	}
	if w.t.Failed() {
		log, _ := os.ReadFile(w.root + "/serve.log")
		w.t.Logf("the gate's log:\n%.5000s", log)
	}
}

func (w *docWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func abs(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// as returns the URL of a database for another role.
func as(t *testing.T, database, name, role string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	if name != "" {
		u.Path = "/" + name
	}
	q := u.Query()
	q.Set("user", role)
	u.RawQuery = q.Encode()
	return u.String()
}

// databaseOf returns the name of the page's database.
func databaseOf(w *docWorld) string {
	u, err := url.Parse(w.database)
	w.must(err)
	return strings.TrimPrefix(u.Path, "/")
}
