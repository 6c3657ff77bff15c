package proxy

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestAStarStandsForOneSegmentOrAPartOfOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ protect, public, path, want string }{
		// Exceptions.
		{"/", "/*/*.git", "/ada/x.git", "public"},
		{"/", "/*/*.git", "/ada/x.git/info/refs", "public"},
		{"/", "/*/*.git", "/ada/x.git/info%2frefs", "public"},
		{"/", "/*/*.git", "/%C3%BC/x%20y.git", "public"},
		{"/", "/*/*.git", "/ada/x", "user"},
		{"/", "/*/*.git", "/x.git", "user"},
		{"/", "/*/*.git", "/a/b/x.git", "user"},
		{"/", "/*/*.git", "/ada/.git", "user"},
		{"/", "/*/*.git", "/ada/.git/config", "user"},
		{"/", "/*/*.git", "//x.git", "user"},
		{"/", "/*/*.git", "//ada/x.git", "user"},
		{"/", "/*/*.git", "/./x.git", "user"},
		{"/", "/*/*.git", "/../x.git", "user"},
		{"/", "/*/*.git", "/%2e/x.git", "user"},
		{"/", "/*/*.git", "/.%2E/x.git", "user"},
		{"/", "/*/*.git", "/%252e%252e/x.git", "user"},
		{"/", "/*/*.git", "/a%2fb/x.git", "user"},
		{"/", "/*/*.git", "/a%2Fx.git/x.git", "user"},
		{"/", "/*/*.git", "/a%252fx.git/x.git", "user"},
		{"/", "/*/*.git", "/a%5cx.git/x.git", "user"},
		{"/", "/*/*.git", "/ada/a%2fx.git", "user"},
		{"/", "/*/*.git", "/ada/x.git/../y", "user"},
		{"/", "/*/*.git", "/ada/x.git%2f..%2fy", "user"},
		{"/", "/*/*.git", "/ada/x.GIT", "user"},
		{"/", "/*/*.git", "/ada/x.git.json", "user"},
		{"/", "/*/*.git", "/ada/x.git;y", "user"},
		{"/", "/*", "/x%2f..", "user"},
		{"/", "/*", "/", "user"},
		{"/", "/*", "/x/y", "public"},
		{"/", "/files/*", "/files", "user"},
		{"/", "/files/*", "/files/", "user"},
		{"/", "/files/*", "/files//x", "user"},
		{"/", "/files/*", "/files/...", "user"},
		{"/", "/v*", "/v", "public"},
		{"/", "/v*", "/v1/x", "public"},
		{"/", "/v*", "/V1", "user"},
		{"/", "/_next, /*/about", "/_next/data/b/de/about.json", "public"},
		{"/", "/_next, /*/about", "/_next/data/b/de/x.json", "user"},

		// Protecting rules.
		{"/*/private", "", "/ada/private", "user"},
		{"/*/private", "", "/ada/private/x", "user"},
		{"/*/private", "", "/ada/Private", "user"},
		{"/*/private", "", "/ada/private.json", "user"},
		{"/*/private", "", "/ada%2fprivate", "user"},
		{"/*/private", "", "/x/..%2fada/private", "user"},
		{"/*/private", "", "//ada//private", "user"},
		{"/*/private", "", "/./private", "user"}, // an app that compares bytes
		{"/*/private", "", "/private", "public"},
		{"/*/private", "", "/ada/privates", "public"},
		{"/*/private", "", "/a/b/private", "public"},
		{"/admin*", "", "/admin", "user"},
		{"/admin*", "", "/ADMIN-area/x", "user"},
		{"/admin*", "", "/x/admin", "public"},
		{"/*-internal", "", "/a-internal.html", "user"},
		{"/*-internal", "", "/-internal", "user"},
		{"/users/*", "", "/users/7", "user"},
		{"/users/*", "", "/users", "public"},
		{"/users/*", "", "/users/", "public"},
		// A rule for files covers their other names, as for a file that is named in full.
		{"/books/*.html", "", "/books/a.html", "user"},
		{"/books/*.html", "", "/books/a", "user"},
		{"/books/*.html", "", "/books/a.pdf", "user"},
		{"/books/*.html", "", "/books/", "user"},
		{"/books/*.html", "", "/books/a/b", "public"},
		{"/books/index.*", "", "/books", "user"},
		{"/books/index.*", "", "/books/a", "public"},
		{"/books/index*", "", "/books", "user"},
		{"/books/report.*", "", "/books/report", "user"},
		{"/*.php", "", "/x.php/y", "user"},

		// Names count before parts of names, and these before *, from the left.
		{"/*=a", "/docs", "/docs/x", "public"},
		{"/docs=a", "/*", "/docs/x", "a"},
		{"/docs=a", "/*/*/*", "/docs/x/y", "a"},
		{"/*/admin=a", "/docs", "/docs/admin", "public"},
		{"/*/admin=a", "/docs*", "/docs/admin", "public"},
		{"/*/admin=a", "/*/x", "/docs/admin", "a"},
		{"/*/*=a", "/*/x", "/docs/x", "public"},
		{"/*/*.git=a", "/*/x*", "/docs/x.git", "a"},
		{"/*/*.git=a", "/*/x.git", "/docs/x.git", "public"},
		{"/*/x*=a", "/*/xyz*", "/docs/xyzzy", "public"},
		{"/*/x*=a", "/*/x*/y", "/docs/xyz/y", "public"},
		{"/*/x=a", "/*/x", "/docs/x", "a"},
		{"/*/x=a", "GET /*/x", "/docs/x", "public"},
		{"/a*=a, /*=b", "", "/abc", "a"},
		{"/a*=a, /*z=b", "", "/abz", "a&b"},
		{"/members", "/*.css", "/members.css", "user"},
	} {
		r := mustRules(t, c.protect, c.public)
		if got := describe(r.For("GET", c.path)); got != c.want {
			t.Errorf("PROTECT=%q PUBLIC=%q %s: got %s, want %s", c.protect, c.public, c.path, got, c.want)
		}
	}
}

