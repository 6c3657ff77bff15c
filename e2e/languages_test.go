package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

func TestLanguageChosenByALinkStaysAndThePageAskedForIsKept(t *testing.T) {
	v, p := newVisitor(t), zhangWei()
	v.open("/dashboard?tab=2")
	for _, page := range []struct {
		link, title string
		is          tongue
	}{
		{"Español", "Iniciar sesión", tongue{lang: "es", dir: "ltr"}},
		{"简体中文", "登录", tongue{lang: "zh-Hans", dir: "ltr"}},
		{"العربية", "تسجيل الدخول", tongue{lang: "ar", dir: "rtl"}},
	} {
		v.speak(page.link)
		v.mustBeAt("/login?lang=" + page.is.lang + "&next=%2Fdashboard%3Ftab%3D2")
		v.mustSee(page.title)
		v.mustSpeak("/login", page.is)
		if got := ask(v, "find the language chosen",
			chromedp.Evaluate[string](`document.querySelector("[aria-current=true]").textContent`)); got != page.link {
			t.Errorf("%s is marked as chosen, want %s", got, page.link)
		}
	}
	v.follow("إنشاء حساب")
	v.fillIn(p)
	v.submit("/signup")
	v.mustBeAt("/dashboard?tab=2")
	v.open("/account")
	v.mustSpeak("/account", tongue{lang: "ar", dir: "rtl"})
	v.mustSee("حسابك")
	v.submit("/logout")
	v.fillIn(person{email: p.email, password: "a noisy river at noon"})
	v.submit("/login")
	v.mustSpeak("a failed login", tongue{lang: "ar", dir: "rtl"})
	v.speak("English")
	v.mustSpeak("/login", tongue{lang: "en", dir: "ltr"})
}

// A name may contain any characters in any direction, and does not change the text around it.
func TestNameIsShownAsItWasTyped(t *testing.T) {
	v, p := newVisitor(t), zhangWei()
	p.name = "\u202e<b>سارة</b>\u200f &amp; 👩🏽‍🚀 \"'"
	v.open("/signup?next=/account")
	v.signUp(p)
	for _, lang := range []string{"en", "ar"} {
		v.open("/account?lang=" + lang)
		const read = `[...document.querySelectorAll("bdi")]
			.find(b => b.textContent.includes("سارة"))?.innerHTML ?? "no bdi"`
		want := "\u202e&lt;b&gt;سارة&lt;/b&gt;\u200f &amp;amp; 👩🏽‍🚀 \"'"
		if got := ask(v, "read the name", chromedp.Evaluate[string](read)); got != want {
			t.Errorf("%s: the name is %q, want %q", lang, got, want)
		}
	}
	v.open("/account/name?lang=en")
	v.submit("/account/name") // the name is unchanged
	v.mustSee("Your name is changed.")
	v.open("/account/name")
	if got := v.faults().Fields[0].Value; got != p.name {
		t.Errorf("the field has %q, want %q", got, p.name)
	}
}
