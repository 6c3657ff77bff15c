package e2e

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"
)

// An admin of the demo adds a passkey, by which its page for admins opens, and an app. After that the page asks for one
// of the two.
func TestTheDemosAdminPageAsksForTheSecondFactor(t *testing.T) {
	v, p := newVisitor(t), zhangWei()
	k := v.hasKeyring(true)
	v.open("/signup?next=/account")
	v.signUp(p)
	v.openMailed(p, "/signup/verify")
	v.press("Confirm")
	p.change(t, `UPDATE gatepost."user" SET role = 'admin,user' WHERE email = :'email'`)

	v.open("/admin")
	v.mustBeAt("/account/confirm?next=%2Fadmin")
	v.judged("the page that leads to a second factor")
	v.follow("Add one now")
	v.mustLandAt("/account?next=%2Fadmin#security")
	v.submit("/account/passkeys")
	v.mustBeAt("/account/passkeys/add?next=%2Fadmin")
	v.fill("name", "Blue key")
	v.press("Add the passkey")
	v.mustSee("Recovery codes")
	v.follow("I have kept them")
	v.mustBeAt("/admin")
	v.mustSee("Only users with the role admin get here")

	p.proveLittle(t)
	v.opensInTheEnd("/admin", "/account/confirm?next=%2Fadmin")
	v.mustSee("Go on with your passkey")
	v.judged("the page that asks for a passkey")
	v.press("Confirm with a passkey")
	v.mustLandAt("/admin")

	v.open("/account")
	v.submit("/account/app")
	key := v.texts("p.key code")[0]
	v.fill("code", shownCode(t, key, 0))
	v.press("Add the app")
	v.mustBeAt("/account")
	p.proveLittle(t)
	v.opensInTheEnd("/admin", "/account/confirm?next=%2Fadmin")
	v.judged("the page that asks for a code or a passkey")
	v.fill("code", shownCode(t, key, 1)) // the one before was used
	v.press("Continue")
	v.mustBeAt("/admin")

	v.press("Log out")
	k.present(false) // else the field's request would be answered
	v.open("/login?next=/admin")
	v.logIn(p)
	v.mustLandAt("/login/code?next=%2Fadmin")
	k.present(true)
	v.press("Log in with a passkey")
	v.mustArriveAt("/admin")
}

// opensInTheEnd opens a path until it leads elsewhere, once the gate has heard of a change by SQL.
func (v *visitor) opensInTheEnd(path, elsewhere string) {
	v.t.Helper()
	v.waitFor(path+" leads to "+elsewhere, func(context.Context) bool {
		v.open(path)
		return ask(v, "read the address", chromedp.Location()) == v.gate.url+elsewhere
	})
}

// proveLittle has the sessions of the person begin with the password alone, as where a browser is trusted.
func (p person) proveLittle(t *testing.T) {
	t.Helper()
	p.change(t, `UPDATE gatepost.session SET methods = 'pwd', second_at = NULL
		WHERE user_id = (SELECT id FROM gatepost."user" WHERE email = :'email')`)
}
