package loginui

import (
	"net/http"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
)

// links adds the pages that mailed links open, and the one that asks for such a link.
func (s *samples) links() {
	s.group = "Links from mail"
	link := auth.Link{Purpose: mail.ForVerify, Email: samplePerson.Email}
	short := s.troubled(auth.InputError{{Field: "password", Problem: auth.TooShort, Limit: s.c.PasswordMin}})
	wrong := trouble{http.StatusUnauthorized, "", map[string]string{"password": s.words(s.r).say("confirm.wrong")}}
	malformed := s.troubled(auth.InputError{{Field: "email", Problem: auth.Malformed}})
	off := *s.UI
	off.c.PasswordsOff = true
	s.add("forgot the password", 200, "form", s.forgotPage(s.r, form{}, trouble{}))
	s.add("forgot the password, with a fault", malformed.status, "form", s.forgotPage(s.r, form{Email: "ada"}, malformed))
	s.mailed("forgot the password, on its way", "forgot.sent", "email", samplePerson.Email)
	s.add("a new password", 200, "form", s.resetPage(s.r, link, trouble{}))
	s.add("a new password, with a fault", short.status, "form", s.resetPage(s.r, link, short))
	s.add("a new way in, without passwords", 200, "form", s.withWays(off.resetPage(s.r, link, trouble{})))
	s.add("take the account back", 200, "form", s.undoPage(s.r, link, trouble{}))
	s.add("take the account back, with a fault", short.status, "form", s.undoPage(s.r, link, short))
	s.add("take the account back, without passwords", 200, "form", off.undoPage(s.r, link, trouble{}))
	known := link.WithPassword()
	s.add("confirm the address", 200, "form", s.verifyForm(s.r, known, auth.Stranger, form{Remember: true}, trouble{}))
	s.add("confirm the address, with a fault", wrong.status, "form",
		s.verifyForm(s.r, known, auth.Stranger, form{}, wrong))
	s.add("confirm the address, of an account without a password", 200, "form",
		s.verifyForm(s.r, link, auth.Stranger, form{}, trouble{}))
	others := s.verifyForm(s.r, link, auth.Stranger, form{}, trouble{})
	if others.Buttons = s.someWays(others.Buttons); len(s.providers) == 0 {
		others.Intro[len(others.Intro)-1] = others.say("verify.none")
	}
	s.add("confirm the address, by a provider", 200, "form", others)
	s.add("confirm the address, without passwords", 200, "form",
		s.withWays(off.verifyForm(s.r, link, auth.Stranger, form{}, trouble{})))
	s.add("confirm the address, in the same browser", 200, "form",
		s.verifyForm(s.r, link, auth.ByBrowser, form{Remember: true}, trouble{}))
	s.add("confirm the address, logged in", 200, "form", s.verifyForm(s.r, link, auth.BySession, form{}, trouble{}))
	s.add("confirm a new address", 200, "form", s.changePage(s.r, s.session,
		auth.Link{Purpose: mail.ForChange, Email: "ada.lovelace@example.com"}))
	s.add("an invitation", 200, "form", s.invitationPage(s.r, link, form{Remember: true}, trouble{}))
	s.add("an invitation, with a fault", short.status, "form", s.invitationPage(s.r, link, s.form, short))
	s.add("an invitation, with a username", 200, "form", s.named().invitationPage(s.r, link, form{}, trouble{}))
	s.add("an invitation, without passwords", 200, "form",
		s.withWays(off.invitationPage(s.r, link, form{}, trouble{})))
	s.claims(link, wrong)
	s.add("prove that it is you", 200, "form", s.provePage(s.r, link, ""))
}

// withWays is a form of a site without passwords, which has providers.
func (s *samples) withWays(p formPage) formPage {
	p.Buttons = s.someWays(p.Buttons)
	return p
}

// claims adds the pages that connect a provider to the account with the same address.
func (s *samples) claims(link auth.Link, wrong trouble) {
	c := auth.Claim{ID: "1", Email: link.Email, Provider: "example", Label: "Example ID", Began: time.Now()}
	for _, v := range []struct {
		name           string
		password, mail bool
		login          string
	}{{"by password or mail", true, true, "ada-l"}, {"by password", true, false, ""}, {"by mail", false, true, ""},
		{"there is no way", false, false, ""}} {
		c.ByPassword, c.ByMail, c.Login = v.password, v.mail, v.login
		s.add("connect a provider: "+v.name, 200, "form", s.connectPage(s.r, c, trouble{}))
	}
	c.ByPassword = true
	s.add("connect a provider, with a fault", wrong.status, "form", s.connectPage(s.r, c, wrong))
	s.mailed("connect a provider, on its way", "connect.sent", "email", link.Email)
	s.mailed("a provider did not prove the address", "with.unverified", "provider", c.Label)
	s.add("connect a provider by a link", 200, "form", s.linkingPage(s.r, c))
}
