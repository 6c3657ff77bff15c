package loginui

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/idna"
)

// maxNext is the longest address to return to, in bytes, as it stands in the address of the login. The gate accepts a
// header of 64 KiB; the other 4 KiB are for what browsers send besides.
const maxNext = 60 << 10

// local is localPath for an address that may name this site, as the app or a person may write it: by any of its names,
// in letters of any language, with the default port, or without a scheme. Only the path counts.
func (ui *UI) local(s string) string {
	if path := localPath(s); path != "" {
		return path
	}
	u, err := url.Parse(s)
	if err != nil || u.User != nil || u.Scheme != "" && u.Scheme != "https" && u.Scheme != "http" || !ui.isOurs(u) {
		return ""
	}
	_, rest, _ := strings.Cut(s, "//")
	at := strings.IndexAny(rest, "/?#")
	if at < 0 {
		return "/"
	}
	if rest = rest[at:]; rest[0] != '/' {
		rest = "/" + rest
	}
	return localPath(rest)
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
	return ui.isOurs(u) || u.Host != "" && hostOf(u) == hostOf(&url.URL{Scheme: u.Scheme, Host: r.Host})
}

// isOurs reports whether an address names a host of this site, with the port. The scheme may be the other one: a proxy
// may have it so.
func (ui *UI) isOurs(u *url.URL) bool {
	if u.Host == "" {
		return false
	}
	if u.Scheme == "" { // as on the page that has the address
		u = &url.URL{Scheme: ui.c.PublicURL.Scheme, Host: u.Host}
	}
	host := hostOf(u)
	return slices.ContainsFunc(append([]*url.URL{ui.c.PublicURL}, ui.c.Origins...), func(ours *url.URL) bool {
		return host == hostOf(ours)
	})
}

// hostOf is the host of an address as browsers say it: in ASCII and lower case, without the default port.
func hostOf(u *url.URL) string {
	name, port := strings.ToLower(u.Hostname()), u.Port()
	if ascii, err := idna.Lookup.ToASCII(name); err == nil {
		name = ascii
	}
	if port == "" || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return name
	}
	return net.JoinHostPort(name, port)
}

func seeOther(w http.ResponseWriter, location string) {
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusSeeOther)
}
