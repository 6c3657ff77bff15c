package session

import (
	"net/http"
	"strings"
	"time"
)

// movedSuffix is that of the cookie that says that this browser has had a session of the gate's. Cookies of the system
// before count in it no more.
const movedSuffix = "_moved"

// With returns the cookie with those of another system, which the app neither sees nor sets.
func (c Cookie) With(e Elsewhere) Cookie {
	if !e.Any() {
		return c
	}
	for _, name := range e.betterAuthFamilies() {
		c.old = append(c.old, inBothSpellings(name)...)
	}
	for _, name := range e.authJSNames() {
		c.old = append(c.old, inBothSpellings(name)...)
	}
	c.until = e.Until
	return c
}

// inBothSpellings are a name with the prefix for https and without it: the app sees neither, although one counts.
func inBothSpellings(name string) []string {
	bare := strings.TrimPrefix(name, "__Secure-")
	return []string{bare, "__Secure-" + bare}
}

// Elsewhere reports whether there are cookies of another system, too.
func (c Cookie) Elsewhere() bool { return len(c.old) > 0 }

// moved reports whether this browser has, or had, a session of the gate's.
func (c Cookie) moved(h http.Header) bool {
	return len(cookiesOf(h)[c.Name+movedSuffix]) > 0
}

// SetMoved has no cookie of another system count in this browser any more, and removes those that the request has:
// under their own names, for this host and for the domains above it, of which the system before may have set one.
func (c Cookie) SetMoved(h http.Header, r *http.Request) {
	if !c.Elsewhere() {
		return
	}
	c.markMoved(h)
	domains := append([]string{""}, domainsAbove(r.Host)...)
	for name := range cookiesOf(r.Header) {
		if !c.isOld(name) {
			continue
		}
		for _, domain := range domains {
			attributes := c.attributes()
			if domain != "" {
				attributes += "; Domain=" + domain
			}
			put(h, name+"="+attributes+"; Max-Age=0")
		}
	}
}

// markMoved has no cookie of another system count in this browser any more.
func (c Cookie) markMoved(h http.Header) {
	if left := time.Until(c.until); c.Elsewhere() && left > 0 {
		c.add(h, movedSuffix, "1", left)
	}
}

// isOld reports whether a name is that of a cookie of the system before.
func (c Cookie) isOld(name string) bool {
	for _, old := range c.old {
		if name == old || strings.HasPrefix(name, old+".") {
			return true
		}
	}
	return false
}

// domainsAbove returns a host and the domains above it, without the last label, which no cookie can be for.
func domainsAbove(host string) (list []string) {
	host, _, _ = strings.Cut(host, ":")
	for strings.Contains(host, ".") && !isAddress(host) {
		list = append(list, host)
		_, host, _ = strings.Cut(host, ".")
	}
	return list
}

func isAddress(host string) bool { return host[len(host)-1] >= '0' && host[len(host)-1] <= '9' }
