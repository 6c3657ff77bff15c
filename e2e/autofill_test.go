package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// field holds what a password manager reads of an input.
type field struct {
	Name         string `json:"name"`
	Type         string `json:"type"`
	Autocomplete string `json:"autocomplete"`
	Label        string `json:"label"`
}

// passwordForm is the form with the password, as a password manager finds it. Its fields are the visible ones.
type passwordForm struct {
	Method     string  `json:"method"`
	SameOrigin bool    `json:"sameOrigin"`
	Path       string  `json:"path"`
	Buttons    int     `json:"buttons"` // that send the form there; those of providers send it elsewhere
	First      bool    `json:"first"`   // such a button comes first, so that Enter presses it
	Fields     []field `json:"fields"`
}

const readForm = `[...document.forms].filter(f => f.querySelector("[type=password]")).map(f => ({
	method: f.method, sameOrigin: new URL(f.action).origin === location.origin, path: new URL(f.action).pathname,
	buttons: f.querySelectorAll("button[type=submit]:not([formaction])").length,
	first: !f.querySelector("button[type=submit]").matches("[formaction]"),
	fields: [...f.elements].filter(e => e.localName === "input" && e.type !== "hidden").map(e => ({
		name: e.name, type: e.type, autocomplete: e.getAttribute("autocomplete") ?? "",
		label: [...e.labels].map(l => l.innerText).join(" ").trim(),
	})),
}))`

// Password managers and browsers can fill in and save only the fields that they recognize.
func TestPasswordManagersRecognizeTheForms(t *testing.T) {
	for path, want := range map[string][]field{
		"/login": {{Name: "email", Type: "email", Autocomplete: "username"},
			{Name: "password", Type: "password", Autocomplete: "current-password"}},
		"/signup": {{Name: "name", Type: "text", Autocomplete: "name"},
			{Name: "email", Type: "email", Autocomplete: "username"},
			{Name: "password", Type: "password", Autocomplete: "new-password"}},
	} {
		t.Run(path, func(t *testing.T) {
			v := newVisitor(t)
			v.open(path)
			forms := ask(v, "read the forms", chromedp.Evaluate[[]passwordForm](readForm))
			if len(forms) != 1 {
				t.Fatalf("%d forms have a password, want 1", len(forms))
			}
			form := forms[0]
			if form.Method != "post" || !form.SameOrigin || form.Path != path || form.Buttons != 1 || !form.First {
				t.Errorf("the form is %+v, want it posted to %s of this site by one button, and by Enter", form, path)
			}
			for _, w := range want {
				if !slices.ContainsFunc(form.Fields, w.isServedBy) {
					t.Errorf("no field is %+v, only %+v", w, form.Fields)
				}
			}
			for _, f := range form.Fields {
				if f.Label == "" {
					t.Errorf("%+v has no label", f)
				}
			}
		})
	}
}

// isServedBy reports whether the field got serves the field f. got may also declare that the user name is an
// e-mail address, or that a passkey is accepted.
func (f field) isServedBy(got field) bool {
	words := slices.DeleteFunc(strings.Fields(got.Autocomplete), func(word string) bool {
		return f.Autocomplete == "username" && word == "email" || word == "webauthn"
	})
	return got.Name == f.Name && got.Type == f.Type && slices.Equal(words, []string{f.Autocomplete})
}
