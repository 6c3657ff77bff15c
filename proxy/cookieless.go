package proxy

import (
	"regexp"
	"strings"
)

// Cookieless is a kind of file that browsers or other programs fetch without the visitor's cookies, so that nobody is
// signed in for it.
type Cookieless struct {
	// What is the kind, as in "the icon of a page".
	What string
	// Why is who fetches it so, as a sentence without its full stop.
	Why   string
	match *regexp.Regexp
}

// cookielessKinds are these kinds with the usual names of their files. Sources: the credentials mode of a manifest is
// "omit" without crossorigin="use-credentials" (HTML, "link type manifest"). That of a module service worker was "omit"
// in the standard until June 2026 (w3c/ServiceWorker#1829), and still is in browsers of before.
var cookielessKinds = []Cookieless{
	{"a web app manifest", `browsers fetch it without cookies, unless the page says <link rel="manifest" ` +
		`crossorigin="use-credentials">`, regexp.MustCompile(`(?i)(\.webmanifest|/manifest\.json|/manifest\.webapp)$`)},
	{"the script of a service worker", `many browsers fetch it without cookies when it is a module, that is, ` +
		`registered with {type: "module"}; a classic script comes with cookies`,
		regexp.MustCompile(`(?i)[/._-](sw|service[._-]?worker|ngsw-worker|onesignalsdkworker)\.m?[jt]s$`)},
	{"an icon", "telephones, desktops, search engines and some browsers fetch it without cookies",
		regexp.MustCompile(`(?i)/(favicon|apple-touch-icon|android-chrome|mstile|safari-pinned-tab)[^/]*\.` +
			`(ico|png|svg|gif|jpe?g|webp)$|/browserconfig\.xml$`)},
	{"a file for crawlers and other programs", "none of them has a session here",
		regexp.MustCompile(`(?i)/(robots|ads|app-ads|llms|security|humans)\.txt$|/sitemap[^/]*\.xml$|/opensearch\.xml$`)},
	{"a well-known path", "browsers, telephones and other sites fetch it without a session",
		regexp.MustCompile(`^/\.well-known/`)},
}

// FetchedWithoutCookies recognises what is usually fetched without cookies by its path.
func FetchedWithoutCookies(path string) (Cookieless, bool) {
	for _, c := range cookielessKinds {
		if c.match.MatchString(path) {
			return c, true
		}
	}
	return Cookieless{}, false
}

// OpenedBy is what to add to GATEPOST_PUBLIC to open a path to everybody, for reading alone: the preset that does, or
// else a rule.
func OpenedBy(path string) string {
	for _, ru := range newRules(presetRules("@assets")).list {
		if q := newRequest("GET", path); ru.names(&q) && !ru.excepts(&reading{path: path, counted: path}) {
			return ru.preset
		}
	}
	return "GET " + strings.TrimSuffix(path, "/")
}
