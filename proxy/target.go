package proxy

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// target is the request target in the client's own bytes. The rules judge its path, and the app gets exactly that
// path.
type target struct {
	path, query string
	hasQuery    bool
}

// String is the path with the query, as in the request line.
func (t target) String() string {
	if !t.hasQuery {
		return t.path
	}
	return t.path + "?" + t.query
}

var (
	errTarget = errors.New("the request target is not one a browser sends")
	errMethod = errors.New("the method is not forwarded")
)

// refusedMethod reports whether a method acts on the connection or the proxy, not on a page.
func refusedMethod(m string) bool {
	switch strings.ToUpper(m) {
	case http.MethodTrace, "TRACK", http.MethodConnect, "PRI":
		return true
	}
	return false
}

// parseTarget reads the target from the request line, where Go has not cleaned it. An absolute target may name no
// host but one of the site's names.
func parseTarget(r *http.Request, names ...*url.URL) (target, error) {
	raw := r.RequestURI
	if !strings.HasPrefix(raw, "/") {
		var ok bool
		if raw, ok = cutOrigin(raw, names); !ok {
			return target{}, errTarget
		}
	}
	var t target
	t.path, t.query, t.hasQuery = strings.Cut(raw, "?")
	if !wellFormed(t.path) || !forwardable(t.path) {
		return target{}, errTarget
	}
	return t, nil
}

// cutOrigin removes one of the site's origins from an absolute target. Proxies and some clients send absolute targets.
func cutOrigin(raw string, names []*url.URL) (string, bool) {
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || !isOneOf(u, names) {
		return "", false
	}
	_, rest, _ := strings.Cut(raw, "//")
	i := strings.IndexAny(rest, "/?")
	switch {
	case i < 0:
		return "/", true
	case rest[i] == '?':
		return "/" + rest[i:], true
	}
	return rest[i:], true
}

// sameOrigin compares scheme, host and port. The default port is the same as none.
func sameOrigin(a, b *url.URL) bool {
	return a.Host != "" && strings.EqualFold(a.Scheme, b.Scheme) && strings.EqualFold(a.Hostname(), b.Hostname()) &&
		port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if strings.EqualFold(u.Scheme, "https") {
		return "443"
	}
	return "80"
}

// wellFormed rejects control bytes, raw \ and #, and a % that begins no escape.
func wellFormed(path string) bool {
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c <= ' ', c == 0x7F, c == '\\', c == '#':
			return false
		case c == '%' && !(i+2 < len(path) && isHex(path[i+1]) && isHex(path[i+2])):
			return false
		}
	}
	return true
}

// forwardable reports whether Go's client can send the path unchanged. Any path travels as an opaque target, except
// one that begins with two slashes: it would be read as a host, and has to be in Go's own spelling.
func forwardable(path string) bool {
	if !strings.HasPrefix(path, "//") {
		return true
	}
	u := &url.URL{}
	setPath(u, path)
	return u.EscapedPath() == path
}

// setPath puts a raw path into a URL so that it is sent byte for byte.
func setPath(u *url.URL, path string) {
	u.Opaque, u.Path, u.RawPath = path, "", ""
	if strings.HasPrefix(path, "//") {
		u.Opaque, u.Path, u.RawPath = "", decode(path), path
	}
}

// Refused is the status of a request that is refused whoever sends it, for `gatepost explain`; 0 when it is not.
func Refused(method, rawTarget string, names ...*url.URL) int {
	if refusedMethod(method) {
		return http.StatusMethodNotAllowed
	}
	if _, err := parseTarget(&http.Request{RequestURI: rawTarget}, names...); err != nil {
		return http.StatusBadRequest
	}
	return 0
}
