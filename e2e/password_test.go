package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// secret is a password field and the button that shows its text.
type secret struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	Label string `json:"label"`
}

const readSecret = `(({type}, b) => ({type, text: b?.innerText ?? "", label: b?.ariaLabel ?? ""}))(
	document.querySelector("input[name=password]"), document.querySelector("input[name=password] + button"))`

func (v *visitor) mustHide(want secret) {
	v.t.Helper()
	if got := ask(v, "read the field", chromedp.Evaluate[secret](readSecret)); got != want {
		v.t.Errorf("the field is %+v, want %+v", got, want)
	}
}

func TestPasswordCanBeShownByKeyboardAndIsHiddenWhenItIsSent(t *testing.T) {
	v, p := newVisitor(t), zhangWei()
	hidden, shown := secret{"password", "Show", "Show password"}, secret{"text", "Hide", "Hide password"}
	v.open("/signup?next=/account")
	v.fillIn(p)
	v.mustHide(hidden)
	for _, want := range []secret{shown, hidden, shown} {
		v.reach("input[name=password] + button", tab)
		v.key(space)
		v.mustHide(want)
	}
	v.reach("input[name=password]", shiftTab)
	notes, _ := v.send("/signup", enter.press())
	if len(notes) != 1 || notes[0].Password != "password" { // browsers store the text of plain fields
		t.Errorf("the form is sent as %+v", notes)
	}
	v.mustBeAt("/account")

	v.open("/logout")
	v.disableScripts()
	v.open("/account/delete")
	v.mustHide(secret{Type: "password"})
}

// counted is the text below a new password, and the position of the form's button.
type counted struct {
	Words string  `json:"words"`
	Top   float64 `json:"top"`
}

const readCount = `({
	words: document.querySelector(".count").innerText,
	top: document.querySelector(".actions").getBoundingClientRect().top + scrollY,
})`

func TestLengthOfANewPasswordIsCountedInTheLanguageOfThePage(t *testing.T) {
	v := newVisitor(t)
	for _, page := range []struct{ lang, few, enough, common string }{
		{"en", "5 of 8 characters", "Good. A few more words make it strong.",
			"This password is on every list of common passwords. Choose another."},
		{"ar", "عدد الأحرف: ٥ من ٨", "جيدة. بضع كلمات أخرى تجعلها قوية.",
			"كلمة المرور هذه في كل قوائم كلمات المرور الشائعة. اختر غيرها."},
	} {
		v.open("/signup?lang=" + page.lang)
		count := chromedp.Evaluate[counted](readCount)
		before := ask(v, "read the count", count)
		for _, in := range []struct{ typed, words string }{
			{"rivér", page.few},
			{"rive\u0301r", page.few}, // two code points, one character
			{"🌍🌍🌍🌍🌍", page.few},
			{"a quiet river", page.enough},
			{"", ""},
		} {
			v.fill("password", in.typed)
			if got, want := ask(v, "read the count", count), (counted{in.words, before.Top}); got != want {
				t.Errorf("%q in %s: %+v, want %+v", in.typed, page.lang, got, want)
			}
		}
		v.fill("password", "PassWord")
		v.mustSee(page.common)
	}
}
