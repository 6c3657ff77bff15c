package loginui_test

import (
	"strings"
	"testing"
)

// A library of scripts that asks for a page of ours, or follows a form there, has the browser load it as a whole.
func TestLibrariesLoadOurPagesWithTheBrowser(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t)
	const form, leaves = `<form method="post"`, `<meta http-equiv="refresh" content="0; url=`
	for name, c := range map[string]struct {
		method, path, library string
		status                int
		header, to            string
		says                  string
	}{
		"htmx":                 {"GET", "/login?next=/x", "HX-Request: true", 204, "HX-Redirect", "/login?next=/x", ""},
		"htmx, a head":         {"HEAD", "/signup", "HX-Request: true", 204, "HX-Redirect", "/signup", ""},
		"Inertia":              {"GET", "/login?next=/x", "X-Inertia: true", 409, "X-Inertia-Location", "/login?next=/x", ""},
		"Inertia in":           {"GET", "/account", "X-Inertia: true", 409, "X-Inertia-Location", "/account", ""},
		"Unpoly":               {"GET", "/login?next=/x", "X-Up-Version: 3.8.0", 200, "", "", leaves + `/login?next=/x"`},
		"Livewire":             {"GET", "/login", "X-Livewire-Navigate: 1", 200, "", "", leaves + `/login"`},
		"Livewire's":           {"GET", "/login", "X-Livewire: ", 200, "", "", form},
		"Turbo":                {"GET", "/login", "X-Turbo-Request-Id: 1", 200, "", "", form},
		"Turbo's frame":        {"GET", "/login", "Turbo-Frame: x", 200, "", "", form},
		"no library":           {"GET", "/login", "Accept: text/html", 200, "", "", form},
		"an image":             {"GET", "/.gatepost/forget", "HX-Request: true", 204, "", "", ""},
		"the way out":          {"POST", "/logout", "HX-Request: true", 204, "HX-Redirect", "/login", ""},
		"the way out, Inertia": {"POST", "/logout", "X-Inertia: true", 409, "X-Inertia-Location", "/login", ""},
		"the way out, Unpoly":  {"POST", "/logout", "X-Up-Version: 3.8.0", 303, "Location", "/login", ""},
		"the way out, Turbo":   {"POST", "/logout", "X-Turbo-Request-Id: 1", 303, "Location", "/login", ""},
		"the way out, nobody":  {"POST", "/logout", "Accept: text/html", 303, "Location", "/login", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := d.browser(t).do(c.method, c.path, "", c.library, "Sec-Fetch-Site: same-origin")
			if a.StatusCode != c.status || !strings.Contains(a.body, c.says) {
				t.Errorf("got %d, without %q:\n%s", a.StatusCode, c.says, a.body)
			}
			for _, header := range []string{"Location", "HX-Redirect", "X-Inertia-Location"} {
				want := ""
				if header == c.header {
					want = c.to
				}
				if got := a.Header.Get(header); got != want {
					t.Errorf("%s: got %q, want %q", header, got, want)
				}
			}
			if c.says != form && strings.Contains(a.body, form) {
				t.Errorf("the page is there:\n%s", a.body)
			}
		})
	}
	b := d.browser(t)
	a := b.do("POST", "/login/with/demo", "", "HX-Request: true", "Sec-Fetch-Site: same-origin")
	to := a.Header.Get("HX-Redirect")
	if a.StatusCode != 204 || !strings.HasPrefix(to, d.id.URL()) || len(b.cookies) != 1 {
		t.Errorf("the way to a provider: %d to %q", a.StatusCode, to)
	}
}
