package proxy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatepost/gatepost/auth/session"
)

// entry is a rule as its author thinks of it.
type entry struct {
	public  bool
	methods []string
	prefix  string
	roles   []string
}

func (e entry) String() string {
	s := e.prefix
	if e.methods != nil {
		s = strings.Join(e.methods, "|") + " " + s
	}
	if e.roles != nil {
		s += "=" + strings.Join(e.roles, "|")
	}
	return s
}

// compile parses entries. It returns false when they are refused, for example when two are the same.
func compile(entries []entry) (Rules, bool) {
	var lists [2][]string
	for _, e := range entries {
		i := 0
		if e.public {
			i = 1
		}
		lists[i] = append(lists[i], e.String())
	}
	r, err := ParseRules(strings.Join(lists[0], ","), strings.Join(lists[1], ","))
	return r, err == nil
}

// asWritten reports whether the entry has exactly this method.
func (e entry) asWritten(method string) bool {
	lists := func(m string) bool { return slices.Contains(e.methods, m) }
	return e.methods == nil || lists(method) || method == "HEAD" && lists("GET")
}

// applies reports whether the entry applies to the method. A protecting entry reads "post" as POST.
func (e entry) applies(method string) bool {
	return e.asWritten(method) || !e.public && e.asWritten(strings.ToUpper(method))
}

func below(prefix, page string) bool {
	if strings.Contains(prefix, "*") {
		return asRegexp(prefix, "(/|$)").MatchString(page)
	}
	return prefix == "/" || page == prefix || strings.HasPrefix(page, prefix+"/")
}

// exactly is below without what lies below.
func exactly(prefix, page string) bool {
	return prefix == page || strings.Contains(prefix, "*") && asRegexp(prefix, "$").MatchString(page)
}

var compiled sync.Map

// asRegexp is a prefix as a regular expression.
func asRegexp(prefix, end string) *regexp.Regexp {
	if re, ok := compiled.Load(prefix + end); ok {
		return re.(*regexp.Regexp)
	}
	parts := strings.Split(regexp.QuoteMeta(prefix), "/")
	for i, part := range parts {
		if part == `\*` {
			parts[i] = `[^/]+`
		}
		parts[i] = strings.ReplaceAll(parts[i], `\*`, `[^/]*`)
	}
	re := regexp.MustCompile(`(?s)^` + strings.Join(parts, "/") + end)
	compiled.Store(prefix+end, re)
	return re
}

