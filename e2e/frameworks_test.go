package e2e

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// framework is one of docs/frameworks.md, with a small app in frameworks/ into which what the page says is pasted.
type framework struct {
	name  string // the heading of its section
	needs string // a command that succeeds where the app can run
	start func(*pasted)
	inner int // the answer of the app's own guard to somebody who is signed out, on a path that no rule protects
}

var frameworks = []framework{
	{name: "Django", needs: "/usr/bin/python3 -c 'import django'", start: django, inner: 302},
	{name: "Rails", needs: "rails --version && puma --version", start: rails, inner: 401},
}

// Each app is tried on plain http, as while developing, and with a proxy in front that ends TLS.
func TestFrameworksBehindTheGate(t *testing.T) {
	needBrowser(t) // without a browser nothing has been built
	for _, f := range frameworks {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			p := f.serve(t)
			for i, public := range []string{"", "https://app.example.com"} {
				r := p.before(t, public)
				f.knowsNobody(r)
				r.knowsWhoSignsUp(i + 1)
				r.keepsForms()
				if res, _ := r.get("/staff", navigation); res.StatusCode != 403 {
					t.Errorf("a page that is for nobody: %d", res.StatusCode)
				}
				r.send("/logout", nil, r.gate.url, 303)
				f.knowsNobody(r)
			}
		})
	}
}

var navigation = http.Header{"Accept": {"text/html"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Site": {"same-origin"}}

// inFrameworks is a reader of an app's pages.
type inFrameworks struct{ *reader }

// knowsNobody tests that nobody is signed in, whatever they say.
func (f framework) knowsNobody(r inFrameworks) {
	r.t.Helper()
	for _, header := range []http.Header{navigation, claims} {
		if res, page := r.get("/", header); res.StatusCode != 200 || !strings.Contains(page, "Nobody") {
			r.t.Errorf("the public page: %d\n%s", res.StatusCode, brief(page))
		}
		res, _ := r.get("/inner", header)
		if to := res.Header.Get("Location"); res.StatusCode != f.inner || f.inner == 302 && to != "/login?next=/inner" {
			r.t.Errorf("the app's own guard: %d to %q", res.StatusCode, to)
		}
	}
	if res, _ := r.get("/dashboard", navigation); res.Header.Get("Location") != "/login?next=%2Fdashboard" {
		r.t.Errorf("a protected page: %d to %q", res.StatusCode, res.Header.Get("Location"))
	}
}

// knowsWhoSignsUp tests that the app reads the name and the address rightly, and has one row for one user.
func (r inFrameworks) knowsWhoSignsUp(users int) {
	r.t.Helper()
	p := zhangWei()
	p.name, p.email = `Zoë + "Ünal" <b> 100%41`, "ada+news."+p.email
	r.send("/signup", url.Values{"name": {p.name}, "email": {p.email}, "password": {p.password}}, r.gate.url, 303)
	for _, header := range []http.Header{navigation, claims} {
		for _, path := range []string{"/dashboard", "/inner", "/"} {
			res, page := r.get(path, header)
			text := html.UnescapeString(page)
			if !strings.Contains(text, "Signed in as "+p.name+", "+p.email+", ") || strings.Contains(page, "<b>") ||
				!strings.Contains(text, "Users: "+strconv.Itoa(users)+";") || strings.Contains(text, "allory") {
				r.t.Errorf("%s: %d, not %s, %s, the %d. user\n%s", path, res.StatusCode, p.name, p.email, users, brief(page))
			}
		}
	}
}

// keepsForms tests that the protection against forged forms lets the app's own pass, and redirects to the public URL.
func (r inFrameworks) keepsForms() {
	r.t.Helper()
	_, page := r.get("/", navigation)
	token := csrfToken.FindStringSubmatch(page)
	if token == nil {
		r.t.Fatalf("no token in\n%s", brief(page))
	}
	form := url.Values{token[1]: {token[2]}, "note": {"kept"}}
	if to := r.send("/note", form, r.gate.url, 302); to != r.gate.url+"/dashboard" {
		r.t.Errorf("the app leads to %s", to)
	}
	r.send("/note", url.Values{"note": {"forged"}}, r.gate.url, 0)
	if strings.HasPrefix(r.gate.url, "https:") { // Django before 4.0 compares nothing on http
		form.Set("note", "forged")
		r.send("/note", form, "https://mallory.example", 0)
	}
	if _, page := r.get("/dashboard", navigation); !strings.Contains(page, "note: kept") {
		r.t.Errorf("the note is not kept, or a forged one is:\n%s", brief(page))
	}
}

var csrfToken = regexp.MustCompile(`name="(csrfmiddlewaretoken|authenticity_token)" value="([^"]+)"`)

// send sends a form of a page of that origin, and returns where the answer leads. It wants that status; 0: a refusal.
func (r inFrameworks) send(path string, form url.Values, origin string, want int) string {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.gate.url+path,
		strings.NewReader(form.Encode()))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header = http.Header{"Origin": {origin}, "Referer": {origin + "/"}, "Accept": {"text/html"},
		"Content-Type": {"application/x-www-form-urlencoded"}}
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	if refused := res.StatusCode/100 == 4; want == 0 && !refused || want != 0 && res.StatusCode != want {
		r.t.Errorf("a form from %s to %s: %d", origin, path, res.StatusCode)
	}
	return res.Header.Get("Location")
}
