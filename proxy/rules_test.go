package proxy

import (
	"net/http"
	"regexp"
	"slices"
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

// describe is an Access in a word: public, user, or the roles.
func describe(a Access) string {
	switch {
	case a.Public:
		return "public"
	case len(a.Needs) == 0:
		return "user"
	}
	var all []string
	for _, n := range a.Needs {
		all = append(all, strings.Join(n.values, "|"))
	}
	return strings.Join(all, "&")
}

func TestRulesDecideByTheLongestPrefix(t *testing.T) {
	t.Parallel()
	r := mustRules(t, "/dashboard, /api, POST|PUT /forms, /admin=admin|owner, /admin/help, DELETE /shop=keeper",
		"GET /api, /api/status, /dashboard/demo")
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
		{"get", "/api/items", "user"}, // an app may read it as another method
		{"POST", "/api/status", "public"},
		{"POST", "/forms", "user"},
		{"post", "/forms", "user"}, // an app may read it as POST
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
	_, err := ParseRules("dashboard, /api/**, GETT /x, get /y, /a=bad role, /b%20c, /x//y, /x/../y, /dup, /dup",
		"/p=admin, /ok")
	if err == nil {
		t.Fatal("no error")
	}
	for _, s := range []string{",", " , ,"} {
		if _, err := ParseRules(s, ""); err == nil {
			t.Errorf("%q is accepted and protects nothing", s)
		}
	}
	for _, part := range []string{`"dashboard"`, `"/api/**"`, `"get /y"`, `"/a=bad role"`, `"/b%20c"`, `"/x//y"`,
		`"/x/../y"`, `"/dup"`, `GATEPOST_PUBLIC: rule "/p=admin"`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not quote %s", part)
		}
	}
	if strings.Contains(err.Error(), `"/ok"`) {
		t.Error("the error quotes a rule that is right")
	}
}

