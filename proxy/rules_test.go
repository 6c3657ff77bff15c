package proxy

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func mustRules(t testing.TB, protect, public string) Rules {
	t.Helper()
	r, err := ParseRules(protect, public)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// describe puts an Access into a word: public, user, or the roles.
func describe(a Access) string {
	switch {
	case a.Public:
		return "public"
	case len(a.Roles) == 0:
		return "user"
	}
	var all []string
	for _, roles := range a.Roles {
		all = append(all, strings.Join(roles, "|"))
	}
	return strings.Join(all, "&")
}

func TestRulesDecideByTheLongestPrefix(t *testing.T) {
	t.Parallel()
	r := mustRules(t, "/dashboard, /api, POST|PUT /forms, /admin=admin|owner, /admin/help, DELETE /shop=keeper", "GET /api, /api/status, /dashboard/demo")
	for _, c := range []struct{ method, path, want string }{
		{"GET", "/", "public"},
		{"GET", "/dashboards", "public"},
		{"GET", "/dashboard", "user"},
		{"GET", "/dashboard/", "user"},
		{"GET", "/dashboard/x", "user"},
		{"GET", "/dashboard/demo", "public"},
		{"GET", "/dashboard/demo/x", "public"},
		{"GET", "/dashboard/demos", "user"},
		{"GET", "/api/items", "public"},
		{"HEAD", "/api/items", "public"},
		{"POST", "/api/items", "user"},
		{"get", "/api/items", "user"}, // an app may take it for something else
		{"POST", "/api/status", "public"},
		{"POST", "/forms", "user"},
		{"post", "/forms", "user"}, // or for POST
		{"GET", "/forms", "public"},
		{"GET", "/admin", "admin|owner"},
		{"GET", "/admin/help", "user"},
		{"DELETE", "/shop/1", "keeper"},
		{"GET", "/shop/1", "public"},
	} {
		if got := describe(r.For(c.method, c.path)); got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.method, c.path, got, c.want)
		}
	}
}

func TestOfEqualRulesTheOneThatNamesTheMethodWinsThenProtect(t *testing.T) {
	t.Parallel()
	r := mustRules(t, "/a, /b, POST /c", "GET /a, /b, /c")
	for _, c := range []struct{ method, path, want string }{
		{"GET", "/a", "public"}, {"POST", "/a", "user"},
		{"GET", "/b", "user"},
		{"GET", "/c", "public"}, {"POST", "/c", "user"},
	} {
		if got := describe(r.For(c.method, c.path)); got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.method, c.path, got, c.want)
		}
	}
}

func TestFaultyRulesAreNamedAllAtOnce(t *testing.T) {
	t.Parallel()
	_, err := ParseRules("dashboard, /api/*, GETT /x, get /y, /a=bad role, /b%20c, /x//y, /x/../y, /dup, /dup", "/p=admin, /ok")
	if err == nil {
		t.Fatal("no error")
	}
	for _, s := range []string{",", " , ,"} {
		if _, err := ParseRules(s, ""); err == nil {
			t.Errorf("%q is accepted and protects nothing", s)
		}
	}
	for _, part := range []string{`"dashboard"`, `"/api/*"`, `"get /y"`, `"/a=bad role"`, `"/b%20c"`, `"/x//y"`, `"/x/../y"`, `"/dup"`, `GATEPOST_PUBLIC: rule "/p=admin"`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not quote %s", part)
		}
	}
	if strings.Contains(err.Error(), `"/ok"`) {
		t.Error("the error quotes a rule that is right")
	}
}

