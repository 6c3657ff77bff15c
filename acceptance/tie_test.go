package acceptance_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// connected is an app that logs in connections instead of requests, as apps with NTLM and Kerberos do: all
// later requests on the connection are the user's.
type connected struct {
	mu   sync.Mutex
	user string
	step int
}

type connectedKey struct{}

func newConnectionApp(t *testing.T, secure bool) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Context().Value(connectedKey{}).(*connected).serve(w, r)
	}))
	s.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, connectedKey{}, &connected{})
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(!secure)
	s.Config.Protocols = &protocols
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (c *connected) serve(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	scheme, message, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case message == "first":
		c.user, c.step = "", 1
		w.Header().Set("WWW-Authenticate", scheme+" challenge")
		w.WriteHeader(401)
	case message == "last" && c.step == 1, message == "ticket":
		c.user, c.step = "alice", 0
		w.Header().Set("Persistent-Auth", "true")
		w.Header().Set("WWW-Authenticate", scheme+" mutual")
	case c.user == "":
		w.Header().Set("WWW-Authenticate", "Negotiate")
		w.Header().Add("WWW-Authenticate", "NTLM")
		w.WriteHeader(401)
	}
	if r.Method != http.MethodHead {
		fmt.Fprintf(w, "you are %q", c.user)
	}
}

// nobodyElse checks that the app takes no other visitor for alice, however many connections there are to the
// app.
func nobodyElse(t *testing.T, what string, others ...*visitor) {
	t.Helper()
	var all sync.WaitGroup
	for _, v := range others {
		for i := range 12 {
			all.Go(func() {
				path := []string{"/public", "/dashboard"}[i%2]
				if r := v.fetch(path); strings.Contains(r.body, "alice") {
					t.Errorf("%s: another visitor is taken for alice at %s", what, path)
				}
			})
		}
	}
	all.Wait()
}

func TestAConnectionThatIsLoggedInIsNobodyElses(t *testing.T) {
	t.Parallel()
	cert, key, roots := writePair(t, t.TempDir(), nil)
	tls := []string{"GATEPOST_PUBLIC_URL=https://localhost:0", "GATEPOST_TLS_CERT=" + cert, "GATEPOST_TLS_KEY=" + key}
	for _, c := range []struct {
		name, scheme string
		env          []string
		handshake    bool // the handshake succeeds
	}{
		{"HTTP/1", "http://", nil, true},
		{"HTTP/1 to an app of HTTP/2", "h2c://", nil, true},
		{"HTTP/2", "http://", tls, false},
		// For visitors with a session of the gate.
		{"behind a proxy", "http://", []string{"GATEPOST_TRUSTED_PROXIES=127.0.0.0/8"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			app := newConnectionApp(t, false)
			g := startGate(t, append(c.env, "DATABASE_URL="+authtest.NewDatabase(t),
				"GATEPOST_UPSTREAM="+c.scheme+app.Listener.Addr().String())...)
			somebody := g.visitor
			if len(c.env) > 1 {
				g.url = strings.Replace(g.url, "http://", "https://", 1)
				somebody = func(t *testing.T) *visitor { return g.secure(t, roots) }
			}
			alice, bob, anybody := somebody(t), somebody(t), somebody(t)
			alice.signUp("alice@example.com")
			bob.signUp("bob@example.com")
			if len(c.env) < 2 {
				// This is what a proxy that keeps its connections does: all visitors share the same
				// connections.
				shared := &http.Transport{MaxConnsPerHost: 1}
				t.Cleanup(shared.CloseIdleConnections)
				alice.client.Transport, bob.client.Transport, anybody.client.Transport = shared, shared, shared
			}
			for _, scheme := range []string{"NTLM", "ntlm", "Negotiate", "NEGOTIATE", "Nego2", "Kerberos", "CredSSP",
				"X-Gss-Spnego", "NTLM\t"} {
				for _, path := range []string{"/dashboard", "/public"} {
					for _, message := range []string{"first", "last", "ticket"} {
						r := alice.do("GET", path, nil, "Authorization: "+strings.TrimSpace(scheme)+" "+message)
						want := strings.Contains(r.body, "alice")
						if message == "ticket" && !want || message == "last" && want != c.handshake {
							t.Errorf("%s %s at %s: %d %s", scheme, message, path, r.status, r.body)
						}
						nobodyElse(t, scheme+" "+message, bob, anybody)
						if message == "first" {
							// Over shared connections, messages of other visitors would end the handshake.
							continue
						}
						r = bob.do("GET", "/public", nil, "Authorization: NTLM x")
						if strings.Contains(r.body, "alice") {
							t.Errorf("%s %s: with a message that means nothing bob is taken for alice", scheme, message)
						}
						if r := anybody.do("HEAD", "/public", nil, "Authorization: NTLM x"); r.status != 401 {
							t.Errorf("%s %s: anybody got %d", scheme, message, r.status)
						}
					}
				}
			}
			r := anybody.do("GET", "/public", nil, "Authorization: Negotiate ticket")
			if !strings.Contains(r.body, "alice") {
				t.Errorf("without a session of ours: %d %s", r.status, r.body)
			}
			nobodyElse(t, "without a session", bob, anybody, somebody(t))
		})
	}
}

// If a connection belongs to one visitor, the app keeps knowing them on it. Nothing stays after they have gone.
func TestAConnectionThatIsLoggedInIsItsVisitors(t *testing.T) {
	t.Parallel()
	app := newConnectionApp(t, false)
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+app.URL)
	alice := g.visitor(t)
	own := &http.Transport{MaxConnsPerHost: 1}
	alice.client.Transport = own
	alice.signUp("alice@example.com")
	alice.do("GET", "/dashboard", nil, "Authorization: NTLM first")
	alice.do("GET", "/dashboard", nil, "Authorization: NTLM last")
	for range 3 {
		if r := alice.fetch("/dashboard"); !strings.Contains(r.body, "alice") {
			t.Errorf("after the handshake: %d %s", r.status, r.body)
		}
	}
	alice.post("/logout")
	if r := alice.fetch("/public"); strings.Contains(r.body, "alice") {
		t.Errorf("after the logout: %s", r.body)
	}
}
