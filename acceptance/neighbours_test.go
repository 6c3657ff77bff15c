package acceptance_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// fileServers returns servers for the files of testdata/apps/www.
func fileServers() []realApp {
	list := []realApp{{"http.server", []string{"python3"}, func(_ *testing.T, port string) []string {
		return []string{"-m", "http.server", port, "--bind", "127.0.0.1", "--directory", appFile("www")}
	}, false}}
	for _, a := range realApps {
		if slices.Contains([]string{"php", "nginx", "apache"}, a.name) {
			list = append(list, a)
		}
	}
	return list
}

// beside are names of a page next to the style sheet members.css, and paths that lead from that file to the
// page.
var beside = []string{
	"/members.html", "/members.json", "/members", "/members/", "/members/index.html", "/members.css/../members.html",
	"/members.css/../members.json", "/members.css/../members/", "/members.css%2f..%2fmembers.html",
	"/members.css/%2e%2e/members.html", "//members.html", "/%6dembers.html", "/members.htm%6c",
	"/members.css/..;/members.html", "/./members.json", "/members.html/",
}

// A public style sheet opens no page next to it, whichever server serves the files.
func TestAPublicFileOpensNoPageBesideIt(t *testing.T) {
	t.Parallel()
	for _, a := range fileServers() {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			address := a.start(t)
			g := startGate(t, "DATABASE_URL="+authtest.NewEmptyDatabase(t), "GATEPOST_UPSTREAM=http://"+address,
				"GATEPOST_PROTECT=/members", "GATEPOST_PUBLIC=/members.css")
			gate := strings.TrimPrefix(g.url, "http://")
			if got := rawGet(t, gate, plainGet(gate, "/members.css")); !strings.Contains(got, "style of the members") {
				t.Errorf("the style sheet is not open: %.200q", got)
			}
			open := 0
			for _, target := range beside {
				if strings.Contains(rawGet(t, address, plainGet(gate, target)), "the members of staff") {
					open++
				}
				if got := rawGet(t, gate, plainGet(gate, target)); !strings.HasPrefix(got, "HTTP/1.1 401") {
					t.Errorf("%s: %.200q", target, got)
				}
			}
			if open < 5 {
				t.Errorf("without a gate only %d of the names open the page", open)
			}
		})
	}
}

func plainGet(host, target string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n"
}

// The same for a file that needs less than the pages next to it.
func TestAFileForEveryUserOpensNoPageOfARole(t *testing.T) {
	t.Parallel()
	a := fileServers()[0]
	g := startGate(t, "DATABASE_URL="+authtest.NewEmptyDatabase(t), "GATEPOST_UPSTREAM=http://"+a.start(t),
		"GATEPOST_PROTECT=/members=admin, /members.css")
	v := g.visitor(t)
	v.signUp("ada@example.com")
	for _, target := range []string{"/members.html", "/members.json", "/members/",
		"/members.css.html", "/MEMBERS.css"} {
		if got := v.fetch(target); got.status != 403 {
			t.Errorf("%s: got %d, want 403", target, got.status)
		}
	}
	if got := v.fetch("/members.css"); got.status != 200 {
		t.Errorf("the style sheet: got %d", got.status)
	}
}

// Such rules are logged in one line at start; the check command has the details.
func TestPublicRulesThatOpenNothingOrEverythingAreLoggedOnce(t *testing.T) {
	t.Parallel()
	g := startGate(t, "DATABASE_URL="+authtest.NewEmptyDatabase(t), "GATEPOST_UPSTREAM=http://127.0.0.1:1",
		"GATEPOST_PROTECT=/dashboard", "GATEPOST_PUBLIC=/dashboard, GET /dashboard")
	const line = "a public rule opens nothing, or everything"
	if n := strings.Count(g.log.String(), line); n != 1 {
		t.Errorf("it is said %d times", n)
	}
	for _, part := range []string{`opens nothing: `, `opens everything that is protected to GET and HEAD`} {
		if !strings.Contains(g.log.String(), part) {
			t.Errorf("the log does not say %q", part)
		}
	}
}
