package loginui

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Navigating reports whether a browser is loading a page, and so can be redirected. Scripts and programs that ask for
// data cannot, and what is saved to a file must not. Pages load by three methods. A page that is loaded before anybody
// asks for it is no navigation either: it would keep the login for later, when its reader has logged in long since.
//
// Browsers say so in Sec-Fetch-Mode and Sec-Fetch-Dest, except to plain http beyond this machine. Without them the sign
// of a library of scripts decides, and then which kind of document Accept prefers.
func Navigating(r *http.Request) bool {
	if !isRead(r.Method) && r.Method != http.MethodPost || r.Header.Get("Upgrade") != "" || isScripted(r) ||
		isPrefetch(r) {
		return false
	}
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	if mode != "" || dest != "" {
		return (mode == "" || mode == "navigate") && (dest == "" || dest == "document" || framed(r))
	}
	return !requestedByScript(r) && prefersPage(r.Header.Values("Accept"))
}

// isPrefetch reports whether a browser loads a page before anybody asks for it, or for a picture of it.
func isPrefetch(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "X-Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		switch what, _, _ := strings.Cut(strings.ToLower(r.Header.Get(name)), ";"); strings.TrimSpace(what) {
		case "prefetch", "prerender", "preview":
			return true
		}
	}
	return false
}

// isScripted reports whether a library of scripts asks, known or not to have a way to be sent elsewhere.
func isScripted(r *http.Request) bool {
	return libraryOf(r) != nil || slices.ContainsFunc(furtherLibraries, func(name string) bool {
		return r.Header[name] != nil
	})
}

// furtherLibraries are headers of further libraries that load pages, or pieces of them: pjax, barba, Alpine AJAX, JSF,
// Wicket, intercooler, fixi, Datastar, ASP.NET, October and Winter, SPF. They are spelt as by http.CanonicalHeaderKey.
var furtherLibraries = []string{"X-Pjax", "X-Barba", "X-Alpine-Request", "Faces-Request", "Wicket-Ajax", "X-Ic-Request",
	"Fx-Request", "Datastar-Request", "X-Microsoftajax", "X-October-Request-Handler", "X-Winter-Request-Handler",
	"X-Spf-Request"}

// requestedByScript reports whether X-Requested-With names a script. Browsers inside of Android's apps put the name of
// the app there, which has a dot.
func requestedByScript(r *http.Request) bool {
	by := r.Header.Get("X-Requested-With")
	return by != "" && !strings.Contains(by, ".")
}

// framed reports whether a browser loads the page into a frame of another.
func framed(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Dest") {
	case "iframe", "frame", "embed", "object", "fencedframe":
		return true
	}
	return false
}

// prefersPage reports whether HTML is what a client likes best (RFC 9110, section 12.5.1). Of kinds that it likes alike
// the first one counts, as browsers list it. XML may come before XHTML: so did WebKit and Firefox for years.
func prefersPage(accept []string) bool {
	best, page, xml := 0.0, false, false
	for kind := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		kind, parameters, _ := strings.Cut(kind, ";")
		kind = strings.TrimSpace(kind)
		switch q := quality(parameters); {
		case q > best:
			best, page, xml = q, isHTML(kind, parameters), isXML(kind)
		case q == best && xml:
			xml, page = isXML(kind), strings.EqualFold(kind, "application/xhtml+xml")
		}
	}
	return page
}

// isHTML reports whether a kind is that of a page. Blazor asks for a piece of one by a parameter.
func isHTML(kind, parameters string) bool {
	return (strings.EqualFold(kind, "text/html") || strings.EqualFold(kind, "application/xhtml+xml")) &&
		!strings.Contains(parameters, "blazor-enhanced-nav")
}

func isXML(kind string) bool {
	return strings.EqualFold(kind, "application/xml") || strings.EqualFold(kind, "text/xml")
}

// quality is the weight among the parameters of a kind: 1 if there is none, 0 if it cannot be read.
func quality(parameters string) float64 {
	for p := range strings.SplitSeq(parameters, ";") {
		if name, value, ok := strings.Cut(strings.TrimSpace(p), "="); ok && strings.EqualFold(name, "q") {
			q, err := strconv.ParseFloat(value, 64)
			if err != nil || !(q <= 1) {
				return 0
			}
			return q
		}
	}
	return 1
}

// library is a library of scripts that loads pages, or pieces of them, in a browser's stead. Its requests carry a
// header, and it has a way of its own to be sent elsewhere.
type library struct {
	header string // as http.CanonicalHeaderKey spells it
	// page reports whether the address asked for is that of a page, to come back to. Else the page is that of the
	// Referer.
	page func(*http.Request) bool
	// leave has the browser load an address, and returns the status to refuse with; 0: a page
	// does, see UI.leave.
	leave func(h http.Header, to string) (status int)
	// whole reports that the library loads the gate's own pages as a whole by itself: they tell Turbo so, and Livewire
	// follows redirects with the browser.
	whole bool
}

// libraries are those that are known. Where one of them had several headers, each is a row.
var libraries = []library{
	{header: "Hx-Request", page: never, leave: with("HX-Redirect", http.StatusUnauthorized)},
	{header: "X-Inertia", page: always, leave: with("X-Inertia-Location", http.StatusConflict)},
	{header: "X-Livewire", page: never, leave: with("Location", http.StatusSeeOther), whole: true},
	{header: "X-Livewire-Navigate", page: always, leave: byPage},
	{header: "Turbo-Frame", page: never, leave: byPage, whole: true},
	{header: "X-Turbo-Request-Id", page: always, leave: byPage, whole: true},
	{header: "Turbolinks-Referrer", page: always, leave: byPage},
	{header: "X-Up-Version", page: isRootLayer, leave: byPage},
	{header: "X-Up-Target", page: isRootLayer, leave: byPage},
}

func always(*http.Request) bool { return true }
func never(*http.Request) bool  { return false }

// isRootLayer reports whether Unpoly loads a page, not a piece to lay over one.
func isRootLayer(r *http.Request) bool {
	mode := r.Header.Get("X-Up-Mode")
	return mode == "" || mode == "root"
}

// with returns a way to leave by a header that the library knows.
func with(header string, status int) func(http.Header, string) int {
	return func(h http.Header, to string) int { h.Set(header, to); return status }
}

func byPage(http.Header, string) int { return 0 }

// libraryOf returns the library that sends a request; nil: none that is known.
func libraryOf(r *http.Request) *library {
	for i, l := range libraries {
		if r.Header[l.header] != nil { // Livewire's is empty
			return &libraries[i]
		}
	}
	return nil
}

// back returns the page to come back to for a library. htmx says where it is.
func (ui *UI) back(r *http.Request, l *library) string {
	if at, err := url.Parse(r.Header.Get("HX-Current-URL")); l.header == "Hx-Request" && err == nil && ui.isHere(r, at) {
		return at.RequestURI()
	}
	if isRead(r.Method) && l.page(r) {
		return ui.asked(r)
	}
	return ui.cameFrom(r)
}
