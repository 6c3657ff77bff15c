package e2e

import "testing"

// The fragment of the page asked for never reaches the gate. With scripts, the pages pass it on.
func TestFragmentOfThePageAskedForSurvivesTheLogin(t *testing.T) {
	v, p := newVisitor(t), zhangWei()
	v.open("/dashboard#part")
	v.mustBeAt("/login?next=%2Fdashboard#part")
	v.follow("Sign up")
	v.speak("Español")
	v.speak("English")
	v.mustBeAt("/signup?lang=en&next=%2Fdashboard#part")
	v.signUp(p)
	v.mustBeAt("/dashboard#part")

	v.press("Log out")
	v.open("/dashboard#part")
	wrong := p
	wrong.password = "a noisy river at noon"
	v.logIn(wrong)
	v.mustBeAt("/login#part")
	v.logIn(p)
	v.mustBeAt("/dashboard#part")
}

func TestWithoutScriptsTheLoginLeadsToTheTopOfThePageAskedFor(t *testing.T) {
	v, p := newVisitor(t), zhangWei()
	v.disableScripts()
	v.open("/dashboard#part")
	v.follow("Sign up")
	v.signUp(p)
	v.mustBeAt("/dashboard")
}
