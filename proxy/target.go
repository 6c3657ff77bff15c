package proxy

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// target is the request target in the client's own bytes. The rules judge path, and the app receives exactly it.
type target struct {
	path, query string
	hasQuery    bool
}

// String is the path with the query, as it stood in the request line.
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

// refusedMethods act on the connection or the proxy, not on a page.
func refusedMethod(m string) bool {
	switch strings.ToUpper(m) {
	case http.MethodTrace, "TRACK", http.MethodConnect, "PRI":
		return true
	}
	return false
}

// parseTarget takes the target from the request line, where Go has not cleaned it. public is the one host that an
// absolute target may name.
func parseTarget(r *http.Request, public *url.URL) (target, error) {
	raw := r.RequestURI
	if !strings.HasPrefix(raw, "/") {
		var ok bool
		if raw, ok = cutOrigin(raw, public); !ok {
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

// cutOrigin takes the origin off an absolute target for ourselves. Proxies and some clients send those.
func cutOrigin(raw string, public *url.URL) (string, bool) {
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || !sameOrigin(u, public) {
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

// sameOrigin compares scheme, host and port, the default port being as good as none.
func sameOrigin(a, b *url.URL) bool {
	return a.Host != "" && strings.EqualFold(a.Scheme, b.Scheme) && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
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

// wellFormed refuses control bytes, raw \ and #, and % that starts no escape.
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

// forwardable says whether Go's client can send the path unchanged. Any path travels as an opaque target, except one
// that begins with two slashes: that would be taken for a host, and has to be spelled as Go itself would.
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

// Refused is the status with which a request is refused whoever sends it, 0 when it is not: for `gatepost explain`.
func Refused(method, rawTarget string, public *url.URL) int {
	if refusedMethod(method) {
		return http.StatusMethodNotAllowed
	}
	if _, err := parseTarget(&http.Request{RequestURI: rawTarget}, public); err != nil {
		return http.StatusBadRequest
	}
	return 0
}
