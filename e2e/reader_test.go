package e2e

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// reader requests pages as a browser does, with cookies, but follows no redirects.
type reader struct {
	t      *testing.T
	gate   *gateway
	client *http.Client
	agent  string // the User-Agent header; empty: Go's own
}

func newReader(t *testing.T) *reader {
	t.Helper()
	needBrowser(t) // without a browser nothing has been started
	return newReaderOf(t, site)
}

func newReaderOf(t *testing.T, gate *gateway) *reader {
	t.Helper()
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &reader{t: t, gate: gate, client: client}
}

// read requests a page, or sends a form to it, and checks the status.
func (r *reader) read(want int, path string, sent url.Values) string {
	r.t.Helper()
	method, body := http.MethodGet, io.Reader(nil)
	if sent != nil {
		method, body = http.MethodPost, strings.NewReader(sent.Encode())
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.gate.url+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	if r.agent != "" {
		req.Header.Set("User-Agent", r.agent)
	}
	if sent != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != want {
		r.t.Fatalf("%s %s: status %d, want %d (%v)\n%s", method, path, res.StatusCode, want, err, text)
	}
	return strings.ReplaceAll(string(text), "<wbr>", "") // as people read it
}

// logIn opens one more session of the person.
func (r *reader) logIn(p person) {
	r.t.Helper()
	r.read(303, "/login", url.Values{"email": {p.email}, "password": {p.password}})
}

// User-Agent headers of browsers.
const (
	firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
	safari  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) " +
		"Version/18.5 Mobile/15E148 Safari/604.1"
	chrome = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) " +
		"Chrome/141.0.0.0 Safari/537.36"
)
