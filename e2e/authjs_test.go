package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// authJS is the real one, see movein/authjs.mjs.
type authJS struct {
	*program
	url          string
	base, source string // the name and the address of its database
}

func startAuthJS(t *testing.T) *authJS {
	t.Helper()
	needBrowser(t) // without a browser there is no PostgreSQL
	a := &authJS{}
	port := freePort(t)
	a.url = "http://localhost:" + port
	a.base, a.source = newDatabase(t)
	a.program = startOld(t, "authjs.mjs", "Auth.js is up", "DATABASE_URL="+a.source, "PORT="+port, "SECRET="+oldSecret)
	return a
}

// guest is a browser at Auth.js.
type guest struct {
	t      *testing.T
	at     *authJS
	client *http.Client
}

func (a *authJS) guest(t *testing.T) *guest {
	jar, _ := cookiejar.New(nil)
	return &guest{t, a, &http.Client{Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// get opens an address there and returns what it says.
func (g *guest) get(address string) []byte {
	g.t.Helper()
	res, err := g.client.Get(address)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 400 || strings.Contains(res.Header.Get("Location"), "error") {
		g.t.Fatalf("%s: status %d to %q (%v)\n%s", address, res.StatusCode, res.Header.Get("Location"), err, text)
	}
	return text
}

// send sends one of its forms.
func (g *guest) send(path string, form url.Values) {
	g.t.Helper()
	prefix, _, _ := strings.Cut(path[1:], "/")
	var csrf struct{ CSRFToken string }
	if err := json.Unmarshal(g.get(g.at.url+"/"+prefix+"/csrf"), &csrf); err != nil {
		g.t.Fatal(err)
	}
	form.Set("csrfToken", csrf.CSRFToken)
	res, err := g.client.PostForm(g.at.url+path, form)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 302 || strings.Contains(res.Header.Get("Location"), "error") {
		text, _ := io.ReadAll(res.Body)
		g.t.Fatalf("%s: status %d to %q\n%s", path, res.StatusCode, res.Header.Get("Location"), text)
	}
}

// byMail signs somebody in, whom Auth.js makes a user of at their first time, with a session in its database.
func (a *authJS) byMail(t *testing.T, email string) *guest {
	t.Helper()
	g := a.guest(t)
	g.send("/auth/signin/email", url.Values{"email": {email}})
	mail := regexp.MustCompile(`(?m)^enter ` + regexp.QuoteMeta(email) + ` (\S+)$`)
	if err := a.wait(func() bool { return mail.MatchString(a.out.String()) }); err != nil {
		t.Fatal(err)
	}
	g.get(mail.FindStringSubmatch(a.out.String())[1])
	return g
}

// byName signs in somebody who is there, with a session in cookies.
func (a *authJS) byName(t *testing.T, email string) *guest {
	t.Helper()
	g := a.guest(t)
	g.send("/jwt/callback/credentials", url.Values{"email": {email}})
	return g
}

func (g *guest) cookies() []*http.Cookie {
	at, _ := url.Parse(g.at.url)
	return g.client.Jar.Cookies(at)
}

// ticket is an encrypted cookie to be made.
type ticket struct {
	Version int               `json:"version"`
	Secret  string            `json:"secret"`
	Salt    string            `json:"salt,omitempty"` // of version 5: the name of the cookie
	MaxAge  int               `json:"maxAge"`
	Token   map[string]string `json:"token"`
}

// encode has the libraries make a cookie.
func (a *authJS) encode(t *testing.T, made ticket) string {
	t.Helper()
	sent, _ := json.Marshal(made)
	res, err := http.Post(a.url+"/encode", "application/json", bytes.NewReader(sent))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || strings.Count(string(text), ".") != 4 {
		t.Fatalf("encode %+v: status %d (%v)\n%s", made, res.StatusCode, err, text)
	}
	return string(text)
}
