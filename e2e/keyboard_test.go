package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// stroke is one press of a key.
type stroke struct {
	key  string
	with chromedp.Modifier
}

var (
	tab      = stroke{key: kb.Tab}
	shiftTab = stroke{kb.Tab, chromedp.ModifierShift}
	enter    = stroke{key: kb.Enter}
	space    = stroke{key: " "}
)

func (s stroke) press() chromedp.Action[chromedp.Void] {
	return chromedp.KeyEvent(s.key, chromedp.KeyModifiers(s.with))
}

// key presses keys that load no page.
func (v *visitor) key(strokes ...stroke) {
	v.t.Helper()
	for _, s := range strokes {
		ask(v, fmt.Sprintf("press %q", s.key), s.press())
	}
}

// keyLoads presses a key that sends a form or follows a link.
func (v *visitor) keyLoads(s stroke) int {
	v.t.Helper()
	return v.load(fmt.Sprintf("press %q", s.key), s.press())
}

// strike types text into the focused element.
func (v *visitor) strike(text string) {
	v.t.Helper()
	ask(v, "type", chromedp.KeyEvent(text))
}

// focus is the element that has the focus: body if none has.
type focus struct {
	Tag     string `json:"tag"`
	ID      string `json:"id"`
	Name    string `json:"name"`
	Text    string `json:"text"`
	Visible bool   `json:"visible"` // the focus can be seen
}

// whatIsFocused describes the focus. It is visible if the element has an outline that is not transparent, or a
// shadow that a copy without the focus lacks. The copy stands beside the element only during this script, so it
// is never painted.
const whatIsFocused = `(() => {
	const e = document.activeElement ?? document.body
	` + endMotion + `
	const {outlineStyle, outlineWidth, outlineColor, boxShadow} = getComputedStyle(e)
	let visible = outlineStyle !== "none" && parseFloat(outlineWidth) > 0 && !/^rgba\(.*, 0\)$/.test(outlineColor)
	if (!visible && e !== document.body) {
		const copy = e.cloneNode(true)
		copy.removeAttribute("name") // a radio button would deselect its original
		copy.style.transition = "none"
		e.after(copy)
		visible = getComputedStyle(copy).boxShadow !== boxShadow
		copy.remove()
	}
	const text = e === document.body ? "" : e.innerText.trim()
	return {tag: e.localName, id: e.id, name: e.getAttribute("name") ?? "", text, visible}
})()`

func (v *visitor) focused() focus {
	v.t.Helper()
	return ask(v, "find the focus", chromedp.Evaluate[focus](whatIsFocused))
}

// reach presses Tab or Shift and Tab until an element that matches the selector has the focus. The focus has to
// be visible on every element on the way.
func (v *visitor) reach(selector string, by stroke) {
	v.t.Helper()
	arrived := chromedp.Evaluate[bool](fmt.Sprintf(`document.activeElement?.matches(%q) ?? false`, selector))
	for range 25 {
		f := v.focused()
		if f.Tag != "body" && !f.Visible {
			v.t.Errorf("nobody sees that %+v has the focus", f)
		}
		if ask(v, "compare the focus", arrived) {
			return
		}
		v.key(by)
	}
	v.t.Fatalf("the keyboard does not reach %s, only %+v in the end\n%s", selector, v.focused(), v.view())
}

// enterByKey moves to a field and types.
func (v *visitor) enterByKey(field, text string) {
	v.t.Helper()
	v.reach("input[name="+field+"]", tab)
	v.strike(text)
}

// sendButton is the button of the form with the password. Other forms may choose the language or the theme.
const sendButton = `form:has(input[name=password]) :is(button, input)[type=submit]`

func TestSignupAndLoginByKeyboardAlone(t *testing.T) {
	for name, send := range map[string]func(*visitor) int{
		"with Enter": func(v *visitor) int { return v.keyLoads(enter) },
		"with Space on the button": func(v *visitor) int {
			v.reach(sendButton, tab)
			return v.keyLoads(space)
		},
	} {
		t.Run(name, func(t *testing.T) {
			v, p := newVisitor(t), zhangWei()
			v.open("/signup?next=/account")
			v.enterByKey("email", p.email)
			v.enterByKey("name", p.name)
			v.enterByKey("password", p.password)
			send(v)
			v.mustBeAt("/account")
			v.open("/logout")
			v.reach(`form[action$="/logout"] [type=submit]`, tab)
			v.keyLoads(space)
			v.open("/login?next=/account")
			v.enterByKey("email", p.email)
			v.enterByKey("password", p.password)
			v.reach("input[name=email]", shiftTab) // the focus can move backwards too
			v.reach("input[name=password]", tab)
			send(v)
			v.mustBeAt("/account")
			v.mustSee(p.name)
		})
	}
}

func TestOnlyAFocusThatShowsIsSeen(t *testing.T) {
	v := newVisitor(t)
	v.show(`<style>
			* { outline: none }
			#ring:focus-visible { outline: 2px solid red }
			#faint:focus { outline: 2px solid transparent }
			#glow:focus { box-shadow: 0 0 3px red; transition: box-shadow 9s }
			#same { box-shadow: 0 0 3px red }
		</style>
		<input id="ring"><button id="faint" name="f">Faint</button>` +
		`<a href="#" id="glow">Glow</a><a href="#" id="same">Same</a>`)
	for _, want := range []focus{
		{Tag: "body"}, {Tag: "input", ID: "ring", Visible: true},
		{Tag: "button", ID: "faint", Name: "f", Text: "Faint"},
		{Tag: "a", ID: "glow", Text: "Glow", Visible: true}, {Tag: "a", ID: "same", Text: "Same"},
	} {
		if got := v.focused(); got != want {
			t.Errorf("the focus is on %+v, want %+v", got, want)
		}
		v.key(tab)
	}
}
