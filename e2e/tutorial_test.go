package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// The app of a tutorial on Next.js with Better Auth and Drizzle moves behind the gate, step by step as
// docs/move-in/better-auth.md says. Two browsers are signed in when that begins, and never see a login.
func TestTheTutorialsAppMoves(t *testing.T) {
	needBrowser(t)
	m := newTutorial(t)
	zhang, bob := newVisitorOf(t, m.gateway), newVisitorOf(t, m.gateway)
	people := map[*visitor]person{zhang: zhangWei(), bob: zoe()}
	zhang.register(people[zhang])

	behind := []string{"GATEPOST_API_AUTH=app", "GATEPOST_PAGES=/gate", "GATEPOST_PROTECT=/gate",
		"GATEPOST_IMPORT_BETTER_AUTH_SECRET="}
	m.take(t, "before", behind...)
	zhang.open("/dashboard")
	zhang.mustComeToSee(people[zhang].greeting())
	if n, _ := m.bring(t, "--dry-run"); n.Created != 1 || n.Sessions != 1 {
		t.Fatalf("counts of the dry run %+v", n)
	}
	m.bring(t)
	bob.register(people[bob]) // at the app, behind the gate, after the first import

	if n, _ := m.bring(t); n.Created != 1 || n.Unchanged != 1 || n.Sessions != 1 {
		t.Fatalf("counts of the last import %+v", n)
	}
	m.take(t, "after", "GATEPOST_API_AUTH=gate", "GATEPOST_PROTECT=/dashboard", "GATEPOST_PAGES=/",
		"GATEPOST_IMPORT_BETTER_AUTH_SECRET="+oldSecret,
		"GATEPOST_IMPORT_UNTIL="+time.Now().Add(24*time.Hour).UTC().Format(time.RFC3339))
	for v, p := range people {
		answers := v.listen("/login")
		v.open("/dashboard")
		v.mustBeAt("/dashboard")
		v.mustComeToSee(p.greeting())
		v.open("/")
		v.mustComeToSee("Signed in as " + p.name)
		if seen := answers.all(); len(seen) > 0 {
			t.Errorf("%s has come to the login: %q", p.email, seen)
		}
	}
	zhang.open("/dashboard")
	zhang.tap("Logout")
	zhang.mustLandAt("/login")
	zhang.logIn(people[zhang])
	zhang.mustLandAt("/dashboard")
	zhang.mustComeToSee(people[zhang].greeting())

	carol := person{"Carol", "carol@example.com", "a password chosen at the gate"}
	bob.open("/dashboard")
	bob.tap("Logout")
	bob.mustLandAt("/login")
	bob.open("/signup")
	bob.signUp(carol)
	bob.mustComeToSee(carol.greeting())

	m.bringBack(t)
	m.take(t, "again", behind...)
	for _, p := range []person{people[zhang], people[bob], carol} { // with a hash of ours, of Better Auth and of ours
		v := newVisitorOf(t, m.gateway)
		v.open("/login")
		v.fill("email", p.email)
		v.fill("password", p.password)
		v.tap("Login")
		v.mustLandAt("/dashboard")
		v.mustComeToSee(p.greeting())
	}
}

// register signs somebody up on the app's own page.
func (v *visitor) register(p person) {
	v.t.Helper()
	v.open("/register")
	v.fillIn(p)
	v.tap("Register")
	v.mustLandAt("/dashboard")
	v.mustComeToSee(p.greeting())
}

// tap presses a button of the app, which a script answers.
func (v *visitor) tap(words string) {
	v.t.Helper()
	ask(v, "tap "+words, chromedp.Click(chromedp.Search(fmt.Sprintf("//button[normalize-space()=%q]", words))))
}

// tutorial is the app, and the gate in front of it once there is one.
type tutorial struct {
	*home
	app   *program
	inner string            // the port of the app behind the gate
	built map[string]string // folders, before the move and after it
}

// newTutorial runs the app alone, with Better Auth, as the tutorial does.
func newTutorial(t *testing.T) *tutorial {
	t.Helper()
	built := map[string]string{"before": buildTutorial(t, "before", nil),
		"after": buildTutorial(t, "after", takeOutBetterAuth), "again": buildTutorial(t, "again", verifyOurHashes)}
	_, source := newDatabase(t)
	runPackage(t, built["before"], []string{"DATABASE_URL=" + source}, "drizzle-kit/bin.cjs", "push", "--force")
	m := &tutorial{inner: freePort(t), built: built}
	port := freePort(t)
	m.home = moveInto(t, "better-auth", source, "http://localhost:"+m.inner, port)
	m.serveApp(t, "before", port)
	return m
}

// bringBack brings the tables of Better Auth up to date, as docs/move-in/out.md says.
func (m *tutorial) bringBack(t *testing.T) {
	t.Helper()
	statements, _, code := m.command(t, "export", "--format", "better-auth")
	if code != 0 {
		t.Fatalf("gatepost export ends with %d", code)
	}
	psql := exec.Command("psql", "-v", "ON_ERROR_STOP=1", m.from)
	psql.Stdin = strings.NewReader(statements)
	if out, err := psql.CombinedOutput(); err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
}