// What a segment is cannot be told from one layer of encoding.
func TestAStarOfAPublicRuleIsOneName(t *testing.T) {
	t.Parallel()
	for seg, want := range map[string]bool{
		"a": true, "a.b": true, "%C3%BC": true, "a%20b": true, "100%": true, "%zz": true, "%2": true, "%": true, "%25": true,
		"%2525": true, ".a": true, "..a": true, "%2ea": true, "a%": true,
		"": false, ".": false, "..": false, "...": false, "%2e": false, "%2E.": false, "%252e%25252E": false, "%2f": false,
		"a%2Fb": false, "a%252fb": false, "a%5cb": false, `a\b`: false, "%25252525255C": false,
	} {
		if got := isOneSegment(seg); got != want {
			t.Errorf("%q: got %t", seg, got)
		}
	}
	if long := "a" + strings.Repeat("%25", 1<<20) + "25"; !isOneSegment(long) {
		t.Error("a long one")
	}
}

func TestPatternsAreDescribedWithAnExample(t *testing.T) {
	t.Parallel()
	got := mustRules(t, "/, /*/admin=admin, /e*=e, /books/*.html", "GET /*/*.git, /v*, /*/about").Describe()
	for i, want := range []struct{ path, covers, example string }{
		{"/", "every path", "GET / needs a signed-in user"},
		{"/example/admin", "/*/admin, with any name in one segment for each *, and everything below it, however it is spelt",
			"GET /42/admin needs role admin"},
		{"/e1", "/e*, with any name", "GET /e1 needs role e"},
		{"/books/example.html", "without the suffix or with another too", "GET /books/example.html needs a signed-in user"},
		{"/example/example.git", "GET and HEAD of /*/*.git, with any name", "GET /42/42.git is open to everybody"},
		{"/v1", "/v*, with any name", "GET /v1 is open to everybody"},
		{"/example/about", "spelt like this only", "GET /42/about is open to everybody"},
	} {
		if d := got[i]; d.Path != want.path || !strings.Contains(d.Covers, want.covers) || d.Example != want.example {
			t.Errorf("got %+v, want %+v", d, want)
		}
	}
}

