package loginui

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatepost/gatepost/auth/password"
)

// base is the data that every page has.
type base struct {
	*words
	site
	Title  string
	To     string // the page that was asked for, to name it; empty: none
	Failed bool   // something was refused, and the page says what
	Wide   bool
	// Swapped says that a library of scripts shows it in place of the page asked for, and is not to load that one instead.
	// Framed says that it stands in a frame of another page, which its links replace.
	Swapped, Framed bool
	Languages       []languageLink // empty if the page cannot be requested again
	// Self is the address at which the page can be requested again, and Asked what has to stand in it besides the
	// language.
	Self  string
	Asked []sentField
}

func (b base) script() string { return b.Script }

// site is the data that is the same on every page.
type site struct {
	AppName, Prefix, Home string
	// One of each a page: what a page needs besides is in another file, which has it all.
	Stylesheet, Script string
	Icon               template.URL
	Logo               Logo
	Terms, Privacy     string // addresses; empty: no link
}

// languageLink is one entry of the language menu.
type languageLink struct {
	Lang, Name string
	Current    bool
	self       string
	asked      []sentField
}

// URL is the address of the page in the language, for templates of operators: ours have a form, in which a long address
// to return to stands once.
func (l languageLink) URL() string {
	query := url.Values{"lang": {l.Lang}}
	for _, f := range l.asked {
		query.Set(f.Name, f.Value)
	}
	return l.self + "?" + query.Encode()
}

// refusal returns the base of a page that is shown in place of another.
func (ui *UI) refusal(r *http.Request, title string) base {
	w := ui.words(r)
	return base{words: w, site: ui.site, Title: w.say(title)}
}

// base returns the base of a page at a path below Prefix. The menu of languages keeps next, the page asked for.
func (ui *UI) base(r *http.Request, title, path, next string) base {
	b := ui.refusal(r, title)
	ui.offerLanguages(&b, ui.c.Prefix+path, next)
	return b
}

// offerLanguages gives a page the menu of languages, which asks for self.
func (ui *UI) offerLanguages(b *base, self, next string) {
	if len(ui.languages.list) < 2 {
		return
	}
	b.Self = self
	if next != "" {
		b.Asked = []sentField{{"next", next}}
	}
	for _, w := range ui.languages.list {
		b.Languages = append(b.Languages, languageLink{w.Lang, w.name, w == b.words, b.Self, b.Asked})
	}
}

func (ui *UI) words(r *http.Request) *words { return ui.languages.wordsFor(r) }

// rememberLanguage sets the cookie when the visitor follows a link of the language switcher.
func (ui *UI) rememberLanguage(w http.ResponseWriter, r *http.Request) {
	chosen := ui.languages.find(r.URL.Query().Get("lang"))
	if chosen == nil || strings.HasPrefix(r.URL.Path, "/.gatepost/") && r.URL.Path != languagePath ||
		strings.HasPrefix(r.URL.Path, "/api/") {
		return // these answers may be cached and shared
	}
	const year = 365 * 24 * 60 * 60
	http.SetCookie(w, &http.Cookie{Name: languageCookie, Value: chosen.Lang, Path: "/", MaxAge: year,
		SameSite: http.SameSiteLaxMode, Secure: ui.c.Cookie.Secure})
}

// field is one labelled field of a form.
type field struct {
	*words
	ID           string // also the name
	Type         string
	Autocomplete string // autocomplete token for browsers and password managers (HTML, 4.10.18.7)
	Label        string
	Value        string // always empty for a password
	Hint         string
	Fault        string // what is wrong with it
	Also         string // the id of another text about it; empty: none
	Aside        *aside // a link beside the label; nil: none
	Optional     bool
	InputMode    string // the keyboard for it, as HTML names it; empty: that of its type
	Plain        bool   // as it is typed: no capital letters, no corrections, from left to right
	Focus        bool
	Min, Max     int  // characters; 0: any
	Most         int  // the longest value that the server accepts; the browser must not cut it off
	Chosen       bool // a new password: the script judges its length
}

// aside is a link whose long name begins with the short one, which is shown.
type aside struct{ URL, Short, Long string }

// DescribedBy lists the ids of the texts about the field, for aria-describedby.
func (f field) DescribedBy() string {
	var ids []string
	if f.Also != "" {
		ids = append(ids, f.Also)
	}
	if f.Fault != "" {
		ids = append(ids, f.ID+"-fault")
	}
	if f.Hinted() {
		ids = append(ids, f.ID+"-hint")
	}
	return strings.Join(ids, " ")
}

// Hinted reports whether the hint is shown: what is wrong with a new password says the same again, and replaces it.
func (f field) Hinted() bool { return f.Hint != "" && !(f.Chosen && f.Fault != "") }

