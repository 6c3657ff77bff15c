package loginui

import (
	"net/http"
	"net/url"
	"strings"
)

// maxNext is the longest address to return to, in bytes, as it stands in the address of the login. The gate accepts a
// header of 64 KiB; the other 4 KiB are for what browsers send besides.
const maxNext = 60 << 10

// local is localPath for an address that may begin with this site's, as the app may write it.
func (ui *UI) local(s string) string {
	for _, origin := range ui.origins() {
		if len(s) < len(origin) || !strings.EqualFold(s[:len(origin)], origin) {
			continue
		}
		rest := s[len(origin):]
		if rest == "" || rest[0] == '?' || rest[0] == '#' {
			rest = "/" + rest
		}
		if path := localPath(rest); path != "" { // else the host only begins as this site's
			return path
		}
	}
	return localPath(s)
}

// localPath returns s, percent-encoded, if a browser that is redirected to it stays on this origin, and ""
// otherwise. Browsers read \ as / and drop tabs and line ends first, so paths with any of these are refused.
func localPath(s string) string {
	if len(url.QueryEscape(s)) > maxNext || !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") {
		return ""
	}
	path, _, _ := strings.Cut(s, "?")
	if strings.Contains(path, `\`) {
		return ""
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7F {
			return ""
		}
	}
	u, err := url.Parse(s)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil {
		return ""
	}
	return escapeRest(s)
}

// escapeRest percent-encodes the bytes that must not stand in a header, as a browser does.
func escapeRest(s string) string {
	var out strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7F {
			const hex = "0123456789ABCDEF"
			out.WriteString("%" + string(hex[c>>4]) + string(hex[c&15]))
			continue
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

// landing returns the address that a login leads to. The pages for logging in and out are replaced by Home.
func (ui *UI) landing(next string) string {
	if next = ui.local(next); next == "" {
		return ui.c.Home
	}
	path, _, _ := strings.Cut(next, "?")
	if own, ok := strings.CutPrefix(path, ui.c.Prefix); ok {
		switch own {
		case "/login", codePath, "/signup", "/register", "/logout":
			return ui.c.Home
		}
	}
	return next
}

// namedMost is how many characters of an address a page shows.
const namedMost = 48

// named returns the path of an address to return to, as a page may name it, and "" for the front page and what is too
// long to be read. It stays percent-encoded: an address that a stranger wrote is no sentence.
func named(next string) string {
	path, _, _ := strings.Cut(next, "?")
	if path, _, _ = strings.Cut(path, "#"); path == "/" || len(path) > namedMost {
		return ""
	}
	return path
}

// withNext returns a link to one of the gate's pages that carries the page asked for.
func (ui *UI) withNext(page, next string) string {
	if next == "" {
		return ui.c.Prefix + page
	}
	return ui.c.Prefix + page + "?next=" + url.QueryEscape(next)
}

// asked returns the page that a refused visitor wanted. If they were loading a page, it is its address; if they
// were sending a form, it is the page with the form, from the Referer.
func (ui *UI) asked(r *http.Request) string {
	if isRead(r.Method) {
		if strings.HasPrefix(r.RequestURI, "/") {
			return r.RequestURI
		}
		return r.URL.RequestURI() // the request line has an absolute URL
	}
	return ui.cameFrom(r)
}

func isRead(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// cameFrom returns the page of this site that the Referer names.
func (ui *UI) cameFrom(r *http.Request) string {
	from, err := url.Parse(r.Header.Get("Referer"))
	if err != nil || !ui.isHere(r, from) {
		return ""
	}
	return from.RequestURI()
}

// isHere reports whether an address is one of this site, as the visitor calls it.
func (ui *UI) isHere(r *http.Request, u *url.URL) bool {
	return u.Host != "" && (strings.EqualFold(u.Host, ui.c.PublicURL.Host) || strings.EqualFold(u.Host, r.Host))
}

func seeOther(w http.ResponseWriter, location string) {
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusSeeOther)
}
