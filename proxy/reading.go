package proxy

import (
	"strings"
	"unicode/utf8"
)

// reading is what some upstream might read a path as. Servers, routers and frameworks differ in what they decode,
// clean and drop, so one path can mean several pages. The rules judge all of them.
type reading struct {
	path    string
	counted string // path before case was ignored
	folded  bool   // letter case is ignored, also in the rules
	loose   bool   // format suffixes are ignored: /page.json is /page, and /page may be the file page.html
	how     string // the transforms that led to the path, for explain
}

// Limits on the work for one path: the number of readings, and their bytes together.
const (
	maxReadings     = 64
	maxReadingBytes = 256 << 10
)

// plain reports whether a path has a single reading: lower-case letters, digits, dashes and single slashes, with no
// script at its start.
func plain(p string) bool {
	if p == "" || p[0] != '/' || strings.HasPrefix(p, "/index/") {
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

// visitReadings calls visit once for each reading of a raw path. It returns false when there are more readings than
// the limits allow, and some were not visited.
func visitReadings(raw string, visit func(reading)) (complete bool) {
	var buf [8]reading
	found := append(buf[:0], reading{path: lettersDecoded(raw)})
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

// lettersDecoded decodes letters beyond ASCII. This makes no second reading, as a URL has no other spelling for
// them. Rules are written with the letters themselves.
func lettersDecoded(raw string) string {
	for i := 0; i+1 < len(raw); i++ {
		if raw[i] == '%' && raw[i+1] >= '8' {
			return decodeOnly(raw, func(c byte) bool { return c >= utf8.RuneSelf })
		}
	}
	return raw
}

// visitForms visits a reading as it is and with case ignored, and both again with format suffixes ignored.
func visitForms(rd reading, visit func(reading)) {
	rd.counted = rd.path
	low := reading{path: fold(rd.path), counted: rd.path, folded: true, how: join(rd.how, "case ignored")}
	for _, form := range []reading{rd, low} {
		visit(form)
		form.loose, form.how = true, join(form.how, "format suffix ignored")
		visit(form)
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
