package loginui

import (
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/gatepost/gatepost/auth/password"
)

// base is what every page shows, and what a template can say.
type base struct {
	*words
	site
	Title     string
	Failed    bool // something was refused, and the page says what to do
	Wide      bool
	Languages []languageLink // empty when the page cannot be asked for again
}

// site is the same on every page.
type site struct {
	AppName, Prefix, Home string
	Stylesheet, Script    string
	Icon                  template.URL
	Logo                  Logo
	Terms, Privacy        string // addresses; empty: no link
}

// languageLink is one entry of the switcher.
type languageLink struct {
	Lang, Name, URL string
	Current         bool
}

// refusal is the base of a page that is shown in place of another.
func (ui *UI) refusal(r *http.Request, title string) base {
	w := ui.words(r)
	return base{words: w, site: ui.site, Title: w.say(title)}
}

// base is that of a page of ours at a path below Prefix. next is the page asked for, which a link to another language keeps.
func (ui *UI) base(r *http.Request, title, path, next string) base {
	b := ui.refusal(r, title)
	if len(ui.languages.list) < 2 {
		return b
	}
	for _, w := range ui.languages.list {
		query := url.Values{"lang": {w.Lang}}
		if next != "" {
			query.Set("next", next)
		}
		b.Languages = append(b.Languages, languageLink{w.Lang, w.say("language.name"), ui.c.Prefix + path + "?" + query.Encode(), w == b.words})
	}
	return b
}

func (ui *UI) words(r *http.Request) *words { return ui.languages.wordsFor(r) }

// rememberLanguage keeps a choice made by following a link.
func (ui *UI) rememberLanguage(w http.ResponseWriter, r *http.Request) {
	chosen := ui.languages.find(r.URL.Query().Get("lang"))
	if chosen == nil || strings.HasPrefix(r.URL.Path, "/.gatepost/") || strings.HasPrefix(r.URL.Path, "/api/") {
		return // what is no page may be kept for others
	}
	const year = 365 * 24 * 60 * 60
	http.SetCookie(w, &http.Cookie{Name: languageCookie, Value: chosen.Lang, Path: "/", MaxAge: year,
		SameSite: http.SameSiteLaxMode, Secure: ui.c.Cookie.Secure})
}

// field is one labelled field of a form.
type field struct {
	*words
	ID           string // and name
	Type         string
	Autocomplete string // token that password managers and browsers fill and save by (HTML, 4.10.18.7)
	Label        string
	Value        string // never of a password
	Hint         string
	Fault        string // what is wrong with it
	Optional     bool
	Focus        bool
	Min, Max     int  // characters; 0: any
	Most         int  // what the browser must not cut off by itself
	Chosen       bool // a new password: the script says how long it is
}

// DescribedBy lists the ids of what is said about the field.
func (f field) DescribedBy() string {
	switch {
	case f.Hint != "" && f.Fault != "":
		return f.ID + "-fault " + f.ID + "-hint"
	case f.Fault != "":
		return f.ID + "-fault"
	case f.Hint != "":
		return f.ID + "-hint"
	}
	return ""
}

// formPage is a page around one form: login.html, signup.html and form.html.
type formPage struct {
	base
	Action       string
	Intro        []string // before the form
	Notice       string   // before everything, and no fault
	Fault        string   // of no field
	Fields       []field
	Next, ID     string // hidden fields, where they are not empty
	Username     string // hidden, for password managers, where the form has no field for it
	AskRemember  bool
	Remember     bool
	Submit, Busy string // the button, and what it says while the form is on its way
	Danger       bool   // there is no way back
	Cancel       string // where the link beside the button leads; empty: there is none
	OtherPage    string // link from login to signup and back; empty: there is none
	Forgot       string // link to where a forgotten password is replaced; empty: there is none
	Claim        string // link to where whoever did not choose the password chooses one; empty: there is none
	Forget       string // an image to load after a log-out; else empty
}

// form is the page with the messages title, submit and busy of a name, whose form is sent to a path below Prefix.
func (ui *UI) form(r *http.Request, name, path string, f form) formPage {
	b := ui.base(r, name+".title", path, f.Next)
	return formPage{base: b, Action: ui.c.Prefix + path, Next: f.Next, Submit: b.say(name + ".submit"), Busy: b.say(name + ".busy")}
}

func (p *formPage) email(value string) field {
	return field{words: p.words, ID: "email", Type: "email", Autocomplete: "username", Label: p.say("field.email"), Value: value, Max: 254}
}

func (p *formPage) name(value string) field {
	return field{words: p.words, ID: "name", Type: "text", Autocomplete: "name", Label: p.say("field.name"), Value: value, Optional: true}
}

// currentPassword is one to be proved.
func (p *formPage) currentPassword(id, label string) field {
	return field{words: p.words, ID: id, Type: "password", Autocomplete: "current-password", Label: p.say(label)}
}

// newPassword is one to be chosen, of at least min characters.
func (p *formPage) newPassword(label string, min int) field {
	return field{words: p.words, ID: "password", Type: "password", Autocomplete: "new-password", Label: p.say(label),
		Hint: p.say("password.hint", "n", min), Min: min, Most: password.MaxLength, Chosen: true}
}

// with adds the fields, tells each its fault, and puts the cursor into the first that is empty; when something was refused
// the cursor goes to the list of faults instead.
func (p *formPage) with(faults map[string]string, fields ...field) {
	focused := p.Failed
	for _, f := range fields {
		f.Fault, f.Value = faults[f.ID], strings.ToValidUTF8(f.Value, "\uFFFD") // what was refused is shown again
		if f.Focus = !focused && f.Value == ""; f.Focus {
			focused = true
		}
		p.Fields = append(p.Fields, f)
	}
}