// A typo that would leave a path open is refused, and the wrong part is quoted.
func TestARuleThatCanMeanLessThanItsAuthorMeantIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ protect, want string }{
		{"GET|POST|GET /api", `names method GET twice`},
		{"/api=editor|editor", `names role editor twice`},
		{"PSOT /api", `"PSOT" is not an HTTP method; did you mean POST?`},
		{"GET|DELTE /api", `"DELTE" is not an HTTP method; did you mean DELETE?`},
		{"post /api", `"post" is not an HTTP method; did you mean POST?`},
		{"PURGE /api", `"PURGE" is not an HTTP method`},
		{"* /api", `"*" is not an HTTP method`},
		{"GET| /api", `"" is not an HTTP method`},
		{"GET |POST /api", `"|POST /api"|a path starts with /`},
		{"TRACE /api", "the gate answers TRACE with 405"},
		{"TRACE|CONNECT /api", "the gate answers TRACE and CONNECT with 405"},
		{"GET /a, GET|POST /a", `decides the same requests as rule "GET /a"`},
		{"GET /a=x, HEAD /a", `rule "HEAD /a": decides the same requests as rule "GET /a=x"`},
		{"HEAD /a=x|y, GET /a=x", `decides the same requests`},
		{"/a=x, /a/=y", `decides the same requests as rule "/a=x"`},
		{"//", "empty segment"}, {"/a//", "empty segment"}, {"//a", "empty segment"}, {"/a//b", "empty segment"},
		{"/.", `as "/"`}, {"/..", `as "/"`}, {"/a/.", `as "/a/"`}, {"/./a", `as "/a"`},
		{"/a/../b", `as "/b"`}, {"/a./b", `as "/a/b"`},
		{"/a%20b", "written decoded"}, {"/%zz", "written decoded"}, {"/100%", "written decoded"},
		{"/%C3%BC", "written decoded"},
		{"/a?b", "without %"}, {"/a#b", "without %"}, {`/a\b`, "without %"}, {"/a;b", "has a ;"},
		{`"/a"`, "starts with /"}, {`/"a"`, "quotes"},
		{"/a/**", "covers everything below it anyway"}, {"/api/.*", "no patterns like .*"},
		{"/a*b", "a * stands for a whole one"}, {"/*a*", "a * stands for a whole one"}, {"/a/*b/**", "covers everything"},
		{"/**.git", "a * stands for a whole one"}, {"/*.", "no patterns like *."}, {"/*..", "no patterns like *.."},
		{"/*/..", `as "/"`}, {"/*.php/x", `as "/x"`}, {"/:*", "no patterns"}, {"/*$", "no patterns"}, {"/{*}", "no patterns"},
		{"*", "starts with /"}, {"*.git", "starts with /"}, {"/%2a", "written decoded"}, {"/\uff0a", `as "/*"`},
		{"/*, /*=x", "decides the same requests"}, {"GET /a/*=x, HEAD /a/*", "decides the same requests"},
		{"@assets", "a preset stands in GATEPOST_PUBLIC"},
		{"/users/{id}", "no patterns like {id}"}, {"/users/:id/edit", "no patterns like :id"},
		{"/users/<id>", "no patterns"}, {"/users/[id]", "no patterns"},
		{"/v[0-9]/x", "no patterns"}, {"/(a|b)", "no patterns"}, {"/api/.+", "no patterns"}, {"/api$", "no patterns"},
		{"/a|/b", "no patterns"},
		{"a", "starts with /"}, {"./a", "starts with /"}, {"~/a", "starts with /"}, {"^/a", "starts with /"},
		{"POST", "starts with /"}, {"GET:/a", "starts with /"}, {"GET\t/a", "starts with /"},
		{"https://app.example.com/a", "without scheme and host"}, {"GET http://app/a", "without scheme and host"},
		{"app.example.com/a", "starts with /"},
		{"/a b", "a blank stands only behind the methods"}, {"/a POST", "a blank stands only behind the methods"},
		{"GET /a /b", "a blank stands only behind the methods"},
		{"/a\tb", "cannot be seen"}, {"/a\x00", "cannot be seen"}, {"/a\n/b", "cannot be seen"},
		{"/\u200ba", `before "a"`}, {"/a\u202eb", "cannot be seen"}, {"/\ufeffa", "cannot be seen"},
		{"/a\u00adb", "cannot be seen"},
		{"/a\u00a0b", "cannot be seen|an app could read"}, {"/u\u0308ber", `as "/über"`}, {"/\uff41", `as "/a"`},
		{"/a\xffb", "an app could read"}, {"/a\uff0f", "an app could read"},
		{"/index.php/a", `as "/a"`}, {"/_next/data/b/a.json", `as "/a"`},
		{"/a::$DATA", "an app could read|no patterns"},
		{"/" + strings.Repeat("a", 64<<10), "no path is that long"},
		{"/a=", "is not a role"}, {"/a=b=c", "is not a role"}, {"/a=x y", "is not a role"},
		{"/a=admin|", "is not a role"}, {"=admin", "starts with /"}, {"/a=aal2", "write /a=+aal2"},
	} {
		_, err := ParseRules(c.protect, "")
		if err == nil {
			t.Errorf("%.60q is accepted", c.protect)
			continue
		}
		if !slices.ContainsFunc(strings.Split(c.want, "|"),
			func(part string) bool { return strings.Contains(err.Error(), part) }) {
			t.Errorf("%.60q: %.200v, want %s", c.protect, err, c.want)
		}
	}
	for _, ok := range []string{
		"POST /api", "GET|HEAD|PROPFIND|QUERY /dav", "GET|TRACE /a", "/a, GET /a=x", "GET /a=x, HEAD /a=y", "/...",
		"/.well-known", "/@me", "/~ada", "/users:search", "/c++", "/a_b", "/über", "/日本", "/می\u200cشود",
		"/*", "/a/*", "/*/*.git", "/*.git/*", "/a*/b", "/*/a, /a/*", "/v1.*", "/.a*",
		"/Admin, /admin=x", "/v1.2", "/(group)/x", "/a$b", "/, /a, /a/b, /a.html",
	} {
		if _, err := ParseRules(ok, ""); err != nil {
			t.Errorf("%q is refused: %v", ok, err)
		}
	}
}

// The registered methods are those of IANA's registry, including methods that the gate refuses.
func TestEveryRegisteredMethodCanBeNamed(t *testing.T) {
	t.Parallel()
	if len(registered) != 40 || slices.Contains(registered, "*") {
		t.Errorf("%d methods", len(registered))
	}
	for _, m := range registered {
		if _, err := ParseRules("/", m+" /x"); err != nil {
			t.Errorf("%s: %v", m, err)
		}
		if _, err := ParseRules(m+" /x", ""); (err != nil) != refusedMethod(m) {
			t.Errorf("%s: %v", m, err)
		}
	}
}

