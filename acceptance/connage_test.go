package acceptance_test

import (
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// instance is one of several instances of an app at the same address, of which the last gets new connections. A change
// in the DNS does the same: open connections stay with the instance that they lead to.
type instance struct {
	address string
	release chan struct{} // ends the answer at /public/stream
	listen  net.Listener
}

func newInstance(t *testing.T, name, address string, h2c bool) *instance {
	t.Helper()
	i := &instance{release: make(chan struct{})}
	var err error
	if i.listen, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	i.address = i.listen.Addr().String()
	s := &http.Server{Protocols: new(http.Protocols), Handler: http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, name)
			if r.URL.Path == "/public/stream" {
				_ = http.NewResponseController(w).Flush()
				<-i.release
				_, _ = io.WriteString(w, " to the end")
			}
		})}
	s.Protocols.SetHTTP1(!h2c)
	s.Protocols.SetUnencryptedHTTP2(h2c)
	go func() { _ = s.Serve(i.listen) }()
	t.Cleanup(func() { _ = s.Close() })
	return i
}

// Connections to the app have a greatest age, after which requests go where the app's name leads now. An answer under
// way comes to its end.
func TestConnectionsToTheAppHaveAGreatestAge(t *testing.T) {
	t.Parallel()
	database := authtest.NewDatabase(t)
	for _, scheme := range []string{"http", "h2c"} {
		for _, age := range []string{"1s", "off"} {
			t.Run(scheme+" "+age, func(t *testing.T) {
				t.Parallel()
				before := newInstance(t, "before", "127.0.0.1:0", scheme == "h2c")
				g := startGate(t, "DATABASE_URL="+database, "GATEPOST_UPSTREAM="+scheme+"://"+before.address,
					"GATEPOST_UPSTREAM_CONN_AGE="+age)
				v := g.visitor(t)
				stream, err := http.Get(g.url + "/public/stream")
				if err != nil {
					t.Fatal(err)
				}
				defer stream.Body.Close()
				if r := v.fetch("/public"); r.body != "before" {
					t.Fatalf("got %d %q", r.status, r.body)
				}
				_ = before.listen.Close() // and none of its connections
				newInstance(t, "after", before.address, scheme == "h2c")
				if age == "off" {
					for range 50 {
						if r := v.fetch("/public"); r.body != "before" {
							t.Fatalf("a connection was not used again: %q", r.body)
						}
					}
					close(before.release)
					return
				}
				eventually(t, "requests go to the other instance", func() bool { return v.fetch("/public").body == "after" })
				for range 20 {
					if r := v.fetch("/public"); r.body != "after" {
						t.Errorf("an old connection was used again: %d %q", r.status, r.body)
					}
				}
				close(before.release)
				if b, err := io.ReadAll(stream.Body); err != nil || string(b) != "before to the end" {
					t.Errorf("the answer under way: %q, %v", b, err)
				}
			})
		}
	}
}
