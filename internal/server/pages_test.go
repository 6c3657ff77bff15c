package server

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/internal/config"
)

// A page belongs to one entry, and does not exist at another.
func TestAPageIsServedWhereItBelongsAndNowhereElse(t *testing.T) {
	t.Parallel()
	c, err := config.Load(context.Background(), []string{"GATEPOST_UPSTREAM=http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	store, _ := authtest.NewStore(t)
	ui, err := c.UI(store, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{}
	g.opsPages = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		http.NotFound(w, r)
	})
	status := func(e entry, path string) int {
		w := httptest.NewRecorder()
		g.at(e).ServeHTTP(w, httptest.NewRequest("GET", "http://localhost:8080"+path, nil))
		return w.Code
	}
	if got := status(forVisitors, "/login"); got != http.StatusNotFound {
		t.Errorf("before there are pages, a visitor gets %d", got)
	}
	g.ui.Store(g.newPages(ui))
	for _, c := range []struct {
		e    entry
		path string
		want int
	}{
		{forVisitors, "/login", http.StatusOK}, {forVisitors, "/metrics", http.StatusNotFound},
		{forOperators, "/metrics", http.StatusTeapot}, {forOperators, "/login", http.StatusNotFound},
	} {
		if got := status(c.e, c.path); got != c.want {
			t.Errorf("%s at entry %d: got %d, want %d", c.path, c.e, got, c.want)
		}
	}
	if g.pageAt(forVisitors, "/metrics") != nil {
		t.Error("a path of the app's is taken for a page of the gate's")
	}
}
