package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/share"
)

// gateFor is a Proxy without sessions in front of an app, and the errors that it refused with.
func gateFor(t *testing.T, app http.HandlerFunc, change func(*Proxy)) (gate http.Handler, refusals *[]int) {
	t.Helper()
	behind := httptest.NewServer(app)
	t.Cleanup(behind.Close)
	upstream, err := ParseUpstream(behind.URL)
	if err != nil {
		t.Fatal(err)
	}
	refusals = &[]int{}
	p := New(Config{Upstream: upstream, PublicURL: &url.URL{Scheme: "http", Host: "gate.example"},
		Cookie: session.Cookie{Name: "gatepost_80"},
		Page:   func(string) http.Handler { return nil }, Navigating: func(*http.Request) bool { return false },
		Log: slog.New(slog.DiscardHandler),
		Refuse: func(w http.ResponseWriter, _ *http.Request, status int, _ error) {
			*refusals = append(*refusals, status)
			w.WriteHeader(status)
		}}, nil)
	t.Cleanup(p.Close)
	change(p)
	return p, refusals
}

// A request with credentials of two kinds is refused, even when both are valid, and does not reach the app.
func TestTwoCredentialsAtOnceAreRefused(t *testing.T) {
	t.Parallel()
	reached := 0
	gate, refusals := gateFor(t, func(http.ResponseWriter, *http.Request) { reached++ }, func(p *Proxy) {
		p.apps[0].finders = append(p.apps[0].finders, func(r *http.Request) (c credential, present bool) {
			c.token, present = secret.ParseToken(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
			return c, present
		})
	})
	good := strings.Repeat("A", 43)
	r := httptest.NewRequest("GET", "http://gate.example/", nil)
	r.Header.Set("Authorization", "Bearer "+good)
	r.Header.Set("Cookie", "gatepost_80="+good)
	gate.ServeHTTP(httptest.NewRecorder(), r)
	if len(*refusals) != 1 || (*refusals)[0] != http.StatusBadRequest || reached != 0 {
		t.Errorf("refused with %v, and the app was reached %d times", *refusals, reached)
	}
}

// A client is asked to come back only where coming back helps: during an outage, and not after a fault of the gate's.
func TestAClientIsAskedBackOnlyDuringAnOutage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want int
	}{
		{fmt.Errorf("look up: %w", session.ErrNoSession), http.StatusUnauthorized},
		{fmt.Errorf("look up: %w", share.ErrCrowded), http.StatusTooManyRequests},
		{fmt.Errorf("look up: %w: %w", database.ErrUnavailable, io.EOF), http.StatusServiceUnavailable},
		{fmt.Errorf("look up: %w", context.Canceled), http.StatusServiceUnavailable},
		{&database.RefusedError{}, http.StatusInternalServerError},
		{errors.New("a fault of the gate's"), http.StatusInternalServerError},
	} {
		if got := statusOf(c.err); got != c.want {
			t.Errorf("%v: got %d, want %d", c.err, got, c.want)
		}
	}
}

// The app gets a provider's token on the paths that were named, in their plain spelling, and never a client's.
func TestAProviderTokenGoesWhereItIsWanted(t *testing.T) {
	t.Parallel()
	list := prefixes{"/calendar", "/api/"}
	for path, want := range map[string]bool{
		"/calendar": true, "/calendar/": true, "/calendar/x": true, "/api": true, "/api/v1": true,
		"/calendars": false, "/": false, "/x/calendar": false, "/calendar/../x": false, "/calendar//x": false,
		"/%63alendar": false, "/calendar;x": false, "/Calendar": false,
	} {
		if got := list.have(path); got != want {
			t.Errorf("%s: %t", path, got)
		}
	}
	if (prefixes{}).have("/calendar") {
		t.Error("none was named")
	}
	id, err := ParseIdentity("X-Auth-User=id", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"X-Auth-Provider-Token", "X_auth_provider_token"} {
		if !id.strips(name) {
			t.Errorf("a client's %s is left", name)
		}
	}
}
