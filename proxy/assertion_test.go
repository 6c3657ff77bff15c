package proxy

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/assertion"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// A thousand requests of a session take one signature, and a change that decides about it one more.
func TestAReusedAssertionTakesNoSignature(t *testing.T) {
	t.Parallel()
	store, db := authtest.NewStore(t, func(o *auth.Options) {
		o.SessionCache, o.Keys = time.Minute, mustParseKeys(t)
		o.Assertion = assertion.Options{Issuer: "https://gate.example", Audience: "app"}
	})
	go store.Run(t.Context())
	if err := store.OpenAssertions(t.Context()); err != nil {
		t.Fatal(err)
	}
	issued, err := store.SignUp(t.Context(), auth.NewUser{Email: "ada@example.com", Name: "Ada",
		Password: "correct horse battery"}, true, "", secret.Client{})
	if err != nil {
		t.Fatal(err)
	}
	of := func() string {
		v, err := store.Lookup(t.Context(), issued.Session)
		if err != nil {
			t.Fatal(err)
		}
		value, err := store.Assertion(&v, "GET", "/")
		if err != nil {
			t.Fatal(err)
		}
		return value[0]
	}
	deadline := time.Now().Add(10 * time.Second)
	for kept := false; !kept; time.Sleep(time.Millisecond) { // the store keeps no session before it listens
		one := of()
		if kept = store.Listening() && of() == one; time.Now().After(deadline) {
			t.Fatal("each request has another one")
		}
	}
	before, first := store.SignedAssertions(), of()
	if err := store.OpenAssertions(t.Context()); err != nil { // the keys are read again now and then
		t.Fatal(err)
	}
	for range 1000 {
		first = of()
	}
	// The listener may have begun anew, or have heard late of the sign-up.
	if n := store.SignedAssertions() - before; n > 2 {
		t.Errorf("it was signed %d times", n)
	}
	if _, err := db.Exec(t.Context(), `UPDATE gatepost."user" SET role = 'admin'`); err != nil {
		t.Fatal(err)
	}
	for ; of() == first; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it goes on though the roles are others")
		}
	}
}

// Where the gate cannot vouch for who is signed in, the app is not asked as if it could: a protected path is refused,
// and a public one served as to nobody.
func TestWithoutAnAssertionNobodyIsSignedIn(t *testing.T) {
	t.Parallel()
	store, _ := authtest.NewStore(t)
	issued, err := store.SignUp(t.Context(), auth.NewUser{Email: "ada@example.com", Password: "correct horse battery"},
		true, "", secret.Client{})
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got <- r.Header.Get("X-Auth-User") + r.Header.Get("X-Auth-Assertion")
	}))
	t.Cleanup(app.Close)
	upstream, err := ParseUpstream(app.URL)
	if err != nil {
		t.Fatal(err)
	}
	id, err := ParseIdentity("X-Auth-User=id", "")
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	p := New(Config{Upstream: upstream, UpstreamTimeout: time.Minute, PublicURL: &url.URL{Scheme: "https", Host: "x"},
		Rules: mustRules(t, "/dashboard", ""), Identity: id, Cookie: session.Cookie{Name: "__Host-gatepost", Secure: true},
		Page: func(string) http.Handler { return nil }, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Refuse: func(_ http.ResponseWriter, _ *http.Request, status int, _ error) { refused = status },
		Assertions: Assertions{Header: "X-Auth-Assertion",
			Of: func(*session.Session, string, string) ([]string, error) { return nil, database.ErrUnavailable }},
	}, store.Reader)
	t.Cleanup(p.Close)
	for path, want := range map[string]int{"/dashboard": 503, "/": 0} {
		r := httptest.NewRequest(http.MethodGet, "https://x"+path, nil)
		r.Header.Set("Cookie", "__Host-gatepost="+string(issued.Session))
		refused = 0
		p.ServeHTTP(httptest.NewRecorder(), r)
		if refused != want {
			t.Errorf("%s is refused with %d, want %d", path, refused, want)
		}
	}
	if who := <-got; who != "" {
		t.Errorf("the app is told %q", who)
	}
}
