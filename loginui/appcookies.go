package loginui

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/session"
)

// AppCookie names cookies in which the app keeps a session of its own. They end when the account that uses the
// browser changes.
type AppCookie struct {
	name   string
	prefix bool // matches every name that begins with name
	path   string
}

// maxAppCookies bounds the setting. maxExpired bounds the Set-Cookie lines of one answer, and maxExpiredBytes
// their total size: proxies in front of the gate accept only some kilobytes of headers.
const (
	maxAppCookies   = 20
	maxExpired      = 60
	maxExpiredBytes = 6 << 10
)

// ParseAppCookies reads a list like "PHPSESSID, DokuWiki*@/wiki". An entry is the name of a cookie. A * at the
// end of the name stands for every name that begins with it. After @ comes the path that the app sets the
// cookie for; the default is /. The gate's own cookies are refused. The error names every fault.
func ParseAppCookies(s string, own session.Cookie) (list []AppCookie, err error) {
	var faults []error
	for entry := range strings.SplitSeq(s, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		c, err := parseAppCookie(entry, own)
		if err != nil {
			faults = append(faults, fmt.Errorf("GATEPOST_APP_COOKIES: %q %w", entry, err))
		}
		list = append(list, c)
	}
	if len(list) == 0 && strings.TrimSpace(s) != "" {
		faults = append(faults, fmt.Errorf("GATEPOST_APP_COOKIES: %q names no cookie", s))
	}
	if len(list) > maxAppCookies {
		faults = append(faults, fmt.Errorf("GATEPOST_APP_COOKIES names %d cookies: at most %d",
			len(list), maxAppCookies))
	}
	return list, errors.Join(faults...)
}

func parseAppCookie(entry string, own session.Cookie) (AppCookie, error) {
	name, path, found := strings.Cut(entry, "@")
	if !found {
		path = "/"
	}
	name, prefix := strings.CutSuffix(strings.TrimSpace(name), "*")
	c := AppCookie{name, prefix, strings.TrimSpace(path)}
	switch {
	case !httpguts.ValidHeaderFieldName(name) || strings.Contains(name, "*"):
		return c, errors.New("does not begin with the name of a cookie, with * at most at its end")
	case own.Ours(name) || name == languageCookie:
		return c, errors.New("is a cookie of the gate's own, which it ends itself")
	case !strings.HasPrefix(c.path, "/") ||
		strings.ContainsFunc(c.path, func(r rune) bool { return r <= ' ' || r > '~' || r == ';' }):
		return c, errors.New("has no path after @ like /wiki")
	case hasPrefixFold(name, "__Host-") && c.path != "/":
		return c, errors.New("has another path than browsers take for such a name: /")
	}
	return c, nil
}

// Example returns one name that the entry matches, and the path of the cookie.
func (c AppCookie) Example() (name, path string) {
	if c.prefix {
		return c.name + "example", c.path
	}
	return c.name, c.path
}

// Unseen reports whether the cookie can be ended only when a request brings it, and browsers do not send it to
// page.
func (c AppCookie) Unseen(page string) bool { return c.prefix && !liesUnder(page, c.path) }

func (c AppCookie) matches(name string) bool {
	return name == c.name || c.prefix && strings.HasPrefix(name, c.name)
}

// expireAppCookies ends the app's own session in this browser. It expires each named cookie that came with the
// request, at its path, both host-only and for each parent domain. A plain name is also expired without having
// come when its path does not cover the page, since the browser does not send it there.
func (ui *UI) expireAppCookies(w http.ResponseWriter, r *http.Request) {
	if len(ui.c.AppCookies) == 0 {
		return
	}
	var narrow, wide []string
	for _, c := range ui.c.AppCookies {
		for _, name := range ui.expiring(c, r) {
			line := name + "=; Path=" + c.path + "; Max-Age=0"
			if ui.c.Cookie.Secure {
				// Browsers refuse to change cookies with some names, such as __Secure-, without Secure.
				line += "; Secure"
			}
			narrow = append(narrow, line)
			if !hasPrefixFold(name, "__Host-") {
				for _, domain := range domains(ui.c.PublicURL.Hostname()) {
					wide = append(wide, line+"; Domain="+domain)
				}
			}
		}
	}
	size := 0
	for i, line := range append(narrow, wide...) {
		if size += len(line); i >= maxExpired || size > maxExpiredBytes {
			return
		}
		w.Header().Add("Set-Cookie", line)
	}
}

// expiring returns the names of the cookies to end for the entry c.
func (ui *UI) expiring(c AppCookie, r *http.Request) (names []string) {
	seen := map[string]bool{}
	if !c.prefix && !liesUnder(r.URL.Path, c.path) {
		names, seen[c.name] = append(names, c.name), true
	}
	for _, line := range r.Header["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			name, _, _ := strings.Cut(pair, "=")
			name = strings.Trim(name, " \t")
			if !c.matches(name) || seen[name] || !httpguts.ValidHeaderFieldName(name) || ui.c.Cookie.Ours(name) ||
				name == languageCookie {
				continue
			}
			names, seen[name] = append(names, name), true
		}
	}
	return names
}

// liesUnder reports whether a browser sends a cookie of this path to this page (RFC 6265, section 5.1.4).
func liesUnder(page, path string) bool {
	return page == path || strings.HasPrefix(page, path) && (strings.HasSuffix(path, "/") || page[len(path)] == '/')
}

// domains returns the domains that a cookie which reaches host can be set for, beginning with host itself. An
// IP address and a name without a dot have none.
func domains(host string) (list []string) {
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return nil
	}
	for strings.Contains(strings.Trim(host, "."), ".") {
		list = append(list, host)
		_, host, _ = strings.Cut(host, ".")
	}
	return list
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// presentedUser returns the id of the user whose session the browser sent, or "". It serves signedInAnew.
func (ui *UI) presentedUser(r *http.Request) string {
	token, _ := ui.presented(r)
	if len(ui.c.AppCookies) == 0 || token == "" {
		return ""
	}
	s, err := ui.store.Lookup(r.Context(), token)
	if err != nil {
		return "" // the app's session then ends, which is the safer error
	}
	return s.User.ID
}

// signedInAnew is signedIn for a visitor who may be another user than before. If they are, the app's session
// ends.
func (ui *UI) signedInAnew(w http.ResponseWriter, r *http.Request, before string, issued auth.Issued) {
	ui.signedIn(w, issued)
	if issued.Session != "" {
		ui.forgetStep(w, r)
	}
	if len(ui.c.AppCookies) == 0 || issued.Session == "" { // of half a sign-in the app knows nothing
		return
	}
	if s, err := ui.store.Lookup(r.Context(), issued.Session); err != nil || s.User.ID != before {
		ui.expireAppCookies(w, r)
	}
}