func TestPatternsThatAreLikelyNotMeant(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		protect, public string
		want            []string
	}{
		{"/", "/*/*.git", nil},
		{"/, /e*", "/*", []string{`rule "/*" opens every path of as many segments or more, but`}},
		{"/, /x", "GET /*/*", []string{`rule "GET /*/*" opens every path of as many segments or more to GET and HEAD, but`}},
		{"/*", "/*", []string{`rule "/*" protects what lies below /, and not / itself; a rule for / protects both`,
			`opens nothing: GET /example stays protected by rule "/*"`}},
		{"/api/*=a", "", []string{`protects what lies below /api, and not /api itself; a rule for /api protects both`}},
		{"/api/*=a, /api", "", nil},
		{"/, /api/*=a", "", nil},
		{"/docs", "/*/*.git", []string{`opens nothing: GET /docs/example.git stays protected by rule "/docs"`}},
		{"/docs*", "/*/x", []string{`opens nothing: GET /docs1/x stays protected by rule "/docs*"`}},
		{"/*/settings", "/*/*.git", []string{`opens nothing: without it`}},
		{"/*/x*", "/*/*.git", nil},
		{"/*/x", "/e*", []string{`rule "/*/x" does not count for GET /example/x, as rule "/e*" names its first segments ` +
			`more exactly; to protect it, add a rule for /example/x`}},
		{"/, /*/admin=admin", "/docs", []string{`rule "/*/admin=admin" does not count for GET /docs/admin, as rule "/docs"`}},
		{"/docs, /*/admin=admin", "", []string{`rule "/*/admin=admin" does not count for GET /docs/admin`}},
		{"/docs=admin, /*/admin=admin", "", nil},
		{"/docs, /*/admin", "", nil},
		{"/, /docs/admin, /*/admin=admin", "/docs", []string{`does not count for GET /docs/admin`}},
		{"/, POST /*/admin=admin", "GET /docs", nil},
		{"/*/x/*", "/*/x", []string{`protects what lies below /*/x, and not /*/x itself`, `opens nothing`}},
		{"/", "/*/x, /example/x/y", []string{`rule "/example/x/y" opens nothing`}},
	} {
		got := mustRules(t, c.protect, c.public).Doubts()
		ok := len(got) == len(c.want)
		for i := range min(len(got), len(c.want)) {
			ok = ok && strings.Contains(got[i], c.want[i])
		}
		if !ok {
			t.Errorf("PROTECT=%q PUBLIC=%q: got %q, want %q", c.protect, c.public, got, c.want)
		}
	}
}

func TestExplainKnowsPatterns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ protect, public, path, rule, why string }{
		{"/", "/*/*.git", "/a%2fb/x.git", "/*/*.git", "in a public rule a * is one plain name"},
		{"/", "/*/*.git", "/ada/X.GIT", "/*/*.git", "the path that was sent is not spelt like it"},
		{"/docs", "/*/x", "/docs/x", "/*/x", "a protecting rule that names the path as exactly, or more so, counts first"},
		{"/*/x", "/docs", "/docs/x", "/*/x", "a rule that names the path more exactly"},
		{"/", "@assets", "/.well-known/webfinger", "@assets: GET /.well-known/*", "@assets leaves this alone"},
		{"/", "@assets", "/favicon-app/secret", "@assets: GET /favicon-*", "@assets opens this file alone"},
	} {
		findings, _ := mustRules(t, c.protect, c.public).Explain("GET", c.path)
		found := false
		for _, f := range findings {
			found = found || slices.ContainsFunc(f.Uncounted, func(u Uncounted) bool {
				return u.Rule == c.rule && strings.HasPrefix(u.Why, c.why)
			})
		}
		if !found {
			t.Errorf("PROTECT=%q PUBLIC=%q %s: %+v says nothing of %q", c.protect, c.public, c.path, findings, c.why)
		}
	}
}

// Neither many stars nor a long path make a request expensive.
func BenchmarkPatterns(b *testing.B) {
	r := mustRules(b, "/, /*/admin=admin, /*/*/*/*/*.html", "/*/*.git, /assets*, GET /*/*/raw")
	for name, p := range map[string]string{
		"plain": "/dashboard/settings", "public": "/ada/x.git/info/refs",
		"long": "/" + strings.Repeat("a.", 30_000) + "%2F", "dots": "/a/" + strings.Repeat(".", 60_000) + "%20",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.For(http.MethodGet, p)
			}
		})
	}
}
