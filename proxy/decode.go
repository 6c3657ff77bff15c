package proxy

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// decode undoes one layer of percent-encoding. An invalid escape is left as it is.
func decode(p string) string { return decodeOnly(p, func(byte) bool { return true }) }

// decodeAllButSlashes decodes all escapes but %2f. With it, %2e%2e still goes up.
func decodeAllButSlashes(p string) string {
	return decodeOnly(p, func(c byte) bool { return c != '/' })
}

// decodeDotSegments reads %2e%2e as .. and leaves every other segment unchanged, as the URL parsers of browsers and
// Node do.
func decodeDotSegments(p string) string {
	if !strings.Contains(p, "%2e") && !strings.Contains(p, "%2E") {
		return p
	}
	return eachSegment(p, func(seg string) string {
		if dots := decodeOnly(seg, func(c byte) bool { return c == '.' }); dots == "." || dots == ".." {
			return dots
		}
		return seg
	})
}

// decodeOnly decodes the escapes of some bytes.
func decodeOnly(p string, which func(byte) bool) string {
	if !strings.Contains(p, "%") {
		return p
	}
	out := make([]byte, 0, len(p))
	for i := 0; i < len(p); i++ {
		if p[i] == '%' && i+2 < len(p) && isHex(p[i+1]) && isHex(p[i+2]) {
			if c := unhex(p[i+1])<<4 | unhex(p[i+2]); which(c) {
				out = append(out, c)
				i += 2
				continue
			}
		}
		out = append(out, p[i])
	}
	return string(out)
}

func plusAsBlank(p string) string { return strings.ReplaceAll(p, "+", " ") }

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

// decodeUnicode reads %u0064 as d, as IIS and ASP do.
func decodeUnicode(p string) string {
	if !strings.Contains(p, "%u") && !strings.Contains(p, "%U") {
		return p
	}
	var out strings.Builder
	for i := 0; i < len(p); i++ {
		if i+6 <= len(p) && p[i] == '%' && p[i+1]|0x20 == 'u' {
			if n, err := strconv.ParseUint(p[i+2:i+6], 16, 16); err == nil {
				out.WriteRune(rune(n))
				i += 5
				continue
			}
		}
		out.WriteByte(p[i])
	}
	return out.String()
}

// decodeOverlong reads ASCII from sequences of two to four bytes, as careless UTF-8 decoders do: C0 AF is a slash.
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

// overlong returns the ASCII byte at the start of s, and how many bytes encode it. Any other byte is returned as it
// is.
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

func dropBroken(p string) string { return strings.ToValidUTF8(p, "") }

// latin1 reads a path that is not valid UTF-8 byte by byte: /caf%E9 is /café.
func latin1(p string) string {
	if utf8.ValidString(p) {
		return p
	}
	out := make([]rune, len(p))
	for i := range len(p) {
		out[i] = rune(p[i])
	}
	return string(out)
}
