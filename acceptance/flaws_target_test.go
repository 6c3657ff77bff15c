package acceptance_test

import (
	"strings"
	"testing"
)

// Methods and targets that no browser sends are refused for every client, signed in or not, on public paths
// too.
func TestMethodsAndTargetsNoBrowserSends(t *testing.T) {
	t.Parallel()
	l := newLane(t, siteRules...)
	l.signIn(t)
	other := newWire(t)
	for _, row := range []struct {
		id    string
		lines []string
		want  []int
	}{
		{"bar_9_methods", []string{
			"TRACE /", "trace /", "TRACK /", "Trace /dashboard", "CONNECT /x/../dashboard", "CONNECT /",
			"CONNECT evil.example:443", "CONNECT localhost:80", "PRI /", "PRI * ", "connect /public",
		}, []int{405, 400}},
		{"bar_9_star", []string{"GET *", "OPTIONS *", "GET /*/../* x", "POST *"}, []int{400}},
		{"A16_CONNECT", []string{"CONNECT /dashboard", "CONNECT //dashboard", "CONNECT dashboard:80"}, []int{405, 400}},
		{"A5_AUL_CVE-2021-32637", []string{"GET /%", "GET /%zz", "GET /%2", "GET /dashboard/%zz", "GET /dashboard%",
			"GET /%%36%34ashboard", "GET /%u0064ashboard", "GET /public%"}, []int{400}},
		{"A12_POM_CVE-2021-39206", []string{"GET /dashboard#/public", "GET /public#/dashboard", "GET /dashboard#",
			"GET /#", "GET /public/#?x"}, []int{400}},
		{"bar_4_raw_backslash", []string{`GET /\dashboard`, `GET /x/..\dashboard`, `GET \dashboard`,
			`GET /public\..\admin`, `GET \\evil.example\x`, `GET /public\`}, []int{400}},
		{"bar_7_control_bytes", []string{"GET /dashboard\x00", "GET /\x01", "GET /dash\x0bboard", "GET /public\x7f",
			"GET /a\tb", "GET /public /dashboard", "GET  /dashboard", "GET /dashboard "}, []int{400}},
		{"bar_8_targets", []string{
			"GET http://evil.example/dashboard", "GET http:dashboard", "GET http:/dashboard", "GET http:///dashboard",
			"GET https://" + l.host + "/public", "GET http://" + l.host + "@evil.example/",
			"GET http://user@" + l.host + "/dashboard", "GET dashboard", "GET ?x", "GET evil.example:80",
			"GET javascript:alert(1)", "GET file:///etc/passwd", "GET http://" + l.host + ".evil.example/public",
			"GET ftp://" + l.host + "/public", "GET ../dashboard", "GET ", "GET //x|y",
			"GET http://" + l.host + "/pub#lic", "GET http://" + l.host + `\dashboard`, "GET //%zz/public",
		}, []int{400}},
		{"A1.3.6_never_another_back_end", []string{"GET " + other.url, "GET " + other.url + "/public", "POST " +
			other.url + "/dashboard"}, []int{400}},
	} {
		t.Run(row.id, func(t *testing.T) {
			for _, line := range row.lines {
				l.refuses(t, l.request(line), row.want...)
				l.refuses(t, l.request(line, l.cookie), row.want...)
				l.refuses(t, l.request(line, navigate, l.cookie), row.want...)
			}
		})
	}
	t.Run("bar_8_absolute_targets_for_ourselves", func(t *testing.T) {
		l.refuses(t, l.request("GET http://"+l.host+"/dashboard"), 401)
		l.refuses(t, l.request("GET http://"+l.host+"//dashboard"), 401)
		l.refuses(t, l.request("GET HTTP://"+strings.ToUpper(l.host)+"/x/../dashboard"), 401)
		l.passes(t, l.request("GET http://"+l.host+"/public?x"), l.forwarded("GET /public?x", ""))
		l.passes(t, l.request("GET http://"+l.host+"/dashboard", l.cookie),
			l.forwarded("GET /dashboard", "", l.identity...))
	})
	t.Run("bar_9_HTTP2_preface", func(t *testing.T) {
		for _, raw := range []string{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
			"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"} {
			for _, r := range l.send(t, raw) {
				if r.status < 400 {
					t.Errorf("%q: got %d", raw, r.status)
				}
			}
			l.saw(t, raw)
		}
		l.refuses(t, "GET /public HTTP/2.0\r\nHost: "+l.host+"\r\n\r\n", 505)
		l.refuses(t, "GET /public HTTP/3.0\r\nHost: "+l.host+"\r\n\r\n", 505)
	})
	t.Run("bar_9_old_HTTP", func(t *testing.T) {
		l.refuses(t, "GET /dashboard HTTP/1.0\r\n\r\n", 401)
		l.refuses(t, "GET /dashboard HTTP/1.2\r\nHost: x\r\nConnection: close\r\n\r\n", 401, 505)
		l.refuses(t, "GET /dashboard\r\n\r\n", 400)
		l.refuses(t, "GET /dashboard HTTP/0.9\r\n\r\n", 400, 401, 505)
		l.refuses(t, "GET /public HTTP/1.1\r\nConnection: close\r\n\r\n", 400) // no Host header
		l.refuses(t, "GET /public HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", 400)
		l.refuses(t, "GET /public HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n", 400)
		l.passes(t, "GET /public HTTP/1.0\r\n\r\n", l.forwarded("GET /public", ""))
	})
	if seen := other.take(); len(seen) != 0 {
		t.Errorf("A1.3.6: another server was asked for %q", seen)
	}
}

// The path alone decides, never the host or a header that names another path.
func TestHeadersDoNotMoveARequestUnderAnotherRule(t *testing.T) {
	t.Parallel()
	l := newLane(t, siteRules...)
	l.signIn(t)
	names := []string{
		"X-Forwarded-Uri", "x-forwarded-uri", "X_Forwarded_Uri", "X-Original-URI", "X-Original-URL", "X-Original-Url",
		"x-original-url", "X_Original_URL", "X-Rewrite-URL", "X-Rewrite-Url", "X.Rewrite.URL",
		"X-Forwarded-Path", "X-Forwarded-Prefix", "X-Forwarded-Method", "X-Forwarded-Host", "X-Forwarded-Server",
		"X-Forwarded-Proto", "X-Forwarded-Port",
	}
	for _, row := range []struct {
		id     string
		values []string
	}{
		{"A3_O2P_CVE-2026-40575", []string{"/public", "/allowed", "/", "http://" + l.host + "/public", "GET"}},
		{"A11_AUK_GHSA-5wcc-hf24-rf5h", []string{"/login", "/.gatepost/healthz", "/signup",
			"/api/auth/get-session", "/account/x"}},
		{"A17_TFA", []string{"/%zz", "%", "://", "http://[::1", "\x80", ""}},
	} {
		t.Run(row.id, func(t *testing.T) {
			for _, name := range names {
				for _, value := range row.values {
					l.refuses(t, l.request("GET /admin", name+": "+value), 401)
					l.refuses(t, l.request("GET /admin", name+": "+value, name+": "+value, l.cookie), 403)
				}
				l.refuses(t, l.request("GET /dashboard", name+": "+row.values[0],
					strings.ToLower(name)+": "+row.values[1]), 401)
				l.passes(t, l.request("GET /public", name+": "+row.values[0]), l.forwarded("GET /public", ""))
			}
		})
	}
	t.Run("bar_10_override_headers", func(t *testing.T) {
		for _, name := range names {
			for _, value := range []string{"/admin", "/dashboard", "//dashboard"} {
				l.passes(t, l.request("GET /", name+": "+value, strings.ToUpper(name)+": "+value),
					l.forwarded("GET /", ""))
			}
		}
	})
	t.Run("bar_11_method_override", func(t *testing.T) {
		for _, name := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override",
			"x_http_method_override", "X.HTTP.Method.Override"} {
			r := l.one(t, l.request("GET /logout", name+": POST", l.cookie, navigate))
			if r.status != 200 || r.header.Get("Set-Cookie") != "" {
				t.Errorf("%s: got %d %v", name, r.status, r.header)
			}
			l.one(t, l.request("GET /account/sessions/end-others", name+": POST", l.cookie))
			l.passes(t, l.request("GET /dashboard", name+": DELETE", l.cookie),
				l.forwarded("GET /dashboard", "", l.identity...))
		}
	})
	t.Run("A6_AUL_CVE-2026-48794_hosts", func(t *testing.T) {
		for _, host := range []string{
			"secure.ADMIN.example5.com", "APP.example.com", "app.example.com.", "app.example.com:443", "public",
			"PUBLIC.example:80", "[::1]:80", "evil.example", "", strings.ToUpper(l.host), l.host + ".", "127.0.0.1",
			"example.com.evil.tld", // E10: a part of the name does not match either
		} {
			l.refuses(t, "GET /dashboard HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n", 401)
			l.refuses(t, "GET /admin HTTP/1.1\r\nHost: "+host+"\r\nX-Forwarded-Host: public.example\r\n"+
				"Connection: close\r\n"+l.cookie+"\r\n\r\n", 403)
		}
	})
}

// The gate's own pages match by their exact bytes. Every other spelling belongs to the app, and reaches it
// unchanged.
func TestOnlyTheExactSpellingIsAnOwnPage(t *testing.T) {
	t.Parallel()
	l := newLane(t, "GATEPOST_PROTECT=/dashboard")
	l.signIn(t)
	for _, target := range []string{
		"/login/", "/Login", "/LOGIN", "//login", "/%6cogin", "/login;x", "/login%20", "/login.html", "/login%00",
		"/./login", "/x/../login", "/login/x", "/signup/", "/logout/", "/logout;", "/register/", "/accounts",
		"/account%2f", "/account%2fx", "/account/%2e%2e/x", "/account//x", "/account/..", "/account/./x", "/.gatepost",
		"/.gatepost/healthz/..", "/.gatepost/healthz%00", "/.Gatepost/healthz", "/.gatepost//healthz",
		"/.gatepost/%68ealthz", "/.gatepost/a;b", "/api/authors", "/api", "/healthz", "/ping", "/robots.txt",
		"/metrics", "/metrics/", "/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/readyz", "/status", "/ready",
		"/oauth2/start", "/.well-known/openid-configuration",
	} {
		id := "J6_Cosmos_CVE-2026-49446" + target
		if strings.HasPrefix(target, "/debug") || strings.HasPrefix(target, "/metrics") || target == "/readyz" {
			id = "J1_POM_CVE-2022-24797" + target
		}
		t.Run(id, func(t *testing.T) {
			l.passes(t, l.request("GET "+target), l.forwarded("GET "+target, ""))
			l.passes(t, l.request("GET "+target, l.cookie), l.forwarded("GET "+target, "", l.identity...))
		})
	}
	t.Run("J6_own_pages", func(t *testing.T) {
		for target, want := range map[string]int{"/login": 200, "/.gatepost/healthz": 200, "/signup": 200,
			"/account/nothing": 404, "/.gatepost/nothing": 404, "/api/auth/get-session": 200} {
			l.refuses(t, l.request("GET "+target), want)
		}
	})
}
