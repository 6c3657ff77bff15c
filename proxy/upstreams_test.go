package proxy

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

// upstreams are readings of a raw path by well-known servers and frameworks. Each returns the page that it would
// serve, or "" for none. They share no code with the readings that they test.
var upstreams = []struct {
	name string
	read func(string) string
}{
	{"an app that compares bytes", func(p string) string { return p }},
	{"Go's ServeMux", func(p string) string { return clean(unescape(p)) }},
	{"nginx, locations", func(p string) string { return clean(until(unescape(p), "\x00")) }},
	{"nginx, try_files with .html", func(p string) string { return withoutExtension(clean(unescape(p))) }},
	{"nginx in front, decoding before it forwards",
		func(p string) string { return clean(unescape(clean(unescape(p)))) }},
	{"Apache", func(p string) string { return clean(unescape(p)) }},
	{"Apache, MultiViews", func(p string) string { return eachPart(clean(unescape(p)), withoutExtensions) }},
	{"Apache, encoded slashes left", func(p string) string { return clean(unreserved(p)) }},
	{"Kestrel", func(p string) string { return strings.ToLower(clean(keepSlashes(p))) }},
	{"Apache on Windows", func(p string) string { return windows(clean(unescape(p))) }},
	{"Apache, MultiViews of a front controller", func(p string) string {
		if rest, ok := strings.CutPrefix(clean(unescape(p)), "/index/"); ok {
			return "/" + rest
		}
		return ""
	}},
	{"a PHP script's own path info, in a folder", func(p string) string {
		if _, info, ok := strings.Cut(clean(unescape(p)), ".php/"); ok {
			return "/" + info
		}
		return ""
	}},
	{"Bottle", func(p string) string {
		return strings.Map(func(r rune) rune {
			if r == utf8.RuneError {
				return -1
			}
			return r
		}, unescape(p))
	}},
	{"CGI and PHP with path info", func(p string) string { return pathInfo(clean(unescape(p))) }},
	{"PHP router, parse_url", func(p string) string { return "/" + strings.Trim(unescape(parseURL(p)), "/") }},
	{"PHP router, urldecode twice", func(p string) string { return "/" + strings.Trim(unescape(unescape(p)), "/") }},
	{"PHP router, urldecode", func(p string) string {
		return "/" + strings.Trim(unescape(strings.ReplaceAll(parseURL(p), "+", " ")), "/ ")
	}},
	{"PHP router, trim and lower case",
		func(p string) string { return "/" + strings.ToLower(strings.Trim(unescape(p), "/ \t\n\r\x00\x0B")) }},
	{"Rails", func(p string) string { return unescape(withoutExtension(strings.TrimSuffix(squeeze(p), "/"))) }},
	{"Rack with a decoding middleware",
		func(p string) string { return withoutExtension(clean(unescape(unescape(p)))) }},
	{"Tomcat", func(p string) string { return clean(unescape(withoutParams(p))) }},
	{"Tomcat, backslash allowed", func(p string) string {
		return clean(strings.ReplaceAll(unescape(withoutParams(p)), `\`, "/"))
	}},
	{"Jetty, compliance relaxed", func(p string) string { return clean(withoutParams(unescape(p))) }},
	{"Spring, suffix patterns", func(p string) string { return withoutExtension(clean(unescape(withoutParams(p)))) }},
	{"a server that takes ; to the end", func(p string) string { return clean(unescape(until(p, ";"))) }},
	{"Express, routes", func(p string) string { return strings.ToLower(strings.TrimSuffix(p, "/")) }},
	{"Express, decoded", func(p string) string { return strings.ToLower(strings.TrimSuffix(unescape(p), "/")) }},
	{"Express, static files", func(p string) string { return clean(until(unescape(p), "\x00")) }},
	{"Node, new URL(target, base)", whatwg},
	{"Node, new URL and decodeURIComponent", func(p string) string { return unescape(whatwg(p)) }},
	{"Node, new URL of a decoded target", func(p string) string { return whatwg(unescape(p)) }},
	{"Next.js, pages", func(p string) string {
		return strings.TrimSuffix(unescape(squeeze(strings.ReplaceAll(p, `\`, "/"))), "/")
	}},
	{"Next.js, data routes", func(p string) string { return data(nextData, unescape(p)) }},
	{"Next.js, server components", func(p string) string { return withoutExtensions(p) }},
	{"Gatsby, page data", func(p string) string { return data(gatsbyData, unescape(p)) }},
	{"Flask", func(p string) string { return squeeze(unescape(p)) }},
	{"Django", func(p string) string { return strings.TrimSuffix(unescape(p), "/") }},
	{"Python, normpath", func(p string) string { return clean(unescape(until(until(p, "?"), "#"))) }},
	{"IIS", func(p string) string { return windows(clean(strings.ReplaceAll(unescapeU(unescape(p)), `\`, "/"))) }},
	{"IIS, double escaping allowed", func(p string) string {
		return windows(clean(strings.ReplaceAll(unescapeU(unescape(unescape(p))), `\`, "/")))
	}},
	{"ASP.NET, a script in front", func(p string) string {
		return strings.ToLower(pathInfo(windows(clean(unescape(p)))))
	}},
	{"ASP.NET, a session in the path", func(p string) string {
		session := regexp.MustCompile(`^/\(([A-Z]\([0-9a-z]*\))+\)/`)
		return strings.ToLower(clean(session.ReplaceAllString(unescape(p), "/")))
	}},
	{"a C program", func(p string) string { return clean(until(unescape(p), "\x00")) }},
	{"a careless UTF-8 decoder", func(p string) string { return clean(overlongDecoded(unescape(p))) }},
	{"an app that normalises to NFKC", func(p string) string { return clean(norm.NFKC.String(unescape(p))) }},
	{"an app that parses the decoded path again", func(p string) string {
		u, err := url.Parse(unescape(p))
		if err != nil {
			return ""
		}
		return clean(u.Path)
	}},
	{"an app that decodes until nothing changes", func(p string) string {
		for range 20 {
			p = unescape(p)
		}
		return clean(p)
	}},
	{"an app that trims", func(p string) string { return eachPart(unescape(p), strings.TrimSpace) }},
}

// counted are, for upstreams that ignore case or suffixes, their pages before they do.
var counted = map[string]func(string) string{
	"nginx, try_files with .html": func(p string) string { return clean(unescape(p)) },
	"Apache, MultiViews":          func(p string) string { return clean(unescape(p)) },
	"Kestrel":                     func(p string) string { return clean(keepSlashes(p)) },
	"Apache on Windows":           func(p string) string { return opened(clean(unescape(p))) },
	"PHP router, trim and lower case": func(p string) string {
		return "/" + strings.Trim(unescape(p), "/ \t\n\r\x00\x0B")
	},
	"Rails":                           func(p string) string { return unescape(strings.TrimSuffix(squeeze(p), "/")) },
	"Rack with a decoding middleware": func(p string) string { return clean(unescape(unescape(p))) },
	"Spring, suffix patterns":         func(p string) string { return clean(unescape(withoutParams(p))) },
	"Express, routes":                 func(p string) string { return strings.TrimSuffix(p, "/") },
	"Express, decoded":                func(p string) string { return strings.TrimSuffix(unescape(p), "/") },
	"Next.js, server components":      func(p string) string { return p },
	"IIS": func(p string) string {
		return opened(clean(strings.ReplaceAll(unescapeU(unescape(p)), `\`, "/")))
	},
	"IIS, double escaping allowed": func(p string) string {
		return opened(clean(strings.ReplaceAll(unescapeU(unescape(unescape(p))), `\`, "/")))
	},
	"ASP.NET, a script in front": func(p string) string { return pathInfo(opened(clean(unescape(p)))) },
	"ASP.NET, a session in the path": func(p string) string {
		return clean(regexp.MustCompile(`(?i)^/\(([A-Z]\([0-9a-z]*\))+\)/`).ReplaceAllString(unescape(p), "/"))
	},
}

var escape = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// unescape decodes once, as servers do: escapes become bytes, and anything else is unchanged.
func unescape(p string) string {
	return escape.ReplaceAllStringFunc(p, func(e string) string {
		n, _ := strconv.ParseUint(e[1:], 16, 8)
		return string([]byte{byte(n)})
	})
}

// unreserved decodes letters, digits, dots and dashes. keepSlashes decodes everything but slashes.
func unreserved(p string) string {
	return regexp.MustCompile(`%(2[dDeE]|3[0-9]|[46][1-9a-fA-F]|[57][0-9aA]|5[fF]|7[eE])`).ReplaceAllStringFunc(p,
		unescape)
}

func keepSlashes(p string) string {
	return escape.ReplaceAllStringFunc(p, func(e string) string {
		if strings.EqualFold(e, "%2f") {
			return e
		}
		return unescape(e)
	})
}

var escapeU = regexp.MustCompile(`%[uU][0-9A-Fa-f]{4}`)

func unescapeU(p string) string {
	return escapeU.ReplaceAllStringFunc(p, func(e string) string {
		n, _ := strconv.ParseUint(e[2:], 16, 16)
		return string(rune(n))
	})
}

func clean(p string) string   { return path.Clean("/" + p) }
func squeeze(p string) string { return regexp.MustCompile(`/+`).ReplaceAllString(p, "/") }

func until(p, chars string) string {
	if i := strings.IndexAny(p, chars); i >= 0 {
		return p[:i]
	}
	return p
}

func eachPart(p string, f func(string) string) string {
	parts := strings.Split(p, "/")
	for i := range parts {
		parts[i] = f(parts[i])
	}
	return strings.Join(parts, "/")
}

func withoutParams(p string) string {
	return eachPart(p, func(s string) string { return until(s, ";") })
}

var (
	lastExtension = regexp.MustCompile(`([^/])\.[^./]*$`)
	allExtensions = regexp.MustCompile(`([^/])\.[^/]*$`)
)

func withoutExtension(p string) string  { return lastExtension.ReplaceAllString(p, "$1") }
func withoutExtensions(p string) string { return allExtensions.ReplaceAllString(p, "$1") }

var scriptInFront = regexp.MustCompile(`^(.*?/)[^/]+\.(?i:php|aspx|cgi|pl|py)/`)

func pathInfo(p string) string { return scriptInFront.ReplaceAllString(p, "$1") }

// windows opens files whatever their case.
func windows(p string) string { return strings.ToLower(opened(p)) }

// opened removes dots and blanks after a name, and the name of a stream in it.
func opened(p string) string {
	return eachPart(p, func(s string) string {
		s, _, _ = strings.Cut(s, "::")
		s, _, _ = strings.Cut(s, ":$")
		return strings.TrimRight(s, ". ")
	})
}

// parseURL is the path that PHP's parse_url returns.
func parseURL(p string) string {
	if rest, ok := strings.CutPrefix(p, "//"); ok {
		_, rest, _ = strings.Cut(rest, "/")
		p = "/" + rest
	}
	return until(until(p, "?"), "#")
}

// whatwg is the pathname of new URL(p, "http://app/"), after https://url.spec.whatwg.org. Tabs and line ends are
// removed, \ is /, slashes before a host are skipped, and dot segments are resolved in any spelling.
func whatwg(p string) string {
	p = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(strings.Trim(p, " \x00"))
	p = strings.ReplaceAll(until(p, "?#"), `\`, "/")
	if strings.HasPrefix(p, "//") {
		_, rest, _ := strings.Cut(strings.TrimLeft(p, "/"), "/")
		p = "/" + rest
	}
	var out []string
	parts := strings.Split(strings.TrimPrefix(p, "/"), "/")
	for i, s := range parts {
		switch plain := strings.ReplaceAll(strings.ToLower(s), "%2e", "."); {
		case plain == ".." && len(out) > 0:
			out = out[:len(out)-1]
		case plain != ".." && plain != ".":
			out = append(out, s)
			continue
		}
		if i == len(parts)-1 {
			out = append(out, "")
		}
	}
	return "/" + strings.Join(out, "/")
}

var (
	nextData   = regexp.MustCompile(`^(.*)/_next/data/[^/]+/(.*)\.json$`)
	gatsbyData = regexp.MustCompile(`^(.*)/page-data/(.*)/page-data\.json$`)
)

func data(route *regexp.Regexp, p string) string {
	m := route.FindStringSubmatch(p)
	if m == nil {
		return ""
	}
	page := m[2]
	if page == "index" {
		page = ""
	}
	return m[1] + "/" + strings.TrimPrefix(page, "index/") // comes before a page with the name of the start page
}

// overlongDecoded decodes sequences of two to four bytes, without checking whether fewer bytes would do.
func overlongDecoded(s string) string {
	var out []byte
	for i := 0; i < len(s); i++ {
		n := 0
		switch {
		case s[i]&0xE0 == 0xC0:
			n = 1
		case s[i]&0xF0 == 0xE0:
			n = 2
		case s[i]&0xF8 == 0xF0:
			n = 3
		}
		if i+n >= len(s) {
			n = 0
		}
		r := rune(s[i]) & (1<<(6-n) - 1)
		for _, b := range []byte(s[i+1 : i+1+n]) {
			if r = r<<6 | rune(b&0x3F); b&0xC0 != 0x80 {
				n = 0
			}
		}
		if n == 0 || r > unicode.MaxASCII {
			out = append(out, s[i])
			continue
		}
		out = append(out, byte(r))
		i += n
	}
	return string(out)
}

// guarded are the rules that the properties below are tested under.
const guardedProtect, guardedPublic = "/dashboard, /admin=admin, /files/report.html", "/public, /assets/app.js"

// guardedFewer is without the file, so that plain paths take their own fast path.
const guardedFewer = "/dashboard, /admin=admin"

// served reports whether an upstream would serve a protected page for the path, and whether that needs the role.
func served(page string) (protected, role bool) {
	covers := func(prefix string) bool { return page == prefix || strings.HasPrefix(page, prefix+"/") }
	role = covers("/admin")
	return role || covers("/dashboard") || covers("/files/report.html"), role
}

// mustProtect fails when an upstream would serve a protected page that the rules call public, or a page of the role
// that they open to any user. It returns how many upstreams would serve a protected page.
func mustProtect(t interface{ Fatalf(string, ...any) }, r, fewer Rules, raw string) (hits int) {
	if !strings.HasPrefix(raw, "/") || !wellFormed(raw) {
		return 0 // answered with 400 in any case: TestMethodsAndTargetsNoBrowserSends
	}
	a, b := r.For("GET", raw), fewer.For("GET", raw)
	for _, u := range upstreams {
		page := u.read(raw)
		protected, role := served(page)
		if !protected {
			continue
		}
		hits++
		if b.Public && !strings.HasPrefix(page, "/files/") {
			t.Fatalf("%q is %q to %s, and the rules without a file say %s", raw, page, u.name, describe(b))
		}
		if a.Public || role && len(a.Needs) == 0 {
			t.Fatalf("%q is %q to %s, and the rules say %s", raw, page, u.name, describe(a))
		}
	}
	return hits
}

// For every path, if an upstream would serve a protected page, the rules protect it.
func TestIfAnUpstreamWouldServeAProtectedPageTheRulesProtectIt(t *testing.T) {
	t.Parallel()
	r, fewer := mustRules(t, guardedProtect, guardedPublic), mustRules(t, guardedFewer, guardedPublic)
	piece := rapid.SampledFrom([]string{
		"/", "/", "//", "dashboard", "Dashboard", "%64ashboard", "%2564ashboard", "admin", "ADMIN", "public",
		"assets/app.js", "x", ".", "..", "%2e", "%2e%2e", "%252e",
		"%2f", "%2F", "%252f", "%5c", ";", ";a=b", "%3b", "%00", "%20", "%0a", "%09", ".json", ".html", "%23", "%3f",
		"%c0%ae", "%c0%af", "_next/data/b1/", "ash",
		"index.php/", "page-data/", "/page-data.json", "%25u002e", "::$DATA", ":$I30:$INDEX_ALLOCATION", "files/",
		"report.html", "report", "%EF%BC%8F", "%ef%bd%81", "+", "a%2fb/", "/%2e%2e/", "index/",
		"%ff", "%c3", "x/index.php/",
	})
	rapid.Check(t, func(t *rapid.T) {
		mustProtect(t, r, fewer, "/"+strings.Join(rapid.SliceOfN(piece, 1, 8).Draw(t, "pieces"), ""))
	})
}

// disguises are ways to spell a path otherwise so that some upstream still reads it the same. Random ones are
// applied one after the other to a protected page, so that nearly every path means it to some upstream.
var disguises = []func(*rapid.T, string) string{
	func(t *rapid.T, p string) string { return encodeSome(t, p, "%%%02x") },
	func(t *rapid.T, p string) string { return encodeSome(t, p, "%%%02X") },
	func(t *rapid.T, p string) string { return strings.ReplaceAll(p, "%", "%25") },
	func(t *rapid.T, p string) string {
		return insert(t, p, "/", "/", "//", "/./", "/x/../", "/.%2f", "/%2e/", "/;a/../", "/;/", "/x/y/../../")
	},
	func(t *rapid.T, p string) string { return "/public/.." + p },
	func(t *rapid.T, p string) string { return "/assets/app.js/../.." + p },
	func(t *rapid.T, p string) string { return strings.ReplaceAll(p, "/", "%2f") },
	func(t *rapid.T, p string) string {
		return "/" + strings.ReplaceAll(strings.TrimPrefix(p, "/"), "/", "%5c")
	},
	func(t *rapid.T, p string) string { return strings.ToUpper(p) },
	func(t *rapid.T, p string) string {
		return p + rapid.SampledFrom([]string{"/", "//", ".", "%20", "%00", ".json", ".html", ";x", "%3bx", "%0a", "/.",
			"::$DATA", "%00.png", "%23x", "%3fx", "+", "+/"}).Draw(t, "tail")
	},
	func(t *rapid.T, p string) string {
		return rapid.SampledFrom([]string{"/index.php", "/x/..", "//host", "/%2fhost", "/_next/data/b/..%2f..%2f..",
			"/a%2fb/%2e%2e", "/index", "/(S(x))", "/public/index.php"}).Draw(t, "front") + p
	},
	func(t *rapid.T, p string) string { return strings.ReplaceAll(p, "a", "%ef%bd%81") },
	func(t *rapid.T, p string) string { return strings.ReplaceAll(p, "..", "%c0%ae%c0%ae") },
}

func encodeSome(t *rapid.T, p, format string) string {
	var out strings.Builder
	for i := range len(p) {
		if i > 0 && p[i] != '%' && rapid.IntRange(0, 3).Draw(t, "encode") == 0 {
			fmt.Fprintf(&out, format, p[i])
			continue
		}
		out.WriteByte(p[i])
	}
	return out.String()
}

func insert(t *rapid.T, p, at string, pieces ...string) string {
	return strings.Replace(p, at, rapid.SampledFrom(pieces).Draw(t, "piece"), rapid.IntRange(1, 3).Draw(t, "times"))
}

func TestNoDisguiseOfAProtectedPageIsPublic(t *testing.T) {
	t.Parallel()
	r, fewer := mustRules(t, guardedProtect, guardedPublic), mustRules(t, guardedFewer, guardedPublic)
	tried, meant := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom([]string{"/dashboard", "/dashboard/settings", "/admin", "/admin/users/7",
			"/files/report.html"}).Draw(t, "page")
		for range rapid.IntRange(1, 4).Draw(t, "disguises") {
			p = rapid.SampledFrom(disguises).Draw(t, "disguise")(t, p)
		}
		tried++
		if mustProtect(t, r, fewer, p) > 0 {
			meant++
		}
	})
	if meant < tried/2 {
		t.Errorf("only %d of %d disguised paths mean a protected page to anybody", meant, tried)
	}
}

// Public pages are public in their ordinary spellings. Otherwise exceptions would be useless.
func TestOrdinaryPathsKeepOneMeaning(t *testing.T) {
	t.Parallel()
	r := mustRules(t, guardedProtect, guardedPublic)
	for _, p := range []string{
		"/", "/public", "/public/a/b", "/assets/app.js", "/api/projects/a%2Fb", "/@scope%2fname", "/a;v=1/b",
		"/wiki/C++", "/wiki/100%25", "/x.y.z/1.2.3", "/caf%C3%A9",
		"/api/v1/users:search", "/a/b/../c", "//cdn//x", "/dashboards", "/dashboard-old", "/my.dashboard",
		"/files/report2.html", "/files/reports", "/adminer.css",
		"/~user/x,y/(z)/'q'!*$&=+@", "/" + strings.Repeat("very-long/", 6000), "/%E4%BD%A0%E5%A5%BD/世界",
	} {
		if a := r.For("GET", p); !a.Public {
			t.Errorf("%.60s needs %s", p, describe(a))
		}
	}
}
