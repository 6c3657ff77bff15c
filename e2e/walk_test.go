package e2e

import "testing"

func TestVisitorSignsUpLogsOutAndLogsInAgain(t *testing.T) {
	t.Run("with scripts", func(t *testing.T) {
		walk(newVisitor(t))
	})
	t.Run("without scripts", func(t *testing.T) {
		v := newVisitor(t)
		v.disableScripts()
		walk(v)
	})
}

// walk goes all the way into the app and out again. The page asked for is kept on the whole way.
func walk(v *visitor) {
	p := zhangWei()
	v.open("/dashboard?tab=2")
	v.mustBeAt("/login?next=%2Fdashboard%3Ftab%3D2")
	v.follow("Sign up")
	v.mustBeAt("/signup?next=%2Fdashboard%3Ftab%3D2")
	v.signUp(p)
	v.mustBeAt("/dashboard?tab=2")
	v.mustSee(p.greeting())
	v.press("Log out")
	v.mustBeAt("/login")
	v.open("/dashboard?tab=2")
	v.mustBeAt("/login?next=%2Fdashboard%3Ftab%3D2")
	v.logIn(p)
	v.mustBeAt("/dashboard?tab=2")
	v.mustSee(p.greeting())
}

func TestLoginWithoutAPageAskedForLandsOnTheDashboard(t *testing.T) {
	v, p := newVisitor(t), zhangWei()
	v.open("/signup")
	v.signUp(p)
	v.mustBeAt("/dashboard")
	v.press("Log out")
	v.logIn(p)
	v.mustBeAt("/dashboard")
}

func TestPageAskedForSurvivesAWrongPasswordAndADetourThroughSignup(t *testing.T) {
	v, p := newVisitor(t), zhangWei()
	v.open("/signup")
	v.signUp(p)
	v.press("Log out")

	v.open("/dashboard?tab=2")
	wrong := p
	wrong.password = "a noisy river at noon"
	v.logIn(wrong)
	v.mustBeAt("/login")
	v.mustSee("The e-mail address or the password is not right.")
	v.follow("Sign up")
	v.follow("Log in")
	v.logIn(p)
	v.mustBeAt("/dashboard?tab=2")
	v.mustSee(p.greeting())
}

func TestLoginDoesNotBlameCookiesBeforeAnybodyLoggedIn(t *testing.T) {
	v := newVisitor(t)
	v.open("/login")
	v.follow("Gatepost demo") // leads to the public page
	v.follow("Dashboard")
	v.mustBeAt("/login?next=%2Fdashboard")
	v.mustNotSee("cookie")
}

// A browser requests a missing /favicon.ico only on the first page of the app that it shows, and Chromium does
// not keep a page in memory that requested it in vain. So only the second round tests this.
func TestBackAfterLogoutShowsNothingProtected(t *testing.T) {
	v, p := newVisitor(t), zhangWei()
	v.open("/signup")
	v.signUp(p)
	for range 2 {
		v.mustBeAt("/dashboard")
		v.mustSee(p.greeting())
		v.press("Log out")
		v.mustBeAt("/login")
		v.back()
		v.mustNotSee(p.greeting())
		v.mustArriveAt("/login?next=%2Fdashboard")
		v.logIn(p)
	}
}
