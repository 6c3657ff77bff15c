package server

import (
	"net/http"
	"strconv"

	"github.com/gatepost/gatepost/loginui"
)

// entry is the kind of a listener, by who connects to it.
type entry int

const (
	forVisitors  entry = iota // the public listener, in front of the app
	forOperators              // GATEPOST_OPS_LISTEN
)

// pageAt is the handler of one of the gate's own pages at an entry, or nil when the path is none. No other code
// decides where a page is served: a path that is the gate's at one entry is not found, or is the app's, at another.
func (g *gate) pageAt(e entry, rawPath string) http.Handler {
	if e == forOperators {
		return g.opsPages
	}
	if ui := g.ui.Load(); ui != nil && ui.Owns(rawPath) {
		return ui.handler
	}
	return nil
}

// at serves an entry that has the gate's own pages only.
func (g *gate) at(e entry) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := g.pageAt(e, r.URL.EscapedPath())
		if page == nil {
			page = http.NotFoundHandler()
		}
		page.ServeHTTP(w, r)
	})
}

// pages are the pages in use. A reload replaces them.
type pages struct {
	*loginui.UI
	handler http.Handler
}

func (g *gate) newPages(ui *loginui.UI) *pages {
	ui.CountAPI(func(endpoint string, status int) {
		g.apiAnswers.WithLabelValues(endpoint, strconv.Itoa(status)).Inc()
	})
	return &pages{ui, ui.Handler()}
}
