package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// oldSecret is that of the system before.
const oldSecret = "an old secret that only this test has"

// needOldSystems skips a test that needs what stands in movein/package.json.
func needOldSystems(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("movein/node_modules/.package-lock.json"); err != nil {
		missing(t, "there is no e2e/movein/node_modules; `make e2e` installs it")
	}
}

// nodeFor returns a Node for what runs in another folder.
func nodeFor(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(needNode22(t))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// startOld runs a script of movein, with these settings, until end or the end of the test. It is up when it prints
// that.
func startOld(t *testing.T, script, up string, settings ...string) *program {
	t.Helper()
	needBrowser(t) // without a browser nothing has been built
	needOldSystems(t)
	cmd := exec.Command(nodeFor(t), script)
	cmd.Dir = "movein"
	cmd.Env = append(cmd.Environ(), settings...)
	p, err := startProgram(script, cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end(p)
		if t.Failed() {
			t.Logf("what %s wrote:\n%s", script, p.out)
		}
	})
	if err := p.wait(func() bool { return strings.Contains(p.out.String(), up) }); err != nil {
		t.Fatal(err)
	}
	return p
}

// end ends a program that keeps nothing.
func end(p *program) {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// home is a gate that people move into.
type home struct {
	*gateway
	database     string // its name
	env          []string
	source, from string // what they come from, and the address of its database
}

// moveInto prepares a gate in front of an app, on a port that is free or that of the system before. Its tables are
// there before it is, as people are brought over before the switch.
func moveInto(t *testing.T, source, from, upstream, port string, settings ...string) *home {
	t.Helper()
	name, address := newDatabase(t)
	h := &home{database: name, source: source, from: from}
	h.env = append([]string{"DATABASE_URL=" + address, "GATEPOST_UPSTREAM=" + upstream, "GATEPOST_PROTECT=/dashboard",
		"GATEPOST_HOME=/dashboard", "GATEPOST_PUBLIC_URL=http://localhost:" + port,
		"GATEPOST_IMPORT_UNTIL=" + time.Now().Add(24*time.Hour).UTC().Format(time.RFC3339)}, settings...)
	h.must(t, "migrate")
	h.gateway = &gateway{url: "http://localhost:" + port}
	return h
}

// serve runs the gate until the test ends.
func (h *home) serve(t *testing.T) *home {
	t.Helper()
	g, err := startGateway(exec.Command(site.cmd.Path, "serve"), site.dir, serving,
		append(h.env, "GATEPOST_LISTEN=localhost:"+h.port())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(g.stop(), g.failures()); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("what the gate wrote:\n%s", g.out)
		}
	})
	h.gateway = g
	return h
}

func (h *home) port() string { return strings.TrimPrefix(h.url, "http://localhost:") }

// command runs a command of the gate, and returns what it prints, and what it says beside that.
func (h *home) command(t *testing.T, args ...string) (printed, said string, code int) {
	t.Helper()
	cmd := exec.Command(site.cmd.Path, args...)
	cmd.Env = append([]string{"HOME=" + os.Getenv("HOME"), "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.Getenv("TMPDIR"),
		"GATEPOST_IMPORT_FROM=" + h.from}, h.env...)
	var out, beside output
	cmd.Stdout, cmd.Stderr = &out, &beside
	var failed *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &failed) {
		t.Fatalf("gatepost %s: %v", strings.Join(args, " "), err)
	}
	return out.String(), beside.String(), cmd.ProcessState.ExitCode()
}

// must runs a command that has to succeed.
func (h *home) must(t *testing.T, args ...string) {
	t.Helper()
	if out, said, code := h.command(t, args...); code != 0 {
		t.Fatalf("gatepost %s ends with %d:\n%s%s", strings.Join(args, " "), code, out, said)
	}
}

// counts are those that an import prints.
type counts struct {
	Read, Created, Changed, Unchanged, Deleted, Refused, Conflicts int
	SecondFactors, SecondFactorsBrought, Passkeys, Sessions, Ended int
}

// told is a line of the report.
type told struct{ Result, ID, Where, Email, Field, Reason string }

// bring runs an import, and returns its counts and its report. The exit code has to say whether all is here.
func (h *home) bring(t *testing.T, args ...string) (n counts, report []told) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report")
	out, said, code := h.command(t, append([]string{"import", h.source, "--json", "--report", file}, args...)...)
	if err := json.Unmarshal([]byte(out), &n); err != nil {
		t.Fatalf("the counts: %v in %q\n%s", err, out, said)
	}
	if want := min(1, n.Refused+n.Conflicts); code != want {
		t.Errorf("the import ends with %d after %+v, want %d\n%s", code, n, want, said)
	}
	r, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	lines := json.NewDecoder(r)
	lines.DisallowUnknownFields()
	for {
		var one told
		if err := lines.Decode(&one); errors.Is(err, io.EOF) {
			return n, report
		} else if err != nil {
			t.Fatalf("the report: %v", err)
		}
		report = append(report, one)
	}
}

