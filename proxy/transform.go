package proxy

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// transform is a change that an upstream might make to a path. It returns its argument when there is nothing to
// change.
type transform struct {
	name  string
	apply func(string) string
}

// transforms are applied in every order, as often as they change something. Programs known to apply them:
//
// Decoding: all, and some twice. Decoding all but slashes: Kestrel. Decoding dot segments only: URL parsers. + as a
// blank: decoders for queries. Merging and replacing slashes: nginx, Apache, Go, Tomcat and most routers.
// Parameters: Java servers. Trimming ends: Windows and IIS. Invalid UTF-8: decoders told to ignore it, and servers
// that assume Latin-1. Streams and %u: Windows and IIS. Sessions in the path: ASP.NET. Cutting: C programs, and
// whatever parses a decoded path again. Authority and line ends: URL parsers. Compatible letters: whatever
// normalises to NFKC. Script names: PHP, CGI and ASP. Slashes in a format: Rails. Data routes: Next.js and Gatsby.
var transforms = []transform{
	{"decoded", decode},
	{"all but slashes decoded", decodeAllButSlashes},
	{"dot segments decoded", decodeDotSegments},
	{"+ as a blank", plusAsBlank},
	{"%u decoded", decodeUnicode},
	{"overlong UTF-8 decoded", decodeOverlong},
	{"broken UTF-8 dropped", dropBroken},
	{"broken UTF-8 as Latin-1", latin1},
	{`\ as /`, backslash},
	{"params dropped", dropParams},
	{"dot segments resolved", resolveDots},
	{"// merged", mergeSlashes},
	{"host dropped", dropAuthority},
	{"cut at ?, # or NUL", cutRest},
	{"cut at ;", cutParams},
	{"session in the path dropped", dropCookieless},
	{"stream name dropped", dropStreams},
	{"dots and blanks trimmed", trimTails},
	{"dots with blanks dropped", dropPadded},
	{"line ends and tabs dropped", dropLineEnds},
	{"compatible letters", compatible},
	{"script name dropped", dropScript},
	{"path info", pathInfoOf},
	{"a slash in the format", dropSlashedFormat},
	{"data route", nextPage},
	{"page data", gatsbyPage},
}