// Every spelling of a protected page that some upstream reads as that page.
func TestNoSpellingOfAProtectedPageIsPublic(t *testing.T) {
	t.Parallel()
	r := mustRules(t, "/dashboard, /admin=admin, /files/report.html, /über", "/public, /favicon.ico")
	for _, p := range []string{
		"/dashboard", "//dashboard", "///dashboard", "/./dashboard", "/x/../dashboard", "/dashboard//", "/x/..%2fdashboard",
		"/x/%2e%2e/dashboard", "/x/%2e%2e%2fdashboard", "/%64ashboard", "/dash%62oard", "/dashboard%2fsettings", "/%2fdashboard",
		"/%2564ashboard", "/x/%252e%252e%252fdashboard", "/%25252564ashboard", "/x/..%5cdashboard", "/%5cdashboard",
		"/dashboard;x=1", "/x/..;/dashboard", "/x/..;a=b/dashboard", "/;/dashboard", "/dashboard%3bx", "/;a=b/dashboard",
		"/Dashboard", "/DASHBOARD", "/dashboard.", "/dashboard%20", "/dashboard%00", "/dashboard%00.html", "/dashboard%0a", "/dashboard%09",
		"/dashboard.json", "/dashboard.tar.gz", "/Dashboard.JSON", "/dashboard.json/", "//x/dashboard", "//x@y/dashboard", "/%2f/x/dashboard",
		"/x/%c0%ae%c0%ae/dashboard", "/x/..%c0%afdashboard", "/%e0%80%afdashboard", "/%c1%a4ashboard", "/x/%f0%80%80%ae%f0%80%80%ae/dashboard",
		"/dashboard%23/public", "/dashboard%3f/public", "/public/../dashboard", "/public/%2e%2e/dashboard", "/public/..;/dashboard",
		"/public/..%2f..%2fdashboard", "/_next/data/build1/dashboard.json", "/_next/data/build1/dashboard/x.json", "/docs/_next/data/b/../../../../dashboard",
		"/x/.. /dashboard", "/x/..%20/dashboard", "/%ef%bd%84ashboard", "/dashboard.%20.", "/x//../dashboard", "/x/y/../../dashboard",
		"/index.php/dashboard", "/x/Index.PHP/../dashboard", "/index.php/../dashboard", "/dash%09board", "/dash%0d%0aboard", "/dashboard%1f", "/dashboard%7f",
		"/dashboard%c2%85", "/dashboard%c2%a0", "/dashboard%e3%80%80", "/%20dashboard", "/x/%EF%BC%8E%EF%BC%8E/dashboard", "/%EF%BC%8Fdashboard", "/x/..%EF%BC%8Fdashboard",
		"/x/../dashboard;y/../../..", "/dashboard::$DATA", "/dashboard:$I30:$INDEX_ALLOCATION/x", "/%25u0064ashboard", "/x/%25u002e%25u002e/dashboard", "/dashboard.php/x", "/x.aspx/dashboard",
		"/page-data/dashboard/page-data.json", "/base/page-data/../../dashboard", "/ADM%C4%B0N", "/adm%C4%B1n", "/dashboard.rsc", "/dashboard.segments/_tree.segment.rsc", "/u%CC%88ber", "/files/report", "/files/report/", "/files/report.php",
		"/favicon.ico/../dashboard", "/favicon.ico%2f..%2fdashboard", "/public//../dashboard", "/a/b/c/../../../dashboard/",
		"/a%2fb/%2e%2e/dashboard", "/a%2fb/.%2E/dashboard", "/dashboard+", "/+dashboard/x", "/%64ashboard+/", "/dashboard%2b", "/index/dashboard", "/Index/%64ashboard",
		"/(S(lit3py55t21z5v55vlm25s55))/dashboard", "/(A(x)S(y))/dashboard/z", "/x/(F(a))/../dashboard", "/%28S%28x%29%29/dashboard", "/(S(x))/(S(y))/dashboard",
		"/d%C3%A1shboard", "/dashbo%C3%A4rd", "/DASHBO%C3%84RD", "/%C3%A0dmin", "/a%2fb%5c..%5cdashboard%5csecret.html", "/uber",
		"/dash%ffboard", "/dashboard%80", "/%c3dashboard", "/%FCber", "/public/index.php/dashboard", "/a/b/app.wsgi/dashboard/x",
	} {
		if a := r.For("GET", p); a.Public {
			t.Errorf("%s is public", p)
		}
	}
}

// A rule that names a file covers what servers take for that file, and not what only begins like it.
func TestARuleForAFileCoversItsOtherNames(t *testing.T) {
	t.Parallel()
	r := mustRules(t, "/admin.php, /members/index.html, /report.html", "")
	for p, public := range map[string]bool{
		"/admin.php": false, "/admin": false, "/admin/x": false, "/admin.php/x/y": false, "/admin.php5/x": false, "/admins": true, "/administrator/x": true,
		"/members": false, "/members/": false, "/members/index": false, "/members/index.php": false, "/members/ada": true, "/member": true,
		"/report": false, "/report.pdf": false, "/report/2026": true, "/reports": true, "/": true,
	} {
		if a := r.For("GET", p); a.Public != public {
			t.Errorf("%s: public is %v", p, a.Public)
		}
	}
	wiki := mustRules(t, "/wiki/Secret_Page, /c++", "")
	for _, p := range []string{"/wiki/Secret%20Page", "/wiki/Secret+Page", "/wiki/secret%01page", "/c++", "/C%2b%2B/x"} {
		if wiki.For("GET", p).Public {
			t.Errorf("%s is public", p)
		}
	}
	if mustRules(t, "/index.html", "").For("GET", "/").Public {
		t.Error("the root is public although its file is protected")
	}
}

func TestEachReadingsRolesAreNeeded(t *testing.T) {
	t.Parallel()
	r := mustRules(t, "/, /admin=admin, /shop=keeper", "/assets")
	for p, want := range map[string]string{
		"/Admin":               "admin",
		"/shop/../admin":       "keeper&admin",
		"/shop/%2e%2e/admin":   "keeper&admin",
		"/assets/../admin":     "admin",
		"/admin/../shop":       "admin&keeper",
		"/x/..;/admin":         "admin",
		"/assets/app.js":       "public",
		"/assets/a%2Fb.js":     "public",
		"/assets%2Fapp.js":     "user", // to an app that does not decode, a page of its own
		"/assets/..%2fprivate": "user",
	} {
		if got := describe(r.For("GET", p)); got != want {
			t.Errorf("%s: got %s, want %s", p, got, want)
		}
	}
}

