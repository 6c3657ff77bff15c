package e2e

import "testing"

func TestAccountFromSignupToItsEnd(t *testing.T) {
	t.Run("with scripts", func(t *testing.T) {
		v := newVisitor(t)
		v.liveWithAnAccount(v.download())
	})
	t.Run("without scripts", func(t *testing.T) {
		v := newVisitor(t)
		v.disableScripts()
		v.liveWithAnAccount(v.download())
	})
}

// liveWithAnAccount does everything that a user can do with an account. Downloads arrive in dir.
func (v *visitor) liveWithAnAccount(dir string) {
	v.t.Helper()
	p := zhangWei()
	v.open("/signup?next=/account")
	v.signUp(p)
	v.mustBeAt("/account")
	v.mustSee(p.name)
	p.name = v.rename("Zhang Wei")
	p.password = v.changePassword(p)
	v.endOtherSessions(p)
	v.click("/account/export")
	v.mustHaveDownloaded(dir, p)
	v.deleteAccount(p)
}

func (v *visitor) rename(name string) string {
	v.t.Helper()
	v.change("/account/name")
	v.fill("name", name)
	v.press("Save name")
	v.mustBeAt("/account")
	v.mustSee("Your name is changed.")
	v.mustSee(name)
	v.open("/account")
	v.mustNotSee("Your name is changed.") // the notice is shown once
	return name
}

func (v *visitor) changePassword(p person) string {
	v.t.Helper()
	const chosen = "a louder river at night"
	v.change("/account/password")
	v.fill("current", p.password)
	v.fill("password", chosen)
	v.press("Change password")
	v.mustBeAt("/account")
	v.mustSee("Your password is changed. Every other device is logged out.")
	v.press("Log out")
	v.mustBeAt("/login")
	v.open("/login?next=/account")
	if status := v.logIn(p); status != 401 {
		v.t.Errorf("the old password: status %d, want 401", status)
	}
	p.password = chosen
	v.logIn(p)
	v.mustBeAt("/account")
	return chosen
}

// endOtherSessions ends one session by its own button, and then all others at once.
func (v *visitor) endOtherSessions(p person) {
	v.t.Helper()
	for _, end := range []struct{ form, notice string }{
		{"/account/sessions/end", "That device is logged out."},
		{"/account/sessions/end-others", "Every other device is logged out."},
	} {
		phone := newReader(v.t)
		phone.agent = safari
		phone.logIn(p)
		phone.read(200, "/account", nil)
		v.open("/account")
		v.mustSee("Safari on iOS")
		v.submit(end.form)
		v.mustBeAt("/account")
		v.mustSee(end.notice)
		v.mustNotSee("Safari on iOS")
		phone.read(303, "/account", nil) // redirects to the login
	}
}

func (v *visitor) deleteAccount(p person) {
	v.t.Helper()
	v.follow("Delete my account")
	v.fill("password", "a noisy river at noon")
	v.press("Delete my account for good")
	v.mustSee("That is not your current password.")
	v.fill("password", p.password)
	v.press("Delete my account for good")
	v.mustSee("Your account is deleted")
	v.mustSee(p.email)
	v.open("/account")
	v.mustBeAt("/login?next=%2Faccount")
	if status := v.logIn(p); status != 401 {
		v.t.Errorf("login with a deleted account: status %d, want 401", status)
	}
	v.follow("Sign up")
	v.signUp(p) // the address is free again
	v.mustBeAt("/account")
}

func TestOldLoginIsAskedForThePasswordOnceMore(t *testing.T) {
	v, p := newVisitor(t), zhangWei()
	dir := v.download()
	v.open("/signup?next=/account")
	v.signUp(p)
	newReader(t).logIn(p)
	p.growOld(t)
	v.open("/account")
	v.press("Log out everywhere else")
	v.mustSee("Is it you?")
	v.fill("password", "a noisy river at noon")
	v.press("Continue")
	v.mustSee("That is not your current password.")
	v.fill("password", p.password)
	v.press("Continue")
	v.mustBeAt("/account")
	v.mustSee("Every other device is logged out.")
	p.growOld(t)
	v.press("Download my data")
	v.mustSee("Is it you?")
	v.fill("password", p.password)
	v.press("Continue")
	v.mustBeAt("/account")
	v.mustSee("You can download your data now.")
	v.click("/account/export")
	v.mustHaveDownloaded(dir, p)
}
