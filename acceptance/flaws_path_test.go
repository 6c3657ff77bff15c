package acceptance_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// The tables of flaws_*_test.go replay flaws of other gateways, each as the bytes that a hostile client would
// send to the real binary. A row carries its id: A1 to J6 name published flaws of gateways, bar_1 to bar_47 the
// cases of this project's threat model. docs/security.md lists all of them.

// siteRules are the rules that the rows are written for. Besides /dashboard and /admin there are pairs of paths
// that careless matching confuses.
var siteRules = []string{
	"GATEPOST_PROTECT=/dashboard, /admin=admin, /secret, /foo, /b, /backup, /api",
	"GATEPOST_PUBLIC=/foo/bar, /secret/public, /public, /allowed, /back, /api/status",
}

// disguises are spellings of protected pages. A visitor who is not signed in gets nothing for any of them.
var disguises = []struct {
	id      string
	targets []string
}{
	{"A1_O2P_CVE-2025-54576", []string{
		"/secret?x=/public/allowed", "/secret?/secret/public", "/secret?x=/../public", "/secret%3Fx=/secret/public",
		"/secret/public/../x?/secret/public", "/secret?next=/allowed",
		"/secret;/../secret", "/secret%3b", "/secret?%2fpublic", "/secret%3f%2f..%2fsecret%2fpublic",
	}},
	{"A2_O2P_CVE-2026-41059", []string{
		"/foo/secret%23/bar", "/foo/bar%23/../secret", "/foo/secret%2523/bar", "/foo/bar/..%23/x", "/foo%23/foo/bar",
		"/secret%23/public", "/secret/public%23/../../secret",
		"/public/..%2fsecret%23/public", "/foo/bar%23x", "/foo/bar%3fx",
	}},
	{"A4_O2P_CVE-2026-34457", []string{"/dashboard", "/admin", "/dashboard/healthz", "/secret/ping"}}, // agents
	{"A5_AUL_CVE-2021-32637", []string{"/dashboard/\x80", "/dashboard/\xff/x", "/dashboard%00", "/%00dashboard",
		"/dashboard/%80", "/dashboard/%00/../../public"}},
	{"A7_TIN_1055", []string{
		"/admin?foo=bar", "/admin/", "/foo/../admin", "/%61dmin", "/%2Fadmin", "//admin", "/allowed/../secret",
		"/secret?next=/allowed", "/allowed/%2e%2e/secret", "/allowed/..%2Fsecret",
	}},
	{"A9_OAT_CVE-2026-33494", []string{
		"/public/../admin/secrets", "/public/%2e%2e/admin", "/public/..%2fadmin", "/public/..;/admin",
		"/public%5c..%5cadmin", "/public/.%2e/admin", "/public/%2e./admin",
		"/public/..%5cadmin", "/public/..;a=b/admin", "/public/x/../../admin", "/public/%252e%252e/admin",
		"/public/..%252fadmin", "/public/..%00/admin", "/public/..%20/admin",
	}},
	{"A13_Caddy_CVE-2026-27587", []string{"/dash%62oard", "/dashb%6Fard", "/dashb%6fard", "/%44ashboard", "/api",
		"/api/", "/api/x", "/backup", "/backup/public", "/back/../backup", "/api/statusx"}},
	{"A14_Traefik_CVE-2023-47106", []string{
		"/a/..%2Fb/", "/a/%2E%2E/%2E%2E/b/", "/a/%252E%252E/%252E%252E/b/", "/a/..%2F..%2Fb", "/a/..;/b/",
		"/a/../b/%41%42%43//%2f/", "/a%2F..%2Fb", "/a/%2e%2e%2fb%2f",
		"/api/status/..%2f..%2fadmin", "/api/status../../../admin", "/a/..%c0%afb/", "/a/%2E%2E%5Cb",
	}},
	{"bar_1_slashes_and_dots", []string{
		"//dashboard", "///dashboard", "/./dashboard", "/x/../dashboard", "/dashboard//", "/.//dashboard",
		"/x//../dashboard", "//x/../dashboard", "/dashboard/.", "/dashboard/..%2fdashboard",
		"/x/./../dashboard", "/./././dashboard", "//dashboard//", "/x/y/../../dashboard", "/../dashboard",
		"/../../dashboard", "/public/./../dashboard",
	}},
	{"bar_2_encoded", []string{
		"/x/..%2fdashboard", "/x/%2e%2e/dashboard", "/%64ashboard", "/dashboard%2fsettings", "/%2fdashboard",
		"/%2Fdashboard", "/x%2f..%2fdashboard", "/%2e/dashboard", "/x/%2E%2E%2Fdashboard",
		"/%64%61%73%68%62%6f%61%72%64", "/dashboar%64/x", "/.%2fdashboard", "/%2f%2fdashboard",
	}},
	{"bar_3_encoded_again", []string{
		"/%2564ashboard", "/x/%252e%252e%252fdashboard", "/%252fdashboard", "/%25252564ashboard",
		"/x/..%25252fdashboard", "/x/%25%32%65%25%32%65/dashboard", "/%25%36%34ashboard",
		"/%c0%afdashboard", "/%e0%80%afdashboard", "/x/%c0%ae%c0%ae/dashboard",
		"/%ef%bc%8fdashboard", "/%ef%bd%84ashboard",
	}},
	{"bar_4_backslash", []string{"/x/..%5cdashboard", "/%5cdashboard", "/%5c%5cdashboard", "/x%5c..%5cdashboard",
		"/%255cdashboard", "/dashboard%5cx", "/public%5c..%5cdashboard"}},
	{"bar_5_params", []string{
		"/dashboard;x=1", "/x/..;/dashboard", "/;/dashboard", "/dashboard%3bx", "/;a=b/dashboard",
		"/dashboard;/../public", "/x;y/..;z/dashboard", "/dashboard;", "/%3b/dashboard",
		"/x/..%3b/dashboard", "/dashboard;jsessionid=1/x", "/public;/..;/dashboard",
	}},
	{"bar_6_case", []string{"/Dashboard", "/ADMIN", "/dAsHbOaRd/x", "/AdMiN", "/%44ASHBOARD",
		"/x/../DASHBOARD", "/DASHBOARD.JSON"}},
	{"bar_7_tails", []string{
		"/dashboard.", "/dashboard%20", "/dashboard%00", "/dashboard%0a", "/dashboard.json", "/dashboard..",
		"/dashboard%09", "/dashboard%0d%0a", "/dashboard.html.json", "/dashboard%00.png",
		"/dashboard.%00", "/dashboard%2e", "/dashboard%2ejson", "/dashboard%c2%a0", "/dashboard%e2%80%8b/../dashboard",
		"/dashboard%7f", "/dashboard/%20", "/%20dashboard", "/dash%0aboard",
		"/dashboard%3a%3a$DATA/../dashboard", "/dashboard.css", "/dashboard~/../dashboard",
	}},
	{"bar_8_targets", []string{"//x/dashboard", "//x@y/dashboard", "//evil.example:80/dashboard", "///x/dashboard",
		"/%2f/x/dashboard", "/%2fx/dashboard"}},
	{"bar_47_exempt_paths", []string{
		"/.gatepost/healthz/../../admin", "/login/../admin", "/login%2f..%2fadmin", "/account/../admin",
		"/account/%2e%2e/admin", "/account/..;/admin", "/.gatepost/..%2fadmin",
		"/.gatepost/healthz%2f..%2f..%2fadmin", "/account//../admin",
		"/.gatepost;/../admin", "/account;/../admin", "/signup/..%5cadmin",
		"/.gatepost/x/../../admin", "/account/./../admin", "/logout/../dashboard",
	}},
	{"nextjs_data_routes", []string{"/_next/data/b1/dashboard.json", "/_next/data/b1/dashboard/x.json",
		"/public/_next/data/b/../../../../dashboard", "/index.php/dashboard", "/x.php/dashboard"}},
}

