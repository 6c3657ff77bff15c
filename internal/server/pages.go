package server

import (
	"net/http"

	"github.com/gatepost/gatepost/loginui"
)

// entry is a listener that people come in by.
type entry int

const (
	forVisitors  entry = iota // where the app is
	forOperators              // GATEPOST_OPS_LISTEN
)

// pageAt says which handler serves a path at an entry; nil: none of ours. It is the one place that says where a page
// belongs: one that is served at another entry does not exist at this one, and the app's path of that name is the app's.
func (g *gate) pageAt(e entry, rawPath string) http.Handler {
	if e == forOperators {
		return g.opsPages
	}
	if ui := g.ui.Load(); ui != nil && ui.Owns(rawPath) {
		return ui.handler
	}
	return nil
}

// at serves the pages of an entry that has nothing else.
func (g *gate) at(e entry) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := g.pageAt(e, r.URL.EscapedPath())
		if page == nil {
			page = http.NotFoundHandler()
		}
		page.ServeHTTP(w, r)
	})
}

// pages are those in use; a reload puts others in their place.
type pages struct {
	*loginui.UI
	handler http.Handler
}

func newPages(ui *loginui.UI) *pages { return &pages{ui, ui.Handler()} }
