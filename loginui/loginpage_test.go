package loginui_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/loginui"
)

// The login names a page that was asked for, if it is short and not the front page, and as it stands in the address: a
// stranger may have written that.
func TestTheLoginNamesWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for next, want := range map[string]string{
		"":                                  "",
		"%2F":                               "",
		"%2F%3Fa%3Db":                       "",
		"%2Fdashboard":                      "to continue to /dashboard",
		"%2Fdashboard%3Ftab%3D2":            "to continue to /dashboard",
		"http%3A%2F%2Flocalhost%3A8080%2Fa": "to continue to /a",
		"%2Fcall us":                        "to continue to /call%20us",
		"%2F" + strings.Repeat("a", 48):     "",
		"https%3A%2F%2Fevil.example%2Fa":    "",
		"%2F%2Fevil.example%2Fa":            "",
	} {
		for _, page := range []string{"/login", "/signup"} {
			a := d.do(t, "GET", page+"?next="+strings.ReplaceAll(next, " ", "+"), "")
			said := regexp.MustCompile(`<p class="to">(.*)</p>`).FindStringSubmatch(a.body)
			if a.StatusCode != 200 || want == "" && said != nil || want != "" && (said == nil || said[1] != want) {
				t.Errorf("%s for %q: %d, %q", page, next, a.StatusCode, said)
			}
		}
	}
}

// A fault is said once, where it is read next: the focus is there. A screen reader says what belongs to no field with
// the field that is to be mended.
func TestAFaultIsSaidOnceAndHasTheFocus(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(c *loginui.Config) { c.Mail = true })
	d.cookie(t, "ada@example.com")
	focused := regexp.MustCompile(`<input id="(\w+)"[^>]* autofocus[^>]*>`)
	for name, c := range map[string]struct {
		path, body, focus, describedBy string
		alerts, links                  int
	}{
		"a wrong password": {"/login", form("email", "ada@example.com", "password", "a noisy river"), "password", "fault",
			1, 0},
		"no password": {"/login", form("email", "ada@example.com"), "password", "password-fault", 0, 0},
		"nothing":     {"/login", form(), "email", "email-fault", 1, 2},
		"one fault": {"/signup", form("email", "ada@", "password", "a quiet river at noon"), "email", "email-fault",
			0, 0},
		"several": {"/signup", form("email", "ada@", "password", "ada"), "email", "email-fault", 1, 2},
	} {
		a := d.do(t, "POST", c.path, c.body)
		found := focused.FindAllStringSubmatch(a.body, -1)
		if len(found) != 1 || found[0][1] != c.focus || strings.Count(a.body, "autofocus") != 1 ||
			!strings.Contains(found[0][0], `aria-describedby="`+c.describedBy) {
			t.Errorf("%s: the focus is on %q", name, found)
		}
		n, m := strings.Count(a.body, `role="alert"`), strings.Count(a.body, `<li><a href="#`)
		if n != c.alerts || m != c.links {
			t.Errorf("%s: %d alerts, %d links to fields: %s", name, n, m, a.body)
		}
	}
}
