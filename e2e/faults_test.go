package e2e

import (
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// refused is a form that was refused, as a screen reader presents it.
type refused struct {
	Title  string  `json:"title"`
	Focus  string  `json:"focus"` // the name of the focused field, or what else is focused
	Alert  string  `json:"alert"` // the words of what is announced
	Faults []fault `json:"faults"`
	Fields []entry `json:"fields"`
}

// fault is an entry of the summary of faults. To is the id of its field.
type fault struct{ Words, To string }

// entry is a field. Described is the text of its descriptions, which include its fault.
type entry struct {
	Name, Value string
	Invalid     bool
	Described   []string
}

const readRefused = `({
	title: document.title,
	focus: document.activeElement.name ?? document.activeElement.localName,
	alert: document.querySelector("[role=alert]")?.innerText ?? "",
	faults: [...document.querySelectorAll("[role=alert] li")].map(li =>
		({Words: li.innerText, To: li.querySelector("a")?.getAttribute("href").slice(1) ?? ""})),
	fields: [...document.querySelectorAll("main form .field input")].map(i => ({
		Name: i.name, Value: i.value, Invalid: i.getAttribute("aria-invalid") === "true",
		Described: (i.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean)
			.map(id => document.getElementById(id)?.innerText ?? "there is no " + id),
	})),
})`

func (v *visitor) faults() refused {
	v.t.Helper()
	return ask(v, "read the faults", chromedp.Evaluate[refused](readRefused))
}

// mustExplain checks a form that was refused: the title says so, and the focus is on the first field to mend. One fault
// is said once: at its field, or above the form if it belongs to none. Several stand in a list, too, each of which
// leads to its field.
func (v *visitor) mustExplain(title, focus string, faults []fault, kept map[string]string) {
	v.t.Helper()
	v.rest()
	got := v.faults()
	listed, alert := faults, ""
	if len(faults) == 1 {
		listed = nil
	}
	if faults[0].To == "" {
		alert = faults[0].Words
	}
	if got.Title != "Problem: "+title+" – Gatepost demo" || got.Focus != focus || !slices.Equal(got.Faults, listed) ||
		len(faults) == 1 && got.Alert != alert {
		v.t.Errorf("the page is %q with the focus on %s and says %q, %+v, want %+v", got.Title,
			got.Focus, got.Alert, got.Faults, faults)
	}
	for _, f := range got.Fields {
		if f.Value != kept[f.Name] {
			v.t.Errorf("%s has %q, want %q", f.Name, f.Value, kept[f.Name])
		}
		i := slices.IndexFunc(faults, func(x fault) bool { return x.To == f.Name })
		if f.Invalid != (i >= 0) {
			v.t.Errorf("%+v is invalid to the browser, or is not", f)
		}
		if f.Name == focus && len(faults) == 1 && faults[0].To == "" {
			i = 0 // a screen reader says it with the field
		}
		if i >= 0 && (len(f.Described) == 0 || f.Described[0] != faults[i].Words) {
			v.t.Errorf("%s is described by %q, want %q first", f.Name, f.Described, faults[i].Words)
		}
	}
	for _, f := range listed {
		if f.To != "" {
			v.mustLeadTo(f)
		}
	}
}

func (v *visitor) mustLeadTo(f fault) {
	v.t.Helper()
	ask(v, "follow "+f.Words, chromedp.Click(chromedp.CSS(`[role=alert] a[href="#`+f.To+`"]`)))
	if got := v.focused(); got.ID != f.To || !got.Visible {
		v.t.Errorf("%q leads to %+v, want %s", f.Words, got, f.To)
	}
}

func TestRefusedFormsSayWhatToDo(t *testing.T) {
	t.Run("with scripts", func(t *testing.T) { newVisitor(t).beRefused() })
	t.Run("without scripts", func(t *testing.T) {
		v := newVisitor(t)
		v.disableScripts()
		v.beRefused()
	})
}

// beRefused enters something wrong in each form.
func (v *visitor) beRefused() {
	v.t.Helper()
	const address = "Enter an e-mail address like name@example.com."
	const common = "This password is on every list of common passwords. Choose another."
	const wrong = "That is not your current password. Try again."
	p := zhangWei()
	v.open("/signup")
	v.signUp(person{p.name, "zhang.wei@nowhere", "password"})
	v.mustExplain("Sign up", "email", []fault{{address, "email"}, {common, "password"}},
		map[string]string{"name": p.name, "email": "zhang.wei@nowhere"})
	v.signUp(p) // with the form that was shown again
	v.open("/account/name")
	v.fill("name", "Zhang\u0085Wei")
	v.submit("/account/name")
	v.mustExplain("Change your name", "name",
		[]fault{{"The name has characters that cannot be shown. Type it again.", "name"}},
		map[string]string{"name": "Zhang\u0085Wei"})
	v.open("/account/password")
	v.fill("current", "a noisy river at noon")
	v.fill("password", "password")
	v.submit("/account/password")
	v.mustExplain("Change your password", "password", []fault{{common, "password"}}, nil)
	v.fill("current", "a noisy river at noon")
	v.fill("password", "a louder river at night")
	v.submit("/account/password")
	v.mustExplain("Change your password", "current", []fault{{wrong, "current"}}, nil)
	v.open("/account/delete")
	v.fill("password", "a noisy river at noon")
	v.submit("/account/delete")
	v.mustExplain("Delete your account", "password", []fault{{wrong, "password"}}, nil)
	v.open("/logout")
	v.submit("/logout")
	v.logIn(person{email: p.email, password: "a noisy river at noon"})
	v.mustExplain("Log in", "password",
		[]fault{{"The e-mail address or the password is not right. Check both and try again.", ""}},
		map[string]string{"email": p.email})
}
