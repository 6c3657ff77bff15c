package proxy

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A reading is what some upstream might take a path for. Servers, routers and frameworks differ in what they decode,
// clean and drop, so one target can mean several pages; the rules judge all of them.
type reading struct {
	path   string
	folded bool   // letter case is ignored, in the rules too
	cut    bool   // a format suffix was dropped, in the rules too
	how    string // for explain: the transformations that led here
}

// transform is one thing an upstream might do to a path. Each returns its argument when it has nothing to do.
type transform struct {
	name  string
	apply func(string) string
}

// transforms are applied in every order and as often as they change something. Who does it: decoding, everybody, and
// some twice; the slash family, nginx, Apache, Go, Tomcat and most routers; params, Java servers; tails, Windows and
// IIS; cutting at NUL, ? or #, C programs and whatever parses a decoded path again; authority and line ends, URL
// parsers; compatible letters, whatever normalises to NFKC; script names, PHP; data routes, Next.js.
var transforms = []transform{
	{"decoded", decode},
	{"overlong UTF-8 decoded", decodeOverlong},
	{`\ as /`, backslash},
	{"params dropped", dropParams},
	{"dot segments resolved", resolveDots},
	{"// merged", mergeSlashes},
	{"host dropped", dropAuthority},
	{"cut at ?, # or NUL", cutRest},
	{"dots and blanks trimmed", trimTails},
	{"line ends and tabs dropped", dropLineEnds},
	{"compatible letters", compatible},
	{"script name dropped", dropScript},
	{"data route", dataRoute},
}

// Bounds on the work for one path: readings followed, and bytes of them all together.
const (
	maxReadings     = 64
	maxReadingBytes = 256 << 10
)

// plain says that a path has a single reading: lower-case letters, digits, dashes and single slashes.
func plain(p string) bool {
	if p == "" || p[0] != '/' {
		return false
	}
	for i := 1; i < len(p); i++ {
		c := p[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
		case c == '/' && p[i-1] != '/':
		default:
			return false
		}
	}
	return true
}

// visitReadings calls visit with each reading of a raw path once. It reports false when there are more than we follow;
// then the visited ones are not all there is.
func visitReadings(raw string, visit func(reading)) (complete bool) {
	var buf [8]reading
	// Letters beyond ASCII have no other spelling in a URL, so decoding them makes no second reading; rules are
	// written with the letters themselves.
	found := append(buf[:0], reading{path: decodeFrom(raw, utf8.RuneSelf)})
	bytes := len(raw)
	for i := 0; i < len(found); i++ {
		for _, tr := range transforms {
			p := tr.apply(found[i].path)
			if p == found[i].path || contains(found, p) {
				continue
			}
			if bytes += len(p); len(found) == maxReadings || bytes > maxReadingBytes {
				return false
			}
			found = append(found, reading{path: p, how: join(found[i].how, tr.name)})
		}
	}
	for _, rd := range found {
		visitForms(rd, visit)
	}
	return true
}

// visitForms visits a reading as it is, with its case ignored, and both again without a format suffix.
func visitForms(rd reading, visit func(reading)) {
	visit(rd)
	low := reading{path: fold(rd.path), folded: true, how: join(rd.how, "case ignored")}
	visit(low)
	for _, p := range withoutSuffix(rd.path) {
		visit(reading{path: p, cut: true, how: join(rd.how, "format suffix dropped")})
	}
	for _, p := range withoutSuffix(low.path) {
		visit(reading{path: p, folded: true, cut: true, how: join(low.how, "format suffix dropped")})
	}
}

func contains(found []reading, p string) bool {
	for i := range found {
		if found[i].path == p {
			return true
		}
	}
	return false
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + ", " + b
}

// decode undoes one layer of percent-encoding. What is not an escape stays.
func decode(p string) string { return decodeFrom(p, 0) }

