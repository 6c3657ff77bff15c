package acceptance_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/smtp/postoffice"
	"github.com/gatepost/gatepost/migrations"
)

// previousRelease builds the gate of the commit that migrations/testdata/previous names.
func previousRelease(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../migrations/testdata/previous")
	if err != nil {
		t.Fatal(err)
	}
	commit, tree, program := strings.TrimSpace(string(b)), filepath.Join(t.TempDir(), "tree"),
		filepath.Join(t.TempDir(), "gatepost")
	run := func(dir string, words ...string) (string, error) {
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Dir, cmd.Env = dir, append(cmd.Environ(), "CGO_ENABLED=0")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run(".", "git", "cat-file", "-e", commit+"^{commit}"); err != nil {
		t.Fatalf("the release before, commit %s, is not in this repository: fetch its whole history (git fetch "+
			"--unshallow) (%v %s)", commit, err, out)
	}
	if out, err := run(".", "git", "worktree", "add", "--detach", tree, commit); err != nil {
		t.Fatalf("check the release before out: %v %s", err, out)
	}
	t.Cleanup(func() { _, _ = run(".", "git", "worktree", "remove", "--force", tree) })
	// As releases are built. Without -trimpath what is compiled belongs to this directory, and none of it is kept.
	if out, err := run(tree, "go", "build", "-trimpath", "-buildvcs=false", "-o", program, "./cmd/gatepost"); err != nil {
		t.Fatalf("build the release before: %v %s", err, out)
	}
	return program
}

// people are visitors who use a gate until they are stopped, and note each wrong answer.
type people struct {
	answers atomic.Int64
	mu      sync.Mutex
	faults  []string
	end     func()
}

// work makes a few visitors load pages, sign in and out, and ask for new passwords.
func work(t *testing.T, g *running, known *http.Cookie, email string) *people {
	t.Helper()
	p, stop := &people{}, make(chan struct{})
	var all sync.WaitGroup
	p.end = sync.OnceFunc(func() { close(stop); all.Wait() })
	t.Cleanup(p.end)
	again := func(f func(*http.Client)) {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					f(g.visitor(t).client)
				}
			}
		})
	}
	ask := func(c *http.Client, method, path, body string, want ...int) {
		req, _ := http.NewRequest(method, g.url+path, strings.NewReader(body)) // the URL is valid
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if method == "GET" {
			req.AddCookie(known)
		}
		res, err := c.Do(req)
		p.answers.Add(1)
		if err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			for _, status := range want {
				if res.StatusCode == status {
					return
				}
			}
			err = fmt.Errorf("%d", res.StatusCode)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.faults = append(p.faults, fmt.Sprintf("%s %s: %v", method, path, err))
	}
	for range 2 {
		again(func(c *http.Client) { ask(c, "GET", "/dashboard", "", 200) })
	}
	again(func(c *http.Client) {
		ask(c, "POST", "/login", "email="+email+"&password="+strings.ReplaceAll(password, " ", "+"), 303)
		ask(c, "POST", "/logout", "", 303)
	})
	again(func(c *http.Client) { ask(c, "POST", "/login/forgot", "email="+email, 200, 303, 429) })
	return p
}

// goOn waits for a number of answers, and checks that none was wrong.
func (p *people) goOn(t *testing.T, when string) {
	t.Helper()
	before := p.answers.Load()
	eventually(t, "people go on "+when, func() bool { return p.answers.Load() > before+100 })
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.faults) > 0 {
		t.Errorf("%s %d answers of %d were not good: %.500q", when, len(p.faults), p.answers.Load(), p.faults)
		p.faults = nil
	}
}

