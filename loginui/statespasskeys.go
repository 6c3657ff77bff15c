package loginui

import (
	"cmp"
	"errors"
	"net/http"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/factor"
)

// passkeys adds the pages about passkeys.
func (s *samples) passkeys() {
	s.group = "Passkeys"
	half := auth.Half{Email: samplePerson.Email, RecoveryCodes: 7, Passkeys: 1}
	have := auth.Factors{Passkeys: 1}
	for _, name := range []string{"second step", "second step, with an app"} {
		s.add(name, 200, "form", s.codePage(s.r, half, form{Next: "/dashboard"}, trouble{}))
		s.add("before a page, "+name, 200, "form", s.factorPage(s.r, s.session, have, stepUpPath,
			form{Next: "/admin"}, trouble{}))
		half.App, have.App = true, &auth.App{}
	}
	for _, f := range passkeyFaults {
		t := s.passkeyTrouble(nowhere{}, s.r, f.err)
		if f.key == "" || t.status != f.status {
			continue
		}
		s.add("login, "+f.err.Error(), t.status, "login", s.loginPage(s.r, form{Remember: true}, t))
	}
	s.add("add", 200, "form", s.addPasskeyPage(s.r, form{}, trouble{}))
	for _, err := range []error{auth.ErrBadPasskey, auth.InputError{{Field: "name", Problem: auth.TooLong, Limit: 100}}} {
		t := s.passkeyTrouble(nowhere{}, s.r, err)
		s.add("add, "+err.Error(), cmp.Or(t.status, http.StatusOK), "form", s.addPasskeyPage(s.r, form{Name: "Key"}, t))
	}
	making := form{Email: samplePerson.Email, Next: "/dashboard"}
	s.add("sign-up", 200, "form", s.makePasskeyPage(s.r, making, trouble{}))
	unsure := s.passkeySignupTrouble(nowhere{}, s.r, auth.ErrUnsurePasskey)
	s.add("sign-up, the passkey does not verify", unsure.status, "form", s.makePasskeyPage(s.r, making, unsure))
	s.told("sign-up, begun too long ago", func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, r, errLateSignUp)
	})
	codes := s.codesPage(s.r, samplePerson.Email, factor.NewRecoveryCodes(), "/dashboard")
	codes.Intro = append(codes.Intro, codes.say("passkey.signup.codes"))
	s.add("sign-up, recovery codes without mail", 200, "once", codes)
	mine := auth.Passkey{ID: "1", Name: "iCloud Keychain", Since: time.Now().Add(-40 * 24 * time.Hour), Synced: true,
		Alone: true, Used: time.Now().Add(-time.Hour)}
	s.add("rename", 200, "form", s.renamePasskeyPage(s.r, form{ID: mine.ID, Name: mine.Name}, trouble{}))
	s.add("remove", 200, "form", s.removePasskeyPage(s.r, mine, trouble{}))
	s.add("confirm", 403, "form", s.factorAgainPage(s.r, s.session, auth.Factors{Passkeys: 1}, "/account/export", form{},
		trouble{}))
	wrong, _ := errors.AsType[*fault](s.passkeyFault(auth.ErrBadPasskey))
	s.told("confirm, with a wrong one", func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, r, &astray{wrong, auth.ErrBadPasskey, s.c.Prefix + "/account", "with.account"})
	})
	account := accountPage{base: s.base(s.r, "account.title", "/account", ""), User: samplePerson, HasPassword: true}
	account.Wide, account.Stylesheet = true, s.accountStyle
	account.Sessions = []sessionEntry{s.entry(account.words, sampleBrowser, 0, true)}
	copied := auth.Passkey{ID: "2", Since: time.Now(), Copied: time.Now()}
	account.Passkeys = s.passkeyRows(account.words, []auth.Passkey{mine, copied}, "")
	account.Factors = s.factorRows(account.words, auth.Factors{Passkeys: 2, RecoveryCodes: 10}, "")
	s.add("account, with passkeys", 200, "account", account)
	account.Passkeys = s.passkeyRows(account.words, nil, "/dashboard")
	account.Factors = nil
	s.add("account, without passkeys", 200, "account", account)
	s.told("too many", func(w http.ResponseWriter, r *http.Request) {
		_, err := s.passkeysRefused(w, r, auth.ErrManyPasskeys, "/account")
		s.answer(w, r, err)
	})
}
