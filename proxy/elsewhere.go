package proxy

import (
	"net/http"
	"slices"
)

// fromElsewhere reports whether another site sends a form to one of CrossSitePaths. Browsers send no cookie of a
// session with it (SameSite=Lax). With one the form is a request like any other.
func (p *Proxy) fromElsewhere(x *exchange, r *http.Request) bool {
	if x.dialect != nil { // the form is not here to be sent once more
		return false
	}
	if r.Method != http.MethodPost || !slices.Contains(p.c.CrossSitePaths, x.target.path) || !p.c.Navigating(r) {
		return false
	}
	if _, present, err := x.app.credentialIn(r); present || err != nil {
		return false
	}
	if site := r.Header["Sec-Fetch-Site"]; len(site) > 0 {
		return site[0] == "cross-site"
	}
	return !x.app.isOriginOf(r)
}
