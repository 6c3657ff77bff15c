package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// sending is the state of a form right after the visitor has sent it.
type sending struct {
	Button   string `json:"button"`
	Busy     bool   `json:"busy"`
	Password string `json:"password"` // the type of the password field
	Refused  bool   `json:"refused"`  // the script refused it, as the form was being sent already
}

// noteSending makes the page record its own state, because a test cannot query a page that waits for an answer.
// The next page holds the record. The listener runs after those of the page's own script.
const noteSending = `(form => form.addEventListener("submit", event => {
	const button = form.querySelector("[type=submit]")
	sessionStorage.sent = JSON.stringify([...JSON.parse(sessionStorage.sent ?? "[]"), {
		button: button.innerText, busy: button.ariaBusy === "true", refused: event.defaultPrevented,
		password: form.querySelector("[name=password]").type,
	}])
}))(document.querySelector('main form[action=%q]'))`

// send runs the actions, and returns the state of the form at each submit and the bodies that the browser sent
// while the first request had no answer.
func (v *visitor) send(action string, do ...chromedp.Action[chromedp.Void]) (notes []sending, posts []string) {
	v.t.Helper()
	ask(v, "watch the form", chromedp.Evaluate[chromedp.Void](fmt.Sprintf(noteSending, action)))
	h := v.hold(action)
	ask(v, "send the form", chromedp.Steps(do...))
	h.await()
	v.load("let the form arrive", h.release)
	const take = `(sent => { delete sessionStorage.sent; return JSON.parse(sent) })(sessionStorage.sent ?? "[]")`
	return ask(v, "read the notes", chromedp.Evaluate[[]sending](take)), h.sent()
}

// clicks returns n clicks on the place where the form's button is.
func (v *visitor) clicks(n int, action string) []chromedp.Action[chromedp.Void] {
	v.t.Helper()
	const centre = `(b => {
		b.scrollIntoView()
		const r = b.getBoundingClientRect()
		return [r.x + r.width / 2, r.y + r.height / 2]
	})(document.querySelector('%s'))`
	at := ask(v, "find the button", chromedp.Evaluate[[]float64](fmt.Sprintf(centre, buttonOf(action))))
	return slices.Repeat([]chromedp.Action[chromedp.Void]{chromedp.MouseClickXY(at[0], at[1])}, n)
}

func TestTwoClicksSendAFormOnceAndTheButtonSaysThatItIsSent(t *testing.T) {
	v, p := newVisitor(t), zhangWei()
	v.open("/signup?next=/account")
	v.fillIn(p)
	v.mustSendOnce("/signup", "Signing up…")
	v.mustBeAt("/account")
	v.press("Log out")
	v.open("/login?next=/account")
	v.fillIn(person{email: p.email, password: "a noisy river at noon"})
	v.mustSendOnce("/login", "Logging in…")
	v.mustSee("The e-mail address or the password is not right.")
	v.open("/signup?next=/account") // a page that waits for a passkey, as the login does, is kept by no browser
	v.fillIn(p)
	ask(v, "mark the page", chromedp.Evaluate[chromedp.Void](`document.title = "as it was left"`))
	v.mustSendOnce("/signup", "Signing up…")
	v.mustSee("This e-mail address already has an account.")
	v.back()
	v.mustArriveAt("/signup?next=/account")
	if got := v.faults().Title; got != "as it was left" {
		t.Errorf("the browser has not kept the page but loaded %q", got)
	}
	v.fillIn(zhangWei())
	v.load("click on Sign up", v.clicks(1, "/signup")[0])
	v.mustBeAt("/account")
}

func (v *visitor) mustSendOnce(action, busy string) {
	v.t.Helper()
	notes, posts := v.send(action, v.clicks(2, action)...)
	posts = slices.DeleteFunc(posts, func(to string) bool { // the login asks for passkeys as well
		return !strings.HasSuffix(to, action)
	})
	want := []sending{{busy, true, "password", false}, {busy, true, "password", true}}
	if !slices.Equal(notes, want) || len(posts) != 1 {
		v.t.Errorf("two clicks send %q and leave the form as %+v, want one request and %+v", posts, notes, want)
	}
}

// A visitor who stops a slow request must be able to send the form again.
func TestFormThatWasStoppedCanBeSentAgain(t *testing.T) {
	v, p := newVisitor(t), zhangWei()
	v.open("/signup?next=/account")
	v.fillIn(p)
	h := v.hold("/signup")
	ask(v, "click", v.clicks(1, "/signup")[0])
	h.await()
	ask(v, "stop", chromedp.Stop())
	ask(v, "let requests pass", h.release)
	v.press("Sign up")
	v.mustBeAt("/account")
}

// Without scripts nothing holds back the second click, and the gate has to handle both requests. That the gate
// fails no request is checked when it has ended (failures).
func TestTwoClicksWithoutScriptsSignUpOnceAndSayWhatHappened(t *testing.T) {
	const taken = "This e-mail address already has an account. Log in instead, or use another one."
	v, p := newVisitor(t), zhangWei()
	v.disableScripts()
	v.open("/signup?next=/account")
	v.fillIn(p)
	ask(v, "click twice", chromedp.Steps(v.clicks(2, "/signup")...))
	v.waitFor("an account, or words about the one there is", func(ctx context.Context) bool {
		text, err := chromedp.Run(ctx, pageText)
		return err == nil && (strings.Contains(text, "Your account") || strings.Contains(text, taken))
	})

	v.open("/logout")
	v.submit("/logout")
	v.open("/signup?next=/account")
	if status := v.signUp(p); status != 409 {
		t.Errorf("signing up once more: status %d, want 409", status)
	}
	v.mustExplain("Sign up", "email", []fault{{taken, "email"}}, map[string]string{"name": p.name, "email": p.email})
}
