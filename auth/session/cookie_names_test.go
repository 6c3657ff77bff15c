package session_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatepost/gatepost/auth/session"
)

type pair struct{ name, value string }

// cookieParsers are ways in which servers, and clients that get Set-Cookie, read cookies.
var cookieParsers = map[string]func(string) []pair{
	"RFC 6265":   func(s string) []pair { return pairs(strings.Split(s, ";")) },
	"commas too": func(s string) []pair { return pairs(regexp.MustCompile(`[;,]`).Split(s, -1)) },
	"commas and blanks too": func(s string) []pair {
		return pairs(regexp.MustCompile(`[;,\s]+`).Split(regexp.MustCompile(`\s*=\s*`).ReplaceAllString(s, "="), -1))
	},
	"into quotes": func(s string) []pair {
		return pairs(regexp.MustCompile(`[;,"\s]+`).Split(s, -1))
	},
	"case ignored": func(s string) []pair { return pairs(strings.Split(strings.ToLower(s), ";")) },
	"PHP":          php,
	"decoded before it is split": func(s string) []pair {
		return pairs(regexp.MustCompile(`[;,]`).Split(percent(s), -1))
	},
	"decoded twice": func(s string) []pair { return pairs(strings.Split(percent(percent(s)), ";")) },
	"without a name": func(s string) []pair {
		return pairs(strings.Split(strings.TrimLeft(s, "= "), ";"))
	},
	"any word before an equal sign": words,
}

func pairs(list []string) (out []pair) {
	for _, s := range list {
		name, value, _ := strings.Cut(s, "=")
		out = append(out, pair{strings.Trim(strings.TrimSpace(name), `"`), strings.TrimSpace(value)})
	}
	return out
}

func percent(s string) string {
	return regexp.MustCompile(`%[0-9a-fA-F]{2}`).ReplaceAllStringFunc(s, func(e string) string {
		b, _ := url.PathUnescape(e)
		return b
	})
}

// php urldecodes names, makes _ of blanks and dots, and an array of what has brackets.
func php(s string) (out []pair) {
	for _, p := range pairs(strings.Split(s, ";")) {
		name := strings.TrimLeft(percent(strings.ReplaceAll(p.name, "+", " ")), " ")
		name = strings.NewReplacer(" ", "_", ".", "_").Replace(name)
		name, _, _ = strings.Cut(strings.Replace(name, "[", "_", strings.Count(name, "[")-strings.Count(name, "]")),
			"[")
		out = append(out, pair{name, p.value})
	}
	return out
}

func words(s string) (out []pair) {
	for _, m := range regexp.MustCompile(`([\w.-]+)\s*=\s*([^;,\s"]+)`).FindAllStringSubmatch(s, -1) {
		out = append(out, pair{m[1], m[2]})
	}
	return out
}

// disguised is a name of ours, or of a helper, as one of these parsers would still know it.
func disguised(t *rapid.T, name string) string {
	name += rapid.SampledFrom([]string{"", "", "", "_left", "_known", "_x"}).Draw(t, "suffix")
	var out strings.Builder
	for i := range len(name) {
		switch how := rapid.IntRange(0, 30).Draw(t, "how"); {
		case how == 0:
			out.WriteString("%" + strings.ToUpper(
				string("0123456789abcdef"[name[i]>>4])+string("0123456789abcdef"[name[i]&15])))
		case how == 1:
			out.WriteString("%25" + string("0123456789abcdef"[name[i]>>4]) + string("0123456789abcdef"[name[i]&15]))
		case how == 2:
			out.WriteString(strings.ToUpper(name[i : i+1]))
		case how < 6 && name[i] == '_':
			out.WriteString(rapid.SampledFrom([]string{".", " ", "[", "+", "%2e", "%20"}).Draw(t, "underscore"))
		default:
			out.WriteByte(name[i])
		}
	}
	return out.String()
}

func lines(t *rapid.T, name string) string {
	var out strings.Builder
	for range rapid.IntRange(1, 8).Draw(t, "pieces") {
		if rapid.Bool().Draw(t, "ours") {
			equals := rapid.SampledFrom([]string{"=", " =", "= ", "=\t", `"=`, "[x]=", "[]="})
			out.WriteString(disguised(t, name) + equals.Draw(t, "equals") + aToken)
		} else {
			other := rapid.SampledFrom([]string{
				"a=1", "b", "", "$Version=1", `c="`, `"`, "d=x y", "e=%2C", "f=[1,2]", "=", "g.h=ä",
			})
			out.WriteString(other.Draw(t, "other"))
		}
		separator := rapid.SampledFrom([]string{
			";", "; ", ";;", ",", ", ", " ", "\t", `"`, "%3B", "%2c", "%20", ":", "{", "|", "&",
		})
		out.WriteString(separator.Draw(t, "separator"))
	}
	return out.String()
}

