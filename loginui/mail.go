package loginui

import (
	"cmp"
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"strings"
	texttemplate "text/template"

	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/loginui/api"
)

// Letter is the text of a mail.
type Letter struct {
	ID          string // stays the same when the mail is sent again
	To, Subject string
	Text, HTML  string
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
	AppName  string
	Accent   template.CSS
	Home     string // address of the site
	Subject  string
	Intro    string
	Facts    []mailFact
	Question string // before the button; empty: no question
	Button   string // empty: no button
	URL      template.URL
	After    string
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
	return Letter{ID: m.ID, To: m.To, Subject: p.Subject, Text: text.String(), HTML: html.String(), Lang: p.Lang}, nil
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
	key := "mail." + strings.ReplaceAll(string(m.Kind), "-", "_")
	part := func(name string) string {
		if ui.c.PasswordsOff && w.has(key+".off"+name) { // where the usual words speak of a password
			name = ".off" + name
		}
		if !w.has(key + name) {
			return ""
		}
		return w.say(key+name, "app", app, "email", m.Email, "provider", m.Provider)
	}
	p := mailPage{words: w, AppName: app, Accent: template.CSS(ui.c.Brand.Accent.onLight()),
		Home: ui.absolute(ui.c.Home), Subject: part(".subject"), Intro: part(".say"),
		Question: part(".question"), Button: part(".button"), After: part(".after"), URL: template.URL(ui.mailURL(m))}
	if tellsWhere[m.Kind] {
		p.Facts = append(p.Facts, mailFact{w.say("mail.when"), w.Date(m.At)},
			mailFact{w.say("mail.device"), w.device(m.UserAgent)})
		if place := w.Place(m.IPAddress); place != "" {
			p.Facts = append(p.Facts, mailFact{w.say("mail.place"), place})
		}
	}
	return p
}

// tellsWhere are the mails about an event. They say when, where and with which device it happened.
var tellsWhere = map[mail.Kind]bool{mail.Password: true, mail.Changed: true, mail.Left: true,
	mail.Deleted: true, mail.SignIn: true, mail.Linked: true, mail.Unlinked: true, mail.Taken: true}

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
	case m.Kind == mail.Linked, m.Kind == mail.Unlinked, m.Kind == mail.Taken, m.Kind == mail.SignIn && ui.c.PasswordsOff:
		return ui.absolute(ui.c.Prefix + "/account")
	case m.Kind == mail.Password, m.Kind == mail.SignIn:
		return ui.absolute(ui.c.Prefix + forgotPath)
	}
	return ui.absolute(ui.c.Prefix + "/login")
}
