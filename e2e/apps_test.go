package e2e

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// knownApp is an app of docs/apps that runs here, behind a gate, with what `gatepost preset` says for both.
type knownApp struct {
	preset string
	needs  string // a command that succeeds where the app can run
	start  func(*behindGate) *exec.Cmd
	page   string // a page of the app that needs a login
	// names is what this page says of a person; without it, the app has no users, and has is what it says to anybody.
	names func(person) string
	has   string
	// closed are the paths of the app's own login. There, and at the gate's login, is no form of the app's.
	closed []string
	// logout is a part of the address of the link to log out that page has; empty: it has none, and people go to /logout.
	logout string
	// more are settings of the gate besides those of the preset.
	more []string
	// programs tests the paths that are left to the app's own tokens.
	programs func(*testing.T, *behindGate, *browserOf)
}

// Each app that Debian, npm or Go modules carry is started as its page in docs/apps says.
func TestKnownAppsBehindTheGate(t *testing.T) {
	needBrowser(t) // without a browser nothing has been built
	for _, app := range knownApps {
		t.Run(app.preset, func(t *testing.T) {
			t.Parallel()
			app.walk(t)
		})
	}
}

// walk has two people in turn use the app in one browser.
func (app knownApp) walk(t *testing.T) {
	t.Helper()
	g := app.serve(t)
	stranger, b := newBrowserOf(t, g), newBrowserOf(t, g)
	stranger.mustComeToLogin(app.page, nil)
	stranger.mustComeToLogin(app.page, g.claims())
	ada, bob := zoe(), zhangWei()
	bob.name = "Bob " + bob.email[10:16]
	b.accept(g.invite(t, ada), ada)
	app.mustName(t, b, ada, bob)
	for _, path := range app.closed {
		if at, page := b.open(path, nil); strings.Contains(page, `type="password"`) ||
			strings.Contains(page, "mallory") {
			t.Errorf("%s, in the end at %s, is a login of the app's:\n%s", path, at, brief(page))
		}
	}
	if app.programs != nil {
		app.programs(t, g, b)
	}
	if at, page := b.open(app.logoutLink(t, b), nil); at != "/logout" && at != g.settings["GATEPOST_LOGOUT_PATHS"] ||
		!strings.Contains(page, `method="post"`) || !strings.Contains(page, "Log out") {
		t.Errorf("the app's log-out leads to %s:\n%s", at, brief(page))
	}
	b.logOut()
	b.mustComeToLogin(app.page, nil)
	b.mustComeToLogin(app.page, g.claims())
	b.accept(g.invite(t, bob), bob)
	app.mustName(t, b, bob, ada)
}

// logoutLink is the link to log out that the app's page has, which is where the app says that it is, or the gate's own.
func (app knownApp) logoutLink(t *testing.T, b *browserOf) string {
	t.Helper()
	_, page := b.open(app.page, nil)
	link := linkToLogOut.FindStringSubmatch(page)
	switch {
	case link == nil && app.logout == "":
		return "/logout"
	case link == nil || app.logout == "" || !strings.Contains(html.UnescapeString(link[1]), app.logout):
		t.Errorf("the link to log out is %q, not %q:\n%s", link, app.logout, brief(page))
		return "/logout"
	}
	return strings.TrimPrefix(html.UnescapeString(link[1]), b.gate.url)
}

// linkToLogOut finds forms and buttons, too.
var linkToLogOut = regexp.MustCompile(`(?i)(?:href|action|data-url)="([^"]*(?:log|sign)[-_]?(?:out|off)[^"]*)"`)

// mustName checks that the app takes the browser for one person and for nobody else, whatever the browser says.
func (app knownApp) mustName(t *testing.T, b *browserOf, who, other person) {
	t.Helper()
	for range 2 { // the second time with what the app may have kept of the first
		for _, claims := range []http.Header{nil, b.gate.claims()} {
			at, page := b.open(app.page, claims)
			if app.names == nil {
				if !strings.Contains(page, app.has) {
					t.Errorf("no %q at %s:\n%s", app.has, at, brief(page))
				}
				continue
			}
			if !strings.Contains(page, app.names(who)) || strings.Contains(page, app.names(other)) ||
				strings.Contains(page, "mallory") {
				t.Errorf("%q is not who %s shows:\n%s", app.names(who), at, brief(page))
			}
		}
	}
}

// claims are headers that say mallory is there, of all names by which this app learns who it is.
func (g *behindGate) claims() http.Header {
	h := claims.Clone()
	for _, name := range identityHeader.FindAllStringSubmatch(g.settings["GATEPOST_IDENTITY_HEADERS"], -1) {
		h.Set(name[1], "mallory")
		h[strings.ReplaceAll(name[1], "-", "_")] = []string{"mallory"}
	}
	return h
}