// found is what a parser knows one of our cookies by.
func found(line, name string) string {
	for how, parse := range cookieParsers {
		for _, p := range parse(line) {
			n, ours := strings.ToLower(p.name), strings.ToLower(name)
			if p.value != "" && (n == ours || strings.HasPrefix(n, ours+"_")) {
				return how
			}
		}
	}
	return ""
}

func TestNoParserFindsOurCookieInWhatTheAppGets(t *testing.T) {
	t.Parallel()
	for _, c := range []session.Cookie{{Name: "gatepost_8080"}, {Name: "__Host-gatepost", Secure: true}} {
		rapid.Check(t, func(t *rapid.T) {
			h := http.Header{
				"Cookie":   {lines(t, c.Name), lines(t, c.Name)},
				"X-Cookie": {"a=1, " + c.Name + "=" + aToken},
				"X-Other":  {"a=" + c.Name},
			}
			came := slices.Clone(h["Cookie"])
			c.Strip(h)
			for _, line := range append(h["Cookie"], strings.Join(h["Cookie"], "; ")) {
				if how := found(line, c.Name); how != "" {
					t.Fatalf("%q: read with %s, our cookie is in what is left: %q", came, how, line)
				}
			}
			if h["X-Cookie"] != nil || h["X-Other"] == nil {
				t.Fatalf("other headers: %q", h)
			}
		})
	}
}

func TestNoClientStoresOurCookieFromTheApp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := http.Header{"Set-Cookie": {lines(t, cookie.Name), "a=1; Path=/"}}
		cookie.DropSet(h)
		for _, line := range h["Set-Cookie"] {
			if how := found(line, cookie.Name); how != "" {
				t.Fatalf("read with %s: %q", how, line)
			}
		}
	})
}

// What is none of ours passes byte for byte, and a token is read from nowhere but a pair of its own.
func TestOtherCookiesPassByteForByte(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.StringMatching(`([a-zA-Z_.]{1,9}=[a-z0-9%,:"=&/+\[\]{}. -]{0,20}; ?){1,5}`).Draw(t, "line")
		h := http.Header{"Cookie": {line}, "X-A": {line}}
		if cookie.Strip(h); h.Get("Cookie") != line || h.Get("X-A") != line {
			t.Fatalf("%q became %q", line, h)
		}
	})
	for _, line := range []string{
		"xgatepost_8080=1", "a=x-gatepost_8080=1", "b=gatepost_8080", "gatepost_80801=1",
		"gatepost-8080=1", "gatepost_808=1", "gatepost_language=de", "a=1, gatepost_8080x=1",
	} {
		h := http.Header{"Cookie": {line}}
		if cookie.Strip(h); h.Get("Cookie") != line {
			t.Errorf("%q became %q", line, h["Cookie"])
		}
	}
	for _, line := range []string{
		"a=1," + "gatepost_8080=" + aToken,
		"a=1 gatepost_8080=" + aToken,
		`a="gatepost_8080=` + aToken + `"`,
		"gatepost.8080=" + aToken,
		"=gatepost_8080=" + aToken,
	} {
		if token, present := cookie.Read(http.Header{"Cookie": {line}}); token != "" || present {
			t.Errorf("%q was read", line)
		}
	}
}

// BenchmarkStripNamesOfHelpers is about a line in which the name of a helper seems to begin again and again, without an
// end: what a byte of it takes is not to grow with its length.
func BenchmarkStripNamesOfHelpers(b *testing.B) {
	for _, n := range []int{1 << 10, 64 << 10} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			line := "a=" + strings.Repeat("/"+cookie.Name+"_", n/(len(cookie.Name)+2))
			b.SetBytes(int64(len(line)))
			for b.Loop() {
				h := http.Header{"Cookie": {line}, "X-A": {line}}
				if cookie.Strip(h); h.Get("Cookie") != line {
					b.Fatal("it became something else")
				}
			}
		})
	}
}