func TestRulesThatAreLikelyNotMeant(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		protect, public string
		want            []string
	}{
		{"/", "/favicon.ico", nil},
		{"/", "/", []string{`rule "/" opens nothing: GET / stays protected by rule "/"`}},
		{"/", "GET /", []string{`rule "GET /" opens everything that is protected to GET and HEAD`}},
		{"/dashboard", "/", []string{`rule "/" opens nothing: without it`}},
		{"/dashboard", "/dashboard", []string{`opens nothing: GET /dashboard stays protected by rule "/dashboard"`}},
		{"/dashboard", "/about", []string{`rule "/about" opens nothing: without it`}},
		{"/dashboard", "GET /dashboard", []string{"opens everything that is protected to GET"}},
		{"/dashboard, /api", "GET /api", nil},
		{"/, GET /a", "/a", nil},                           // POST
		{"/, GET /a", "GET /a", []string{"opens nothing"}}, // the same method
		{"/, /a.html", "/a", nil},                             // paths below it
		{"/", "TRACE /x", []string{"answers TRACE with 405"}}, // refused whatever rules name it
		{"/", "/a, /a/b", []string{`rule "/a/b" opens nothing: without it`}},
		{"POST /api", "GET /api", []string{"opens nothing"}},
		{"/app=admin, /app/x", "/app/x/y", nil},
		{"/members", "/members.css", nil},
		{"/über", "/über/x", nil},
		{"/admin:admin", "", []string{`rule "/admin:admin" protects only paths that have the colon, and not /admin; ` +
			`a role is written /admin=admin`}},
		{"/shelves/1:merge=admin", "", nil},
	} {
		got := mustRules(t, c.protect, c.public).Doubts()
		if len(got) != len(c.want) || len(got) > 0 && !strings.Contains(got[0], c.want[0]) {
			t.Errorf("PROTECT=%q PUBLIC=%q: got %q, want %q", c.protect, c.public, got, c.want)
		}
	}
}

// An example is a real decision of the gate, and its rule counts for it.
func TestEachRuleIsDescribedWithAnExample(t *testing.T) {
	t.Parallel()
	got := mustRules(t, "/, /admin=admin|owner, POST /api=writer", "GET /admin/help, /favicon.ico, /").Describe()
	want := []Description{
		{"/", "/", "/", "", false, "every path, however it is spelt", "GET / needs a signed-in user"},
		{"/admin=admin|owner", "/admin", "/admin", "", false, "/admin and everything below it, however it is spelt",
			"GET /admin needs role admin or owner"},
		{"POST /api=writer", "/api", "/api", "", false, "POST of /api and everything below it, however it is spelt",
			"POST /api needs role writer"},
		{"GET /admin/help", "/admin/help", "/admin/help", "", true,
			"GET and HEAD of /admin/help and everything below it, spelt like this only",
			"GET /admin/help is open to everybody"},
		{"/favicon.ico", "/favicon.ico", "/favicon.ico", "", true,
			"/favicon.ico and everything below it, spelt like this only", "GET /favicon.ico is open to everybody"},
		{"/", "/", "/", "", true, "every path, spelt like this only", ""},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

// What is below a script is read without the script's name, too. Where that is protected, a public rule does not open
// it, and does not say that it does.
func TestAPublicScriptSaysWhetherItOpensWhatIsBelow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ protect, public, path, covers string }{
		{"/", "/run.php", "/run.php/dav", "/run.php and nothing below it, spelt like this only"},
		{"/", "POST /run.php", "/run.php/dav", "POST of /run.php and nothing below it, spelt like this only"},
		{"/", "/*/run.php", "/a/run.php/dav",
			"/*/run.php, with any name in one segment for each *, and nothing below it, spelt like this only"},
		{"/login", "/run.php", "/run.php/dav", "/run.php and everything below it, spelt like this only"},
		{"/", "/run.css", "/run.css/dav", "/run.css and everything below it, spelt like this only"},
	} {
		r := mustRules(t, c.protect, c.public)
		got := r.Describe()[len(r.list)-1].Covers
		if open := r.For("POST", c.path).Public; got != c.covers || open != strings.Contains(got, "everything below it") {
			t.Errorf("PROTECT=%q PUBLIC=%q: %s is open: %t, and the rule covers %q", c.protect, c.public, c.path, open, got)
		}
	}
}

