package e2e

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// The sample app shows what the gate does: who is there, an open connection that ends with the session, a fetch, a
// page that is nobody's. Each of its pages is accessible, and fits a phone with the longest address.
func TestTheDemosApp(t *testing.T) {
	needBrowser(t)
	v, p := newVisitor(t), person{"fürst", strings.Repeat("long.address.", 4) + strings.ToLower(rand.Text()[:11]) + "@" +
		strings.Repeat("a-long-name.", 14) + "example", "a quiet river at noon"}
	v.examine("/", "/try", "/nothing")
	if status := v.open("/nothing"); status != 404 {
		t.Errorf("a page that is nobody's: %d", status)
	}
	v.open("/signup?next=/dashboard")
	v.signUp(p)
	v.mustComeToSee(p.greeting())
	v.mustSee("X-Auth-Name: f%C3%BCrst")
	v.mustSee("fürst – text is percent-encoded UTF-8")
	v.mustComeToSee("Open for 1 s.")
	v.tap("Send request")
	v.mustComeToSee("200 {")
	v.examine("/dashboard", "/mailbox")

	v.open("/dashboard")
	v.mustComeToSee("Open for")
	other := v.newTab()
	other.open("/try")
	other.tap("Log out")
	other.mustLandAt("/login")
	other.mustSee("You are logged out.")
	other.open("/login")
	other.mustNotSee("You are logged out.")
	other.follow("Gatepost demo")
	other.mustBeAt("/")
	v.mustComeToSee("Closed.")
	v.tap("Send request")
	v.mustComeToSee("401 {")
	v.open("/login")
	v.logIn(p)
	p.promote(t)
	v.examine("/admin")
}

// examine looks at pages as a phone and as a desktop do, in the light and in the dark.
func (v *visitor) examine(paths ...string) {
	v.t.Helper()
	for _, path := range paths {
		for name, l := range map[string]look{
			"phone":   {width: 320, height: 640, scale: 2, scheme: "dark"},
			"desktop": {width: 1280, height: 800, scale: 1, scheme: "light"},
		} {
			v.as(l)
			v.open(path)
			v.rest()
			v.mustFit(path + " " + name)
			v.mustBeAccessible(path + " " + name)
			if dir := os.Getenv("E2E_LOOK"); dir != "" {
				picture := ask(v, "take a picture", chromedp.FullScreenshot(100))
				file := dir + "/demo" + strings.ReplaceAll(path, "/", "-") + "-" + name + ".png"
				if err := os.WriteFile(file, picture, 0o600); err != nil {
					v.t.Fatal(err)
				}
			}
		}
	}
	v.as(look{})
}
