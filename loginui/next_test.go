package loginui

import (
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

// An app may say in full where to come back to.
func TestAnAddressOfThisSiteIsAPlaceToLand(t *testing.T) {
	t.Parallel()
	ui := &UI{c: Config{PublicURL: &url.URL{Scheme: "https", Host: "app.example:8443"}}}
	for in, want := range map[string]string{
		"https://app.example:8443/a?b=c#d": "/a?b=c#d", "HTTPS://App.Example:8443/a": "/a",
		"https://app.example:8443": "/", "https://app.example:8443?a": "/?a", "https://app.example:8443#a": "/#a", "/a": "/a",
		"http://app.example:8443/a": "", "https://app.example/a": "", "https://app.example:84430/a": "",
		"https://app.example:8443.evil.example/a": "", "https://app.example:8443@evil.example/a": "",
		"https://app.example:8443//evil.example": "", `https://app.example:8443\evil.example`: "",
		`https://app.example:8443/\evil.example`: "", "https://x@app.example:8443/a": "", "//app.example:8443/a": "",
		"https:app.example:8443/a": "", " https://app.example:8443/a": "",
	} {
		if got := ui.local(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
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
