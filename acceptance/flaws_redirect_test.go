package acceptance_test

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// origin returns where a redirect to location from one of the gate's pages leads, by the WHATWG URL Standard:
// "" for the same origin, else the part of location that leads away.
func (l *lane) origin(location string) (elsewhere string) {
	s := strings.TrimFunc(location, func(r rune) bool { return r <= ' ' })
	s = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(s)
	slash := func(i int) bool { return len(s) > i && (s[i] == '/' || s[i] == '\\') }
	if i := strings.IndexAny(s, ":/\\?#"); i > 0 && s[i] == ':' { // a scheme
		rest, ok := strings.CutPrefix(strings.ToLower(s), "http://")
		if !ok {
			return s
		}
		if end := strings.IndexAny(rest, `/\?#`); end >= 0 {
			rest = rest[:end]
		}
		if rest != l.host {
			return s
		}
		return ""
	}
	if slash(0) && slash(1) {
		return s
	}
	return ""
}

// hostile returns values of next that lead to another site, or would with a careless check: whatever browsers
// skip, decode or read as a slash, in front of every kind of host.
func (l *lane) hostile() []string {
	port := l.host[strings.LastIndexByte(l.host, ':'):]
	starts := []string{
		"", "/", "//", "///", "////", `/\`, `\/`, `\\`, `\`, `//\`, `/\/`, `\/\/`, "/\t/", "\t//", "/\n/", "/\r/",
		"/\r\n/", "/\v/", "/\f/", "/\x00/", "\x00//", "\x01//", "\x1f//", " //", "  /\t/",
		"\u00a0//", "\u2028//", "\u3000/",
		"/\u00ad/", "/\ufeff/", "\ufeff//", "/.//", "/./", "/..//", "/../", "/./../../", `/./\`, `/./../../\`, "/;//",
		"/;@", "/%09/", "/%0a/", "/%0d%0a/", "/%00/", "/%5c", "%5c%5c", "/%2f", "%2f%2f", "%2f", "/%2f/",
		"/%252f", "//%2f", "//%5c",
		"https:", "https:/", "https://", "https:///", "http:", `http:\\`, `http:/\`, "HTTPS://", "hTTp:/", "//ok@",
		"//ok:x@", "https://ok@", "http://" + l.host + "@", "http://" + l.host + ".",
		"http://" + l.host + `\@`, "//" + l.host + "@",
		"//localhost" + port + ".", "http://localhost.", "ftp://", "//user:pw@", "/x://", "x://", "://", ":", "@", ".",
		"//.", "?//", "#//", "/?//", "javascript://", "\tjavascript:", "java\nscript:", "data:text/html,",
		"vbscript:", "blob:", "file:///",
		"view-source:", "mailto:", "/\\/\\", "/\u2044", "/\uff0f", "\uff0f\uff0f", "/\u2215", "\u29f8\u29f8",
	}
	hosts := []string{"evil.example", "evil.example:80", "[::1]:80", "ⓔvil。example",
		"localhost" + port + ".evil.example"}
	ends := []string{"", "/dashboard", "/%2f..", "?x#y", "//", `\..`}
	var list []string
	for _, start := range starts {
		for _, host := range hosts {
			for _, end := range ends {
				list = append(list, start+host+end)
			}
		}
	}
	return append(list, "javascript:alert(document.domain)//", "data:text/html;base64,PHNjcmlwdD4=",
		"/x\r\nSet-Cookie: a=b", "/x%0d%0aSet-Cookie:a=b", "/x\r\n\r\n<script>alert(1)</script>",
		strings.Repeat("/", 5000), "/"+strings.Repeat("a", 20_000))
}

func TestNextNeverLeadsToAnotherSite(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	v := l.signIn(t)
	for _, next := range l.hostile() {
		r := v.open("/login?next=" + url.QueryEscape(next))
		if away := l.origin(r.location()); r.status != 303 || away != "" ||
			strings.ContainsAny(r.location(), "\r\n\x00") {
			t.Errorf("bar_39: next=%q: %d to %q", next, r.status, r.location())
		}
		if len(r.header.Values("Set-Cookie")) != 0 {
			t.Errorf("bar_23: next=%q: sets %q", next, r.header.Values("Set-Cookie"))
		}
	}
}

// Each path through the forms, with the values of the rows. The values are kept in the form only.
func TestNextThroughTheForms(t *testing.T) {
	t.Parallel()
	l := newLane(t, "GATEPOST_HOME=/home")
	l.signIn(t)
	for _, row := range []struct{ id, next, want string }{
		{"D1_O2P_CVE-2017-1000070", "//evil.com", "/home"},
		{"D2_O2P_CVE-2020-5233", `/\evil.com`, "/home"},
		{"D3_O2P_CVE-2020-11053", "/%09/evil.com", "/%09/evil.com"}, // encoded, it is a path of this site
		{"D4_O2P_CVE-2020-4037_tabs", "/\t/\t\\evil.com", "/home"},
		{"D4_O2P_CVE-2020-4037_dot", `/./\evil.com`, "/home"},
		{"D4_O2P_CVE-2020-4037_dots", `/./../../\evil.com`, "/home"},
		{"D4_O2P_CVE-2020-4037_VT", "/\v/evil.com", "/home"},
		{"D5_TIN_d67c3ab8", "https://malicious-example.com", "/home"},
		{"D5_AUK_CVE-2024-52289", "http://" + l.host + ".evil.tld", "/home"},
		{"D8_CSEC_CVE-2024-21496_javascript", "javascript:alert(document.domain)//", "/home"},
		{"D8_CSEC_CVE-2024-21497_data", "data:text/html,x", "/home"},
		{"D8_vbscript", "vbscript:msgbox", "/home"},
		{"D11_VOU_nested", "https://ok.example/?x=https://evil.example", "/home"},
		{"D11_VOU_user", "https://ok@evil.com", "/home"},
		{"D11_nested_in_a_query_of_ours", "/go?x=https://evil.example", "/go?x=https://evil.example"},
		{"bar_23_CRLF", "/x\r\nSet-Cookie: a=b", "/home"},
		{"bar_23_encoded_CRLF", "/x%0d%0aSet-Cookie:a=b", "/x%0d%0aSet-Cookie:a=b"},
		{"bar_39_control", "\x01//evil.example", "/home"},
		{"bar_39_scheme_without_slashes", "https:evil", "/home"},
		{"A3.3.5_10_kB", "/" + strings.Repeat("a", 10_000), "/" + strings.Repeat("a", 10_000)},
		{"our_own_origin_in_full", "http://localhost/x", "/home"},
		{"a_page", "/dashboard?tab=2#x", "/dashboard?tab=2#x"},
	} {
		t.Run(row.id, func(t *testing.T) {
			v := l.visitor(t)
			r := v.post("/login?next=//evil.example", "email", "ada@example.com", "password",
				password, "next", row.next)
			if r.status != 303 || r.location() != row.want {
				t.Errorf("login: %d to %q, want %q", r.status, r.location(), row.want)
			}
			for _, c := range r.header.Values("Set-Cookie") {
				if !strings.HasPrefix(c, l.cookieName()+"=") && !strings.HasPrefix(c, l.cookieName()+"_known=") {
					t.Errorf("login sets %q", c)
				}
			}
			out := l.visitor(t)
			for _, page := range []string{"/login", "/signup", "/register"} {
				r := out.open(page + "?next=" + url.QueryEscape(row.next))
				if away := l.origin(r.location()); away != "" || len(r.header.Values("Set-Cookie")) != 0 {
					t.Errorf("%s: to %q, sets %q", page, away, r.header.Values("Set-Cookie"))
				}
				if row.want == "/home" && strings.Contains(r.body+r.location(), "evil") {
					t.Errorf("%s carries it on:\n%s", page, r.body)
				}
			}
			// D9
			if r := out.post("/login", "email", "ada", "password", "x", "next", row.next); r.status != 422 ||
				r.location() != "" {
				t.Errorf("a failed login: %d to %q", r.status, r.location())
			}
			// D6
			for _, page := range []string{"/logout", "/logout?rd=" + url.QueryEscape(row.next), "/logout?next=" +
				url.QueryEscape(row.next)} {
				to := row.want
				if to == "/home" {
					to = "/login"
				}
				if r := out.post(page, "next", row.next, "rd", row.next); r.status != 303 || r.location() != to {
					t.Errorf("%s: %d to %.200q, want %.200q", page, r.status, r.location(), to)
				}
			}
			if r := out.post("/logout", "rd", row.next); r.location() != "/login" {
				t.Errorf("a field that is none of ours leads to %.200q", r.location())
			}
		})
	}
	t.Run("D11_VOU_two_of_them", func(t *testing.T) {
		r := l.one(t, l.request("GET /login?next=/a&next=//evil.example", l.cookie, navigate))
		if r.location() != "/a" {
			t.Errorf("got %q", r.location())
		}
		r = l.one(t, l.request("GET /login?next=//evil.example&next=/a", l.cookie, navigate))
		if r.location() != "/home" {
			t.Errorf("got %q", r.location())
		}
		body := "email=ada%40example.com&password=x&next=/a&next=//evil.example"
		l.refuses(t, l.form("/login", body), 400)
	})
}

// form returns a post of one of the gate's forms, as a program would send it.
func (l *lane) form(path, body string, headers ...string) string {
	return l.request("POST "+path, append(headers, "Content-Type: application/x-www-form-urlencoded",
		"Content-Length: "+strconv.Itoa(len(body)))...) + body
}

// No Location contains text that a stranger sent in Host or a forwarded header.
func TestNoLocationComesFromAHeader(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	l.signIn(t)
	headers := []string{
		"X-Forwarded-Host: evil.domain", "X-Forwarded-Proto: evil_protocol", "X-Forwarded-Port: 1",
		"X-Forwarded-Prefix: //evil.domain", "Forwarded: host=evil.domain;proto=javascript",
		"X-Original-URL: //evil.domain",
		"X-Host: evil.domain", "X-Forwarded-Server: evil.domain", "Origin: " + l.url,
		"Referer: javascript:alert(document.domain)//evil.domain",
	}
	hosts := []string{"evil.domain", "evil.domain:80", l.host + ".evil.domain", "evil.domain@" + l.host,
		"127.0.0.1.evil.domain", "127.0.0.1@evil.domain", "127.0.0.1:1", "[::1]", "x.localhost", "[::1]evil.domain",
		"127.0.0.1:80evil.domain", ""}
	credentials := "email=ada%40example.com&password=" + url.QueryEscape(password)
	for _, host := range append(hosts, l.host) {
		t.Run("C4_CSEC_CVE-2024-21498/"+host, func(t *testing.T) {
			for _, raw := range []string{
				l.request("GET /dashboard", append(headers, navigate)...),
				l.request("GET //evil.domain/dashboard", append(headers, navigate)...),
				l.request("GET //evil.domain/../dashboard?x", append(headers, navigate)...),
				l.request("POST /dashboard", append(headers, navigate, "Content-Length: 0")...),
				l.request("GET /register?next=/x", append(headers, navigate)...),
				l.request("GET /logout", append(headers, navigate)...),
				l.request("GET /account", append(headers, navigate)...),
				l.request("GET /login", append(headers, navigate, l.cookie)...),
				l.request("GET //evil.domain/public", append(headers, navigate)...),
				l.form("/login", credentials, headers...),
			} {
				raw = strings.Replace(raw, "Host: "+l.host, "Host: "+host, 1)
				r := l.one(t, raw)
				if away := l.origin(r.location()); away != "" {
					t.Errorf("%.200q: %d to %q", raw, r.status, r.location())
				}
				if strings.Contains(r.body, "javascript:") ||
					r.status != 200 && r.status != 303 && r.status != 400 && r.status != 403 {
					t.Errorf("%.200q: %d %.300s", raw, r.status, r.body)
				}
				l.app.take()
			}
		})
	}
	t.Run("D8_Referer", func(t *testing.T) {
		for _, referer := range []string{
			"javascript:alert(document.domain)//", "https://evil.example/x", "//evil.example", "data:text/html,x",
			"http://" + l.host + "//evil.example/x", "http://" + l.host + `/\evil.example`, "http://" +
				l.host + "@evil.example/x",
			"http://" + l.host + "/\t/evil.example", "http://" + l.host + "/%0d%0aX:y", "http://" + l.host, "http://" +
				l.host + "?x=//evil", "http:" + l.host,
		} {
			r := l.one(t, l.request("POST /dashboard/save", navigate, "Referer: "+referer, "Content-Length: 0"))
			u, err := url.Parse(r.location())
			if r.status == 400 { // not a valid header
				continue
			}
			if err != nil || u.Path != "/login" || l.origin(r.location()) != "" ||
				l.origin(u.Query().Get("next")) != "" {
				t.Errorf("%q: %d to %q", referer, r.status, r.location())
			}
		}
	})
	t.Run("bar_39_the_page_asked_for", func(t *testing.T) {
		for _, target := range []string{"//evil.example/dashboard", "///evil.example/dashboard",
			"//evil.example/../dashboard", "/dashboard?next=//evil.example", "//dashboard", "/dashboard//evil.example",
			"/dashboard/%5cevil.example"} {
			r := l.refuses(t, l.request("GET "+target, navigate), 303)
			u, err := url.Parse(r.location())
			if err != nil || u.Path != "/login" || l.origin(u.Query().Get("next")) != "" {
				t.Fatalf("%s: to %q", target, r.location())
			}
			r = l.visitor(t).post("/login", "email", "ada@example.com", "password", password,
				"next", u.Query().Get("next"))
			if r.status != 303 || l.origin(r.location()) != "" ||
				!slices.Contains([]string{"/", target}, r.location()) {
				t.Errorf("%s: logged in to %q", target, r.location())
			}
		}
	})
}
