package acceptance_test

import (
	"html"
	"strings"
	"testing"
)

// What asks for data gets 401, and what loads a page gets the login, whatever asks: browsers with and without
// Sec-Fetch-…, frames, downloads, and libraries of scripts, each in its own way.
func TestSignedOutIsSaidSoThatItIsUnderstood(t *testing.T) {
	t.Parallel()
	l := newLane(t, siteRules...)
	const toItself, toForm = "/login?next=%2Fdashboard%3Fa%3Db%26c", "/login?next=%2Fpublic%3Fpage%3D2"
	from := "Referer: http://" + l.host + "/public?page=2"
	browser := func(mode, dest string) []string {
		return []string{"Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: " + mode, "Sec-Fetch-Dest: " + dest, from,
			"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
	}
	const page = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	const turboStream = "Accept: text/vnd.turbo-stream.html, text/html, application/xhtml+xml"
	for name, c := range map[string]struct {
		method  string // GET if empty
		headers []string
		status  int
		header  string // with the address of the login
		to      string
	}{
		"a page":     {"", browser("navigate", "document"), 303, "Location", toItself},
		"a form":     {"POST", browser("navigate", "document"), 303, "Location", toForm},
		"a download": {"", browser("navigate", "empty"), 401, "", ""},
		"a page for later": {"", append(browser("navigate", "document"), "Sec-Purpose: prefetch;prerender"),
			401, "", ""},
		"fetch":     {"", browser("cors", "empty"), 401, "", ""},
		"a script":  {"", browser("no-cors", "script"), 401, "", ""},
		"a picture": {"", browser("no-cors", "image"), 401, "", ""},
		"a worker":  {"", browser("same-origin", "serviceworker"), 401, "", ""},
		"a socket": {"", append(browser("navigate", "document"), "Upgrade: websocket", "Connection: Upgrade"),
			401, "", ""},
		"a frame":                    {"", browser("navigate", "iframe"), 401, "page", toForm},
		"an old frame":               {"", browser("navigate", "frame"), 401, "page", toForm},
		"an object":                  {"", browser("navigate", "object"), 401, "page", toForm},
		"an embedded one":            {"", browser("navigate", "embed"), 401, "page", toForm},
		"a frame without a referrer": {"", browserOf("navigate", "iframe"), 401, "page", "/login"},
		"a frame of another site": {"", append(browserOf("navigate", "iframe"), "Referer: https://evil.example/x"),
			401, "page", "/login"},
		"an old browser": {"", []string{"Accept: text/html,application/xhtml+xml,*/*;q=0.8"},
			303, "Location", toItself},
		"lynx": {"", []string{"Accept: text/html, text/plain, text/sgml, */*;q=0.01"},
			303, "Location", toItself},
		"curl":                     {"", []string{"Accept: */*"}, 401, "", ""},
		"nothing said":             {"", nil, 401, "", ""},
		"JSON first":               {"", []string{"Accept: application/json, text/html"}, 401, "", ""},
		"JSON rather":              {"", []string{"Accept: text/html;q=0.5, application/json"}, 401, "", ""},
		"no HTML":                  {"", []string{"Accept: text/html;q=0, */*"}, 401, "", ""},
		"HTML by another spelling": {"", []string{"Accept: Text/HTML"}, 303, "Location", toItself},
		"jQuery": {"", []string{"Accept: text/html, */*; q=0.01", "X-Requested-With: XMLHttpRequest"},
			401, "", ""},
		"another method":            {"PUT", []string{"Accept: text/html", "Sec-Fetch-Mode: navigate"}, 401, "", ""},
		"deleting":                  {"DELETE", []string{page}, 401, "", ""},
		"WebDAV":                    {"PROPFIND", []string{page}, 401, "", ""},
		"asking first":              {"OPTIONS", []string{page}, 401, "", ""},
		"a download without a mode": {"", []string{page, "Sec-Fetch-Dest: empty"}, 401, "", ""},
		"a picture without a mode":  {"", []string{page, "Sec-Fetch-Dest: image"}, 401, "", ""},
		"a page without a mode":     {"", []string{"Accept: */*", "Sec-Fetch-Dest: document"}, 303, "Location", toItself},
		"a frame without a mode":    {"", []string{page, "Sec-Fetch-Dest: iframe", from}, 401, "page", toForm},
		"a mode without a kind":     {"", []string{"Accept: */*", "Sec-Fetch-Mode: navigate"}, 303, "Location", toItself},
		"old Safari": {"", []string{"Accept: application/xml,application/xhtml+xml,text/html;q=0.9," +
			"text/plain;q=0.8,image/png,*/*;q=0.5"}, 303, "Location", toItself},
		"old Firefox": {"", []string{"Accept: text/xml,application/xml,application/xhtml+xml,text/html;q=0.9,*/*;q=0.5"},
			303, "Location", toItself},
		"XML": {"", []string{"Accept: application/xml, text/html;q=0.9"}, 401, "", ""},
		"XML, then HTML": {"", []string{"Accept: application/xml, application/json, application/xhtml+xml"},
			401, "", ""},
		"an Android app":   {"", []string{page, "X-Requested-With: com.example.app"}, 303, "Location", toItself},
		"another script":   {"", []string{page, "X-Requested-With: fetch"}, 401, "", ""},
		"pjax":             {"", []string{page, "X-PJAX: true"}, 401, "", ""},
		"barba":            {"", []string{page, "x-barba: yes"}, 401, "", ""},
		"Alpine AJAX":      {"", []string{page, "X-Alpine-Request: true"}, 401, "", ""},
		"JSF":              {"POST", []string{page, "Faces-Request: partial/ajax"}, 401, "", ""},
		"Wicket":           {"", []string{page, "Wicket-Ajax: true"}, 401, "", ""},
		"intercooler":      {"", []string{page, "X-IC-Request: true"}, 401, "", ""},
		"fixi":             {"", []string{page, "FX-Request: true"}, 401, "", ""},
		"Datastar":         {"", []string{page, "Datastar-Request: true"}, 401, "", ""},
		"ASP.NET":          {"POST", []string{page, "X-MicrosoftAjax: Delta=true"}, 401, "", ""},
		"October":          {"POST", []string{page, "X-OCTOBER-REQUEST-HANDLER: onSave"}, 401, "", ""},
		"Winter":           {"POST", []string{page, "X-WINTER-REQUEST-HANDLER: onSave"}, 401, "", ""},
		"SPF":              {"", []string{page, "X-SPF-Request: navigate"}, 401, "", ""},
		"Blazor":           {"", []string{"Accept: text/html; blazor-enhanced-nav=on"}, 401, "", ""},
		"an old prefetch":  {"", []string{page, "X-Moz: prefetch"}, 401, "", ""},
		"another prefetch": {"", []string{page, "X-Sec-Purpose: prefetch"}, 401, "", ""},
		"a third prefetch": {"", []string{page, "Purpose: prefetch"}, 401, "", ""},
		"a preview":        {"", []string{page, "Purpose: preview"}, 401, "", ""},
		"an old preview":   {"", []string{page, "X-Purpose: preview"}, 401, "", ""},
		"a prerendering":   {"", append(browser("navigate", "document"), "Sec-Purpose: prerender"), 401, "", ""},
		"Turbolinks":       {"", []string{page, "Turbolinks-Referrer: /public"}, 401, "leave", toItself},
		"Unpoly without a version": {"", []string{"X-Up-Target: main", "X-Up-Mode: modal", page, from},
			401, "leave", toForm},
		"events": {"", []string{"Accept: text/event-stream"}, 401, "", ""},
		"htmx": {"", []string{"HX-Request: true", "HX-Current-URL: http://" + l.host + "/public?page=2",
			"Accept: text/html, */*"}, 401, "HX-Redirect", toForm},
		"htmx, by a form": {"POST", []string{"HX-Request: true",
			"HX-Current-URL: http://" + l.host + "/public?page=2"}, 401, "HX-Redirect", toForm},
		"htmx in a browser": {"", append(browser("cors", "empty"), "HX-Request: true"),
			401, "HX-Redirect", toForm},
		"htmx elsewhere": {"", []string{"HX-Request: true", "HX-Current-URL: https://evil.example/x"},
			401, "HX-Redirect", "/login"},
		"Inertia": {"", []string{"X-Inertia: true", "Accept: text/html, application/xhtml+xml", from},
			409, "X-Inertia-Location", toItself},
		"Inertia, by a form": {"PUT", []string{"X-Inertia: true", from}, 409, "X-Inertia-Location", toForm},
		"Livewire":           {"POST", []string{"X-Livewire: ", from}, 303, "Location", toForm},
		"Livewire's pages":   {"", []string{"X-Livewire-Navigate: 1", from}, 401, "leave", toItself},
		"Turbo": {"", append(browser("same-origin", "empty"), "X-Turbo-Request-Id: 1"),
			401, "leave", toItself},
		"Turbo without Sec-Fetch": {"", []string{"X-Turbo-Request-Id: 1",
			"Accept: text/html, application/xhtml+xml", from}, 401, "leave", toItself},
		"a frame of Turbo": {"", []string{"Turbo-Frame: cart", "X-Turbo-Request-Id: 1", "Accept: text/html", from},
			401, "leave", toForm},
		"a form of Turbo": {"POST", []string{"X-Turbo-Request-Id: 1", turboStream, from},
			401, "leave", toForm},
		"Unpoly": {"", []string{"X-Up-Version: 3.8.0", "X-Up-Mode: root", "Accept: text/html", from},
			401, "leave", toItself},
		"a layer of Unpoly": {"", []string{"X-Up-Version: 3.8.0", "X-Up-Mode: modal", "Accept: text/html", from},
			401, "leave", toForm},
		"the header of a frame": {"HEAD", browser("navigate", "iframe"), 401, "frame", ""},
	} {
		t.Run(name, func(t *testing.T) {
			method := c.method
			if method == "" {
				method = "GET"
			}
			headers := append(c.headers, "Content-Length: 0")
			r := l.refuses(t, l.request(method+" /dashboard?a=b&c", headers...), c.status)
			l.mustLeadTo(t, r, c.header, c.to)
			policy, framed := r.header.Get("Content-Security-Policy"), c.header == "page" || c.header == "frame"
			if strings.Contains(policy, "frame-ancestors 'self'") != framed ||
				strings.Contains(policy, "frame-ancestors 'none'") == framed {
				t.Errorf("policy %q", policy)
			}
		})
	}
}

func browserOf(mode, dest string) []string {
	return []string{"Sec-Fetch-Mode: " + mode, "Sec-Fetch-Dest: " + dest}
}

// mustLeadTo checks that an answer leads to the login by one header, by a page that may be framed, by a page that goes
// on to it, or says where it is in JSON.
func (l *lane) mustLeadTo(t *testing.T, r reply, by, to string) {
	t.Helper()
	for _, name := range []string{"Location", "HX-Redirect", "X-Inertia-Location"} {
		want := ""
		if name == by {
			want = to
		}
		if got := r.header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	link := html.EscapeString(to) + `"`
	if framed := strings.Contains(r.body, `<base target="_top">`); framed != (by == "page") ||
		by == "page" && !strings.Contains(r.body, `<a class="go" href="`+link) {
		t.Errorf("in a frame stands\n%s", r.body)
	}
	if leaves := strings.Contains(r.body, `<meta http-equiv="refresh" content="0; url=`+link); leaves != (by == "leave") {
		t.Errorf("it leaves: %t\n%s", leaves, r.body)
	}
	data := by == "" || by == "HX-Redirect" || by == "X-Inertia-Location"
	code, page := "UNAUTHORIZED", "/login"
	if strings.HasPrefix(to, "/account/confirm") {
		code, page = "STEP_UP_REQUIRED", "/account/confirm"
	}
	if data && (!strings.Contains(r.body, `"code":"`+code+`"`) ||
		!strings.Contains(r.body, `"loginUrl":"http://`+l.host+page+`"`)) {
		t.Errorf("got %s", r.body)
	}
}