// Readings transform the rules too, so that an exception that ends in a format suffix works.
func TestExceptionsUnderProtectEverythingWork(t *testing.T) {
	t.Parallel()
	r := mustRules(t, "/", "/favicon.ico, /robots.txt, /API, /v1.2, /_next, /.well-known, /über")
	for p, want := range map[string]string{
		"/favicon.ico": "public", "/robots.txt": "public", "/API/x": "public", "/API": "public", "/v1.2/items": "public", "/v1.2": "public",
		"/v1.2/a.json": "public", "/.well-known/security.txt": "public", "/_next/static/chunks/a-B1.js": "public",
		"/%C3%BCber": "public", "/%C3%BCber/x": "public",
		"/favicon": "user", "/favicon.png": "user", "/api": "user", "/_next/data/b/secret.json": "user", "/favicon.ico/x": "public",
	} {
		if got := describe(r.For("GET", p)); got != want {
			t.Errorf("%s: got %s, want %s", p, got, want)
		}
	}
}

func TestHostileAndLongPathsCostLittle(t *testing.T) {
	t.Parallel()
	r := mustRules(t, "/private, /admin=admin", "")
	long := "/public/" + strings.Repeat("abc/", 10_000)
	if a := r.For("GET", long); !a.Public {
		t.Error("a long path that means one thing is not public")
	}
	for _, p := range []string{
		"/" + strings.Repeat("%25", 20_000) + "41",
		"/" + strings.Repeat("%2e%2e;%2f", 6_000),
		"/" + strings.Repeat("/./..;a/%5c%00.", 4_000),
	} {
		visited := 0
		visitReadings(p, func(reading) { visited++ })
		if visited > 6*maxReadings {
			t.Errorf("%.30s…: %d readings", p, visited)
		}
	}
	endless := "/%" + strings.Repeat("25", 200) + "41"
	if got := describe(r.For("GET", endless)); got != "admin" {
		t.Errorf("a path with more readings than we follow: got %s, want every rule's roles", got)
	}
}

func FuzzRules(f *testing.F) {
	f.Add("/dashboard, GET|POST /api=a|b", "GET /x, /y", "GET", "/dashboard")
	f.Add("/, /A=b", "/favicon.ico", "HEAD", "/%2e%2e/FAVICON.ico;x")
	f.Fuzz(func(t *testing.T, protect, public, method, raw string) {
		r, err := ParseRules(protect, public)
		if err != nil {
			return
		}
		start := time.Now()
		a := r.For(method, "/"+raw)
		if a.Public && len(a.Roles) > 0 {
			t.Error("public, and with roles")
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func FuzzReadings(f *testing.F) {
	for _, s := range []string{"/x/..%2fdashboard", "//x/dashboard", "/a;b/%252e%252e/c.json", "/%c0%af%00", "/_next/data/a/b.json"} {
		f.Add(s)
	}
	r, _ := ParseRules("/dashboard", "") // as written it is right
	f.Fuzz(func(t *testing.T, raw string) {
		raw = "/" + raw
		n := 0
		complete := visitReadings(raw, func(rd reading) {
			if n++; !strings.HasPrefix(rd.path, "/") && rd.path != "" {
				t.Errorf("%q reads as %q", raw, rd.path)
			}
		})
		if n > 6*maxReadings {
			t.Errorf("%q: %d readings", raw, n)
		}
		for _, u := range upstreams {
			if page := u.read(raw); covers("/dashboard", page) && r.For("GET", raw).Public {
				t.Errorf("%q is %q to %s, and public (complete: %v)", raw, page, u.name, complete)
			}
		}
	})
}

func BenchmarkRulesFor(b *testing.B) {
	r := mustRules(b, "/, /admin=admin", "/assets, /favicon.ico, GET /api")
	for _, p := range []string{"/dashboard/settings", "/assets/app-B1x9.min.js", "/api/projects/a%2Fb"} {
		b.Run(strings.ReplaceAll(p, "/", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.For(http.MethodGet, p)
			}
		})
	}
}

// The dearest paths that fit into a request: the work for each stays within what one password hash costs.
func BenchmarkHostilePaths(b *testing.B) {
	r := mustRules(b, "/dashboard, /admin=admin", "/public")
	for name, p := range map[string]string{
		"escapes":    "/" + strings.Repeat("%25", 20_000) + "41",
		"dots":       "/" + strings.Repeat("%2e%2e;%2f", 6_000),
		"everything": "/" + strings.Repeat("/./..;a/%5c%00.%u002e", 3_000),
		"one oddity": "/" + strings.Repeat("Long/", 12_000) + "%2F",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				r.For(http.MethodGet, p)
			}
		})
	}
}