func TestExplainSaysWhyARuleDoesNotCount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		protect, public, method, path string
		rules                         string // of all readings, each once
		uncounted                     []string
	}{
		{"/members", "/members.css", "GET", "/members.css", "/members.css", []string{"/members: a longer rule"}},
		{"/members", "/members.css", "GET", "/members.html", "/members",
			[]string{"/members.css: the path that was sent is not spelt like it"}},
		{"/members", "/members.css", "GET", "/members.css/../members.html", "/members.css, /members",
			[]string{"/members: a longer rule", "/members.css: only without regard to case or suffixes"}},
		{"/", "/favicon.ico", "GET", "//favicon.ico", "/",
			[]string{"/favicon.ico: the path that was sent is not spelt like it"}},
		{"/, /a", "/a", "GET", "/a", "/a", []string{"/a: a protecting rule that is as long", "/: a longer rule"}},
		{"/x=a, POST /x", "", "post", "/x", "/x=a and POST /x", nil},
		{"/x=a, POST /x", "", "POST", "/x", "POST /x", []string{"/x=a: a longer rule, or one for the method"}},
	} {
		findings, _ := mustRules(t, c.protect, c.public).Explain(c.method, c.path)
		var rules, uncounted []string
		for _, f := range findings {
			if s := strings.Join(f.Rules, " and "); s != "" && !slices.Contains(rules, s) {
				rules = append(rules, s)
			}
			for _, u := range f.Uncounted {
				uncounted = append(uncounted, u.Rule+": "+u.Why)
			}
		}
		if got := strings.Join(rules, ", "); got != c.rules {
			t.Errorf("PROTECT=%q PUBLIC=%q %s %s: decided by %s, want %s", c.protect, c.public,
				c.method, c.path, got, c.rules)
		}
		for _, want := range c.uncounted {
			if !slices.ContainsFunc(uncounted, func(s string) bool { return strings.HasPrefix(s, want) }) {
				t.Errorf("PROTECT=%q PUBLIC=%q %s %s: %q says nothing of %q", c.protect, c.public, c.method,
					c.path, uncounted, want)
			}
		}
	}
}

// Spellings of a protected page that some upstream reads as that page.
func TestNoSpellingOfAProtectedPageIsPublic(t *testing.T) {
	t.Parallel()
	r := mustRules(t, "/dashboard, /admin=admin, /files/report.html, /über", "/public, /favicon.ico")
	for _, p := range []string{
		"/dashboard", "//dashboard", "///dashboard", "/./dashboard", "/x/../dashboard",
		"/dashboard//", "/x/..%2fdashboard",
		"/x/%2e%2e/dashboard", "/x/%2e%2e%2fdashboard", "/%64ashboard", "/dash%62oard",
		"/dashboard%2fsettings", "/%2fdashboard",
		"/%2564ashboard", "/x/%252e%252e%252fdashboard", "/%25252564ashboard", "/x/..%5cdashboard", "/%5cdashboard",
		"/dashboard;x=1", "/x/..;/dashboard", "/x/..;a=b/dashboard", "/;/dashboard",
		"/dashboard%3bx", "/;a=b/dashboard",
		"/Dashboard", "/DASHBOARD", "/dashboard.", "/dashboard%20", "/dashboard%00", "/dashboard%00.html",
		"/dashboard%0a", "/dashboard%09",
		"/dashboard.json", "/dashboard.tar.gz", "/Dashboard.JSON", "/dashboard.json/", "//x/dashboard",
		"//x@y/dashboard", "/%2f/x/dashboard",
		"/x/%c0%ae%c0%ae/dashboard", "/x/..%c0%afdashboard", "/%e0%80%afdashboard", "/%c1%a4ashboard",
		"/x/%f0%80%80%ae%f0%80%80%ae/dashboard",
		"/dashboard%23/public", "/dashboard%3f/public", "/public/../dashboard", "/public/%2e%2e/dashboard",
		"/public/..;/dashboard",
		"/public/..%2f..%2fdashboard", "/_next/data/build1/dashboard.json", "/_next/data/build1/dashboard/x.json",
		"/docs/_next/data/b/../../../../dashboard",
		"/x/.. /dashboard", "/x/..%20/dashboard", "/%ef%bd%84ashboard", "/dashboard.%20.",
		"/x//../dashboard", "/x/y/../../dashboard",
		"/index.php/dashboard", "/x/Index.PHP/../dashboard", "/index.php/../dashboard", "/dash%09board",
		"/dash%0d%0aboard", "/dashboard%1f", "/dashboard%7f",
		"/dashboard%c2%85", "/dashboard%c2%a0", "/dashboard%e3%80%80", "/%20dashboard",
		"/x/%EF%BC%8E%EF%BC%8E/dashboard", "/%EF%BC%8Fdashboard", "/x/..%EF%BC%8Fdashboard",
		"/x/../dashboard;y/../../..", "/dashboard::$DATA", "/dashboard:$I30:$INDEX_ALLOCATION/x", "/%25u0064ashboard",
		"/x/%25u002e%25u002e/dashboard", "/dashboard.php/x", "/x.aspx/dashboard",
		"/page-data/dashboard/page-data.json", "/base/page-data/../../dashboard", "/ADM%C4%B0N", "/adm%C4%B1n",
		"/dashboard.rsc", "/dashboard.segments/_tree.segment.rsc", "/u%CC%88ber", "/files/report",
		"/files/report/", "/files/report.php",
		"/favicon.ico/../dashboard", "/favicon.ico%2f..%2fdashboard", "/public//../dashboard",
		"/a/b/c/../../../dashboard/",
		"/a%2fb/%2e%2e/dashboard", "/a%2fb/.%2E/dashboard", "/dashboard+", "/+dashboard/x", "/%64ashboard+/",
		"/dashboard%2b", "/index/dashboard", "/Index/%64ashboard",
		"/(S(lit3py55t21z5v55vlm25s55))/dashboard", "/(A(x)S(y))/dashboard/z", "/x/(F(a))/../dashboard",
		"/%28S%28x%29%29/dashboard", "/(S(x))/(S(y))/dashboard",
		"/d%C3%A1shboard", "/dashbo%C3%A4rd", "/DASHBO%C3%84RD", "/%C3%A0dmin", "/a%2fb%5c..%5cdashboard%5csecret.html",
		"/uber",
		"/dash%ffboard", "/dashboard%80", "/%c3dashboard", "/%FCber", "/public/index.php/dashboard",
		"/a/b/app.wsgi/dashboard/x",
	} {
		if a := r.For("GET", p); a.Public {
			t.Errorf("%s is public", p)
		}
	}
}

