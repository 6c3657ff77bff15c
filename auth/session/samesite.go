package session

import (
	"net/http"
	"slices"
)

// WithoutLax reports whether a request comes from another site in a way that a browser sends no SameSite=Lax cookie
// with. Somebody who follows a link does so with their cookies; a form, a frame and a script of the other site do not.
// Cookies of the system before may be SameSite=None, and come with all of them.
func WithoutLax(r *http.Request) bool {
	if !slices.Contains(r.Header["Sec-Fetch-Site"], "cross-site") {
		return false
	}
	one := func(name, value string) bool { return slices.Equal(r.Header[name], []string{value}) }
	link := (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.Header.Get("Upgrade") == "" &&
		one("Sec-Fetch-Mode", "navigate") && one("Sec-Fetch-Dest", "document")
	return !link
}
