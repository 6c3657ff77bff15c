package loginui

import (
	"net/http"
	"net/url"
	"strings"
)

// maxNext bounds the address to return to; it travels in a URL and a form.
const maxNext = 4096

// localPath returns s if a browser that is sent there stays on this origin, and else nothing. Browsers read \ as /,
// and drop tabs and line ends before they look, so none of those may be there at all.
func localPath(s string) string {
	if len(s) > maxNext || !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") {
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

// escapeRest percent-encodes what may not stand in a header as it is, as the browser would have.
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

// landing is where a successful login goes. Our own way in and out is no place to land on.
func (ui *UI) landing(next string) string {
	if next = localPath(next); next == "" {
		return ui.c.Home
	}
	path, _, _ := strings.Cut(next, "?")
	if own, ok := strings.CutPrefix(path, ui.c.Prefix); ok {
		switch own {
		case "/login", "/signup", "/register", "/logout":
			return ui.c.Home
		}
	}
	return next
}

// withNext is a link to one of our pages that carries the page asked for.
func (ui *UI) withNext(page, next string) string {
	if next == "" {
		return ui.c.Prefix + page
	}
	return ui.c.Prefix + page + "?next=" + url.QueryEscape(next)
}

// asked is the page a refused visitor wanted: the address of a page he was loading, or, when he was sending a form,
// the page the form was on.
func (ui *UI) asked(r *http.Request) string {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		if strings.HasPrefix(r.RequestURI, "/") {
			return r.RequestURI
		}
		return r.URL.RequestURI() // an absolute target
	}
	from, err := url.Parse(r.Header.Get("Referer"))
	if err != nil || from.Host == "" || !strings.EqualFold(from.Host, ui.c.PublicURL.Host) && !strings.EqualFold(from.Host, r.Host) {
		return ""
	}
	return from.RequestURI()
}

func seeOther(w http.ResponseWriter, location string) {
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusSeeOther)
}