// belowPlainly is below where a * stands for one name only, however often it is encoded.
func belowPlainly(prefix, page string) bool {
	if !below(prefix, page) {
		return false
	}
	got := strings.Split(page, "/")
	for i, want := range strings.Split(prefix, "/") {
		if !strings.Contains(want, "*") {
			continue
		}
		name := got[i]
		for range len(name) {
			name = unescape(name)
		}
		if strings.ContainsAny(name, `/\`) || strings.Trim(name, ".") == "" ||
			strings.HasPrefix(want, "*") && len(got[i]) < len(want) {
			return false
		}
	}
	return true
}

var highEscape = regexp.MustCompile(`%[89A-Fa-f][0-9A-Fa-f]`)

// names reports whether the entry names a request in the client's own spelling.
func (e entry) names(method, raw string) bool {
	if !e.asWritten(method) {
		return false
	}
	sent := highEscape.ReplaceAllStringFunc(raw, unescape)
	for _, page := range []string{sent, data(nextData, sent), data(gatsbyData, sent)} {
		if page != "" && belowPlainly(e.prefix, page) {
			return true
		}
	}
	return false
}

// needs is what a visitor needs. The zero value lets everybody pass.
type needs struct {
	user  bool
	roles [][]string
}

func (n needs) passes(signedIn bool, roles []string) bool {
	var a Access
	for _, alternatives := range n.roles {
		a.Needs = append(a.Needs, Need{of: ofRole, values: alternatives})
	}
	return !n.user || signedIn && a.allows(session.Session{User: session.User{Roles: roles}})
}

func needsOf(a Access) needs {
	n := needs{user: !a.Public}
	for _, need := range a.Needs {
		n.roles = append(n.roles, need.values)
	}
	return n
}

// requests are tried under each set of rules.
const requests = 10

// visitors are all kinds of visitors: signed out, and signed in with each subset of the roles in use.
var visitors = [][]string{nil, {}, {"a"}, {"b"}, {"a", "b"}}

// stricterOrEqual reports whether every visitor who passes under n passes under m.
func (n needs) stricterOrEqual(m needs) bool {
	for i, roles := range visitors {
		if n.passes(i > 0, roles) && !m.passes(i > 0, roles) {
			return false
		}
	}
	return true
}

// forms are the four ways to compare a prefix with a page, each in its simplest form.
var forms = []func(prefix, page string) bool{
	below,
	func(prefix, page string) bool { return below(strings.ToLower(prefix), strings.ToLower(page)) },
	belowSuffixes,
	func(prefix, page string) bool { return belowSuffixes(strings.ToLower(prefix), strings.ToLower(page)) },
}

// belowSuffixes removes suffixes from the page, and from the prefix where it names the page's file.
func belowSuffixes(prefix, page string) bool {
	bare := eachPart(page, withoutSuffix)
	file := eachPart(prefix, func(s string) string { return s })
	i := strings.LastIndexByte(file, '/')
	file = file[:i+1] + withoutSuffix(file[i+1:])
	for _, p := range []string{page, bare} {
		if below(prefix, p) || exactly(file, strings.TrimSuffix(p, "/")) {
			return true
		}
	}
	return false
}

func withoutSuffix(s string) string {
	stem, _, _ := strings.Cut(s, ".")
	if stem == "" {
		return s
	}
	return stem
}

// oracle is what the rules need for a page. In each form the longest rule decides. A rule that does not cover the
// page with case and suffixes counted overrides no other.
func oracle(entries []entry, method, page string) needs {
	var n needs
	for _, covers := range forms {
		for _, e := range entries {
			if e.public || !e.applies(method) || !covers(e.prefix, page) {
				continue
			}
			aside := slices.ContainsFunc(entries, func(o entry) bool {
				return o.asWritten(method) && below(o.prefix, page) && o.before(e)
			})
			if aside {
				continue
			}
			if n.user = true; e.roles != nil {
				n.roles = append(n.roles, e.roles)
			}
		}
	}
	return n
}

// before reports whether e decides instead of o, if it counts.
func (e entry) before(o entry) bool {
	a, b := strings.Split(e.prefix, "/"), strings.Split(o.prefix, "/")
	for i := range min(len(a), len(b)) {
		if x, y := vagueness(a[i]), vagueness(b[i]); x != y && a[i] != "" && b[i] != "" {
			return x < y
		}
	}
	switch {
	case len(e.prefix) != len(o.prefix):
		return len(e.prefix) > len(o.prefix)
	case (e.methods != nil) != (o.methods != nil):
		return e.methods != nil
	}
	return false
}

// vagueness is 0 for a name, 1 for a part of one, and 2 for a *.
func vagueness(segment string) int {
	switch {
	case segment == "*":
		return 2
	case strings.Contains(segment, "*"):
		return 1
	}
	return 0
}

var (
	patterns = rapid.SampledFrom([]string{"*", "*", "*.css", "*.html", "adm*", "x*", "*n", "admin.*", "über*"})
	segments = rapid.SampledFrom([]string{
		"admin", "admin", "admin.css", "admin.css", "admin.json", "Admin", "ADMIN.html", "admin.tar.gz", "x", "x.y",
		"über", "index.html", "_next", "a_b",
	})
	methods = rapid.SampledFrom([][]string{nil, nil, nil, {"GET"}, {"POST"}, {"GET", "POST"}, {"HEAD"}, {"PUT"}})
	roles   = rapid.SampledFrom([][]string{nil, nil, {"a"}, {"b"}, {"a", "b"}})
	asked   = rapid.SampledFrom([]string{"GET", "GET", "HEAD", "POST", "PUT", "get", "post", "Post", "PURGE"})
)

var anEntry = rapid.Custom(func(t *rapid.T) entry {
	e := entry{public: rapid.Bool().Draw(t, "public"), methods: methods.Draw(t, "methods")}
	named := segments
	if rapid.Bool().Draw(t, "with a *") {
		named = rapid.OneOf(segments, patterns)
	}
	e.prefix = "/" + strings.Join(rapid.SliceOfN(named, 0, 3).Draw(t, "prefix"), "/")
	if !e.public {
		e.roles = roles.Draw(t, "roles")
	}
	return e
})

// someEntries are random rules that may be used together. Half of them are neighbours of an earlier one.
var someEntries = rapid.Custom(func(t *rapid.T) []entry {
	var list []entry
	for _, e := range rapid.SliceOfN(anEntry, 1, 4).Draw(t, "entries") {
		if len(list) > 0 && rapid.Bool().Draw(t, "related") {
			e.prefix = neighbour(t, rapid.SampledFrom(list).Draw(t, "to").prefix)
		}
		if _, ok := compile(append(slices.Clip(list), e)); ok {
			list = append(list, e)
		}
	}
	return list
})

// neighbour is a path beside another: its last segment in another case or with another suffix.
func neighbour(t *rapid.T, p string) string {
	i := strings.LastIndexByte(p, '/') + 1
	stem := withoutSuffix(p[i:])
	names := []string{stem, stem + ".css", stem + ".json", strings.ToUpper(stem), stem + ".HTML", stem + "/x"}
	return p[:i] + rapid.SampledFrom(names).Draw(t, "neighbour")
}

// disguised is a raw path near the prefixes of the rules: a prefix or a path below or beside it, in another
// spelling.
func disguised(t *rapid.T, entries []entry) string {
	p := "/" + strings.Join(rapid.SliceOfN(segments, 0, 3).Draw(t, "path"), "/")
	if len(entries) > 0 {
		switch near := rapid.SampledFrom(entries).Draw(t, "rule").prefix; rapid.IntRange(0, 3).Draw(t, "near") {
		case 0:
			p = strings.TrimSuffix(near+p, "/")
		case 1:
			p = neighbour(t, near)
		case 2:
			p = climb(t, near) + neighbour(t, rapid.SampledFrom(entries).Draw(t, "into").prefix)
		}
	}
	p = filled(t, p)
	for range rapid.IntRange(0, 2).Draw(t, "respellings") {
		p = rapid.SampledFrom(respellings).Draw(t, "respelling")(t, p)
	}
	p = strings.ReplaceAll(p, "über", "%C3%BCber")
	return "/" + strings.TrimPrefix(p, "/")
}

// filled has something in place of each *.
func filled(t *rapid.T, p string) string {
	for strings.Contains(p, "*") {
		p = strings.Replace(p, "*", rapid.SampledFrom([]string{
			"admin", "admin", "x", "x.y", "a", "", ".", "..", "%2e", "%252e%2E", "a%2fb", "x%252Fadmin", "%5c", "admin.css",
		}).Draw(t, "for the *"), 1)
	}
	return p
}

// climb leads out of the path that a rule names.
func climb(t *rapid.T, p string) string {
	up := rapid.SampledFrom([]string{"/..", "/%2e%2e", "%2f..", "/..;"}).Draw(t, "up")
	return p + strings.Repeat(up, strings.Count(p, "/"))
}

var respellings = []func(*rapid.T, string) string{
	disguises[0],
	func(_ *rapid.T, p string) string { return strings.ToUpper(p) },
	func(_ *rapid.T, p string) string { return strings.ToLower(p) },
	func(t *rapid.T, p string) string {
		return p + rapid.SampledFrom([]string{
			".css", ".json", ".html", ".HTML", "/", "//", ".", ";x", "%20", "%00", "/x", "/..", "/../x", "/index.html",
			"%2f..", "::$DATA",
		}).Draw(t, "tail")
	},
	func(t *rapid.T, p string) string {
		return insert(t, p, "/", "//", "/./", "/x/../", "/%2e/", "/.%2e/", "%2f", "%5c", "/;/")
	},
	func(t *rapid.T, p string) string {
		return rapid.SampledFrom([]string{
			"/x/..", "//host", "/index.php", "/public/index.php", "/index", "/(S(x))", "/_next/data/b",
		}).Draw(t, "front") + p
	},
	func(_ *rapid.T, p string) string { return "/_next/data/build" + p + ".json" },
	func(_ *rapid.T, p string) string { return "/page-data" + p + "/page-data.json" },
}

// A new public rule changes nothing for requests that it does not name in their own spelling. A new protecting rule
// loosens nothing for them.
func TestARuleHasNoSideEffect(t *testing.T) {
	t.Parallel()
	seen := map[bool]int{}
	rapid.Check(t, func(t *rapid.T) {
		entries, added := someEntries.Draw(t, "rules"), anEntry.Draw(t, "added")
		before, _ := compile(entries)
		after, ok := compile(append(slices.Clip(entries), added))
		for range requests {
			method, raw := asked.Draw(t, "method"), disguised(t, append(slices.Clip(entries), added))
			if !ok || added.names(method, raw) {
				continue
			}
			seen[added.public]++
			was, is := needsOf(before.For(method, raw)), needsOf(after.For(method, raw))
			if !is.stricterOrEqual(was) || added.public && !was.stricterOrEqual(is) {
				t.Fatalf("%s %s: %v without %s, and %v with it", method, raw, was, describeEntry(added), is)
			}
		}
	})
	if seen[true] == 0 || seen[false] == 0 {
		t.Errorf("tried %d public and %d protecting rules", seen[true], seen[false])
	}
}

func describeEntry(e entry) string {
	if e.public {
		return fmt.Sprintf("PUBLIC=%q", e)
	}
	return fmt.Sprintf("PROTECT=%q", e)
}

// In every disguise, a path needs at least what the rules say of the page that an upstream reads it as.
func TestADisguiseLoosensNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		entries := someEntries.Draw(t, "rules")
		for range requests {
			mustBeAsStrictAsThePage(t, entries, asked.Draw(t, "method"), disguised(t, entries))
		}
	})
}

func mustBeAsStrictAsThePage(t interface{ Fatalf(string, ...any) }, entries []entry, method, raw string) {
	if !wellFormed(raw) {
		return // answered with 400 in any case
	}
	rules, _ := compile(entries)
	got := needsOf(rules.For(method, raw))
	named := slices.ContainsFunc(entries, func(e entry) bool { return e.names(method, raw) })
	for _, u := range upstreams {
		page := u.read(raw)
		if f := counted[u.name]; f != nil && named {
			page = f(raw) // the rule that names the request counts in the forms of this page too
		}
		if page == "" {
			continue
		}
		page = highEscape.ReplaceAllStringFunc(page, unescape) // an upstream that decodes nothing sees the letters
		if want := oracle(entries, method, page); !got.stricterOrEqual(want) {
			t.Fatalf("%v: %s %s is %q to %s, which needs %v, and the answer is %v",
				entries, method, raw, page, u.name, want, got)
		}
	}
}

// Bugs that were seen, and bugs that a fix would leave if it looked at the spelling alone.
func TestWhatALooseningRuleMustNotOpen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ protect, public, method, path, want string }{
		{"/members", "/members.css", "GET", "/members.html", "user"},
		{"/members", "/members.css", "GET", "/members", "user"},
		{"/members", "/members.css", "GET", "/members.css", "public"},
		{"/members", "/members.css", "HEAD", "/members.css/x", "public"},
		{"/members", "/members.css", "GET", "/Members.css", "user"},
		{"/admin=admin", "/admin.css", "GET", "/admin.json", "admin"},
		{"/admin=admin", "/admin.css", "GET", "/admin.css/../admin.json", "admin"},
		{"/admin=admin", "/admin.css", "GET", "/admin.css%2f..%2fadmin.json", "admin"},
		{"/admin=admin, /admin.css", "", "GET", "/admin.json", "admin"},
		{"/admin=admin, /admin.css", "", "GET", "/ADMIN.CSS", "admin"},
		{"/admin=admin, /admin.css", "", "GET", "/admin.css", "user"},
		{"/admin=admin, /Admin", "", "GET", "/admin", "admin"},
		{"/admin=admin, /admin/help", "", "GET", "/admin/Help", "admin"},
		{"/admin=admin, /admin/help", "", "GET", "/admin/help.json", "admin"},
		{"/admin=admin, POST /admin", "", "post", "/admin", "admin"},
		{"/admin=admin, GET /admin", "", "HEAD", "/admin", "user"},
		{"/admin/x=admin", "/admin.css", "GET", "/admin.css/x", "admin"},
		{"/iii/a=admin", "/ııı", "GET", "/%C4%B1%C4%B1%C4%B1/a", "admin"},
		{"/uber", "/über", "GET", "/%C3%BCber", "user"},
		{"/, /app.js.map", "/app", "GET", "/app", "user"},
		{"/a.b.1", "", "GET", "/a", "user"},
		{"/", "/.css", "GET", "/.css/%2e%2e/%2e%63%73%73", "user"}, // dots stay encoded there
		// Rails reads the format as JSON/X.
		{"/admin/list.css", "", "GET", "/ADMIN%2fLIST.%4a%53%4f%4e%2f%58", "user"},
		{"/admin.css", "", "GET", "/admin/..%20", "user"}, // Windows reads /admin/
		{"/wiki/über=admin", "/wiki/über/public", "GET", "/wiki/u%CC%88ber/public", "admin"},
	} {
		got := describe(mustRules(t, c.protect, c.public).For(c.method, c.path))
		if got != c.want && !strings.HasPrefix(got, c.want+"&") {
			t.Errorf("PROTECT=%q PUBLIC=%q %s %s: got %s, want %s", c.protect, c.public, c.method, c.path, got, c.want)
		}
	}
}

func TestAnExceptionOpensWhatItNamesAndNothingBeside(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ public, method, path, want string }{
		{"/favicon.ico", "GET", "/favicon.ico", "public"},
		{"/favicon.ico", "GET", "/favicon.ico/", "public"},
		{"/favicon.ico", "HEAD", "/favicon.ico", "public"},
		{"/favicon.ico", "GET", "/Favicon.ico", "user"},
		{"/favicon.ico", "GET", "/%66avicon.ico", "user"},
		{"/favicon.ico", "GET", "//favicon.ico", "user"},
		{"/favicon.ico", "GET", "/favicon.ico.", "user"},
		{"/favicon.ico", "GET", "/favicon.ico;x", "user"},
		{"/favicon.ico", "GET", "/favicon", "user"},
		{"/favicon.ico", "GET", "/favicon.png", "user"},
		{"/favicon.ico", "GET", "/favicon.ico/../x", "user"},
		{"/favicon.ico", "GET", "/favicon%2eico", "user"},
		{"/favicon.ico", "GET", "/x/../favicon.ico", "user"},
		{"/favicon.ico", "GET", "/favicon.ico%20", "user"},
		{"/favicon.ico", "GET", "/favicon.ico.json", "user"},
		{"GET /favicon.ico", "GET", "/favicon.ico", "public"},
		{"GET /favicon.ico", "HEAD", "/favicon.ico", "public"},
		{"GET /favicon.ico", "POST", "/favicon.ico", "user"},
		{"GET /favicon.ico", "get", "/favicon.ico", "user"},
		{"HEAD /favicon.ico", "GET", "/favicon.ico", "user"},
		{"/über", "GET", "/%C3%BCber", "public"},
		{"/über", "GET", "/%c3%bcber", "public"},
		{"/über", "GET", "/\xc3\xbcber/x", "public"},
		{"/über", "GET", "/u%CC%88ber", "user"},
		{"/über", "GET", "/uber", "user"},
		{"/über", "GET", "/%C3%9Cber", "user"},
		{"/über", "GET", "/%25C3%25BCber", "user"},
		{"/_next, /pricing", "GET", "/_next/data/b/pricing.json", "public"},
		{"/_next, /pricing", "GET", "/_next/data/b/pricing/eu.json", "public"},
		{"/_next, /pricing", "GET", "/_next/data/b/secret.json", "user"},
		{"/_next, /pricing", "GET", "/_next/data/b/Pricing.json", "user"},
		{"/_next, /pricing", "GET", "/_next/data/b/pricing.json.json", "user"},
		{"/_next, /pricing", "GET", "/_next/data/b/x/..%2fpricing.json", "user"},
		{"/_next, /pricing", "GET", "/%5fnext/data/b/pricing.json", "user"},
		{"/_next", "GET", "/_next/data/b/pricing.json", "user"},
		{"/pricing", "GET", "/_next/data/b/pricing.json", "user"},
		{"/_next, /über", "GET", "/_next/data/b/%C3%BCber.json", "public"},
		{"/page-data, /pricing", "GET", "/page-data/pricing/page-data.json", "public"},
		{"/page-data, /pricing", "GET", "/page-data/secret/page-data.json", "user"},
		{"/page-data, /pricing", "GET", "/page-data/app-data.json", "public"},
		{"/docs", "GET", "/docs/_next/data/b/pricing.json", "public"},
	} {
		if got := describe(mustRules(t, "/", c.public).For(c.method, c.path)); got != c.want {
			t.Errorf("PUBLIC=%q %s %s: got %s, want %s", c.public, c.method, c.path, got, c.want)
		}
	}
}
