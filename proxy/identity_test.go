package proxy

import (
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/session"
)

const defaultHeaders = "X-Auth-User=id, X-Auth-Email=email, X-Auth-Email-Verified=email_verified, X-Auth-Name=name, " +
	"X-Auth-Roles=roles"

func TestClientsCannotSendIdentityInAnySpelling(t *testing.T) {
	t.Parallel()
	id, err := ParseIdentity(defaultHeaders, "X-Company-Secret")
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	for _, name := range []string{
		"X-Auth-User", "x-auth-user", "X_Auth_User", "X-Auth_User", "X.Auth.User", "X~Auth|User", "XAuthUser",
		"X-AUTH-ROLES", "X-Auth-Email-Verified",
		"Remote-User", "Remote_User", "REMOTE-GROUPS", "Remote-Addr", "X-Forwarded-User",
		"X_Forwarded_Email", "X-Forwarded-Groups",
		"X-Forwarded-Preferred-Username", "X-Forwarded-Prefix", "X-Forwarded-Uri", "X-Forwarded-Port",
		"X-Auth-Request-User", "X-Auth-Request-Access-Token",
		"X-Remote-User", "X-WebAuth-User", "X-Authentik-Username", "X-Authentik-Meta-Jwks", "X-Pomerium-Jwt-Assertion",
		"X-Token-Subject", "X-Token-User-Roles",
		"X-Real-IP", "X_Real_Ip", "Forwarded", "X-Original-URL", "X-Rewrite-Url", "X-HTTP-Method-Override",
		"X_Http_Method_Override", "X-Method-Override",
		"X-Middleware-Subrequest", "X-Middleware-Rewrite", "X-Invoke-Path", "X-Matched-Path", "X-Script-Name",
		"SCRIPT_NAME", "Path_Info", "X-Accel-Mapping", "Cf-Access-Authenticated-User-Email",
		"CF_ACCESS_JWT_ASSERTION", "Tailscale-User-Login", "X-Goog-Authenticated-User-Email",
		"X-MS-Client-Principal-Name", "X-Amzn-Oidc-Identity", "X-Authelia-User", "X-Astro-Path", "X-Sendfile-Type",
		"Front-End-Https", "Proxy", "X-Company-Secret", "x_company.secret",
		"X.Authenticated.User", "X-Remote-Group", "X-Vouch-User", "X-Kratos-Authenticated-Identity-Id", "Client-Ip",
		"True-Client-IP", "X-Original-Host", "Via",
		"Content_Length", "Transfer_encoding", "Contentlength", "Content.type", "X_Forwarded_For", "X.Request.Id",
		"Sec_Fetch_Site", "Co_okie",
	} {
		h[name] = []string{"admin"}
	}
	kept := []string{"X-Token", "X-Csrf-Token", "Authorization", "Accept", "X-Requested-With", "Traceparent", "X-Auth",
		"Content-Type", "Remote", "X-Authuser2",
		"Content-Length", "Transfer-Encoding", "Cookie", "Sec-Fetch-Site", "Te", "X_Custom", "Cf-Connecting-Ip"}
	for _, name := range kept {
		h[name] = []string{"mine"}
	}
	maps.DeleteFunc(h, func(name string, _ []string) bool { return id.strips(name) })
	for name, v := range h {
		if v[0] == "admin" {
			t.Errorf("%s got through", name)
		}
	}
	for _, name := range kept {
		if h[name] == nil {
			t.Errorf("%s was removed", name)
		}
	}
}

