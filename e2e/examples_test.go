package e2e

import (
	"errors"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// example is an app in examples/, with the commands that examples/README.md tells users to run there.
type example struct {
	name         string
	build, start string
	needs        string // a command that succeeds where the example can run
	also         func(*testing.T, *gateway)
}

var examples = []example{
	{name: "express", start: "npm start", needs: "npm --version && ls node_modules/.package-lock.json"},
	{name: "flask", start: "python3 app.py", needs: "python3 -c 'import flask'"},
	{name: "go", start: "go run ."},
	{name: "nextjs", build: "npm run build", start: "npm start", also: nextJS, needs: nextJSNeeds},
	{name: "nextjs-better-auth", build: "npm run build", start: "npm start", needs: nextJSNeeds},
	{name: "php", start: "php -S ${HOST:-127.0.0.1}:${PORT:-3000} index.php", needs: "php --version"},
	{name: "python", start: "python3 app.py", needs: "python3 --version"},
}

const nextJSNeeds = "npm --version && ls node_modules/.package-lock.json && node -e 'if " +
	"(+process.versions.node.split(\".\")[0] < 20) throw `Node ${process.version}`'"

// zoe returns a new person whose name contains HTML and a percent sequence, so that an app that fails to escape
// it, or decodes it too often or never, is found out.
func zoe() person {
	p := zhangWei()
	p.name = "Zoë <b> 100%41"
	return p
}

func TestEveryExampleIsAnAppBehindTheGate(t *testing.T) {
	for _, e := range examples {
		t.Run(e.name, func(t *testing.T) {
			gate := e.serve(t)
			t.Run("strangers see the public page only", gate.refusesStrangers)
			t.Run("the app knows people with and without a name", gate.tellsTheApp)
			t.Run("no client says who it is", gate.believesNobody)
			t.Run("in a browser", func(t *testing.T) { walkThroughExample(newVisitorOf(t, gate)) })
			if e.also != nil {
				e.also(t, gate)
			}
		})
	}
}

func (g *gateway) refusesStrangers(t *testing.T) {
	r := newReaderOf(t, g)
	if page := r.read(200, "/", nil); !strings.Contains(page, `href="/dashboard"`) ||
		strings.Contains(page, "Signed in as") {
		t.Errorf("the public page is\n%s", page)
	}
	res, _ := r.get("/dashboard", http.Header{"Sec-Fetch-Mode": {"navigate"}})
	if res.StatusCode != 303 || res.Header.Get("Location") != "/login?next=%2Fdashboard" {
		t.Errorf("a navigation gets %d and is sent to %q", res.StatusCode, res.Header.Get("Location"))
	}
	if res, body := r.get("/dashboard", http.Header{"Sec-Fetch-Mode": {"cors"}}); res.StatusCode != 401 ||
		!strings.Contains(body, "UNAUTHORIZED") {
		t.Errorf("fetch gets %d and\n%s", res.StatusCode, body)
	}
}

func (g *gateway) tellsTheApp(t *testing.T) {
	named, nameless := zoe(), zhangWei()
	nameless.name, nameless.email = "", "100+41+"+nameless.email
	for p, greeting := range map[person]string{named: named.greeting(), nameless: "Hello, " + nameless.email} {
		r := newReaderOf(t, g)
		r.signUp(p)
		page := r.read(200, "/dashboard", nil)
		if text := html.UnescapeString(strings.ReplaceAll(page, "<!-- -->", "")); // React puts it between texts
		strings.Contains(page, "<b>") || !strings.Contains(text, greeting) ||
			!strings.Contains(text, "Your roles: user") {
			t.Errorf("no %q, or with markup, on\n%s", greeting, page)
		}
		r.read(303, "/logout", url.Values{})
		r.read(303, "/dashboard", nil)
	}
}

// claims are headers with which a client claims to be mallory, in spellings that some servers take for the
// right one.
var claims = http.Header{
	"X-Auth-User": {"mallory"}, "X-Auth-Name": {"Mallory"}, "X-Auth-Email": {"mallory@example.com"},
	"X-Auth-Roles": {"mallory"},
	"x-auth-user":  {"mallory"}, "x-auth-name": {"Mallory"}, "X_Auth_User": {"mallory"}, "X_Auth_Name": {"Mallory"},
	"X_Auth_Roles": {"mallory"},
}

func (g *gateway) believesNobody(t *testing.T) {
	r, p := newReaderOf(t, g), zoe()
	if res, page := r.get("/", claims); res.StatusCode != 200 || strings.Contains(page, "Signed in as") ||
		strings.Contains(strings.ToLower(page), "mallory") {
		t.Errorf("somebody who only claims to be Mallory gets %d and\n%s", res.StatusCode, page)
	}
	if res, page := r.get("/dashboard", claims); res.StatusCode != 401 {
		t.Errorf("somebody who only claims to be Mallory gets %d and\n%s", res.StatusCode, page)
	}
	r.signUp(p)
	if res, page := r.get("/dashboard", claims); res.StatusCode != 200 || !strings.Contains(page, "Zoë") ||
		strings.Contains(strings.ToLower(page), "mallory") {
		t.Errorf("Zoë who claims to be Mallory gets %d and\n%s", res.StatusCode, page)
	}
}

func walkThroughExample(v *visitor) {
	p := zoe()
	v.open("/")
	v.mustComeToSee("Log in")
	v.choose("Dashboard")
	v.mustLandAt("/login?next=%2Fdashboard")
	v.follow("Sign up")
	v.signUp(p)
	v.mustLandAt("/dashboard")
	v.mustSee(p.greeting())
	v.mustComeToSee("Signed in as " + p.name)
	v.press("Log out")
	v.mustLandAt("/login")
	v.open("/dashboard")
	v.mustLandAt("/login?next=%2Fdashboard")
	v.logIn(p)
	v.mustLandAt("/dashboard")
	v.choose("Home")
	v.mustLandAt("/")
	v.mustComeToSee("Signed in as " + p.name)
	v.press("Log out")
	v.mustLandAt("/login")
}

// serve runs the example and a gate in front of it until the test ends.
func (e example) serve(t *testing.T) *gateway {
	t.Helper()
	needBrowser(t) // without a browser nothing has been built
	if out, err := e.command(e.needs).CombinedOutput(); err != nil {
		missing(t, "examples/"+e.name+" cannot run here; `make e2e` installs what it needs, on Debian and Ubuntu:\n"+
			string(out))
	}
	e.mustBeInTheReadme(t)
	if e.build != "" {
		if out, err := e.command(e.build).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", e.build, err, out)
		}
	}
	port := freePort(t)
	e.run(t, port)
	gate, err := startGateway(exec.Command(site.cmd.Path, "serve"), site.dir, serving,
		"GATEPOST_UPSTREAM=http://127.0.0.1:"+port, "GATEPOST_PROTECT=/dashboard", "GATEPOST_SIGNUP_LIMIT=0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(gate.stop(), gate.failures()); err != nil {
			t.Error(err)
		}
	})
	return gate
}

