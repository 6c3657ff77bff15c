package acceptance_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// sharing is an app that says about CORS what it should not, and names the user.
func sharing(t *testing.T) (url string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Access-Control-Allow-Origin"] = []string{"*"}
		w.Header()["Access-Control-Allow-Credentials"] = []string{"true"}
		w.Header()["Access-Control-Allow-Headers"] = []string{"*"}
		w.Header()["Access-Control-Expose-Headers"] = []string{"ETag"}
		w.Header()["Vary"] = []string{"Accept"}
		fmt.Fprintf(w, "%s for %q", r.Method, r.Header.Get("X-Auth-Email"))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// said is what an answer says about other origins.
func (r reply) said() string {
	var list []string
	for _, name := range []string{"Allow-Origin", "Allow-Credentials", "Allow-Methods", "Allow-Headers", "Max-Age",
		"Expose-Headers"} {
		if values := r.header.Values("Access-Control-" + name); len(values) > 0 {
			list = append(list, name+": "+strings.Join(values, " and "))
		}
	}
	return strings.Join(append(list, "Vary: "+strings.Join(r.header.Values("Vary"), ", ")), "; ")
}

// Pages of the origins that are listed may read what the app answers below the prefix, and others may not, whatever the
// app says; a page of another site comes without the cookie.
func TestPagesOfOtherOriginsReadWhatTheyMay(t *testing.T) {
	t.Parallel()
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+sharing(t), "GATEPOST_PROTECT=/",
		"GATEPOST_PUBLIC=/api/open",
		"GATEPOST_CORS=/api=http://localhost:1|https://b.example.com, /api/less=http://localhost:1")
	v, stranger := g.visitor(t), g.visitor(t)
	v.signUp("ada@example.com")
	const same, other, unlisted = "Origin: http://localhost:1", "Origin: https://b.example.com", "Origin: http://localhost:2"
	const asks = "Access-Control-Request-Method: PUT"
	const names = "Access-Control-Request-Headers: authorization,x-gatepost-token"
	const asked = "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
	allowed := "; Allow-Methods: PUT; Allow-Headers: authorization,x-gatepost-token; Max-Age: 600; " + asked
	const appVary, own = "Vary: Accept, Origin", "Expose-Headers: Retry-After, WWW-Authenticate, X-Request-Id; "
	for name, c := range map[string]struct {
		by      *visitor
		method  string
		path    string
		headers []string
		status  int
		said    string
	}{
		"preflight of the same site": {stranger, "OPTIONS", "/api/x", []string{same, asks, names}, 204,
			"Allow-Origin: http://localhost:1; Allow-Credentials: true" + allowed},
		"preflight of another site": {stranger, "OPTIONS", "/api/x", []string{other, asks, names}, 204,
			"Allow-Origin: https://b.example.com" + allowed},
		"preflight of one not listed": {stranger, "OPTIONS", "/api/x", []string{unlisted, asks, names}, 204, asked},
		"preflight of nobody":         {stranger, "OPTIONS", "/api/x", []string{"Origin: null", asks, names}, 204, asked},
		"preflight of one that looks like it": {stranger, "OPTIONS", "/api/x",
			[]string{"Origin: https://b.example.com.evil.com", asks}, 204, asked},
		"preflight in another case": {stranger, "OPTIONS", "/api/x", []string{"Origin: https://B.example.com", asks}, 204,
			asked},
		"preflight for a method nobody may use": {stranger, "OPTIONS", "/api/x",
			[]string{same, "Access-Control-Request-Method: TRACE"}, 204, asked},
		"preflight below the longer prefix": {stranger, "OPTIONS", "/api/less/x", []string{other, asks}, 204, asked},
		"preflight elsewhere":               {stranger, "OPTIONS", "/apis", []string{same, asks}, 401, "Vary: "},
		"preflight of a path that is not plain": {stranger, "OPTIONS", "/x/..%2fapi", []string{same, asks}, 401,
			"Vary: "},
		"OPTIONS without a question": {stranger, "OPTIONS", "/api/x", []string{same}, 401,
			"Allow-Origin: http://localhost:1; Allow-Credentials: true; " + own + "Vary: Origin"},
		"signed out": {stranger, "GET", "/api/x", []string{other}, 401,
			"Allow-Origin: https://b.example.com; " + own + "Vary: Origin"},
		"signed out, not listed": {stranger, "GET", "/api/x", []string{unlisted}, 401, "Vary: Origin"},
		"signed out, public": {stranger, "GET", "/api/open", []string{other}, 200,
			"Allow-Origin: https://b.example.com; Expose-Headers: ETag; " + appVary},
		"signed in": {v, "POST", "/api/x", []string{same}, 200,
			"Allow-Origin: http://localhost:1; Allow-Credentials: true; Expose-Headers: ETag; " + appVary},
		"signed in, not listed": {v, "GET", "/api/x", []string{unlisted}, 200, appVary},
		"signed in, two at once": {v, "GET", "/api/x", []string{"Origin: http://localhost:1, http://localhost:2"}, 200,
			appVary},
		"signed in, no page": {v, "GET", "/api/x", nil, 200, appVary},
		"elsewhere the app says what it likes": {v, "GET", "/x", []string{unlisted}, 200, "Allow-Origin: *; " +
			"Allow-Credentials: true; Allow-Headers: *; Expose-Headers: ETag; Vary: Accept"},
		"a page of the gate's": {v, "GET", "/account", []string{same}, 200, "Vary: "},
	} {
		r := c.by.do(c.method, c.path, nil, c.headers...)
		if said := r.said(); r.status != c.status || said != c.said {
			t.Errorf("%s: %d\n%s, want %d\n%s", name, r.status, said, c.status, c.said)
		}
		if c.method == "OPTIONS" && r.status == 204 && r.body != "" {
			t.Errorf("%s: it has a body: %s", name, r.body)
		}
	}
	if r := v.do("GET", "/api/x", nil, same); r.body != `GET for "ada@example.com"` {
		t.Errorf("the app was told %s", r.body)
	}
	if r := stranger.do("GET", "/api/open", nil, "Origin: http://localhost:1", "Cookie: x=y"); r.status != 200 {
		t.Errorf("a public path: %d", r.status)
	}
}
