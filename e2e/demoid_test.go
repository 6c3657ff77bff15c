package e2e

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"
)

// withDemo is where the button of the demo's provider leads, and withDemoPage matches the provider's own page.
const withDemo, withDemoPage = "/login/with/demo", "http://localhost:*/authorize*"

// ada and grace are whom the demo's provider knows, by number.
var ada, grace = person{name: "Ada Lovelace", email: "ada@demo-id.example"},
	person{name: "Grace Hopper", email: "grace@demo-id.example"}

// choosePerson presses a button of the demo's provider, which appears by itself: "1" is Ada, "2" is Grace, and ""
// nobody. It returns the status of the page where the browser arrives.
func (v *visitor) choosePerson(who string) int {
	v.t.Helper()
	v.mustAskWho()
	return v.load("choose a person", chromedp.Click(chromedp.CSS(`button[name=who][value="`+who+`"]`)))
}

func (v *visitor) mustAskWho() {
	v.t.Helper()
	v.waitFor("the page of Demo ID", func(ctx context.Context) bool {
		there, err := chromedp.Run(ctx, chromedp.Evaluate[bool](
			`document.readyState === "complete" && document.querySelector("button[name=who]") !== null`))
		return err == nil && there
	})
}

// Browser and demo are without a network here: the browser resolves no name.
func TestDemoSignsInWithDemoID(t *testing.T) {
	for name, c := range map[string]struct {
		scripts bool
		number  string
		who     person
	}{"with scripts": {true, "1", ada}, "without scripts": {false, "2", grace}} {
		t.Run(name, func(t *testing.T) {
			v := newVisitor(t)
			if !c.scripts {
				v.disableScripts()
			}
			v.open("/dashboard?tab=2")
			v.goWith(withDemo)
			if status := v.choosePerson(""); status != 403 {
				t.Errorf("nobody: status %d, want 403", status)
			}
			v.mustSee("It was stopped at Demo ID")
			v.follow("Choose how to log in")
			v.goWith(withDemo)
			v.choosePerson(c.number)
			v.mustBeAt("/dashboard?tab=2")
			v.mustSee(c.who.greeting())
			v.mustSee(c.who.email)
			v.press("Log out")
			v.mustBeAt("/login")
			v.mustNotSee(c.who.email)
		})
	}
}

func TestSignInWithAProviderByKeyboardAlone(t *testing.T) {
	v := newVisitor(t)
	v.open("/login?next=/account")
	v.reach(`button[formaction="`+withDemo+`"]`, tab)
	h := v.stay(withDemoPage)
	v.keyLoads(space)
	h.await()
	v.reach("main a.go", tab)
	ask(v, "let requests pass", h.release)
	v.keyLoads(enter)
	v.mustAskWho()
	v.reach(`button[name=who][value="1"]`, tab)
	v.keyLoads(enter)
	v.mustBeAt("/account")
	v.mustSee(ada.email)
	v.reach(`form[action$="/account/disconnect"] [type=submit]`, tab)
}