// formPage is the data of a page around one form: login.html, signup.html and form.html.
type formPage struct {
	base
	Action       string
	Intro        []string // the paragraphs before the form
	Notice       string   // above everything; not a fault
	Good         bool     // Notice says that something worked
	Fault        string   // a fault that belongs to no field
	Fields       []field
	Next, ID     string // hidden fields; empty: no field
	Once         string // hidden field by which a form that is sent twice is known; empty: no field
	Kept         string // hidden field with a form of the app's that is to be sent after a login; empty: no field
	ClaimID      string // hidden field with the claim that the form is about; empty: no field
	Username     string // hidden field for password managers, where the form has no field for it
	AskRemember  bool
	Remember     bool
	Submit, Busy string        // the text of the button, and its text while the form is being sent; empty: see Buttons
	Danger       bool          // the form cannot be undone
	Cancel       string        // target of the link that leaves the page; empty: no link
	Instead      string        // the words of a button to Cancel where the page offers no way on
	OtherPage    string        // link from login to signup and back; empty: no link
	Claim        string        // link for users who did not choose their password themselves; empty: no link
	ClaimText    string        // its words
	Forget       string        // address of an image to load after a logout; else empty
	Forgot       string        // link to the page for a forgotten password; empty: no link. For templates of operators
	Buttons      []button      // other ways to send the form
	Captcha      *widget       // what the visitor shows that they are no bot with; nil: nothing
	Check        *check        // a checkbox; nil: none
	ByPasskey    *scripted     // one more button, which makes the form one for a passkey; nil: none
	Passkey      *passkeyForm  // a form of its own for a passkey; nil: none
	QR           template.HTML // a picture of Key for a camera; empty: none
	Key          string        // of an authenticator app, to be read
	Trap         bool          // has a field that people do not see, which bots fill in
}

// check is a checkbox.
type check struct {
	ID, Label, Hint string
	On              bool
}

// form makes the page whose title, submit and busy messages begin with name. Its form is sent to a path below
// Prefix.
func (ui *UI) form(r *http.Request, name, path string, f form) formPage {
	b := ui.base(r, name+".title", path, f.Next)
	b.To = named(f.Next)
	return formPage{base: b, Action: ui.c.Prefix + path, Next: f.Next, Submit: b.say(name + ".submit"),
		Busy: b.say(name + ".busy")}
}

func (p *formPage) email(value string) field {
	return field{words: p.words, ID: "email", Type: "email", Autocomplete: "username",
		Label: p.say("field.email"), Value: value, Max: 254}
}

func (p *formPage) name(value string) field {
	return field{words: p.words, ID: "name", Type: "text", Autocomplete: "name", Label: p.say("field.name"),
		Value: value, Optional: true}
}

// username makes the field for a username that the visitor chooses. They log in with their address.
func (p *formPage) username(value string) field {
	return field{words: p.words, ID: "username", Type: "text", Autocomplete: "nickname", Label: p.say("field.username"),
		Hint: p.say("username.hint"), Value: value, Plain: true, Max: 32}
}

// ownNames makes the fields for the names of a new user.
func (ui *UI) ownNames(p *formPage, f form) []field {
	if !ui.c.UsernamesChosen {
		return []field{p.name(f.Name)}
	}
	return []field{p.name(f.Name), p.username(f.Username)}
}

// currentPassword makes the field for the password that the user has now.
func (p *formPage) currentPassword(id, label string) field {
	return field{words: p.words, ID: id, Type: "password", Autocomplete: "current-password", Label: p.say(label)}
}

// newPassword makes the field for a new password of at least min characters.
func (p *formPage) newPassword(label string, min int) field {
	return field{words: p.words, ID: "password", Type: "password", Autocomplete: "new-password", Label: p.say(label),
		Hint: p.say("password.hint", "n", min), Min: min, Most: password.MaxLength, Chosen: true}
}

// with adds the fields with their faults. The first field with a fault gets the focus, else the first empty one, and of
// a form that was refused as a whole the first: the text about that belongs to it, so that screen readers say it.
func (p *formPage) with(faults map[string]string, fields ...field) {
	for _, f := range fields {
		f.Fault, f.Value = faults[f.ID], strings.ToValidUTF8(f.Value, "\uFFFD") // a refused value is shown again
		p.Fields = append(p.Fields, f)
	}
	i := slices.IndexFunc(p.Fields, func(f field) bool { return f.Fault != "" })
	if i < 0 {
		i = slices.IndexFunc(p.Fields, func(f field) bool { return f.Value == "" })
	}
	if i < 0 && p.Failed {
		i = 0
	}
	if i < 0 || len(p.Fields) == 0 {
		return
	}
	if p.Fields[i].Focus = true; p.Fault != "" {
		p.Fields[i].Also = "fault"
	}
}

// Faults counts the fields with a fault. One says so itself; a list of several stands above the form.
func (p formPage) Faults() (n int) {
	for _, f := range p.Fields {
		if f.Fault != "" {
			n++
		}
	}
	return n
}
