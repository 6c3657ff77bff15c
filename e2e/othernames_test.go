package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// Apps may have set what Better Auth calls its cookies, and how it makes ids.
func TestMoveInWithOtherNamesAndIDs(t *testing.T) {
	for name, c := range map[string]struct {
		layout   layout
		settings []string
		cookies  string // GATEPOST_IMPORT_COOKIES
		session  string // what the cookie of a session is called
	}{
		"a prefix of cookies":  {layouts[2], []string{"PREFIX=acme"}, "better-auth=acme.session_token", "acme.session_token"},
		"a name of the cookie": {layouts[2], []string{"COOKIE=sid"}, "better-auth=sid", "sid"},
		"both": {layouts[2], []string{"PREFIX=acme", "COOKIE=sid"},
			"better-auth=sid,better-auth=acme.session_token", "sid"},
		"serial ids":        {layouts[2], []string{"IDS=serial"}, "", "better-auth.session_token"},
		"serial ids of 1.6": {layouts[0], []string{"IDS=serial"}, "", "better-auth.session_token"},
		"UUIDs":             {layouts[2], []string{"IDS=uuid"}, "", "better-auth.session_token"},
	} {
		t.Run(name, func(t *testing.T) {
			old := c.layout.start(t, c.settings...)
			var seen []string // the cookies that the app gets
			app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen = append(seen, r.Header["Cookie"]...)
				tellHeaders(w, r)
			}))
			t.Cleanup(app.Close)
			settings := []string{"GATEPOST_IMPORT_BETTER_AUTH_SECRET=" + oldSecret}
			if c.cookies != "" {
				settings = append(settings, "GATEPOST_IMPORT_COOKIES="+c.cookies)
			}
			h := moveInto(t, "better-auth", old.source, app.URL, freePort(t), settings...).serve(t)

			const password = "a quiet river at noon"
			ada := old.join(t, "ada", password)
			brief := old.stranger(t, ada.person)
			brief.ask(200, "sign-in/email", map[string]any{"email": ada.email, "password": password, "rememberMe": false})
			var last *member
			for i := range 10 { // of whom "10" and "11" come before "2"
				last = old.join(t, fmt.Sprint("more", i), password)
			}
			if !slices.ContainsFunc(ada.cookies(), func(k *http.Cookie) bool { return k.Name == c.session }) {
				t.Fatalf("Better Auth has set %v", ada.cookies())
			}
			if n, report := h.bring(t); n.Created != 11 || n.Sessions != 12 || len(report) != 11 {
				t.Errorf("counts %+v of %v", n, report)
			}
			last.ask(200, "sign-out", nil)
			if n, report := h.bring(t); n.Unchanged != 11 || n.Sessions != 0 || n.Ended != 1 || len(report) > 0 {
				t.Errorf("again: counts %+v of %v", n, report)
			}

			r := h.with(t, ada.cookies())
			r.mustBeIn(ada.id)
			r.mustArrive(ada.id)
			forgetful := h.with(t, brief.cookies())
			res, _ := forgetful.get("/.gatepost/arrive?next=%2Fdashboard", opening)
			ours := slices.IndexFunc(res.Cookies(), func(k *http.Cookie) bool { return k.Name == "gatepost_"+h.port() })
			if ours < 0 || res.Cookies()[ours].MaxAge != 0 {
				t.Errorf("a browser that was to forget gets %v", res.Cookies())
			}
			h.mustKnow(t, last.email, password, last.id)
			if len(seen) > 0 {
				t.Errorf("the app sees %s", strings.Join(seen, "\n"))
			}
		})
	}
}
