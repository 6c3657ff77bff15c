package server

import (
	"net/http"
	"strings"

	"github.com/gatepost/gatepost/loginui"
)

// plainHandler is for visitors who come over http although the site is https: whoever loads a page is sent there, to the public
// URL, whatever host he named. Everything else is refused: a program that sends a password in clear must not learn to.
func plainHandler(publicURL string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		switch isPage := r.Method == http.MethodGet || r.Method == http.MethodHead; {
		case r.URL.Path == "/.gatepost/healthz" && isPage:
			plain(w, http.StatusOK, "ok")
		case isPage && loginui.Navigating(r) && strings.HasPrefix(r.URL.RequestURI(), "/"):
			h.Set("Location", publicURL+r.URL.RequestURI())
			w.WriteHeader(http.StatusPermanentRedirect)
		default:
			h.Set("Content-Type", "application/json; charset=utf-8")
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"code":"FORBIDDEN","message":"Use https: over http everybody on the way can read along."}` + "\n"))
		}
	})
}
