package loginui

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
)

// rehearse renders every page in every state and language, and every mail. A template of the operator's that uses
// something that does not exist then fails the start, not a visitor's request.
func (ui *UI) rehearse() error {
	var errs []error
	seen := map[string]bool{}
	note := func(err error) {
		if err != nil && !seen[err.Error()] {
			seen[err.Error()] = true
			errs = append(errs, err)
		}
	}
	for _, w := range ui.languages.list {
		for _, s := range ui.states(ui.asker(w.Lang)) {
			note(ui.tryState(s))
		}
		for _, kind := range mail.Kinds {
			_, err := ui.Compose(sampleMail(kind, w.Lang))
			note(err)
		}
	}
	return errors.Join(errs...)
}

// tryState renders a page in one state. A form that asks for a challenge and does not show it would be refused for
// ever.
func (ui *UI) tryState(s state) error {
	if s.answer != nil {
		return nil // its template is tried with data
	}
	var page bytes.Buffer
	if err := ui.pages[s.page].Execute(&page, s.data); err != nil {
		return err
	}
	p, ok := s.data.(formPage)
	if ok && p.Captcha != nil && ui.c.Captcha.Name != "" &&
		!bytes.Contains(page.Bytes(), []byte(cmp.Or(p.Captcha.Own, p.Captcha.Script))) {
		return fmt.Errorf("templates/%s.html: the form does not show the challenge for bots (GATEPOST_CHALLENGE): "+
			`put {{if .Captcha}}{{template "captcha" .}}{{end}} into the form, as our parts.html does`, s.page)
	}
	return nil
}

// greetsNobody are the kinds of mail that never greet by name: nobody has proved that the address is that of the one
// who chose the name, or it is not the account's any more. See mail.Mail.
var greetsNobody = []mail.Kind{mail.Verify, mail.Change, mail.Changed, mail.Left, mail.Deleted, mail.Invite, mail.Taken}

// sampleMail is a mail of a kind with all that it can say.
func sampleMail(kind mail.Kind, lang string) mail.Mail {
	m := mail.Mail{ID: "1", Kind: kind, To: samplePerson.Email, Name: samplePerson.Name, Language: lang, At: time.Now(),
		Facts: mail.Facts{Email: "ada.lovelace@example.com", IPAddress: "192.0.2.1", Provider: "Example ID",
			UserAgent: sampleBrowser, Left: 7, OthersEnded: true}}
	if slices.Contains(greetsNobody, kind) {
		m.Name = ""
	}
	if kind == mail.TokenNew || kind == mail.TokenEnds {
		m.Token, m.Ends = sampleTokens()[0].Hint, sampleTokens()[0].ExpiresAt
	}
	if kind.Purpose() != "" {
		m.Link = secret.Token("example0example0example0example0example0exa")
	}
	return m
}

// asker is the request of a visitor who reads a language and opens a page.
func (ui *UI) asker(lang string) *http.Request {
	r, _ := http.NewRequest(http.MethodGet, "/?lang="+lang, nil) // the URL is right
	r.Host = ui.c.PublicURL.Host
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("X-Request-Id", "c2a7k3m9x4q8")
	return r
}
