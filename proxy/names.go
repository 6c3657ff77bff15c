package proxy

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// A site has one public URL, and may have other names: aliases, and the other names of this machine while the public
// URL is on it. The session cookie belongs to the public URL alone. So a browser that loads a page at another name is
// redirected to the same path there. What asks for data or opens a socket is served at each name.

// ErrHostRewritten means that a proxy in front replaces Host, so that whoever is at the public URL seems to be at
// another name. A redirect would lead them back to where they are, without end.
var ErrHostRewritten = errors.New("a proxy in front replaces the Host header, so that a redirect to the public URL " +
	"would lead to the same address")

// atOtherName reports whether a browser loads a page at another name of the site than the public URL.
func (p *Proxy) atOtherName(x *exchange, r *http.Request) bool {
	if r.Host == x.app.public.Host {
		if p.moves.any() {
			p.moves.arrived(moveOf(x))
		}
		return false
	}
	return isGet(r.Method) && x.app.isOtherName(r.Host) && p.c.Navigating(r)
}

func (a *app) isOtherName(host string) bool {
	for _, alias := range a.aliases {
		if isAt(host, alias) {
			return true
		}
	}
	return a.isOtherLoopback(host)
}

// isOtherLoopback reports whether a host is another name of this machine than that in a public URL on it.
func (a *app) isOtherLoopback(host string) bool {
	if !a.public.loopback {
		return false
	}
	name := hostname(host)
	return name != a.public.hostname && IsLoopback(name)
}

// isAt reports whether a Host header names the host of an origin. The default port is the same as none.
func isAt(host string, origin *url.URL) bool {
	return strings.EqualFold(host, origin.Host) ||
		origin.Port() == "" && strings.EqualFold(host, origin.Host+":"+port(origin))
}

// toPublicURL redirects a browser to the same path on the public URL, unless it is there already.
func (p *Proxy) toPublicURL(x *exchange, r *http.Request) {
	if x.app.isRewritten(r) || p.moves.sent(moveOf(x), movesAfter) {
		p.rewrites.Do(func() {
			p.c.Log.Warn("a proxy in front replaces the Host header, so that visitors at GATEPOST_PUBLIC_URL seem to "+
				"be at another name: have it pass Host on", "host", r.Host, "peer", r.RemoteAddr)
		})
		p.refuse(x, r, http.StatusBadRequest, ErrHostRewritten)
		return
	}
	x.outcome = outcomeRedirected
	x.Header().Set("Location", x.app.public.origin+x.target.String())
	x.Header().Set("Cache-Control", "no-store")
	x.WriteHeader(http.StatusSeeOther)
}

// isRewritten reports whether a proxy says, or lets see, that it replaced Host. A client that says so itself only keeps
// itself from being redirected.
func (a *app) isRewritten(r *http.Request) bool {
	if said := r.Header["X-Forwarded-Host"]; len(said) > 0 {
		first, _, _ := strings.Cut(said[0], ",")
		return isAt(strings.TrimSpace(first), a.public.URL)
	}
	// Visitors type the port of the proxy, which is that of the public URL. Any other may be where the proxy reaches the
	// gate.
	port := (&url.URL{Host: r.Host}).Port()
	if port == a.public.Port() {
		return false
	}
	here, own := a.isOtherLoopback(r.Host), port == localPort(r)
	return here && own || throughProxy(r) && (here || own)
}

// localPort is the port at which the gate got a request; empty when that is not known.
func localPort(r *http.Request) string {
	if at, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		if _, port, err := net.SplitHostPort(at.String()); err == nil {
			return port
		}
	}
	return ""
}

// throughProxy reports whether a request has what proxies add and browsers never send. Nginx speaks HTTP/1.0 where it
// is not told otherwise.
func throughProxy(r *http.Request) bool {
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Real-Ip", "Forwarded", "Via"} {
		if _, there := r.Header[name]; there {
			return true
		}
	}
	return !r.ProtoAtLeast(1, 1)
}

// moveOf is what redirects to the public URL are counted by, where no header tells: after some in a row, with no
// request for the path that arrives at the public URL in between, another one would lead to the same address.
func moveOf(x *exchange) string { return x.address + " " + x.target.path }

// comesFrom reports whether the values of Origin name one of the sites, and no other. Requests without one come from
// nowhere else.
func comesFrom(origins []string, sites ...*url.URL) bool {
	if len(origins) == 0 {
		return true
	}
	u, err := url.Parse(origins[0])
	return len(origins) == 1 && err == nil && isOneOf(u, sites)
}

func isOneOf(u *url.URL, sites []*url.URL) bool {
	for _, site := range sites {
		if sameOrigin(u, site) {
			return true
		}
	}
	return false
}

// IsLoopback reports whether a host name means this machine: localhost, a name below it, or a loopback address.
func IsLoopback(name string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil && a.Unmap().IsLoopback()
}

// hostname is the name in a Host header, in lower case, without port and brackets.
func hostname(host string) string {
	u := url.URL{Host: host}
	return strings.ToLower(u.Hostname())
}
