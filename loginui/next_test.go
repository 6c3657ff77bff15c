package loginui

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// staysHere reports whether a browser that is redirected to s from this origin stays on it, by the rules of the
// WHATWG URL Standard: tabs and line ends are dropped, C0 controls and blanks around s too, and \ means /
// before the query.
func staysHere(s string) bool {
	s = strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, strings.TrimFunc(s, func(r rune) bool { return r <= ' ' }))
	path := s
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		path = s[:i]
	}
	path = strings.ReplaceAll(path, `\`, "/")
	return strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//")
}

func TestLocalPath(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"/dashboard": "/dashboard", "/a?b=c&d=/e//f": "/a?b=c&d=/e//f", "/a#b": "/a#b",
		"/a?x=http://evil.example": "/a?x=http://evil.example", `/a?x=\`: `/a?x=\`,
		"/%5cevil.example": "/%5cevil.example", "/%2f/evil.example": "/%2f/evil.example", "/über": "/%C3%BCber",
		"/a b": "/a%20b", "/": "/",
		"": "", "dashboard": "", "//evil.example": "", "///evil.example": "", `/\evil.example`: "",
		`\/evil.example`: "", "/\t/evil.example": "", "/\n/evil.example": "",
		"\t//evil.example": "", " //evil.example": "", "\x01//evil.example": "", "https://evil.example": "",
		"https:evil.example": "", "javascript:alert(1)": "",
		"data:text/html,x": "", "/x\r\nSet-Cookie: a=b": "", `/a/..\..\/evil`: "", "/\x00": "", "/%zz": "",
		"@evil.example": "", "http://localhost:8080/": "",
		"/" + strings.Repeat("a", 50_000): "/" + strings.Repeat("a", 50_000),
		"/" + strings.Repeat("a", 70_000): "", "/" + strings.Repeat("%2f", 20_000): "",
	} {
		if got := localPath(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// An app may say in full where to come back to, and a person may have written it.
func TestAnAddressOfThisSiteIsAPlaceToLand(t *testing.T) {
	t.Parallel()
	site := func(origin string, aliases ...string) *UI {
		ui := &UI{c: Config{PublicURL: parsed(t, origin)}}
		for _, alias := range aliases {
			ui.c.Origins = append(ui.c.Origins, parsed(t, alias))
		}
		return ui
	}
	ported := site("https://app.example:8443")
	idn := site("https://xn--bcher-kva.example", "https://xn--mnchen-3ya.example")
	plain := site("http://[::1]")
	for in, c := range map[string]struct {
		ui   *UI
		want string
	}{
		"https://app.example:8443/a?b=c#d": {ported, "/a?b=c#d"}, "HTTPS://App.Example:8443/a": {ported, "/a"},
		"https://app.example:8443": {ported, "/"}, "https://app.example:8443?a": {ported, "/?a"},
		"https://app.example:8443#a": {ported, "/#a"}, "/a": {ported, "/a"},
		"http://app.example:8443/a": {ported, "/a"}, "//app.example:8443/a": {ported, "/a"},
		"https://app.example/a": {ported, ""}, "https://app.example:84430/a": {ported, ""},
		"https://app.example:8443.evil.example/a": {ported, ""}, "https://app.example:8443@evil.example/a": {ported, ""},
		"https://app.example:8443//evil.example": {ported, ""}, `https://app.example:8443\evil.example`: {ported, ""},
		`https://app.example:8443/\evil.example`: {ported, ""}, "https://x@app.example:8443/a": {ported, ""},
		"https:app.example:8443/a": {ported, ""}, " https://app.example:8443/a": {ported, ""},
		"https:///app.example:8443/a": {ported, ""}, "ftp://app.example:8443/a": {ported, ""},
		"javascript://app.example:8443/%0aalert(1)": {ported, ""}, "https://app.example:8443./a": {ported, ""},
		"//app.example:8443//evil.example": {ported, ""}, "///app.example:8443/a": {ported, ""},
		"https://bücher.example/x?y=ü": {idn, "/x?y=%C3%BC"}, "https://BÜCHER.example/x": {idn, "/x"},
		"https://b%C3%BCcher.example/x": {idn, "/x"}, "https://münchen.example/x": {idn, "/x"},
		"https://xn--mnchen-3ya.example:443/x": {idn, "/x"}, "https://XN--BCHER-KVA.example:443/x": {idn, "/x"},
		"//xn--bcher-kva.example/x": {idn, "/x"}, "//bücher.example:443/x": {idn, "/x"},
		"http://xn--bcher-kva.example/x": {idn, "/x"}, "http://xn--bcher-kva.example:80/x": {idn, "/x"},
		"http://xn--bcher-kva.example:443/x": {idn, ""}, "https://xn--bcher-kva.example:80/x": {idn, ""},
		"https://bucher.example/x": {idn, ""}, "https://xn--bcher-kva.example./x": {idn, ""},
		"http://[::1]:80/x": {plain, "/x"}, "//[::1]/x": {plain, "/x"}, "http://[::2]/x": {plain, ""},
	} {
		if got := c.ui.local(in); got != c.want {
			t.Errorf("%q: got %q, want %q", in, got, c.want)
		}
	}
}

