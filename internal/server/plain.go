package server

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/gatepost/gatepost/loginui"
)

// plainHandler answers http requests of a site that is https. What asks for a page or for data is redirected to the
// public URL, whatever its Host header. What has a secret in it, or may change something, goes to refuse: a program
// that sends passwords unencrypted would otherwise seem to work. A browser that loads a page is redirected with its
// cookies: ours never travel over http, and what it has sent of the app's cannot be called back.
//
// No answer has Strict-Transport-Security, which browsers ignore here (RFC 6797, section 8.1).
func plainHandler(publicURL string, refuse http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		r.Header.Del("X-Request-Id") // the pages show it, and here it is the client's
		switch asks := r.Method == http.MethodGet || r.Method == http.MethodHead; {
		case r.URL.Path == "/.gatepost/healthz" && asks:
			plain(w, http.StatusOK, "ok")
		case asks && onlyAsks(r) && strings.HasPrefix(r.URL.RequestURI(), "/"):
			to := publicURL + r.URL.RequestURI()
			h.Set("Location", to)
			h.Set("Content-Type", "text/plain; charset=utf-8")
			h.Set("X-Content-Type-Options", "nosniff")
			w.WriteHeader(http.StatusPermanentRedirect)
			_, _ = fmt.Fprintln(w, "Use https:", to) // the client may have left
		default:
			refuse(w, r)
		}
	})
}

// onlyAsks reports whether a request has nothing in it that must not be sent once more: no body, no handshake of a
// WebSocket, no secret. What a proxy in front got over https would come back here.
func onlyAsks(r *http.Request) bool {
	if r.ContentLength != 0 || r.Header.Get("Upgrade") != "" || r.Header.Get("Authorization") != "" ||
		r.Header.Get("X-Forwarded-Proto") == "https" {
		return false
	}
	return loginui.Navigating(r) || !hasSecret(r)
}

// secretName matches names under which programs send secrets: Cookie, X-Api-Key, access_token, sig, jwt.
var secretName = regexp.MustCompile(`(?i)(^|[-_])(o?auth2?|key|pwd|pw|pass|sig|sid|session|jwt|otp)($|[-_])|` +
	`authorization|cookie|token|secret|passw|credential|signature|apikey|assertion`)

// hasSecret reports whether a header or a field of the query has the name of a secret.
func hasSecret(r *http.Request) bool {
	for name := range r.Header {
		if secretName.MatchString(name) {
			return true
		}
	}
	for name := range r.URL.Query() {
		if secretName.MatchString(name) {
			return true
		}
	}
	return false
}
