package server

import (
	"net/http"
	"strings"

	"github.com/gatepost/gatepost/loginui"
)

// plainHandler answers http requests of a site that is https. A browser that loads a page is redirected to the
// public URL, whatever its Host header. Everything else is refused, because a program that sends a password
// unencrypted would otherwise seem to work.
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
			_, _ = w.Write([]byte(`{"code":"FORBIDDEN","message":` +
				`"Use https: over http everybody on the way can read along."}` + "\n"))
		}
	})
}