// A new gate migrates the database while a gate of the release before serves visitors and a transaction keeps
// reading. No visitor notices. Both gates serve with the new tables, and the release before can start on them
// as well.
func TestTheReleaseBeforeGoesOn(t *testing.T) {
	t.Parallel()
	previous, database, office := previousRelease(t), authtest.NewEmptyDatabase(t), postoffice.New(t, nil, nil)
	env := []string{"DATABASE_URL=" + database, "GATEPOST_UPSTREAM=" + newApp(t).url, "GATEPOST_SESSION_CACHE=0",
		"GATEPOST_SMTP_URL=" + office.URL,
		"GATEPOST_MAIL_FROM=login@example.com", "GATEPOST_DRAIN_DELAY=1ms", "GATEPOST_LOG_LEVEL=info"}
	old := launchGate(t, previous, env...)
	old.untilUp(t)
	ada, bob := old.visitor(t), old.visitor(t)
	ada.signUp("ada@example.com")
	bob.signUp("bob@example.com")
	visitors := work(t, old, ada.cookie(), "bob@example.com")
	visitors.goOn(t, "at first")

	reader := readsOn(t, database)
	next := launchGate(t, program(t, env), env...)
	if out, _ := runGate(t, []string{"migrate", "status"}, env...); strings.Contains(out, "pending") {
		next.waitsFor(t, reader)
		if status, said := next.asked(t, "/healthz"); status != 200 || said != "ok\n" {
			t.Errorf("healthz: %d %s", status, said)
		}
		v := next.visitor(t)
		for path, want := range map[string]string{"/": "<html", "/.gatepost/healthz": "starting", "/login": "<html"} {
			if r := v.open(path); r.status != 503 || r.header.Get("Retry-After") == "" ||
				!strings.Contains(r.body, want) {
				t.Errorf("%s of a gate that waits: %d %v %.100s", path, r.status, r.header, r.body)
			}
		}
		visitors.goOn(t, "while a migration waits")
		if n := strings.Count(next.log.String(), "a migration takes a while"); n != 1 ||
			!strings.Contains(next.log.String(), "pg_dump") {
			t.Errorf("the log has %d lines about it", n)
		}
	}
	if err := reader.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	next.untilUp(t)
	visitors.goOn(t, "on the new tables")
	serves(t, next, "the new gate")
	visitors.end()
	if old.stop(t) != 0 {
		t.Error("the old gate did not end well")
	}
	again := launchGate(t, previous, env...)
	again.untilUp(t)
	serves(t, again, "the release before, started on the new tables")
	half := halfASignIn(t, database)
	opensNothing(t, next, half, "the new gate")
	opensNothing(t, again, half, "the release before")
	if next.stop(t) != 0 {
		t.Error("the new gate did not end well")
	}
	serves(t, again, "the release before, alone")
}

// halfASignIn returns the token of a challenge that the user ada must answer to get a session.
func halfASignIn(t *testing.T, database string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	token := secret.NewToken()
	_, err = conn.Exec(t.Context(), `
		INSERT INTO gatepost.challenge (id, token, user_id, kind, methods, proved_at, browser, remember, expires_at)
		SELECT $1, $2, id, 'otp', 'pwd', now(), '', false, now() + interval '1 hour'
		FROM gatepost."user" WHERE email = 'ada@example.com'`,
		secret.NewID(), token.Hash())
	if err != nil {
		t.Fatal(err)
	}
	return string(token)
}

// opensNothing checks that a token works for nobody at a gate, in any cookie of the gate.
func opensNothing(t *testing.T, g *running, token, whose string) {
	t.Helper()
	v := g.visitor(t)
	name := "gatepost_" + g.url[strings.LastIndexByte(g.url, ':')+1:]
	for _, cookie := range []string{name, name + "_link", name + "_known"} {
		if r := v.do("GET", "/dashboard", nil, "Cookie: "+cookie+"="+token); r.status != 401 {
			t.Errorf("%s: half a sign-in as %s: %d %s", whose, cookie, r.status, r.body)
		}
	}
}

// readsOn returns a connection whose transaction has read every table.
func readsOn(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	reader, err := pgx.Connect(t.Context(), database+"&application_name=pg_dump")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close(context.Background()) })
	_, err = reader.Exec(t.Context(), `BEGIN;
		SELECT FROM gatepost."user", gatepost.session, gatepost.account, gatepost.verification, gatepost.throttle,
			gatepost.familiar, gatepost.outbox, gatepost.acme, gatepost.audit_event LIMIT 1`)
	if err != nil {
		t.Fatal(err)
	}
	return reader
}

