package proxy

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// What the gate passes on by itself is what ReverseProxy would, for any headers of one connection and of both ends.
func TestEndToEndIsWhatReverseProxyPassesOn(t *testing.T) {
	for _, sent := range []http.Header{
		{},
		{"Accept": {"*/*"}, "X-Own": {"1", "2"}, "X-Empty": {""}, "X-None": nil},
		{"Connection": {"close"}, "Close": {"no"}},
		{"Connection": {"keep-alive, X-Own ,\tx-other", " , accept-encoding"}, "Keep-Alive": {"5"}, "X-Own": {"1"},
			"X-Other": {"2"}, "Accept-Encoding": {"gzip"}, "Accept": {"*/*"}},
		{"Connection": {"cookie"}, "Cookie": {"a=b"}},
		{"Connection": {"not a name", "é"}, "Accept": {"*/*"}},
		{"Connection": {"te"}, "Te": {"gzip, Trailers;q=1"}},
		{"Keep-Alive": {"5"}, "Connection": {""}},
		{"Te": {"trailers"}, "Trailer": {"X-Sum"}},
		{"Te": {"gzip", "deflate;q=0.5 , trailers"}},
		{"Te": {"gzip"}},
		{"Proxy-Connection": {"close"}, "Proxy-Authenticate": {"Basic"}, "Proxy-Authorization": {"Basic x"},
			"Transfer-Encoding": {"chunked"}, "Upgrade": {"h2c"}, "Content-Type": {"text/plain"}},
	} {
		before := sent.Clone()
		got := http.Header{}
		endToEnd(got, sent, func(string, []string) bool { return true })
		want := passedOn(sent)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("of %v the gate passes on\n%v, ReverseProxy\n%v", sent, got, want)
		}
		if !reflect.DeepEqual(sent, before) {
			t.Errorf("%v was changed to %v", before, sent)
		}
	}
}

// passedOn is what ReverseProxy passes on of headers that are of no tunnel and no proxy before.
func passedOn(sent http.Header) (h http.Header) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header = sent.Clone()
	p := httputil.ReverseProxy{Rewrite: func(pr *httputil.ProxyRequest) {
		h = maps.Clone(pr.Out.Header)
		pr.Out.URL.Scheme = "none"
	}, ErrorHandler: func(http.ResponseWriter, *http.Request, error) {}}
	p.ServeHTTP(httptest.NewRecorder(), r)
	return h
}

// What browsers send in every request passes, unless the operator has it stripped.
func TestUsualHeadersPassUnlessTheyAreStripped(t *testing.T) {
	for _, name := range usualHeaders {
		if http.CanonicalHeaderKey(name) != name {
			t.Errorf("no request has a header that is spelt %s", name)
		}
		for strip, want := range map[string]bool{"": true, name: false, strings.ToUpper(name): false} {
			if slices.Contains(framing, foldName(name)) && strip != "" {
				continue // it cannot be stripped
			}
			identity, err := ParseIdentity("X-Auth-User=id", strip)
			if err != nil {
				t.Fatal(err)
			}
			a := newApp(Config{PublicURL: &url.URL{Scheme: "https", Host: "x"}, Identity: identity}, nil)
			if got := a.passes(name, []string{"x"}); got != want {
				t.Errorf("%s passes, with GATEPOST_STRIP_HEADERS=%q: %t", name, strip, got)
			}
		}
	}
}
