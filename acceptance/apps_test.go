package acceptance_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
)

// realApp is a server that operators run, started from the installed program. It answers "the dashboard" or
// "home". Servers that run programs also answer with the headers as their programs see them.
type realApp struct {
	name    string
	program []string // alternatives; the first one installed runs
	args    func(t *testing.T, port string) []string
	headers bool
}

var realApps = []realApp{
	{"wsgi", []string{"python3"}, func(_ *testing.T, port string) []string {
		return []string{appFile("wsgi.py"), port}
	}, true},
	{"php", []string{"php"}, func(_ *testing.T, port string) []string {
		return []string{"-q", "-S", "127.0.0.1:" + port, "-t", appFile("www")}
	}, true},
	{"node", []string{"node", "nodejs"},
		func(_ *testing.T, port string) []string { return []string{appFile("node.js"), port} }, true},
	{"nginx", []string{"nginx", "/usr/sbin/nginx"},
		func(t *testing.T, port string) []string { return []string{"-c", appConfig(t, "nginx.conf", port)} }, false},
	{"apache", []string{"apache2", "/usr/sbin/apache2"}, func(t *testing.T, port string) []string {
		return []string{"-X", "-f", appConfig(t, "apache.conf", port)}
	}, false},
}

func appFile(name string) string {
	path, err := filepath.Abs(filepath.Join("testdata", "apps", name))
	if err != nil {
		panic(err)
	}
	return path
}

// appConfig fills in what a server's configuration file cannot know in advance.
func appConfig(t *testing.T, name, port string) string {
	t.Helper()
	b, err := os.ReadFile(appFile(name))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := strings.NewReplacer("TMP", dir, "PORT", port, "WWW", appFile("www"),
		"MODULES", "/usr/lib/apache2/modules").Replace(string(b))
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// missing skips a test that cannot run on this machine. In CI, where everything is installed, it fails the test.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// start starts the app and returns its address.
func (a realApp) start(t *testing.T) (address string) {
	t.Helper()
	i := slices.IndexFunc(a.program, func(p string) bool { _, err := exec.LookPath(p); return err == nil })
	if i < 0 {
		missing(t, a.program[0]+" is not installed")
	}
	port := freePort(t)
	launch(t, exec.Command(a.program[i], a.args(t, port)...))
	eventually(t, a.name+" answers", func() bool {
		res, err := http.Get("http://127.0.0.1:" + port)
		if err == nil {
			_ = res.Body.Close()
		}
		return err == nil && res.StatusCode == 200
	})
	return "127.0.0.1:" + port
}

// rawGet sends raw bytes to a server, and returns all that comes back.
func rawGet(t *testing.T, address, raw string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(conn, raw); err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(conn) // keep what came before a broken connection
	return string(b)
}

// spellings returns combinations of what servers drop, decode and resolve in paths.
func spellings() []string {
	var list []string
	for _, before := range []string{
		"/", "//", "///x/", "/./", "/.//", "/x/../", "/x/..//", "/x/..;/", "/;/", "/;a=b/", "/%2e/", "/x/%2e%2e/",
		"/x%2f..%2f", "/x/..%2f", "/%2f", "/x/..%5c", `/x\..\`, `/\`, "/%5c", "/%252e/", "/x/%252e%252e/",
		"/x/..%252f", "/index.php/", "/index.html/", "/../", "/%00/../", "//x/", "//x@y/", "http://x/",
		"/http:/x/../../", "/.%0a/", "/%09", "/%20", "/x/.%2e/", "/x/%2e./", "/x/..%00/", "/index.php/../",
		"/x/..%c0%af", "/a%2fb/%2e%2e/", "/+", "/index/",
	} {
		for _, page := range []string{"dashboard", "Dashboard", "DASHBOARD", "%64ashboard", "dash%62oard",
			"%2564ashboard", "%44ashboard", "%u0064ashboard", "%ef%bd%84ashboard", "dash%09board", "dash%0d%0aboard"} {
			for _, after := range []string{
				"", "/", "//", "/.", "/index.html", "/index.php", "/index", "/x/..", ".", "%2e", "%20", "%00",
				"%00.png", ".json", ".html", ";x", "%3bx", "?", "?x=/public", "%3fx", "%23x", "%2f", "%2fx", "%5c",
				"\\", "/%2e", "/x%2f..", "::$DATA", "%0a", "%252f", "/index.html/x", "+",
			} {
				list = append(list, before+page+after)
			}
		}
	}
	kept := list[:0]
	for i, s := range list { // every third spelling: 3 divides the length of none of the lists above
		if i%3 == 0 {
			kept = append(kept, s)
		}
	}
	return kept
}

// A visitor who is not signed in gets nothing that a real server would serve as its dashboard. The app alone
// serves the dashboard under many of these spellings, which shows that the list tests something.
func TestNoSpellingOpensADashboardOfARealServer(t *testing.T) {
	t.Parallel()
	for _, a := range realApps {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			address := a.start(t)
			g := startGate(t, "DATABASE_URL="+authtest.NewEmptyDatabase(t), "GATEPOST_UPSTREAM=http://"+address)
			gate := strings.TrimPrefix(g.url, "http://")
			open := 0
			for _, target := range spellings() {
				raw := "GET " + target + " HTTP/1.1\r\nHost: " + gate + "\r\nConnection: close\r\n\r\n"
				if !strings.Contains(rawGet(t, address, raw), "the dashboard") {
					continue
				}
				open++
				if got := rawGet(t, gate, raw); strings.Contains(got, "the dashboard") {
					t.Errorf("%s opens it: %.300q", target, got)
				}
			}
			t.Logf("%s serves its dashboard under %d of %d spellings", a.name, open, len(spellings()))
			if open < 100 {
				t.Errorf("without a gate only %d spellings open it", open)
			}
		})
	}
}

// WSGI and PHP map X_Auth_User and X-Auth-User to the same name, so their apps cannot tell them apart.
func TestRealAppsNeverSeeAForgedIdentity(t *testing.T) {
	t.Parallel()
	for _, a := range realApps {
		if !a.headers {
			continue
		}
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			address := a.start(t)
			g := startGate(t, "DATABASE_URL="+authtest.NewEmptyDatabase(t), "GATEPOST_UPSTREAM=http://"+address)
			gate := strings.TrimPrefix(g.url, "http://")
			v := g.visitor(t)
			v.signUp("ada@example.com")
			cookie := "Cookie: " + v.cookie().String()
			arrived := 0
			for id, names := range forgeries() {
				for _, name := range names {
					ask := func(path, cookie string) string {
						return "GET " + path + " HTTP/1.1\r\nHost: " + gate + "\r\nConnection: close\r\n" + cookie +
							name + ": mallory\r\n\r\n"
					}
					if strings.Contains(rawGet(t, address, ask("/", "")), "mallory") {
						arrived++
					}
					if got := rawGet(t, gate, ask("/", "")); !strings.Contains(got, "home") ||
						strings.Contains(got, "mallory") || strings.Contains(strings.ToUpper(got), "X_AUTH_") {
						t.Errorf("%s: %.60s signed out: %q", id, name, got)
					}
					got := rawGet(t, gate, ask("/dashboard", cookie+"\r\n"))
					if !strings.Contains(got, "the dashboard") || strings.Contains(got, "mallory") ||
						strings.Count(got, "ada@example.com") != 1 {
						t.Errorf("%s: %.60s signed in: %q", id, name, got)
					}
				}
			}
			if arrived < 100 {
				t.Errorf("without a gate only %d of the names arrive", arrived)
			}
		})
	}
}