// agents are the user agents that O2P_CVE-2026-34457 let in, and others that platforms send.
var agents = []string{"GoogleHC/1.0", "kube-probe/1.0", "kube-probe/1.31", "ELB-HealthChecker/2.0",
	"GoogleStackdriverMonitoring-UptimeChecks", "Mozilla/5.0 (compatible; Googlebot/2.1)"}

func TestDisguisedPathsAreRefusedToVisitorsWhoAreNotSignedIn(t *testing.T) {
	t.Parallel()
	l := newLane(t, siteRules...)
	for _, row := range disguises {
		t.Run(row.id, func(t *testing.T) {
			for _, target := range row.targets {
				l.refuses(t, l.request("GET "+target), 401)
				l.refuses(t, l.request("GET "+target, navigate), 303)
				l.refuses(t, l.request("HEAD "+target), 401)
				l.refuses(t, l.request("POST "+target, "Content-Length: 5")+"hello", 401)
			}
		})
	}
	t.Run("A4_O2P_CVE-2026-34457_agents", func(t *testing.T) {
		for _, agent := range agents {
			for _, target := range []string{"/dashboard", "/admin", "/healthz/../admin", "//dashboard"} {
				l.refuses(t, l.request("GET "+target, "User-Agent: "+agent), 401)
			}
		}
	})
}

// A8: the rule is decided on the same bytes as the path that the app receives. Each spelling of a signed-in
// user reaches the app unchanged, or not at all if one of its readings needs a role that the user lacks.
func TestDisguisedPathsReachTheAppByteForByteOrNotAtAll(t *testing.T) {
	t.Parallel()
	l := newLane(t, append(siteRules, "GATEPOST_SESSION_CACHE=0")...) // the test changes roles by SQL
	v := l.signIn(t)
	admin := func(target string) bool {
		return strings.Contains(strings.ToLower(target), "admin") || strings.Contains(target, "%61dmin")
	}
	for _, role := range []string{"user", "user,admin"} {
		_, err := authtest.Pool(t, l.database).Exec(t.Context(), `UPDATE gatepost."user" SET role = $1`, role)
		if err != nil {
			t.Fatal(err)
		}
		l.identity[4] = "X-Auth-Roles: " + role
		for _, row := range disguises {
			t.Run(fmt.Sprintf("A8_POM_CVE-2023-33189/%s/%s", role, row.id), func(t *testing.T) {
				for _, target := range row.targets {
					raw := l.request("GET "+target, l.cookie)
					if admin(target) && role == "user" {
						l.refuses(t, raw, 403)
						continue
					}
					l.passes(t, raw, l.forwarded("GET "+target, "", l.identity...))
				}
			})
		}
	}
	if r := v.fetch("/dashboard"); r.status != 200 {
		t.Errorf("afterwards: %d", r.status)
	}
}

