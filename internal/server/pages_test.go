package server

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// A page belongs to one entry, and does not exist at another.
func TestAPageIsServedWhereItBelongsAndNowhereElse(t *testing.T) {
	t.Parallel()
	g := &gate{}
	g.opsPages = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	if page := g.pageAt(forVisitors, "/metrics"); page != nil {
		t.Error("visitors get what is for operators")
	}
	w := httptest.NewRecorder()
	g.at(forOperators).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != http.StatusTeapot {
		t.Errorf("operators get %d", w.Code)
	}
	w = httptest.NewRecorder()
	g.at(forVisitors).ServeHTTP(w, httptest.NewRequest("GET", "/login", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("before there are pages, a visitor gets %d", w.Code)
	}
}
