package proxy

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// How and when somebody was proved travels with the session: a path that asks for a second factor, or for a fresh one,
// takes no more queries than one that asks for a login.
func TestASignedInRequestTakesOneQueryAndThenNone(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/dashboard", "/admin", "/billing", "/vault", "/assets/a.css"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			p, db, r := leveled(t, path)
			for i := range 20 {
				w := httptest.NewRecorder()
				p.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					t.Fatalf("request %d: %d %s", i, w.Code, w.Body)
				}
				if asked := authtest.Asked(db); asked != 1 {
					t.Fatalf("after %d requests PostgreSQL was asked %d times", i+1, asked)
				}
			}
		})
	}
}

// leveled is a gate with all conditions on its database, and a request for a path by a user whose second factor is
// fresh.
func leveled(t *testing.T, path string) (*Proxy, *pgxpool.Pool, *http.Request) {
	store, db := authtest.NewStore(t, func(o *auth.Options) { o.SessionCache = time.Minute })
	issued, err := store.SignUp(t.Context(), auth.NewUser{Email: "ada@example.com", Name: "Ada",
		Password: "correct horse battery"}, true, "", secret.Client{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), `UPDATE gatepost.session SET methods = 'pwd,otp', second_at = now()`); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	go store.Run(ctx)
	for !store.Listening() { // the store keeps no session before
		time.Sleep(time.Millisecond)
	}
	upstream, err := ParseUpstream("http://app.example")
	if err != nil {
		t.Fatal(err)
	}
	p := New(Config{Upstream: upstream, UpstreamTimeout: time.Minute,
		PublicURL: &url.URL{Scheme: "https", Host: "gate.example"},
		Rules:     mustRules(t, "/dashboard, /admin=+aal2, /billing=+fresh=10m, /vault=+aal2+fresh=10m", "/assets"),
		Cookie:    session.Cookie{Name: "__Host-gatepost", Secure: true},
		Page:      func(string) http.Handler { return nil },
		Log:       slog.New(slog.DiscardHandler), Lines: Lines{io.Discard, true},
	}, store.Reader)
	p.forward.Transport = answers{}
	r := httptest.NewRequestWithContext(authtest.Asking(t.Context()), http.MethodGet, path, nil)
	r.Header.Set("Cookie", "__Host-gatepost="+string(issued.Session))
	return p, db, r
}