// take has a gate with these settings take its place before the app.
func (m *tutorial) take(t *testing.T, which string, settings ...string) {
	t.Helper()
	page, err := os.ReadFile("../docs/move-in/better-auth.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range settings {
		if name, _, _ := strings.Cut(s, "="); !strings.Contains(string(page), name) {
			t.Errorf("docs/move-in/better-auth.md does not name %s", name)
		}
	}
	if m.gateway.program != nil {
		if err := m.gateway.stop(); err != nil {
			t.Fatal(err)
		}
	}
	end(m.app)
	m.serveApp(t, which, m.inner)
	old := m.gateway
	m.env = append(m.env, settings...)
	m.serve(t)
	*old = *m.gateway // which visitors know
	m.gateway = old
}

// serveApp runs the app on a port until the test ends.
func (m *tutorial) serveApp(t *testing.T, which, port string) {
	t.Helper()
	cmd := exec.Command(nodeFor(t), "../../node_modules/next/dist/bin/next", "start", "--hostname", "localhost",
		"--port", port)
	cmd.Dir = m.built[which]
	cmd.Env = append(cmd.Environ(), "DATABASE_URL="+m.from, "BETTER_AUTH_SECRET="+oldSecret, "BETTER_AUTH_URL="+m.url)
	app, err := startProgram("the app "+which+" the move", cmd)
	if err != nil {
		t.Fatal(err)
	}
	m.app = app
	t.Cleanup(func() {
		end(app)
		if t.Failed() {
			t.Logf("what %s wrote:\n%s", app.name, app.out)
		}
	})
	if err := app.wait(func() bool { return reachable("localhost:" + port) }); err != nil {
		t.Fatal(err)
	}
}

// takeOutBetterAuth does to the app what docs/better-auth-client.md says.
func takeOutBetterAuth(t *testing.T, dir string) {
	t.Helper()
	for _, path := range []string{"app/api/auth", "app/login", "app/register", "db", "drizzle.config.ts"} {
		if err := os.RemoveAll(filepath.Join(dir, path)); err != nil {
			t.Fatal(err)
		}
	}
	code := codeIn(t, "../docs/better-auth-client.md", "(?s)\n// lib/auth\\.ts\n(.*?\n)```")[0]
	if err := os.WriteFile(filepath.Join(dir, "lib/auth.ts"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
}

// verifyOurHashes does to the app what docs/move-in/out.md says, so that Better Auth takes hashes of the gate.
func verifyOurHashes(t *testing.T, dir string) {
	t.Helper()
	code := codeIn(t, "../docs/move-in/out.md",
		`(?s)\n(import [^\n]*argon2.*?)export.*?betterAuth\(\{\n(.*?)\n\}\);`)
	file := filepath.Join(dir, "lib/auth.ts")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const line = "  emailAndPassword: { enabled: true },"
	if !strings.Contains(string(before), line) {
		t.Fatalf("the tutorial's lib/auth.ts has no line %q", line)
	}
	after := code[0] + strings.Replace(string(before), line, code[1], 1)
	if err := os.WriteFile(file, []byte(after), 0o600); err != nil {
		t.Fatal(err)
	}
}

// codeIn returns what the groups of an expression find in the code of a page.
func codeIn(t *testing.T, file, expression string) (found []string) {
	t.Helper()
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	groups := regexp.MustCompile(expression).FindSubmatch(page)
	if groups == nil {
		t.Fatalf("%s has no code like %s", file, expression)
	}
	for _, code := range groups[1:] {
		found = append(found, string(code))
	}
	return found
}

// buildTutorial builds the app after a change, once for these files, and returns its folder.
func buildTutorial(t *testing.T, name string, change func(*testing.T, string)) string {
	t.Helper()
	if _, err := os.Stat("tutorial/node_modules/.package-lock.json"); err != nil {
		missing(t, "there is no e2e/tutorial/node_modules; `make e2e` installs it")
	}
	draft := filepath.Join("tutorial", "builds", name+"-draft")
	if err := os.RemoveAll(draft); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(draft, os.DirFS("tutorial/site")); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(t, draft)
	}
	dir := filepath.Join("tutorial", "builds", name+"-"+digestOf(t, draft, "tutorial/package-lock.json"))
	if _, err := os.Stat(filepath.Join(dir, ".next", "BUILD_ID")); err == nil {
		return dir
	}
	if err := os.RemoveAll(dir); err != nil { // a build that was stopped
		t.Fatal(err)
	}
	if err := os.Rename(draft, dir); err != nil {
		t.Fatal(err)
	}
	runPackage(t, dir, nil, "next/dist/bin/next", "build")
	return dir
}

// runPackage runs a program of the app's packages to its end.
func runPackage(t *testing.T, dir string, settings []string, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(nodeFor(t), append([]string{"../../node_modules/" + program}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), settings...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
}

// digestOf tells files and folders apart by what is in them.
func digestOf(t *testing.T, paths ...string) string {
	t.Helper()
	sum := sha256.New()
	for _, path := range paths {
		err := filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(file)
			fmt.Fprintf(sum, "%s %d\n%s", strings.TrimPrefix(file, path), len(b), b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:6])
}
