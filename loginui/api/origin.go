package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// checkOrigin refuses requests that the page of another site may have caused. Browsers say in Origin or Referer where
// a request comes from, and in Sec-Fetch-… that they are browsers. A program that sends none of these has no user whom
// a site could trick, unless it brings cookies.
func (a *API) checkOrigin(r *http.Request) error {
	site, mode := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Sec-Fetch-Mode")
	if site == "cross-site" && mode == "navigate" {
		return errCrossSite
	}
	from := r.Header.Values("Origin")
	if len(from) == 0 {
		from = r.Header.Values("Referer")
	}
	browser := site != "" || mode != "" || r.Header.Get("Sec-Fetch-Dest") != "" || len(r.Header.Values("Cookie")) > 0
	switch {
	case len(from) == 0 && !browser:
		return nil
	case len(from) == 0, from[0] == "", from[0] == "null":
		return errNoOrigin
	case len(from) > 1 || !a.own(from[0]):
		return errOrigin
	}
	return nil
}

// own reports whether an address lies on this site. Another name of the same machine is another site to a browser.
func (a *API) own(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && u.User == nil && (sameOrigin(u, a.c.PublicURL) ||
		slices.ContainsFunc(a.c.Origins, func(o *url.URL) bool { return sameOrigin(u, o) }))
}

func sameOrigin(a, b *url.URL) bool {
	return strings.EqualFold(a.Scheme, b.Scheme) && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" || !strings.EqualFold(u.Scheme, "https") && !strings.EqualFold(u.Scheme, "http") {
		return p
	}
	return map[bool]string{true: "443", false: "80"}[strings.EqualFold(u.Scheme, "https")]
}

// callback reads an address that a caller wants a browser to come back to: a path of this site, or the same with its
// origin. It returns the path, and "" when no address was given.
func (a *API) callback(address string, otherwise *refusal) (path string, err error) {
	if address == "" {
		return "", nil
	}
	path = address
	if u, err := url.Parse(address); err == nil && u.Host != "" && !strings.HasPrefix(address, "/") {
		if !a.own(address) {
			return "", otherwise
		}
		path = afterHost(address)
	}
	if path = a.c.Pages.LocalPath(path); path == "" {
		return "", otherwise
	}
	return path, nil
}

// afterHost returns what follows the host of an absolute address, as it was written.
func afterHost(address string) string {
	_, rest, _ := strings.Cut(address, "//")
	i := strings.IndexAny(rest, "/?#")
	if i < 0 {
		return "/"
	}
	if rest[i] != '/' {
		return "/" + rest[i:]
	}
	return rest[i:]
}

// withQuery adds a parameter to a path, before its fragment.
func withQuery(path, name, value string) string {
	path, fragment, found := strings.Cut(path, "#")
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	path += separator + url.Values{name: {value}}.Encode()
	if found {
		path += "#" + fragment
	}
	return path
}

// mayChange reports whether a GET may change something: it comes from a script of this site, or from no browser at all.
func mayChange(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return r.Method == http.MethodGet && (site == "" || site == "same-origin") && !navigating(r)
}

// navigating reports whether a browser is loading a page, and so follows a redirect.
func navigating(r *http.Request) bool {
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}
