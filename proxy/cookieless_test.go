package proxy

import "testing"

func TestWhatIsFetchedWithoutCookiesIsRecognised(t *testing.T) {
	t.Parallel()
	for path, want := range map[string][2]string{
		"/manifest.json": {"a web app manifest", "@assets"}, "/app/site.webmanifest": {"a web app manifest",
			"GET /app/site.webmanifest"},
		"/sw.js":                            {"the script of a service worker", "GET /sw.js"},
		"/firebase-messaging-sw.js":         {"the script of a service worker", "GET /firebase-messaging-sw.js"},
		"/js/service-worker.mjs":            {"the script of a service worker", "GET /js/service-worker.mjs"},
		"/ngsw-worker.js":                   {"the script of a service worker", "GET /ngsw-worker.js"},
		"/favicon.ico":                      {"an icon", "@assets"},
		"/static/favicon-32x32.png":         {"an icon", "GET /static/favicon-32x32.png"},
		"/apple-touch-icon-precomposed.png": {"an icon", "@assets"},
		"/robots.txt":                       {"a file for crawlers and other programs", "@assets"},
		"/sitemap.xml":                      {"a file for crawlers and other programs", "GET /sitemap.xml"},
		"/.well-known/assetlinks.json":      {"a well-known path", "@assets"},
		"/.well-known/webfinger":            {"a well-known path", "GET /.well-known/webfinger"},
		"/dashboard":                        {}, "/answer.js": {}, "/icons": {}, "/favicon": {}, "/manifest": {},
		"/app.js": {}, "/network.js": {},
	} {
		kind, ok := FetchedWithoutCookies(path)
		if kind.What != want[0] || ok != (want[0] != "") {
			t.Errorf("%s is %q", path, kind.What)
		}
		if !ok {
			continue
		}
		by := OpenedBy(path)
		if by != want[1] {
			t.Errorf("%s: opened by %q, want %q", path, by, want[1])
		}
		if r, err := ParseRules("/", by); err != nil || !r.For("GET", path).Public {
			t.Errorf("%s: %q does not open it: %v", path, by, err)
		}
	}
}