func backslash(p string) string { return strings.ReplaceAll(p, `\`, "/") }

// dropParams removes what follows a semicolon in each segment.
func dropParams(p string) string {
	if !strings.Contains(p, ";") {
		return p
	}
	return eachSegment(p, func(seg string) string {
		seg, _, _ = strings.Cut(seg, ";")
		return seg
	})
}

func eachSegment(p string, f func(string) string) string {
	segs := strings.Split(p, "/")
	for i, seg := range segs {
		segs[i] = f(seg)
	}
	return strings.Join(segs, "/")
}

// resolveDots removes . and .. segments as in RFC 3986 section 5.2.4. Empty segments count as segments;
// mergeSlashes gives the other reading.
func resolveDots(p string) string {
	if !strings.Contains(p, "/.") {
		return p
	}
	segs := strings.Split(p, "/")
	out := segs[:0:0]
	for i, seg := range segs {
		last := i == len(segs)-1
		switch {
		case seg == ".." && len(out) > 1:
			out = out[:len(out)-1]
		case seg == "..", seg == ".":
		default:
			out = append(out, seg)
			continue
		}
		if last {
			out = append(out, "")
		}
	}
	return rooted(strings.Join(out, "/"))
}

func mergeSlashes(p string) string {
	if !strings.Contains(p, "//") {
		return p
	}
	out := make([]byte, 0, len(p))
	for i := range len(p) {
		if p[i] != '/' || len(out) == 0 || out[len(out)-1] != '/' {
			out = append(out, p[i])
		}
	}
	return string(out)
}

// dropAuthority reads "//host/path" as a URL without a scheme. The URL parsers of browsers skip any number of
// slashes before the host.
func dropAuthority(p string) string {
	if !strings.HasPrefix(p, "//") {
		return p
	}
	_, rest, _ := strings.Cut(strings.TrimLeft(p, "/"), "/")
	return "/" + rest
}

func cutRest(p string) string { return cutAt(p, "?#\x00") }

// cutParams reads parameters as lasting to the end of the path, not of their segment.
func cutParams(p string) string { return cutAt(p, ";") }

func cutAt(p, chars string) string {
	if i := strings.IndexAny(p, chars); i >= 0 {
		return rooted(p[:i])
	}
	return p
}

// cookieless matches where ASP.NET puts a session without a cookie: /(S(x))/page is /page.
var cookieless = regexp.MustCompile(`/\((?:[A-Za-z]\([^()/]*\))+\)(/|$)`)

func dropCookieless(p string) string {
	if !strings.Contains(p, "/(") {
		return p
	}
	return rooted(cookieless.ReplaceAllString(p, "$1"))
}

// dropStreams removes NTFS stream names: /page::$DATA and /page:$I30:$INDEX_ALLOCATION are /page.
func dropStreams(p string) string {
	if !strings.Contains(p, "::") && !strings.Contains(p, ":$") {
		return p
	}
	return eachSegment(p, func(seg string) string {
		for _, mark := range []string{"::", ":$"} {
			seg, _, _ = strings.Cut(seg, mark)
		}
		return seg
	})
}

// trimTails removes dots, blanks and control characters at the end of each segment, and NUL anywhere. A dot segment
// loses its blanks only, and resolveDots handles the rest.
func trimTails(p string) string {
	p = strings.ReplaceAll(p, "\x00", "")
	if !padded(p) {
		return p
	}
	return eachSegment(p, func(seg string) string {
		seg = strings.TrimFunc(seg, isBlank)
		if strings.Trim(seg, ".") == "" {
			return seg
		}
		return strings.TrimRightFunc(seg, func(r rune) bool { return r == '.' || isBlank(r) })
	})
}

// dropPadded empties segments that have only dots and blanks. Windows drops dots and blanks at the end of a name,
// here all of it. The path /... is left, as a rule may name it.
func dropPadded(p string) string {
	if !padded(p) || strings.Trim(p, ".") == "/" {
		return p
	}
	return eachSegment(p, func(seg string) string {
		if seg != "." && seg != ".." &&
			strings.TrimFunc(seg, func(r rune) bool { return r == '.' || isBlank(r) }) == "" {
			return ""
		}
		return seg
	})
}

func isBlank(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// padded reports whether some segment may end in a dot, or begin or end with a blank.
func padded(p string) bool {
	for i := range len(p) {
		c := p[i]
		if edge := i+1 == len(p) || p[i+1] == '/' || i > 0 && p[i-1] == '/'; edge &&
			(c == '.' || c <= ' ' || c >= 0x7F) {
			return true
		}
	}
	return false
}

// dropLineEnds removes characters that the URL parsers of browsers and Node ignore.
func dropLineEnds(p string) string {
	if !strings.ContainsAny(p, "\t\n\r") {
		return p
	}
	return strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(p)
}

// compatible is the compatibility form of Unicode (NFKC): full-width dots, slashes and letters become plain ones.
func compatible(p string) string {
	if ascii(p) {
		return p
	}
	return norm.NFKC.String(p)
}

// scripts are the extensions of programs that a server runs with the rest of the path.
var scripts = map[string]bool{
	".php": true, ".php3": true, ".php4": true, ".php5": true, ".php7": true, ".php8": true, ".phtml": true,
	".asp": true, ".aspx": true, ".ashx": true, ".jsp": true,
	".cgi": true, ".fcgi": true, ".pl": true, ".py": true, ".wsgi": true, ".rb": true, ".cfm": true, ".lua": true,
	".dll": true, ".exe": true,
}

func isScript(name string) bool {
	i := strings.LastIndexByte(name, '.')
	return i >= 0 && len(name)-i <= len(".phtml") && scripts[strings.ToLower(name[i:])]
}

// findScript finds the first script in a path that has more path after it.
func findScript(p string) (start, end int, ok bool) {
	for start < len(p) {
		n := strings.IndexByte(p[start:], '/')
		if n < 0 {
			return 0, 0, false
		}
		if isScript(p[start : start+n]) {
			return start, start + n, true
		}
		start += n + 1
	}
	return 0, 0, false
}

// dropScript removes a front controller: /index.php/page is /page, and with MultiViews /index/page too.
func dropScript(p string) string {
	if len(p) > len("/index/") && strings.EqualFold(p[:len("/index/")], "/index/") {
		return p[len("/index"):]
	}
	start, end, ok := findScript(p)
	if !ok {
		return p
	}
	return p[:start] + p[end+1:]
}

// pathInfoOf is the path that a script gets, wherever the script is: /public/index.php/page is /page.
func pathInfoOf(p string) string {
	_, end, ok := findScript(p)
	if !ok {
		return p
	}
	return p[end:]
}

// dropSlashedFormat is for routers that match before they decode: the format of /page.json%2Fx is json/x.
func dropSlashedFormat(p string) string {
	name := strings.LastIndexByte(p, '/') + 1
	slash := max(strings.LastIndex(p, "%2f"), strings.LastIndex(p, "%2F"))
	if slash < name {
		return p
	}
	if dot := strings.LastIndexByte(p[name:slash], '.'); dot > 0 {
		return p[:name+dot]
	}
	return p
}

// nextPage maps the data that a Next.js app fetches for a page to the page, below any base path:
// /_next/data/<build>/page.json is /page, and index is the root.
func nextPage(p string) string {
	if base, rest, ok := strings.Cut(p, "/_next/data/"); ok {
		_, page, more := strings.Cut(rest, "/")
		if page, ok := strings.CutSuffix(page, ".json"); ok && more {
			return base + "/" + notIndex(page)
		}
	}
	return p
}

// gatsbyPage does the same for Gatsby: /page-data/page/page-data.json is /page, and index is the root.
func gatsbyPage(p string) string {
	if base, rest, ok := strings.Cut(p, "/page-data/"); ok {
		if page, ok := strings.CutSuffix(rest, "/page-data.json"); ok {
			return base + "/" + notIndex(page)
		}
	}
	return p
}

func notIndex(page string) string {
	if page == "index" {
		return ""
	}
	return page
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func rooted(p string) string {
	if !strings.HasPrefix(p, "/") {
		return "/" + p
	}
	return p
}

// fold removes differences that an app may ignore when it looks a page up: case, compatibility forms of Unicode
// (full-width letters, the Kelvin sign, the long s) and accents, as databases do. Blanks and control characters
// become _, as in wikis.
func fold(p string) string {
	p = strings.Map(func(r rune) rune {
		if isBlank(r) {
			return '_'
		}
		return r
	}, p)
	if ascii(p) {
		return strings.ToLower(p)
	}
	// The ß is two letters in upper case, and the Turkish dotless i is an i.
	p = strings.NewReplacer("ß", "ss", "ẞ", "ss", "ı", "i").Replace(p)
	var out strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(strings.ToUpper(p))) {
		if !unicode.Is(unicode.Mn, r) {
			out.WriteRune(r)
		}
	}
	return out.String()
}

func ascii(p string) bool {
	for i := range len(p) {
		if p[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
