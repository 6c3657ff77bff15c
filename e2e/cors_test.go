package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// corsSnippets are the blocks of script in docs/cors.md, with the address of a gate: with the cookie, and with a token.
func corsSnippets(t *testing.T, gate string) (withCookie, withToken string) {
	t.Helper()
	text, err := os.ReadFile("../docs/cors.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```js\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 2 {
		t.Fatalf("docs/cors.md has %d blocks of script", len(blocks))
	}
	address := strings.NewReplacer("https://api.example.com", gate)
	return address.Replace(blocks[0][1]), address.Replace(blocks[1][1])
}

// A browser lets a page of another origin read what the gate lets it: with the cookie from the same site, without one
// from another, refusals too, and nothing from an origin that is not listed. Everything is protected, so the browser's
// question before comes signed out.
func TestBrowserLetsPagesOfOtherOriginsIn(t *testing.T) {
	needBrowser(t)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s by %s", r.Method, r.Header.Get("X-Auth-Email"))
	}))
	t.Cleanup(app.Close)
	pages := func() (port string) {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, `<!doctype html><title>Elsewhere</title><link rel="icon" href="data:,"><main>Elsewhere</main>`)
		}))
		t.Cleanup(s.Close)
		return s.URL[strings.LastIndex(s.URL, ":"):]
	}
	listed, unlisted := pages(), pages()
	_, database := newDatabase(t)
	url := "http://localhost:" + freePort(t)
	h := &home{env: []string{"DATABASE_URL=" + database, "GATEPOST_UPSTREAM=" + app.URL, "GATEPOST_PROTECT=/",
		"GATEPOST_CORS=/api=http://localhost" + listed + "|http://127.0.0.1" + listed,
		"GATEPOST_PUBLIC_URL=" + url}, gateway: &gateway{url: url}}
	v, p := newVisitorOf(t, h.serve(t).gateway), zhangWei()
	v.open("/signup?next=/")
	v.signUp(p)
	withCookie, withToken := corsSnippets(t, url)
	const answer = `; return answer.status + " " + await answer.text()`
	put := fmt.Sprintf(`const answer = await fetch(%q, {method: "PUT", credentials: "include",
		headers: {"Content-Type": "application/json", "X-CSRF-Token": "x"}, body: "{}"})`, url+"/api/me") + answer
	for _, c := range []struct{ page, script, want string }{
		{"http://localhost" + listed, withCookie + answer, "200 GET by " + p.email},
		{"http://localhost" + listed, put, "200 PUT by " + p.email},
		{"http://localhost" + listed, `const token = "x"; ` + withToken + answer, `401 {"code":"UNAUTHORIZED"`},
		{"http://127.0.0.1" + listed, `const token = "x"; ` + withToken + answer, `401 {"code":"UNAUTHORIZED"`},
		{"http://127.0.0.1" + listed, put, "TypeError"},
		{"http://localhost" + unlisted, put, "TypeError"},
		{"http://localhost" + unlisted, withCookie + answer, "TypeError"},
		{"http://localhost" + listed, strings.ReplaceAll(put, "/api/me", "/apis"), "TypeError"},
	} {
		v.load("open "+c.page, chromedp.Navigate(c.page))
		got := ask(v, "fetch from "+c.page, chromedp.Evaluate[string]("(async () => {"+c.script+"})().catch(String)",
			chromedp.EvalAwaitPromise))
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s\ngives %s, want %s", c.page, c.script, got, c.want)
		}
	}
}