// A rule that names a file covers the names that servers read as that file, and no others that begin like it.
func TestARuleForAFileCoversItsOtherNames(t *testing.T) {
	t.Parallel()
	r := mustRules(t, "/admin.php, /members/index.html, /report.html", "")
	for p, public := range map[string]bool{
		"/admin.php": false, "/admin": false, "/admin/x": false, "/admin.php/x/y": false, "/admin.php5/x": false,
		"/admins": true, "/administrator/x": true,
		"/members": false, "/members/": false, "/members/index": false, "/members/index.php": false,
		"/members/ada": true, "/member": true,
		"/report": false, "/report.pdf": false, "/report/2026": true, "/reports": true, "/": true,
	} {
		if a := r.For("GET", p); a.Public != public {
			t.Errorf("%s: public is %v", p, a.Public)
		}
	}
	wiki := mustRules(t, "/wiki/Secret_Page, /c++", "")
	for _, p := range []string{"/wiki/Secret%20Page", "/wiki/Secret+Page",
		"/wiki/secret%01page", "/c++", "/C%2b%2B/x"} {
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
		"/assets%2Fapp.js":     "user", // an app that does not decode has a page of its own there
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
		"/favicon.ico": "public", "/robots.txt": "public", "/API/x": "public", "/API": "public",
		"/v1.2/items": "public", "/v1.2": "public",
		"/v1.2/a.json": "public", "/.well-known/security.txt": "public", "/_next/static/chunks/a-B1.js": "public",
		"/%C3%BCber": "public", "/%C3%BCber/x": "public",
		"/favicon": "user", "/favicon.png": "user", "/api": "user", "/_next/data/b/secret.json": "user",
		"/favicon.ico/x": "public",
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
	f.Add("/, /*/admin=b, /a*", "/*/*.git, @assets", "GET", "a%2fb/%2e%2e/x.git")
	f.Fuzz(func(t *testing.T, protect, public, method, raw string) {
		r, err := ParseRules(protect, public)
		if err != nil {
			return
		}
		start := time.Now()
		a := r.For(method, "/"+raw)
		if a.Public && len(a.Needs) > 0 {
			t.Error("public, and with roles")
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func FuzzReadings(f *testing.F) {
	for _, s := range []string{"/x/..%2fdashboard", "//x/dashboard", "/a;b/%252e%252e/c.json", "/%c0%af%00",
		"/_next/data/a/b.json"} {
		f.Add(s)
	}
	r, _ := ParseRules("/dashboard", "") // valid as written
	patterns := mustRules(f, "/dash*, /*/private, /files/*.html", "/*/*.git")
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
			page := u.read(raw)
			if covers("/dashboard", page) && r.For("GET", raw).Public {
				t.Errorf("%q is %q to %s, and public (complete: %v)", raw, page, u.name, complete)
			}
			if protectedByPattern(page) && patterns.For("GET", raw).Public {
				t.Errorf("%q is %q to %s, and public by patterns", raw, page, u.name)
			}
		}
	})
}

// protectedByPattern reports whether a page is one of /dash*, /*/private and /files/*.html.
func protectedByPattern(page string) bool {
	return regexp.MustCompile(`(?s)^/dash|^/[^/]+/private(/|$)|^/files/[^/]*\.html(/|$)`).MatchString(page)
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

// The work for the most expensive paths that fit into a request is less than that of one password hash.
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