func TestIdentityHeadersAreAlwaysAllThere(t *testing.T) {
	t.Parallel()
	id, err := ParseIdentity("x-user=id, "+strings.ReplaceAll(defaultHeaders, "X-Auth-User=id, ", ""), "")
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	id.set(h, &session.Session{User: session.User{ID: "u1", Email: "ada@example.com",
		Name: "张伟 100%\r\nX-Auth-Roles: admin", Roles: []string{"user", "editor"}}})
	want := http.Header{
		"X-User": {"u1"}, "X-Auth-Email": {"ada@example.com"}, "X-Auth-Email-Verified": {"false"},
		"X-Auth-Name": {"%E5%BC%A0%E4%BC%9F 100%25%0D%0AX-Auth-Roles: admin"}, "X-Auth-Roles": {"user,editor"},
	}
	for name, v := range want {
		if got := h[name]; len(got) != 1 || got[0] != v[0] {
			t.Errorf("%s: got %q, want %q", name, got, v)
		}
	}
	if back, err := url.PathUnescape(h.Get("X-Auth-Name")); err != nil || !strings.HasPrefix(back, "张伟 100%\r\n") {
		t.Errorf("the name does not read back: %q, %v", back, err)
	}
	id.set(h, &session.Session{User: session.User{Name: strings.Repeat("ä", 5000)}})
	if n := len(h.Get("X-Auth-Name")); n != 600 {
		t.Errorf("a name of 5000 letters makes %d bytes", n)
	}
	if _, ok := h["X-Auth-Roles"]; !ok {
		t.Error("no roles, no header")
	}
}

// The app may be told at which level a session is, and when its user was last proved, by either factor.
func TestTheAppIsToldHowTheUserWasProved(t *testing.T) {
	t.Parallel()
	id, err := ParseIdentity("X-Auth-Level=level, X-Auth-Time=auth_time", "")
	if err != nil {
		t.Fatal(err)
	}
	first, second := time.Unix(1_700_000_000, 0), time.Unix(1_700_000_600, 0)
	for _, c := range []struct {
		proof       session.Proof
		level, time string
	}{
		{session.Proof{Methods: []session.Method{session.Password}, At: first}, "1", "1700000000"},
		{session.Proof{Methods: []session.Method{session.Password, session.Trusted}, At: first}, "1", "1700000000"},
		{session.Proof{Methods: []session.Method{session.Password, session.OTP}, At: first, SecondAt: second}, "2",
			"1700000600"},
		{session.Proof{Methods: []session.Method{session.Password, session.OTP}, At: second, SecondAt: first}, "2",
			"1700000600"},
	} {
		h := http.Header{}
		id.set(h, &session.Session{Proof: c.proof})
		if h.Get("X-Auth-Level") != c.level || h.Get("X-Auth-Time") != c.time {
			t.Errorf("%v: the headers are %v", c.proof, h)
		}
	}
	h := http.Header{"X-Auth-Level": {"2"}, "X_auth_time": {"1"}}
	if other, err := ParseIdentity(defaultHeaders, ""); err != nil {
		t.Fatal(err)
	} else {
		for name := range h {
			if !other.strips(name) {
				t.Errorf("a client's %s stays", name)
			}
		}
	}
}

func TestFaultyIdentityHeadersAreNamed(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"X-User", "X User=id", "=id", "X-User=password", "Cookie=id", "X-Forwarded-For=id",
		"X-User=id, X_User=email", "---=id", "X\r\n-User=id"} {
		if _, err := ParseIdentity(s, ""); err == nil || !strings.Contains(err.Error(), "GATEPOST_IDENTITY_HEADERS") {
			t.Errorf("%q: got %v", s, err)
		}
	}
	if _, err := ParseIdentity(defaultHeaders, "not a name"); err == nil {
		t.Error("a strip name with blanks is accepted")
	}
}

