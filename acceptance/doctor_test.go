package acceptance_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/internal/doctor"
)

// runDoctor runs the real binary without any setting, as on a laptop.
func runDoctor(t *testing.T, stdin string, args ...string) (code int, out, said string) {
	t.Helper()
	gatepost, err := exec.LookPath("gatepost")
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	cmd := exec.Command(gatepost, append([]string{"doctor"}, args...)...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = []string{"HOME=/"}, strings.NewReader(stdin), &stdout, &stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

func TestDoctorFindsNothingWrongWithTheGate(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	g := startGate(t, "DATABASE_URL="+authtest.NewEmptyDatabase(t), "GATEPOST_UPSTREAM="+a.url)
	g.visitor(t).signUp("ada@example.com")
	a.take()
	code, out, said := runDoctor(t, password+"\n", g.url, "--email", "ada@example.com", "--password-stdin", "--verbose")
	if code != 0 || strings.Contains(out, "FAILED") || strings.Contains(out, "warning") ||
		!strings.Contains(out, "\nNothing is wrong: ") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	for _, want := range []string{"spellings of /dashboard were refused", "ada@example.com signed in",
		"/dashboard opens after the login", "the old cookie is dead"} {
		if !strings.Contains(out, want) {
			t.Errorf("no word of %q in\n%s", want, out)
		}
	}
	if !strings.Contains(said, `GET "/x/..%2fdashboard": 401 Unauthorized`) || strings.Contains(said+out, password) {
		t.Errorf("the list of requests:\n%s", said)
	}
	usual := []string{"/favicon.ico", "/apple-touch-icon.png", "/robots.txt", "/.well-known/security.txt"}
	for _, seen := range a.take() { // on protected paths the doctor sends plain requests only
		if method, target, _ := strings.Cut(seen, " "); target != "/" && target != "/dashboard" &&
			target != "/dashboard/gatepost-doctor.css" && !slices.Contains(usual, target) &&
			strings.TrimSuffix(target, "/dashboard") != "/gatepost-doctor" {
			t.Errorf("the app saw %s %s", method, target)
		}
	}
}

func TestDoctorFindsTheAppBesideTheGate(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	g := startGate(t, "DATABASE_URL="+authtest.NewEmptyDatabase(t), "GATEPOST_UPSTREAM="+a.url)
	code, out, said := runDoctor(t, "", "--direct", a.url, "--json", g.url)
	var report doctor.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, f := range report {
		if f.Level == doctor.Failed && (f.ID != "beside.direct" || f.Check != "beside" ||
			f.Sent != `GET "/dashboard"` || f.Got != "200 OK" || f.Why == "" || f.Cure == "") {
			t.Errorf("got %+v", f)
		}
	}
	if code != 1 || report.Count(doctor.Failed) != 1 ||
		!strings.HasPrefix(said, "gatepost: 1 thing is wrong, 0 warnings, ") || strings.Count(said, "\n") != 1 {
		t.Errorf("exit %d, %d failed: %s", code, report.Count(doctor.Failed), said)
	}
}

// A file that a rule opens does not count as a hole next to the protected page, and the paths next to the file
// are checked.
func TestDoctorLooksBesideWhatRulesOpen(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	g := startGate(t, "DATABASE_URL="+authtest.NewEmptyDatabase(t), "GATEPOST_UPSTREAM="+a.url,
		"GATEPOST_PROTECT=/dashboard", "GATEPOST_PUBLIC=/dashboard.css, /dashboard/help")
	var out, said strings.Builder
	env := []string{"HOME=/", "GATEPOST_PROTECT=/dashboard", "GATEPOST_PUBLIC=/dashboard.css, /dashboard/help"}
	code := run(t.Context(), []string{"gatepost", "doctor", "--json", g.url}, env, strings.NewReader(""), &out, &said)
	var report doctor.Report
	if err := json.Unmarshal([]byte(out.String()), &report); err != nil {
		t.Fatalf("%v: %s%s", err, &out, &said)
	}
	looked := slices.ContainsFunc(report, func(f doctor.Finding) bool { return f.ID == "neighbours.refused" })
	if code != 0 || !looked || report.Count(doctor.Failed)+report.Count(doctor.Warning) > 0 {
		t.Errorf("exit %d: %s%s", code, &out, &said)
	}
}

// A real proxy between the visitors and the gate has two common faults: it caches the login page, and it serves
// what looks like a static file without asking the gate.
func TestDoctorFindsWhatAProxyInFrontDoesWrong(t *testing.T) {
	t.Parallel()
	front := &naiveFront{kept: map[string]*httptest.ResponseRecorder{}}
	site := httptest.NewUnstartedServer(front)
	defer site.Close()
	a := newApp(t)
	public := strings.Replace("http://"+site.Listener.Addr().String(), "127.0.0.1", "localhost", 1)
	g := startGate(t, "DATABASE_URL="+authtest.NewEmptyDatabase(t), "GATEPOST_UPSTREAM="+a.url,
		"GATEPOST_PUBLIC_URL="+public)
	front.gate, front.app = proxyTo(t, g.url), proxyTo(t, a.url)
	site.Start()
	code, out, _ := runDoctor(t, "", public)
	for _, want := range []string{
		`FAILED   2 spellings of /dashboard got through, the first of them: ` +
			`GET "/dashboard.css" was answered with 200 OK`,
		"FAILED   the login page came out of a cache that does not say so",
		"FAILED   a cache handed on the Set-Cookie of another visitor",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q", want)
		}
	}
	if code != 1 || t.Failed() {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

// naiveFront sends style sheets to the app and other requests to the gate, and caches the gate's login page.
type naiveFront struct {
	gate, app http.Handler
	mu        sync.Mutex
	kept      map[string]*httptest.ResponseRecorder
}

func (f *naiveFront) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	switch {
	case strings.HasSuffix(path, ".css") || strings.HasSuffix(path, ".js"):
		f.app.ServeHTTP(w, r)
	case r.Method == http.MethodGet && path == "/login":
		f.serveKept(w, r)
	default:
		f.gate.ServeHTTP(w, r)
	}
}

func (f *naiveFront) serveKept(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	page := f.kept[r.RequestURI]
	if page == nil {
		page = httptest.NewRecorder()
		f.gate.ServeHTTP(page, r)
		f.kept[r.RequestURI] = page
	}
	for name, values := range page.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(page.Code)
	_, _ = w.Write(page.Body.Bytes())
}

// proxyTo forwards requests with the visitor's own Host, path and query.
func proxyTo(t *testing.T, address string) http.Handler {
	t.Helper()
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{Rewrite: func(pr *httputil.ProxyRequest) {
		pr.SetURL(to)
		pr.Out.Host = pr.In.Host
	}}
}

func TestDoctorWhereNothingAnswers(t *testing.T) {
	t.Parallel()
	address := "http://localhost:" + freePort(t)
	code, out, said := runDoctor(t, "", address)
	if code != 1 || out != "" || !strings.HasPrefix(said, "gatepost: nothing answers at "+address) ||
		strings.Count(said, "\n") != 1 {
		t.Errorf("exit %d, %q, %q", code, out, said)
	}
}

func TestDoctorRefusesACommandLineThatMeansNothing(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"app.example.com"}, {"ftp://app.example.com"}, {"http://a", "http://b"},
		{"http://a/b"}, {"http://a?b"}, {"http://u:p@a"},
		{"--protected", "x", "http://a"}, {"--protected", "/", "http://a"},
		{"--protected", "/x", "--public", "/x", "http://a"}, {"--direct", "ftp://a", "http://a"},
		{"--email", "ada@example.com", "http://a"}, {"--password-stdin", "http://a"}, {"--speed", "http://a"}} {
		if code, out, said := runDoctor(t, "", args...); code != 2 || out != "" || strings.Count(said, "\n") != 1 {
			t.Errorf("%q: exit %d, %q, %q", args, code, out, said)
		}
	}
}