var serving = regexp.MustCompile(`msg="gatepost is up" public_url=(\S+)`)

// run runs the app on a port until the test ends. The app gets a process group of its own, since npm starts the
// real server as a child.
func (e example) run(t *testing.T, port string) {
	t.Helper()
	cmd := e.command(e.start)
	cmd.Env = append(cmd.Environ(), "PORT="+port)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	app, err := startProgram(e.start, cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Fails if all processes of the group have ended already, which is a fault in itself.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-app.ended:
		case <-time.After(stopTimeout):
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-app.ended
			t.Errorf("%s did not end within %v of SIGTERM", e.start, stopTimeout)
		}
		if t.Failed() {
			t.Logf("what %s wrote:\n%s", e.start, app.out)
		}
	})
	if err := app.wait(func() bool { return reachable("127.0.0.1:" + port) }); err != nil {
		t.Fatal(err)
	}
	if reachable("127.0.0.2:" + port) {
		t.Error("without HOST the app listens on more than 127.0.0.1")
	}
}

func (e example) command(line string) *exec.Cmd {
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = e.dir()
	return cmd
}

func (e example) dir() string { return filepath.Join("..", "examples", e.name) }

// mustBeInTheReadme checks that the README contains the commands that the test runs.
func (e example) mustBeInTheReadme(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile("../examples/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if strings.Contains(line, "]("+e.name+")") && strings.Contains(line, e.build) &&
			strings.Contains(line, e.start) {
			return
		}
	}
	t.Errorf("no line of examples/README.md says how to run %s: %s %s", e.name, e.build, e.start)
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func reachable(address string) bool {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	return c.Close() == nil
}

// signUp makes an account and a session.
func (r *reader) signUp(p person) {
	r.t.Helper()
	r.read(303, "/signup", url.Values{"name": {p.name}, "email": {p.email}, "password": {p.password}})
}

// get requests a page with these headers and returns the answer and its text.
func (r *reader) get(path string, header http.Header) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.gate.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header = header.Clone()
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res, string(body)
}
