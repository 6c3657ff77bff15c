package e2e

import "testing"

func TestBackAfterLogoutOrDeletionShowsNothingOfTheAccount(t *testing.T) {
	for name, leave := range map[string]func(*visitor, person){
		"logout": func(v *visitor, _ person) { v.press("Log out") },
		"deletion": func(v *visitor, p person) {
			v.follow("Delete my account")
			v.fill("password", p.password)
			v.press("Delete my account for good")
		},
	} {
		t.Run(name, func(t *testing.T) {
			v, p := newVisitor(t), zhangWei()
			v.open("/signup?next=/account")
			v.signUp(p)
			v.change("/account/name") // the page before is one more that the browser could keep
			v.follow("Cancel")
			v.mustSee(p.email)
			leave(v, p)
			for range 3 {
				v.back()
				v.mustNotSee(p.email)
				v.mustNotSee(p.name)
				v.mustComeToSee("Log in")
			}
		})
	}
}

// After the login the visitor is back on the page with the form, and can send it again.
func TestFormSentAfterTheSessionEndedLeadsToTheLoginAndBack(t *testing.T) {
	v, p := newVisitor(t), zhangWei()
	v.open("/signup?next=/account")
	v.signUp(p)
	tab := v.newTab()
	for _, form := range []struct {
		page, action, login string
		fields              []string
	}{
		{"/account/name", "/account/name", "/login?next=%2Faccount%2Fname", []string{"name"}},
		{"/account/password", "/account/password", "/login?next=%2Faccount%2Fpassword",
			[]string{"current", "password"}},
		{"/account/delete", "/account/delete", "/login?next=%2Faccount%2Fdelete", []string{"password"}},
		{"/account", "/account/export", "/login?next=%2Faccount", nil},
	} {
		v.open(form.page)
		for _, field := range form.fields {
			v.fill(field, p.password)
		}
		tab.open("/logout")
		tab.press("Log out")
		v.submit(form.action)
		v.mustBeAt(form.login)
		v.mustNotSee("cookie")
		v.logIn(p)
		v.mustBeAt(form.page)
	}
	v.mustSee(p.name) // nothing was changed
}

// The page that asks for the password has no address that a GET can open.
func TestPasswordAskedForOnceMoreAfterTheSessionEndedLeadsToTheAccount(t *testing.T) {
	v, p := newVisitor(t), zhangWei()
	v.open("/signup?next=/account")
	v.signUp(p)
	newReader(t).logIn(p)
	p.growOld(t)
	v.open("/account")
	v.press("Log out everywhere else")
	tab := v.newTab()
	tab.open("/logout")
	tab.press("Log out")
	v.fill("password", p.password)
	v.press("Continue")
	v.mustSee("Log in")
	if status := v.logIn(p); status != 200 {
		t.Errorf("after the login: status %d, want 200\n%s", status, v.view())
	}
	v.mustBeAt("/account")
}

func TestChangedPasswordSignsOutEveryOtherBrowserAndNoTabOfThisOne(t *testing.T) {
	v, other, p := newVisitor(t), newVisitor(t), zhangWei()
	v.open("/signup?next=/account")
	v.signUp(p)
	tab := v.newTab()
	tab.open("/account/name")
	other.open("/login?next=/account/name")
	other.logIn(p)
	v.change("/account/password")
	v.fill("current", p.password)
	v.fill("password", "a louder river at night")
	v.press("Change password")
	tab.fill("name", "Zhang Wei")
	tab.press("Save name")
	tab.mustSee("Your name is changed.")
	other.fill("name", "Mallory")
	other.press("Save name")
	other.mustBeAt("/login?next=%2Faccount%2Fname")
	v.open("/account")
	v.mustSee("Zhang Wei")
}

func TestLoginFormThatWasOpenBeforeAnotherLoginStillWorks(t *testing.T) {
	v, p, q := newVisitor(t), zhangWei(), zhangWei()
	v.open("/signup?next=/account")
	v.signUp(p)
	v.press("Log out")
	v.open("/login?next=/account")
	tab := v.newTab()
	tab.open("/signup?next=/account")
	tab.signUp(q)
	v.logIn(p) // while the tab is signed in to another account
	v.mustBeAt("/account")
	v.mustSee(p.email)
	tab.open("/account")
	tab.mustSee(p.email) // a browser has one session
	tab.mustNotSee(q.email)

	tab.press("Log out")
	tab.open("/login?next=/account")
	v.open("/login?next=/account")
	v.logIn(p)
	v.press("Log out")
	tab.logIn(p) // after another login has begun and ended
	tab.mustBeAt("/account")
}
