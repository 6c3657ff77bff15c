package acceptance_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The models do what the documentation and the source of Traefik 3.7 and of Envoy 1.40 say that these do with each
// request, and read their lists of headers from the snippets.

// ownPagesOf matches the paths that a snippet sends to the gate's pages.
func ownPagesOf(t *testing.T, pattern, snippet string) *regexp.Regexp {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(snippet)
	if found == nil {
		t.Fatalf("the snippet has nothing like %s", pattern)
	}
	return regexp.MustCompile(found[1])
}

// listed are the entries of a list in a snippet, from a line to the first that is no entry.
func listed(t *testing.T, snippet, begin, entry string) (list []string) {
	t.Helper()
	_, rest, ok := strings.Cut(snippet, begin+"\n")
	line := regexp.MustCompile(`^\s*` + entry)
	for text := range strings.SplitSeq(rest, "\n") {
		found := line.FindStringSubmatch(text)
		if found == nil {
			break
		}
		list = append(list, http.CanonicalHeaderKey(found[1]))
	}
	if !ok || len(list) == 0 {
		t.Fatalf("the snippet has no list %q", begin)
	}
	return list
}

// forwardTo is a proxy that passes requests on byte for byte.
func forwardTo(address string) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{Rewrite: func(pr *httputil.ProxyRequest) {
		path, query, _ := strings.Cut(pr.In.RequestURI, "?")
		pr.Out.URL = &url.URL{Scheme: "http", Host: address, Opaque: path, RawQuery: query}
		pr.Out.Host = pr.In.Host
		pr.Out.Header["X-Forwarded-For"] = pr.In.Header["X-Forwarded-For"]
	}}
}

// dropNominated removes what Connection names, as both do when a request arrives (RFC 9110, section 7.6.1).
func dropNominated(h http.Header) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); !strings.EqualFold(name, "Upgrade") {
				h.Del(name)
			}
		}
	}
	if h.Del("Connection"); h["Upgrade"] != nil {
		h.Set("Connection", "Upgrade")
	}
}

// ofConnection are the headers that Traefik does not pass on.
var ofConnection = []string{"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailers",
	"Transfer-Encoding", "Upgrade"}

func modelTraefik(t *testing.T, snippet string, s *askedSite) http.Handler {
	copied := listed(t, snippet, "        authResponseHeaders:", `- ([A-Za-z-]+)`)
	removed := listed(t, snippet, "        customRequestHeaders:", `([A-Za-z-]+): ""`)
	socket := ownPagesOf(t, "HeaderRegexp\\(`Upgrade`, `([^`]+)`\\)", snippet)
	for _, sent := range []string{`""`, "websocket"} {
		if !strings.Contains(snippet, "customRequestHeaders: { Upgrade: "+sent+" }") {
			t.Fatalf("the snippet sets no Upgrade to %s", sent)
		}
	}
	own := ownPagesOf(t, "PathRegexp\\(`([^`]+)`\\)", snippet)
	app, pages := forwardTo(s.app), forwardTo(s.pages)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, _, _ := net.SplitHostPort(r.RemoteAddr)
		r.RequestURI = r.URL.RequestURI() // as it is forwarded
		dropNominated(r.Header)
		if own.MatchString(r.URL.Path) {
			r.Header.Set("X-Forwarded-For", client)
			pages.ServeHTTP(w, r)
			return
		}
		if slices.ContainsFunc(r.Header["Upgrade"], socket.MatchString) { // two routers, each with a middleware Headers
			r.Header.Set("Upgrade", "websocket")
		} else {
			r.Header.Del("Upgrade")
		}
		for _, name := range removed { // middleware Headers
			r.Header.Del(name)
		}
		for name := range r.Header { // the entry point's, without trustForwardHeader
			if strings.HasPrefix(name, "X-Forwarded-") {
				r.Header.Del(name)
			}
		}
		ask, _ := http.NewRequestWithContext(r.Context(), http.MethodGet, "http://"+s.authz+"/authz/traefik", nil)
		for name, values := range r.Header {
			if !slices.Contains(ofConnection, name) {
				ask.Header[name] = values
			}
		}
		ask.Header.Set("X-Forwarded-For", client)
		ask.Header.Set("X-Forwarded-Method", r.Method)
		ask.Header.Set("X-Forwarded-Proto", "http")
		ask.Header.Set("X-Forwarded-Host", r.Host)
		ask.Header.Set("X-Forwarded-Uri", r.URL.RequestURI())
		answer, err := http.DefaultTransport.RoundTrip(ask)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		defer answer.Body.Close()
		if answer.StatusCode < 200 || answer.StatusCode > 299 {
			passOn(w, answer)
			return
		}
		for _, name := range copied {
			r.Header.Del(name)
			if values := answer.Header[name]; len(values) > 0 {
				r.Header[name] = values
			}
		}
		r.Header.Set("X-Forwarded-For", client)
		app.ServeHTTP(w, r)
	})
}

func modelEnvoy(t *testing.T, snippet string, s *askedSite) http.Handler {
	copied := listed(t, snippet, "                            patterns:", `- exact: ([a-z-]+)`)
	own := ownPagesOf(t, `regex: (/\(.+)`, snippet)
	own = regexp.MustCompile("^(?:" + own.String() + ")$")
	app, pages := forwardTo(s.app), forwardTo(s.pages)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, _, _ := net.SplitHostPort(r.RemoteAddr)
		if up := strings.Join(r.Header["Upgrade"], ","); up != "" && !strings.EqualFold(up, "websocket") {
			w.WriteHeader(http.StatusForbidden) // upgrade_configs
			return
		}
		dropNominated(r.Header)
		r.Header.Set("X-Forwarded-For", strings.TrimPrefix(r.Header.Get("X-Forwarded-For")+","+client, ","))
		path, _, _ := strings.Cut(r.RequestURI, "?")
		if own.MatchString(path) {
			pages.ServeHTTP(w, r)
			return
		}
		ask, _ := http.NewRequestWithContext(r.Context(), r.Method, "http://"+s.authz, nil)
		ask.URL.Opaque, ask.Host, ask.Header = "/authz/envoy"+r.RequestURI, r.Host, r.Header.Clone()
		ask.Header.Del("Connection")
		answer, err := http.DefaultTransport.RoundTrip(ask)
		if err != nil || answer.StatusCode >= 500 { // status_on_error
			w.WriteHeader(http.StatusForbidden)
			return
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			passOn(w, answer)
			return
		}
		for _, name := range copied {
			if values := answer.Header[name]; len(values) > 0 {
				r.Header[name] = values
			}
		}
		for name := range strings.SplitSeq(answer.Header.Get("X-Envoy-Auth-Headers-To-Remove"), ",") {
			r.Header.Del(name)
		}
		app.ServeHTTP(w, r)
	})
}

// passOn answers with what the gate answered.
func passOn(w http.ResponseWriter, answer *http.Response) {
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body)
}