func TestTheClientAddressIsReadFromTheRight(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for _, c := range []struct {
		peer string
		xff  []string
		want string
	}{
		{"192.0.2.1:99", []string{"1.3.3.4"}, "192.0.2.1"}, // an untrusted peer is not believed
		{"10.1.1.1:99", nil, "10.1.1.1"},
		{"10.1.1.1:99", []string{"198.51.100.7"}, "198.51.100.7"},
		{"10.1.1.1:99", []string{"6.6.6.6, 198.51.100.7, 10.2.2.2"}, "198.51.100.7"},
		{"10.1.1.1:99", []string{"6.6.6.6", "198.51.100.7"}, "198.51.100.7"},
		{"10.1.1.1:99", []string{"10.3.3.3, 10.2.2.2"}, "10.1.1.1"}, // only proxies
		{"10.1.1.1:99", []string{"198.51.100.7, garbage"}, "10.1.1.1"},
		{"10.1.1.1:99", []string{""}, "10.1.1.1"},
		{"10.1.1.1:99", []string{"198.51.100.7:1234"}, "198.51.100.7"}, // as Azure's gateway writes it
		{"10.1.1.1:99", []string{"[2001:db9::7]:1234, [2001:db8::2]"}, "2001:db9::7"},
		{"10.1.1.1:99", []string{"6.6.6.6, 198.51.100.7:x"}, "10.1.1.1"},
		{"[::ffff:10.1.1.1]:99", []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		{"[2001:db8::1]:99", []string{"2001:db9::7"}, "2001:db9::7"},
		{"@", []string{"198.51.100.7"}, "invalid IP"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": c.xff}}
		if got := clientIP(r, trusted).String(); got != c.want {
			t.Errorf("%s, %q: got %s, want %s", c.peer, c.xff, got, c.want)
		}
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	public := &url.URL{Scheme: "http", Host: "gate.example"}
	for raw, want := range map[string]string{
		"/":                          "/",
		"/a?b=%zz;c&d=\"":            "/a?b=%zz;c&d=\"",
		"/a?":                        "/a?",
		"/a|b<c>\"d^e`{f}":           "/a|b<c>\"d^e`{f}",
		"/\xc3\xbc":                  "/\xc3\xbc",
		"//x/y":                      "//x/y",
		"//":                         "//",
		"/%2F%2f":                    "/%2F%2f",
		"http://gate.example/a?b":    "/a?b",
		"HTTP://GATE.example:80":     "/",
		"http://gate.example?x":      "/?x",
		"https://gate.example/a":     "",
		"http://evil.example/a":      "",
		"http://gate.example@evil/a": "",
		"http://gate.example:8080/a": "",
		"http:a":                     "",
		"http:/a":                    "",
		"*":                          "",
		"gate.example:80":            "",
		"":                           "",
		"/a#b":                       "",
		"/a\\b":                      "",
		"/a%":                        "",
		"/a%2":                       "",
		"/a%zz":                      "",
		"/a\x00":                     "",
		"/a\x7f":                     "",
		"/a b":                       "",
		"//x|y":                      "", // Go would rewrite it
	} {
		got, err := parseTarget(&http.Request{RequestURI: raw}, public)
		if (err == nil) != (want != "") || err == nil && got.String() != want {
			t.Errorf("%q: got %q, %v; want %q", raw, got.String(), err, want)
		}
	}
}

func TestUpstreamAddresses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"http://localhost:3000", "http://app", "https://app.example", "h2c://127.0.0.1:50051",
		"unix:///run/app.sock", "http://[::1]:3000", "http://localhost:3000/"} {
		if _, err := ParseUpstream(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, s := range []string{"", "localhost:3000", "ftp://x", "http://", "http://x/path", "http://x?q",
		"http://u:p@x", "unix://run/app.sock", "unix:", "http://x/#f", "://", "http://a b"} {
		if u, err := ParseUpstream(s); err == nil {
			t.Errorf("%q is accepted as %v", s, u)
		}
	}
}

// A name is reserved in every spelling that folds to the same.
func TestReservedInEverySpelling(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"X-Gatepost": true, "x_GATE.post-Verdict": true, "XGatepost2": true,
		"-X-Gatepost": true, "X-Gatepos": false, "X-Gate-Posh": false, "": false, "Gatepost": false, "XX-Gatepost": false} {
		if got := isReserved(name); got != want || got != strings.HasPrefix(foldName(name), reserved) {
			t.Errorf("%q: %t", name, got)
		}
	}
}
