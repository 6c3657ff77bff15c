package loginui

import (
	"cmp"
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/loginui/api"
)

// Letter is the text of a mail.
type Letter struct {
	ID          string // stays the same when the mail is sent again
	To, Subject string
	Text, HTML  string
	Pictures    []Picture // to which HTML refers
	Lang        string
}

// letterTemplates are the templates mail.html and mail.txt.
type letterTemplates struct {
	html *template.Template
	text *texttemplate.Template
}

// mailPage is the data of mail.html and mail.txt.
type mailPage struct {
	*words
	mailLook
	AppName  string
	Home     string // address of the site
	Subject  string
	Hello    string // greets the reader, by name where the address is known to be theirs
	Intro    string // what happened; mail programs show it beside the subject
	Facts    []mailFact
	Question string // before the button; empty: no question
	Button   string // empty: no button
	URL      template.URL
	Life     string // how long the link works; empty: it is no link that ends
	After    string
	Why      string // to whom the mail went, from where, and for what reason
}

// mailFact is one detail of an event: when, where or with which device it happened.
type mailFact struct{ Name, Value string }

func parseLetters(sources map[string]string) (letterTemplates, error) {
	html, err1 := template.New("mail.html").Parse(sources["mail.html"])
	text, err2 := texttemplate.New("mail.txt").Parse(sources["mail.txt"])
	return letterTemplates{html, text}, errors.Join(err1, err2)
}

// Compose writes a mail in its language, or else in the first one. Its links lead to the public URL, whatever
// host was named in the request that caused it.
func (ui *UI) Compose(m mail.Mail) (Letter, error) {
	p := ui.mailPage(m)
	var text, html strings.Builder
	err1 := ui.letters.text.Execute(&text, p)
	err2 := ui.letters.html.Execute(&html, p)
	if err := errors.Join(err1, err2); err != nil {
		return Letter{}, fmt.Errorf("write the mail %q: %w", m.Kind, err)
	}
	l := Letter{ID: m.ID, To: m.To, Subject: p.Subject, Text: text.String(), HTML: html.String(), Lang: p.Lang}
	if p.Logo.URL != "" && strings.Contains(l.HTML, string(p.Logo.URL)) { // else a template of the operator's has none
		l.Pictures = []Picture{ui.c.Brand.Logo.picture()}
	}
	return l, nil
}

func (ui *UI) mailPage(m mail.Mail) mailPage {
	w := ui.languages.find(m.Language)
	if w == nil {
		w = ui.languages.list[0]
	}
	app := cmp.Or(ui.c.MailName, ui.c.AppName)
	if ui.c.Nameless {
		app = w.say("mail.site")
	}
	part := func(name string) string {
		key := ui.mailKey(w, m.Kind, name)
		if !w.has(key) {
			return ""
		}
		return w.say(key, "app", app, "email", m.Email, "provider", m.Provider, "n", m.Left)
	}
	say := ".say"
	if m.Kind == mail.PasskeyOn && m.OthersEnded {
		say = ".first.say"
	}
	return mailPage{words: w, mailLook: ui.mailLook(app), AppName: app, Home: ui.absolute(ui.c.Home),
		Subject: part(".subject"), Hello: w.hello(m.Name), Intro: part(say), Facts: w.factsOf(m),
		Question: part(".question"), Button: part(".button"), URL: template.URL(ui.mailURL(m)),
		Life: w.life(m.Kind.Lifetime()), After: part(".after"), Why: w.say(whyOf(m.Kind), "app", app, "to", m.To)}
}

// mailKey names the message for a part of a mail.
func (ui *UI) mailKey(w *words, kind mail.Kind, part string) string {
	key := "mail." + strings.ReplaceAll(string(kind), "-", "_")
	if ui.c.PasswordsOff && w.has(key+".off"+part) { // where the usual words speak of a password
		return key + ".off" + part
	}
	return key + part
}

// hello greets the reader.
func (w *words) hello(name string) string {
	if name = strings.Join(strings.Fields(name), " "); name == "" {
		return w.say("mail.hello")
	}
	return w.say("mail.hello.name", "name", short(name))
}

