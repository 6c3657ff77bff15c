package proxy

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/assertion"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/seal"
)

// station is a part of the way of a signed-in request, with the limit on its allocations.
type station struct {
	name   string
	budget float64
	// race is the additional limit with the race detector, under which pools drop items and more values escape.
	race float64
	run  func()
}

// answers is an app without a network, so that only the gate and httputil.ReverseProxy are measured.
type answers struct{}

func (answers) RoundTrip(r *http.Request) (*http.Response, error) {
	if x := exchangeOf(r.Context()); x != nil {
		x.headers.over = true // as after package direct
	}
	return &http.Response{StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Request: r, ContentLength: 2,
		Body:   io.NopCloser(strings.NewReader("ok")),
		Header: http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"2"}}}, nil
}

// discard is a client that discards the answer. A recorder would copy the header.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

const gateBudget = 24

func mustParseKeys(tb testing.TB) seal.Keys {
	tb.Helper()
	ks, err := seal.Parse(seal.NewKey())
	if err != nil {
		tb.Fatal(err)
	}
	return ks
}

func stations(tb testing.TB) []station {
	store, db := authtest.NewStore(tb, func(o *auth.Options) {
		o.SessionCache, o.Keys = time.Minute, mustParseKeys(tb)
		o.CheckTokenRules = func(string) error { return nil }
		o.Assertion = assertion.Options{Issuer: "https://gate.example", Audience: "app"}
	})
	if err := store.OpenAssertions(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	issued, err := store.SignUp(tb.Context(), auth.NewUser{Email: "ada@example.com", Name: "Ada",
		Password: "correct horse battery"}, true, "", secret.Client{})
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := db.Exec(tb.Context(), `UPDATE gatepost.session SET methods = 'pwd,otp', second_at = now()`); err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	tb.Cleanup(stop)
	go store.Run(ctx)
	for !store.Listening() { // the store keeps no session before
		time.Sleep(time.Millisecond)
	}
	id, err := ParseIdentity("X-Auth-User=id, X-Auth-Email=email, X-Auth-Email-Verified=email_verified, "+
		"X-Auth-Name=name, X-Auth-Roles=roles", "")
	if err != nil {
		tb.Fatal(err)
	}
	upstream, err := ParseUpstream("http://app.example")
	if err != nil {
		tb.Fatal(err)
	}
	paths, err := ParseTokenPaths("GATEPOST_TOKENS", "/dashboard, GET /admin")
	if err != nil {
		tb.Fatal(err)
	}
	c := Config{
		Upstream: upstream, UpstreamTimeout: time.Minute, PublicURL: &url.URL{Scheme: "https", Host: "gate.example"},
		Rules: mustRules(tb, "/dashboard, /admin=admin, /vault=+aal2+fresh=10m", "/assets"), Tokens: paths, Identity: id,
		Cookie:         session.Cookie{Name: "__Host-gatepost", Secure: true},
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Page:           func(string) http.Handler { return nil },
		Log:            slog.New(slog.NewJSONHandler(io.Discard, nil)), Lines: Lines{io.Discard, true},
	}
	p := New(c, store.Reader)
	p.forward.Transport = answers{}
	c.Assertions = Assertions{Header: "X-Auth-Assertion", Of: store.Assertion}
	asserting := New(c, store.Reader)
	asserting.forward.Transport = answers{}
	bare := &httputil.ReverseProxy{Transport: answers{}, BufferPool: &buffers,
		Rewrite: func(pr *httputil.ProxyRequest) {
			pr.SetURL(&url.URL{Scheme: "http", Host: "app.example"})
			pr.SetXForwarded()
		}}
	r := httptest.NewRequest(http.MethodGet, "/dashboard/items/42?tab=2", nil)
	r.RemoteAddr = "127.0.0.1:1234"
	r.Header = http.Header{"User-Agent": {"test"}, "Accept": {"text/html,*/*;q=0.8"}, "Accept-Language": {"en"},
		"Accept-Encoding": {"gzip"},
		"X-Forwarded-For": {"192.0.2.1"}, "Cookie": {"theme=dark; __Host-gatepost=" + string(issued.Session)}}
	w := discard{http.Header{}}
	x := p.begin(w, r, nil)
	t, err := parseTarget(r, p.c.PublicURL)
	if err != nil {
		tb.Fatal(err)
	}
	x.target, x.status = t, http.StatusOK
	if status, err := p.identify(x, r, Access{}); err != nil {
		tb.Fatal(status, err)
	}
	if x.session, err = store.Lookup(tb.Context(), issued.Session); err != nil { // kept from now on
		tb.Fatal(err)
	}
	made, err := store.MakeAPIToken(tb.Context(), issued.Session, auth.NewAPIToken{Name: "x", Lifetime: time.Hour,
		Rules: "GET /dashboard"}, secret.Client{})
	if err != nil {
		tb.Fatal(err)
	}
	byToken := r.Clone(r.Context())
	delete(byToken.Header, "Cookie")
	byToken.Header.Set("Authorization", "Bearer "+string(made.Secret))
	y := p.begin(w, byToken, nil)
	y.target = t
	if status, err := p.identify(y, byToken, Access{}); err != nil || y.session.Grant == nil { // kept from now on
		tb.Fatal(status, err)
	}
	out := r.Clone(withExchange(r.Context(), x))
	in := forReverseProxy(out.Context(), r)
	answer, _ := answers{}.RoundTrip(out)
	answered := answer.Header
	vault := p.c.Rules.For(http.MethodGet, "/vault")
	check, ask := p.ForwardAuth(p.c.TrustedProxies), httptest.NewRequest(http.MethodGet, "/authz/caddy", nil)
	ask.RemoteAddr = r.RemoteAddr
	asked := http.Header{"X-Forwarded-Method": {"GET"}, "X-Forwarded-Uri": {r.RequestURI},
		"X-Forwarded-Host": {"gate.example"}, "X-Forwarded-Proto": {"https"}}
	maps.Copy(asked, r.Header)
	return []station{
		{"arrive", 3, 1, func() { p.begin(w, r, nil) }},
		{"target", 0, 0, func() { _, _ = parseTarget(r, p.c.PublicURL) }},
		{"rules", 0, 0, func() { p.c.Rules.For(r.Method, t.path) }},
		{"session", 0, 0, func() { _, _ = p.identify(x, r, Access{}) }},
		{"conditions", 0, 0, func() {
			if status, err := p.identify(x, r, vault); err != nil {
				tb.Fatal(status, err)
			}
		}},
		{"token", 0, 0, func() { _, _ = p.identify(y, byToken, Access{}) }},
		{"identity", 7, 0, func() { p.rewrite(&httputil.ProxyRequest{In: in, Out: out}) }},
		{"answer", 0, 0, func() {
			answer.Header = answered
			delete(answered, "Cache-Control")
			_ = p.modifyResponse(answer)
			clear(w.header)
		}},
		{"count", 0, 0, func() { p.metrics.observe(x, time.Millisecond) }},
		{"log", 0, 2, func() { p.log(x, time.Millisecond) }},
		{"bare proxy", 24, 0, func() { bare.ServeHTTP(w, r); clear(w.header) }},
		{"gate", gateBudget, 3, func() { p.ServeHTTP(w, r); clear(w.header) }},
		{"gate with an assertion", gateBudget + 2, 3, func() { asserting.ServeHTTP(w, r); clear(w.header) }},
		{"forward-auth check", 14, 3, func() { ask.Header = maps.Clone(asked); check.ServeHTTP(w, ask); clear(w.header) }},
	}
}

// The bare proxy is in the list, so that changes in a new version of Go are recognised as such.
func TestStationsKeepToTheirBudgetOfAllocations(t *testing.T) {
	for _, s := range stations(t) {
		budget := s.budget
		if race() {
			budget += s.race
		}
		if got := testing.AllocsPerRun(1000, s.run); got > budget {
			t.Errorf("%s allocates %v times, and may %v", s.name, got, budget)
		}
	}
}

func race() bool {
	info, _ := debug.ReadBuildInfo()
	return slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// BenchmarkStation measures each part of a request ("log" and "count" among them) and all of it, beside a bare
// proxy that does the same without a network.
func BenchmarkStation(b *testing.B) {
	for _, s := range stations(b) {
		b.Run(s.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.run()
			}
		})
	}
}