var identityHeader = regexp.MustCompile(`([A-Za-z-]+)=`)

// browserOf requests pages as a browser does, with cookies, and follows redirects.
type browserOf struct {
	t        *testing.T
	gate     *behindGate
	client   *http.Client
	username string // of who signed up here last, if the preset sends one
	person   person // who that is
}

func newBrowserOf(t *testing.T, g *behindGate) *browserOf {
	t.Helper()
	jar, _ := cookiejar.New(nil)
	return &browserOf{t: t, gate: g, client: &http.Client{Jar: jar}}
}

// ask sends a request and returns the answer, its text, and the path where redirects led to.
func (b *browserOf) ask(method, path, body string, header http.Header) (*http.Response, string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.gate.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if header != nil {
		req.Header = header.Clone()
	}
	res, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return res, string(text)
}

// open opens a page, and returns where redirects led to.
func (b *browserOf) open(path string, header http.Header) (at, page string) {
	b.t.Helper()
	h := http.Header{"Accept": {"text/html"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Site": {"same-origin"}}
	for name, values := range header {
		h[name] = values
	}
	res, page := b.ask(http.MethodGet, path, "", h)
	return res.Request.URL.Path, page
}

// send sends a form, and returns where redirects led to.
func (b *browserOf) send(path string, form url.Values) (at, page string) {
	b.t.Helper()
	res, page := b.ask(http.MethodPost, path, form.Encode(), http.Header{"Sec-Fetch-Site": {"same-origin"},
		"Content-Type": {"application/x-www-form-urlencoded"}, "Sec-Fetch-Mode": {"navigate"}})
	return res.Request.URL.Path, page
}

func (b *browserOf) mustComeToLogin(path string, header http.Header) {
	b.t.Helper()
	if at, page := b.open(path, header); at != "/login" {
		b.t.Errorf("signed out, %s leads to %s:\n%s", path, at, brief(page))
	}
}

// accept signs somebody up who was invited.
func (b *browserOf) accept(link string, p person) {
	b.t.Helper()
	path, _ := strings.CutPrefix(link, b.gate.url)
	at, page := b.open(path, nil)
	form := url.Values{"name": {p.name}, "password": {p.password}}
	b.person = p
	if strings.Contains(b.gate.settings["GATEPOST_IDENTITY_HEADERS"], "=username") {
		b.username = "user-" + p.email[10:16]
		form.Set("username", b.username)
	}
	for _, field := range hidden.FindAllStringSubmatch(page, -1) {
		form.Set(field[1], field[2])
	}
	if at, page := b.send(at, form); strings.HasPrefix(at, "/signup") {
		b.t.Fatalf("the invitation of %s ends at %s:\n%s", p.email, at, brief(page))
	}
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)

// logOut logs out at the gate, after which the app's own cookies are gone.
func (b *browserOf) logOut() {
	b.t.Helper()
	if at, page := b.send("/logout", url.Values{}); at != "/login" {
		b.t.Errorf("logging out leads to %s:\n%s", at, brief(page))
	}
	site, _ := url.Parse(b.gate.url)
	for _, c := range b.client.Jar.Cookies(site) {
		for entry := range strings.SplitSeq(b.gate.settings["GATEPOST_APP_COOKIES"], ",") {
			name, prefix := strings.CutSuffix(strings.TrimSpace(entry), "*")
			if c.Name == name || prefix && strings.HasPrefix(c.Name, name) {
				b.t.Errorf("the app's cookie %s is still there", c.Name)
			}
		}
	}
	if left := b.client.Jar.Cookies(site); slices.ContainsFunc(left, func(c *http.Cookie) bool {
		return strings.Contains(strings.ToLower(c.Name), "sess")
	}) {
		b.t.Errorf("some session of the app's is left: %v", left)
	}
}

// brief leaves out what is not text of a page, for messages.
func brief(page string) string {
	text := regexp.MustCompile(`(?s)<(script|style|svg|head).*?</(script|style|svg|head)>|\s+`).ReplaceAllString(page, " ")
	return text[:min(len(text), 3000)]
}

// get asks as a program does, with these headers and no cookies, and returns the status and the answer.
func (g *behindGate) get(t *testing.T, method, path, body string, header ...string) (int, string) {
	t.Helper()
	h := http.Header{}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		h.Set(name, value)
	}
	res, text := newBrowserOf(t, g).ask(method, path, body, h)
	return res.StatusCode, text
}

// direct asks the app itself, past the gate, and does not follow redirects.
func (g *behindGate) direct(t *testing.T, path string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+g.port+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

// fromTheGate reports whether an answer is the gate's refusal, and not the app's.
func fromTheGate(answer string) bool {
	var refusal struct{ Code, LoginURL string }
	return json.Unmarshal([]byte(answer), &refusal) == nil && refusal.LoginURL != ""
}