// A path that only resembles a protected page is public, and reaches the app unchanged.
func TestPublicPathsReachTheAppByteForByte(t *testing.T) {
	t.Parallel()
	l := newLane(t, siteRules...)
	for _, row := range []struct {
		id      string
		targets []string
	}{
		{"A13_Caddy_CVE-2026-27588_whole_segments", []string{"/apix", "/backups", "/back", "/back/x", "/dashboards",
			"/administrator", "/secrets", "/bb"}},
		{"A10_CSEC_c320a62_children", []string{"/foo/bar", "/foo/bar/", "/foo/bar/child", "/public/",
			"/secret/public/x", "/api/status"}},
		{"A14_Traefik_CVE-2025-66490_nothing_is_stripped", []string{"/x../y", "/x/%41%42%43", "/a%2Fx",
			"/x/%2541", "/x;y=z", "/x..;"}},
		{"A15_Go_CVE-2022-2880", []string{
			"/x?ok=1;role=admin", "/x?a=%zz&x=1", "/x?a=%zz&user=1", "/x?a=1;b=2", "/x?", "/x??", "/x?a#b",
			"/x?/../admin", "/x?\xff\x80", "/x?a=%00", "/x?a=b%0d%0aX-Auth-User:admin", "/x?%",
			"/x?" + strings.Repeat("p&", 10_001), `/x?a=\..\admin`, "/x?next=//evil.example",
			"/x?a[]=1&a[]=2&__proto__[x]=1",
		}},
		{"bar_22_queries", []string{"/x?access_token=abc", "/x?_method=DELETE", "/x?a=b?c=d",
			"/x?&&&&", "/x?=;=&%25%25"}},
	} {
		t.Run(row.id, func(t *testing.T) {
			for _, target := range row.targets {
				for _, method := range []string{"GET", "HEAD", "PURGE"} {
					l.passes(t, l.request(method+" "+target), l.forwarded(method+" "+target, ""))
				}
			}
		})
	}
}

// climbs are paths that seem to lie below a public prefix, and do not.
var climbs = []struct {
	id      string
	targets []string
}{
	{"A10_CSEC_c320a62", []string{
		"/foo/../x", "/foo/%2e%2e/x", "/foo%2f..%2fx", "/foo/..%2fx", "/foo%2F%2e%2e%2Fx", "/foo/..", "/foo/%2e%2e",
		"/foox", "/foo.x/y", "/foo%2fx", "/foo;/../x", "/foo/..;/x", "/x/../foo/../x",
		"/foo/..%5cx", "/foo/%252e%252e/x", "/foo/../..//x", "/foo%00", "/foo%23", "/foo%3f", "/foo%20/../x",
		"/foo%2520", "/FOO/../x", "/assets/..%2findex.html", "/assets%2fapp.js",
	}},
	{"A10_CSEC_87d594b_methods", []string{"/hooks", "/hook%2f..", "/hook/../x", "/favicon.ico/../x", "/favicon",
		"/favicon.ico%2f..%2fx", "/x/favicon.ico"}},
}

// A10, with the recommended rules: everything is protected but a list of prefixes, and no path below a prefix
// leads out of it.
func TestAPublicPrefixDoesNotLeadOutOfItself(t *testing.T) {
	t.Parallel()
	l := newLane(t, "GATEPOST_PROTECT=/", "GATEPOST_PUBLIC=/foo, /assets, GET /hook, /favicon.ico")
	for _, row := range climbs {
		t.Run(row.id, func(t *testing.T) {
			for _, target := range row.targets {
				l.refuses(t, l.request("GET "+target), 401)
			}
		})
	}
	t.Run("A10_CSEC_c320a62_inside", func(t *testing.T) {
		for _, line := range []string{"GET /foo", "GET /foo/", "GET /foo/child", "POST /foo/x", "GET /foo/a%2Fb",
			"GET /assets/app.js", "GET /hook", "HEAD /hook", "GET /favicon.ico"} {
			l.passes(t, l.request(line), l.forwarded(line, "", framingOf(line)...))
		}
		for _, method := range []string{"POST", "get", "Get", "OPTIONS", "GETT"} {
			l.refuses(t, l.request(method+" /hook"), 401)
		}
	})
}

// framingOf returns the headers that Go adds to a request that could have a body and has none.
func framingOf(line string) []string {
	if strings.HasPrefix(line, "POST ") {
		return []string{"Content-Length: 0"}
	}
	return nil
}