// decodeFrom decodes the escapes of bytes from lowest upwards.
func decodeFrom(p string, lowest byte) string {
	if !strings.Contains(p, "%") {
		return p
	}
	out := make([]byte, 0, len(p))
	for i := 0; i < len(p); i++ {
		if p[i] == '%' && i+2 < len(p) && isHex(p[i+1]) && isHex(p[i+2]) {
			if c := unhex(p[i+1])<<4 | unhex(p[i+2]); c >= lowest {
				out = append(out, c)
				i += 2
				continue
			}
		}
		out = append(out, p[i])
	}
	return string(out)
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

// decodeOverlong reads ASCII out of two- to four-byte sequences, as careless UTF-8 decoders do: C0 AF is a slash.
func decodeOverlong(p string) string {
	if utf8.ValidString(p) {
		return p
	}
	out := make([]byte, 0, len(p))
	for i := 0; i < len(p); {
		c, n := overlong(p[i:])
		out = append(out, c)
		i += n
	}
	return string(out)
}

// overlong returns the ASCII byte at the start of s and how many bytes spell it; any other byte stands for itself.
func overlong(s string) (byte, int) {
	is := func(i int, want byte) bool { return len(s) > i && s[i] == want }
	tail := func(i int) bool { return len(s) > i && s[i]&0xC0 == 0x80 }
	switch {
	case (is(0, 0xC0) || is(0, 0xC1)) && tail(1):
		return s[0]&1<<6 | s[1]&0x3F, 2
	case is(0, 0xE0) && (is(1, 0x80) || is(1, 0x81)) && tail(2):
		return s[1]&1<<6 | s[2]&0x3F, 3
	case is(0, 0xF0) && is(1, 0x80) && (is(2, 0x80) || is(2, 0x81)) && tail(3):
		return s[2]&1<<6 | s[3]&0x3F, 4
	}
	return s[0], 1
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

// resolveDots removes . and .. segments as RFC 3986 section 5.2.4 does. Empty segments count as segments;
// mergeSlashes gives the other view.
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

// dropAuthority reads "//host/path" as a URL without scheme. Browsers' parsers skip any number of slashes before the
// host.
func dropAuthority(p string) string {
	if !strings.HasPrefix(p, "//") {
		return p
	}
	_, rest, _ := strings.Cut(strings.TrimLeft(p, "/"), "/")
	return "/" + rest
}

func cutRest(p string) string {
	if i := strings.IndexAny(p, "?#\x00"); i >= 0 {
		return rooted(p[:i])
	}
	return p
}

// trimTails removes dots, blanks and control characters at the end of each segment, and NUL anywhere. A dot segment
// only loses its blanks: what remains is resolveDots' business.
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

func isBlank(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// padded says whether some segment may end in a dot, or begin or end in a blank.
func padded(p string) bool {
	for i := range len(p) {
		c := p[i]
		if edge := i+1 == len(p) || p[i+1] == '/' || i > 0 && p[i-1] == '/'; edge && (c == '.' || c <= ' ' || c >= 0x7F) {
			return true
		}
	}
	return false
}

// dropLineEnds removes what URL parsers of browsers and Node ignore anywhere.
func dropLineEnds(p string) string {
	if !strings.ContainsAny(p, "\t\n\r") {
		return p
	}
	return strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(p)
}

// compatible is Unicode's compatibility form: full-width dots, slashes and letters become plain ones.
func compatible(p string) string {
	if ascii(p) {
		return p
	}
	return norm.NFKC.String(p)
}

// dropScript removes a front controller in front of the path it serves: /index.php/x is /x.
func dropScript(p string) string {
	i := strings.Index(strings.ToLower(p), ".php/")
	if i < 0 {
		return p
	}
	return p[:strings.LastIndexByte(p[:i], '/')+1] + p[i+len(".php/"):]
}

// dataRoute maps what Next.js fetches for a page to the page: /_next/data/<build>/x.json is /x, below any base path.
func dataRoute(p string) string {
	base, rest, ok := strings.Cut(p, "/_next/data/")
	_, page, more := strings.Cut(rest, "/")
	page, isJSON := strings.CutSuffix(page, ".json")
	if !ok || !more || !isJSON {
		return p
	}
	if page == "index" {
		page = ""
	}
	return base + "/" + page
}

func rooted(p string) string {
	if !strings.HasPrefix(p, "/") {
		return "/" + p
	}
	return p
}

// fold ignores case, and what Unicode calls compatible: full-width letters, the Kelvin sign, the long s.
func fold(p string) string {
	if ascii(p) {
		return strings.ToLower(p)
	}
	return strings.ToLower(strings.ToUpper(compatible(p)))
}

func ascii(p string) bool {
	for i := range len(p) {
		if p[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// withoutSuffix are the path's forms without a format suffix: /report.csv is /report, and of two suffixes one or both
// may go. A dot that starts the last segment starts no suffix.
func withoutSuffix(p string) []string {
	p = strings.TrimSuffix(p, "/")
	start := strings.LastIndexByte(p, '/') + 1
	last := p[start:]
	i, j := strings.LastIndexByte(last, '.'), 0
	if len(last) > 1 {
		j = strings.IndexByte(last[1:], '.') + 1
	}
	switch {
	case i <= 0:
		return nil
	case i == j:
		return []string{p[:start+i]}
	}
	return []string{p[:start+i], p[:start+j]}
}