// waitsFor waits until the gate says that its migration waits for this connection.
func (g *running) waitsFor(t *testing.T, whom *pgx.Conn) {
	t.Helper()
	eventually(t, "it says for whom it waits", func() bool {
		status, said := g.asked(t, "/readyz")
		return status == 503 && strings.Contains(said, `"process":"starting"`) &&
			strings.Contains(said, fmt.Sprintf(`pid %d (\"pg_dump\", idle in transaction, query `, whom.PgConn().PID()))
	})
}

// beforeTheRule makes a database with the tables of the first release, which lacks a migration that needs a
// lock.
func beforeTheRule(t *testing.T) string {
	t.Helper()
	database := authtest.NewEmptyDatabase(t)
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := (migrations.Set{To: 9}).Up(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	return database
}

// A gate that is told to stop does so at once, whatever its migration waits for, and leaves no waiting
// statement behind.
func TestAGateStopsWhileItsMigrationWaits(t *testing.T) {
	t.Parallel()
	database := beforeTheRule(t)
	reader := readsOn(t, database)
	env := []string{"DATABASE_URL=" + database, "GATEPOST_UPSTREAM=" + newApp(t).url}
	g := launchGate(t, program(t, env), env...)
	g.waitsFor(t, reader)
	if code := g.stop(t); code != 0 || !strings.Contains(g.log.String(), "msg=stopping") {
		t.Errorf("exit code %d", code)
	}
	eventually(t, "nothing waits", func() bool {
		if _, err := reader.Exec(t.Context(), `SELECT pg_stat_clear_snapshot()`); err != nil { // of this transaction
			return false
		}
		var n int
		err := reader.QueryRow(t.Context(), `
			SELECT count(*) FROM pg_stat_get_activity(NULL)
			WHERE application_name = 'gatepost migrating'
				AND datid = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&n)
		return err == nil && n == 0
	})
}

// On a socket shared with other gates, a gate that waits accepts no connection. Visitors who come meanwhile are
// answered when the gate is up.
func TestAGateThatWaitsTakesNobodyFromASocketOfOthers(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	_ = l.Close() // the file keeps the socket open
	database := beforeTheRule(t)
	reader := readsOn(t, database)
	g := inheriting(t, socket, "DATABASE_URL="+database, "GATEPOST_UPSTREAM="+newApp(t).url,
		"GATEPOST_PUBLIC_URL=http://"+l.Addr().String())
	g.url = "http://" + l.Addr().String()
	g.waitsFor(t, reader)
	answer := make(chan int, 1)
	go func() {
		res, err := http.Get(g.url + "/public")
		if err != nil {
			answer <- 0
			return
		}
		_ = res.Body.Close()
		answer <- res.StatusCode
	}()
	g.waitsFor(t, reader)
	if err := reader.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status := <-answer; status != 200 {
		t.Errorf("whoever came meanwhile got %d", status)
	}
}

// asked returns what the ops listener answers.
func (g *running) asked(t *testing.T, path string) (status int, body string) {
	t.Helper()
	res, err := http.Get(g.ops + path)
	if err != nil {
		return 0, ""
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// serves checks that users can sign in, load pages, sign out and sign up.
func serves(t *testing.T, g *running, who string) {
	t.Helper()
	v := g.visitor(t)
	if r := v.post("/login", "email", "ada@example.com", "password", password); r.status != 303 {
		t.Errorf("%s: a sign-in is %d", who, r.status)
	}
	if r := v.fetch("/dashboard"); r.status != 200 {
		t.Errorf("%s: a page is %d", who, r.status)
	}
	if r := v.post("/logout"); r.status != 303 {
		t.Errorf("%s: a sign-out is %d", who, r.status)
	}
	if r := v.fetch("/dashboard"); r.status != 401 {
		t.Errorf("%s: the page afterwards is %d", who, r.status)
	}
	if status, said := g.asked(t, "/readyz"); status != 200 {
		t.Errorf("%s is not ready: %s", who, said)
	}
}