// The page that htmx is on may be written with the default port, or have a name that a proxy keeps from the gate.
func TestHtmxComesBackToWhereItIs(t *testing.T) {
	t.Parallel()
	ui := &UI{c: Config{PublicURL: parsed(t, "https://xn--bcher-kva.example")}}
	for at, want := range map[string]string{
		"https://xn--bcher-kva.example/a?b": "/a?b", "https://xn--bcher-kva.example:443/a": "/a",
		"https://bücher.example/a": "/a",
		"https://inside:3000/a":    "/a", "https://evil.example/a": "", "/a": "", "": "",
	} {
		r := httptest.NewRequest("GET", "https://inside:3000/piece", nil)
		r.Header.Set("HX-Request", "true")
		r.Header.Set("HX-Current-URL", at)
		if got := ui.back(r, libraryOf(r)); got != want {
			t.Errorf("%q: got %q, want %q", at, got, want)
		}
	}
}

func parsed(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestOurOwnWayInIsNoPlaceToLand(t *testing.T) {
	t.Parallel()
	ui := &UI{c: Config{Prefix: "/auth", Home: "/home", PublicURL: &url.URL{Scheme: "https", Host: "app.example"}}}
	for in, want := range map[string]string{
		"/auth/login": "/home", "/auth/login?next=/x": "/home", "/auth/signup": "/home", "/auth/logout": "/home",
		"/auth/account": "/auth/account", "/login": "/login",
		"//evil": "/home", "": "/home", "/x": "/x",
	} {
		if got := ui.landing(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func FuzzLocalPath(f *testing.F) {
	for _, s := range []string{"/a?b", "//e", `/\e`, "/\t/e", "/./\\e", "/%09/e", "https://e", "/é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := localPath(s)
		if got == "" {
			return
		}
		if !staysHere(got) || strings.ContainsAny(got, "\r\n\x00") {
			t.Errorf("%q becomes %q, which leaves this site", s, got)
		}
		if u, err := url.Parse(got); err != nil || u.Host != "" || u.Scheme != "" {
			t.Errorf("%q becomes %q: %v, %v", s, got, u, err)
		}
		if again := localPath(got); again != got && len(url.QueryEscape(got)) <= maxNext {
			t.Errorf("%q becomes %q and then %q", s, got, again)
		}
	})
}

func FuzzLocal(f *testing.F) {
	ui := &UI{c: Config{PublicURL: &url.URL{Scheme: "https", Host: "app.example"}}}
	for _, s := range []string{"/a?b", "https://app.example/a", "//app.example//e", `https://app.example\@e`, "//app.example",
		"https://app.example:443?a//b", "http://ａpp.example/é", "https://app.example/\t/e", "https://a@app.example/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := ui.local(s); got != "" && (!staysHere(got) || strings.ContainsAny(got, "\r\n\x00")) {
			t.Errorf("%q becomes %q, which leaves this site", s, got)
		}
	})
}