// life says how long a link works.
func (w *words) life(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d < time.Hour:
		return w.say("mail.link.minutes", "n", int(d/time.Minute))
	case d <= 24*time.Hour:
		return w.say("mail.link.hours", "n", int(d/time.Hour))
	}
	return w.say("mail.link.days", "n", int(d/(24*time.Hour)))
}

// factsOf says when, where and with which device the event of a mail happened.
func (w *words) factsOf(m mail.Mail) []mailFact {
	if !tellsWhere[m.Kind] {
		return nil
	}
	if m.Kind == mail.TokenEnds {
		return w.tokenFacts(m)
	}
	facts := []mailFact{{w.say("mail.when"), w.Date(m.At)}, {w.say("mail.device"), w.device(m.UserAgent)}}
	if place := w.Place(m.IPAddress); place != "" {
		facts = append(facts, mailFact{w.say("mail.place"), place})
	}
	return append(facts, w.tokenFacts(m)...)
}

// tokenFacts says how the API token of a mail begins, and when it ends.
func (w *words) tokenFacts(m mail.Mail) (facts []mailFact) {
	if m.Token != "" {
		facts = append(facts, mailFact{w.say("mail.token"), m.Token + "…"})
	}
	if !m.Ends.IsZero() {
		facts = append(facts, mailFact{w.say("mail.ends"), w.Date(m.Ends)})
	}
	return facts
}

// tellsWhere are the mails about an event.
var tellsWhere = map[mail.Kind]bool{mail.Password: true, mail.Changed: true, mail.Left: true,
	mail.Deleted: true, mail.SignIn: true, mail.Linked: true, mail.Unlinked: true, mail.Taken: true,
	mail.FactorOn: true, mail.FactorOff: true, mail.PasskeyOn: true,
	mail.PasskeyOff: true, mail.RecoveryNew: true, mail.RecoveryUsed: true, mail.TokenNew: true, mail.TokenEnds: true}

// whyOf names the message that says why the reader got a mail.
func whyOf(kind mail.Kind) string {
	switch kind {
	case mail.Verify, mail.Exists, mail.Reset, mail.Change, mail.Connect:
		return "mail.why.asked"
	case mail.Changed, mail.Left, mail.Deleted:
		return "mail.why.had"
	case mail.Invite:
		return "mail.why.invited"
	}
	return "mail.why.account"
}

// mailURL returns the address that the button of a mail leads to.
func (ui *UI) mailURL(m mail.Mail) string {
	switch p := m.Kind.Purpose(); {
	case p == mail.ForReset && m.Next != "" && ui.api != nil: // a page of the app takes the token
		return ui.absolute(api.Base+"/reset-password/"+url.PathEscape(string(m.Link))) + "?callbackURL=" +
			url.QueryEscape(m.Next)
	case p != "" && m.Next != "":
		return ui.LinkURL(p, m.Link) + "&next=" + url.QueryEscape(m.Next)
	case p != "":
		return ui.LinkURL(p, m.Link)
	case m.Kind == mail.Deleted, m.Kind == mail.Left:
		return ui.absolute(ui.c.Home)
	case m.Kind == mail.Linked, m.Kind == mail.Unlinked, m.Kind == mail.Taken, m.Kind == mail.SignIn && ui.c.PasswordsOff,
		m.Kind == mail.FactorOn, m.Kind == mail.FactorOff, m.Kind == mail.PasskeyOn, m.Kind == mail.PasskeyOff,
		m.Kind == mail.RecoveryNew, m.Kind == mail.RecoveryUsed, m.Kind == mail.TokenNew, m.Kind == mail.TokenEnds:
		return ui.absolute(ui.c.Prefix + "/account")
	case m.Kind == mail.Password, m.Kind == mail.SignIn:
		return ui.absolute(ui.c.Prefix + forgotPath)
	}
	return ui.absolute(ui.c.Prefix + "/login")
}
