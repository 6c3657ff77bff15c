package proxy

import (
	"strings"
	"testing"
)

func TestAssetsOpenWhatIsFetchedWithoutCookiesAndNothingElse(t *testing.T) {
	t.Parallel()
	r := mustRules(t, "/", "@assets, /pricing")
	for path, want := range map[string]string{
		"/favicon.ico": "public", "/favicon.svg": "public", "/favicon-32x32.png": "public", "/apple-touch-icon.png": "public",
		"/apple-touch-icon-120x120-precomposed.png": "public", "/android-chrome-192x192.png": "public",
		"/manifest.json": "public", "/site.webmanifest": "public", "/manifest.webmanifest": "public",
		"/robots.txt": "public", "/browserconfig.xml": "public", "/.well-known/security.txt": "public",
		"/.well-known/acme-challenge/x": "public", "/.well-known/assetlinks.json": "public", "/pricing": "public",
		"/.well-known": "user", "/.well-known/": "user", "/.well-known/webfinger": "user", "/.well-known/WebFinger": "user",
		"/.well-known/webfinger.json": "user", "/.well-known/x/../webfinger": "user",
		"/.well-known/x/..%2fwebfinger": "user", "/.well-known/%77ebfinger": "user", "/.well-known//webfinger": "user",
		"/.well-known/appspecific/com.chrome.devtools.json": "user", "/.well-known/change-password": "user",
		"/.well-known/webfingers": "public", "/.well-known/../dashboard": "user", "/.well-known/%2e%2e/dashboard": "user",
		"/.well-known/..%2fdashboard": "user", "/Favicon.ico": "user", "/favicon": "user", "/favicons": "user",
		"/favicon.ico/": "user", "/favicon.ico/secret": "user", "/robots.txt/secret": "user", "/robots.txt.bak": "user",
		"/favicon-app/secret": "user", "/favicon-app%2fsecret": "user", "/apple-touch-icon-x/a.png": "user",
		"/x.webmanifest/y": "user", "/manifest.json/y.webmanifest": "user", "/favicon.ico;/secret": "user",
		"/.well-known/acme-challenge/x/y": "public",
		"/x/favicon.ico":                  "user", "/manifest": "user", "/robots.txt/../x": "user",
		"/": "user", "/sw.js": "user",
	} {
		if got := describe(r.For("GET", path)); got != want {
			t.Errorf("GET %s: got %s, want %s", path, got, want)
		}
		if got := describe(r.For("POST", path)); got != "user" && path != "/pricing" {
			t.Errorf("POST %s: got %s", path, got)
		}
	}
	if got := describe(mustRules(t, "/dashboard", "@assets").For("GET", "/.well-known/webfinger")); got != "public" {
		t.Errorf("what a preset leaves alone is %s where nothing protects it", got)
	}
	if got := describe(mustRules(t, "/, /.well-known/x=a", "@assets").For("GET", "/.well-known/x")); got != "a" {
		t.Errorf("a protecting rule for a well-known path counts for %s", got)
	}
}

func TestPresetsAreReadAndDescribed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ protect, public, want string }{
		{"/", "@asets", `GATEPOST_PUBLIC: there is no preset "@asets"; did you mean @assets?`},
		{"/", "@assets, @assets", "GATEPOST_PUBLIC: names the preset @assets twice"},
		{"/", "GET @assets", "a preset stands in GATEPOST_PUBLIC only, and without methods"},
		{"@assets", "", "a preset stands in GATEPOST_PUBLIC only"},
		{"/", "@", "there is no preset"},
		{"/", "@assets", ""}, {"/", " @assets ,", ""}, {"/", "/x, @assets, GET /favicon.ico", ""},
		{"/", "@assets, GET /favicon.ico, /robots.txt", ""},
	} {
		_, err := ParseRules(c.protect, c.public)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("PROTECT=%q PUBLIC=%q: got %v, want %q", c.protect, c.public, err, c.want)
		}
	}
	r := mustRules(t, "/", "@assets")
	if list := r.Doubts(); len(list) > 0 {
		t.Errorf("doubts: %q", list)
	}
	for _, d := range r.Describe()[1:] {
		if d.Preset != "@assets" || !strings.HasPrefix(d.Rule, "@assets: GET /") || d.Example == "" ||
			strings.Contains(d.Covers, "nothing below it") == (d.Prefix == "/.well-known/*") {
			t.Errorf("described as %+v", d)
		}
	}
	want := "GATEPOST_PUBLIC: @assets opens nothing"
	if got := mustRules(t, "/dashboard", "@assets").Doubts(); len(got) != 1 || !strings.HasPrefix(got[0], want) {
		t.Errorf("doubts: got %q, want %q", got, want)
	}
}
