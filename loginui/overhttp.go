package loginui

import (
	"net/http"
)

// RefuseHTTP answers a request that came over http to a site that is https, and that is not sent on: it has a secret in
// it, or would change something. A redirect would let the program that sent it do so again and again, and seem to work.
// The status is 426 (RFC 9110, section 15.5.22), which nobody takes for a role that is missing.
//
// What a proxy has got over https cannot be sent there: that would lead to the same address without end.
func (ui *UI) RefuseHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	ui.protect(h)
	if r.Header.Get("X-Forwarded-Proto") == "https" {
		ui.refuseWith(w, r, http.StatusBadRequest, &fault{status: http.StatusBadRequest, key: "fault.https_already"})
		return
	}
	h.Set("Upgrade", "TLS/1.2, HTTP/1.1") // RFC 2817; the section above wants it to be there
	h.Set("Connection", "Upgrade")
	ui.refuseWith(w, r, http.StatusUpgradeRequired, &fault{http.StatusUpgradeRequired,
		messageOf(http.StatusUpgradeRequired), []any{"url", ui.absolute("/")}})
}
