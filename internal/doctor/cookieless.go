package doctor

import (
	"context"
	"html"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// file is a file that browsers fetch without the visitor's cookies.
type file struct{ kind, target string }

// whyCookieless is, for each kind of file, why nobody is signed in for it.
var whyCookieless = map[string]string{
	"manifest": "Browsers fetch a web app manifest without cookies, so that it is refused to people who are signed in, " +
		"too: the app cannot be installed.",
	"icon": "Telephones, desktops and some browsers fetch icons without cookies, so that they show none.",
	"worker": "Many browsers fetch a service worker that is a module without cookies, so that it is refused to people " +
		"who are signed in, too, and never starts.",
}

// otherCures are, for some kinds, what helps besides a rule.
var otherCures = map[string]string{
	"manifest": `, or write <link rel="manifest" crossorigin="use-credentials"> in the page`,
	"worker":   ", or register a classic script, without type: \"module\"",
}

// usualFiles are fetched without cookies under these names, whether a page names them or not.
var usualFiles = []string{"/favicon.ico", "/apple-touch-icon.png", "/robots.txt", "/.well-known/security.txt"}

// Limits on what is asked for one page.
const (
	maxFiles   = 16
	maxScripts = 8
)

// checkCookieless tests whether what browsers fetch without cookies opens so: what the public page names, and the
// usual names.
func (e *examination) checkCookieless(ctx context.Context) {
	if !e.needGate("cookieless") {
		return
	}
	e.checkFilesOf(ctx, e.c.Public, e.page.body, "")
	var refused []string
	for _, target := range usualFiles {
		if e.closed(e.ask(ctx, request{target: target})) {
			refused = append(refused, target)
		}
	}
	if len(refused) > 0 {
		e.report.note("cookieless", "cookieless.usual", "%s: refused, as browsers and crawlers ask for them, without "+
			"cookies; if the app has them, add %s to GATEPOST_PUBLIC", strings.Join(refused, ", "),
			e.openedBy(refused[0]))
	}
}

// checkFilesOf tests the files that a page names. The cookie is that of a session, or empty.
func (e *examination) checkFilesOf(ctx context.Context, at, body, cookie string) {
	files := e.filesOf(ctx, at, body, cookie)
	refused := 0
	for _, f := range files {
		r := request{target: f.target}
		a := e.ask(ctx, r)
		if !e.closed(a) {
			continue
		}
		refused++
		e.found("cookieless", "cookieless."+f.kind, Warning, r, a, "%s names %s, which needs a login", at, f.target).
			because(whyCookieless[f.kind],
				"Add "+e.openedBy(f.target)+" to GATEPOST_PUBLIC"+otherCures[f.kind]+".")
	}
	if len(files) > refused {
		e.report.ok("cookieless", "cookieless.open", "%s that %s names opened without cookies",
			plural(len(files)-refused, "file"), at)
	}
}

func (e *examination) openedBy(target string) string {
	if e.c.OpenedBy == nil {
		return "GET " + target
	}
	return e.c.OpenedBy(target)
}

// filesOf are the files of this site that a page names and that browsers fetch without cookies.
func (e *examination) filesOf(ctx context.Context, at, body, cookie string) (list []file) {
	add := func(kind, href string) {
		target, ok := e.targetOf(at, href)
		if f := (file{kind, target}); ok && !slices.Contains(list, f) && len(list) < maxFiles {
			list = append(list, f)
		}
	}
	var scripts []request
	for _, tag := range linkOrScript.FindAllString(body, -1) {
		attr := attributes(tag)
		if kind := kindOf(attr); kind != "" {
			add(kind, attr["href"])
		}
		if target, ok := e.targetOf(at, attr["src"]); ok && attr["src"] != "" && len(scripts) < maxScripts {
			scripts = append(scripts, request{target: target, lines: cookieLine(cookie)})
		}
	}
	texts := []string{body}
	for _, a := range e.askAll(ctx, scripts) {
		texts = append(texts, a.body)
	}
	for _, m := range moduleWorker.FindAllStringSubmatch(strings.Join(texts, "\n"), -1) {
		add("worker", m[1])
	}
	return list
}

func cookieLine(cookie string) []string {
	if cookie == "" {
		return nil
	}
	return []string{"Cookie: " + cookie}
}

var (
	linkOrScript = regexp.MustCompile(`(?is)<(?:link|script)\b[^>]*>`)
	attribute    = regexp.MustCompile(`(?is)\s([a-z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))`)
	moduleWorker = regexp.MustCompile("(?s)serviceWorker\\s*\\.\\s*register\\(\\s*[\"'`]([^\"'`]+)[\"'`]\\s*," +
		"\\s*\\{[^}]*\\btype[\"']?\\s*:\\s*[\"'`]module[\"'`]")
)

// attributes are the attributes of a tag.
func attributes(tag string) map[string]string {
	list := map[string]string{}
	for _, m := range attribute.FindAllStringSubmatch(tag, -1) {
		list[strings.ToLower(m[1])] = html.UnescapeString(m[2] + m[3] + m[4])
	}
	return list
}

// kindOf is the kind of file that a link leads to; empty for one that is fetched with cookies.
func kindOf(attr map[string]string) string {
	for _, rel := range strings.Fields(strings.ToLower(attr["rel"])) {
		switch {
		case rel == "manifest" && !strings.EqualFold(attr["crossorigin"], "use-credentials"):
			return "manifest"
		case rel == "icon", strings.HasPrefix(rel, "apple-touch-icon"), rel == "mask-icon":
			return "icon"
		}
	}
	return ""
}

// targetOf is the path on this site that an address on a page leads to.
func (e *examination) targetOf(at, href string) (string, bool) {
	base := &url.URL{Scheme: e.site.scheme, Host: e.site.host, Path: at}
	to, err := base.Parse(strings.TrimSpace(href))
	if err != nil || href == "" || !e.here(to) || to.Path == "" || path.Clean(to.Path) != to.Path {
		return "", false
	}
	return to.EscapedPath(), true
}