// sql returns what a query finds in a database beside the demo's, a line a row.
func sql(t *testing.T, database, query string, set ...string) []string {
	t.Helper()
	out := site.psql(t, database, "\\set QUIET on\n\\pset tuples_only on\n\\pset format unaligned\n"+query, set...)
	return strings.Split(strings.TrimSuffix(out, "\n"), "\n")
}

// What a browser says of a page that somebody opens, and of a request by a script of the site.
var (
	opening  = http.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Site": {"none"}, "Accept": {"text/html"}}
	scripted = http.Header{"Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Site": {"same-origin"}}
)

// with returns a browser at the gate with these cookies.
func (h *home) with(t *testing.T, cookies []*http.Cookie) *reader {
	t.Helper()
	r := newReaderOf(t, h.gateway)
	at, _ := url.Parse(h.url)
	r.client.Jar.SetCookies(at, cookies)
	return r
}

// cookies are those that the browser sends to the gate, as "name=value".
func (r *reader) cookies() (list []string) {
	at, _ := url.Parse(r.gate.url)
	for _, c := range r.client.Jar.Cookies(at) {
		list = append(list, c.Name+"="+c.Value)
	}
	return list
}

// mustBeIn checks that the browser is signed in as somebody, for scripts.
func (r *reader) mustBeIn(id string) {
	r.t.Helper()
	res, body := r.get("/dashboard", scripted)
	if res.StatusCode != 200 || !strings.Contains(body, "<p>User: "+id+"</p>") {
		r.t.Errorf("a script gets %d, want 200 for the user %s\n%s", res.StatusCode, id, body)
	}
}

func (r *reader) mustBeOut() {
	r.t.Helper()
	if res, body := r.get("/dashboard", scripted); res.StatusCode != 401 {
		r.t.Errorf("a script gets %d, want 401\n%s", res.StatusCode, body)
	}
	res, _ := r.get("/dashboard", opening)
	if to := res.Header.Get("Location"); res.StatusCode != 303 || to != "/login?next=%2Fdashboard" {
		r.t.Errorf("a page gets %d and leads to %q, want the login", res.StatusCode, to)
	}
}

// mustArrive opens a page, which leads over the arrival. Then the browser has a session of the gate's and nothing of
// the system before.
func (r *reader) mustArrive(id string) {
	r.t.Helper()
	const wanted = "/dashboard?tab=2"
	res, _ := r.get(wanted, opening)
	arrival := res.Header.Get("Location")
	if res.StatusCode != 303 || arrival != "/.gatepost/arrive?next=%2Fdashboard%3Ftab%3D2" || len(res.Cookies()) > 0 {
		r.t.Fatalf("the page gets %d, leads to %q and sets %v", res.StatusCode, arrival, res.Cookies())
	}
	if res, body := r.get(arrival, opening); res.StatusCode != 303 || res.Header.Get("Location") != wanted {
		r.t.Fatalf("the arrival gets %d and leads to %q\n%s", res.StatusCode, res.Header.Get("Location"), body)
	}
	r.mustBeIn(id)
	now := strings.Join(r.cookies(), "\n")
	if strings.Contains(now, "session") || !strings.Contains(now, "gatepost_") || !strings.Contains(now, "_moved=1") {
		r.t.Errorf("the browser has\n%s\nwant cookies of the gate alone, and the one that says so", now)
	}
}

// tryPassword logs in at the gate, and returns the status and the browser.
func (h *home) tryPassword(t *testing.T, email, password string) (status int, r *reader) {
	t.Helper()
	r = newReaderOf(t, h.gateway)
	res, err := r.client.PostForm(h.url+"/login", url.Values{"email": {email}, "password": {password}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode, r
}

// mustKnow logs in at the gate as somebody.
func (h *home) mustKnow(t *testing.T, email, password, id string) *reader {
	t.Helper()
	status, r := h.tryPassword(t, email, password)
	if status != 303 {
		t.Errorf("%s with the password %q: status %d, want 303", email, password, status)
		return r
	}
	r.mustBeIn(id)
	return r
}

// eventually waits until a condition is true.
func (h *home) eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !happened(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v until %s", patience, what)
		}
	}
}
