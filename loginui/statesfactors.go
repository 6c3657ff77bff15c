package loginui

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/factor"
)

// withQuery is the request with a query, for pages that look at it.
func (s *samples) withQuery(values string) *http.Request {
	r := s.r.Clone(s.r.Context())
	r.URL.RawQuery += "&" + values
	return r
}

// codes adds the second step of a sign-in.
func (s *samples) codes() {
	s.group = "Second step"
	half := auth.Half{Email: samplePerson.Email, RecoveryCodes: 7, Remember: true, App: true}
	for _, kind := range []struct{ name, query string }{{"a code of the app", "with=app"},
		{"a recovery code", "with=" + withRecovery}} {
		r := s.withQuery(kind.query)
		s.add(kind.name, 200, "form", s.codePage(r, half, form{Next: "/dashboard"}, trouble{}))
		for _, f := range []struct {
			name  string
			err   error
			ofApp bool // no recovery code can bring it about: one that was used is a wrong one
		}{{"missing", auth.InputError{{Field: "code", Problem: auth.Missing}}, false},
			{"malformed", auth.InputError{{Field: "code", Problem: auth.Malformed}}, false},
			{"wrong", auth.ErrWrongCode, false}, {"used", auth.ErrUsedCode, true},
			{"the app is locked", auth.ErrFactorLocked, true},
			{"the key cannot be read", auth.ErrFactorUnreadable, true}} {
			if f.ofApp && isRecovery(r) {
				continue
			}
			t := s.codeTrouble(nowhere{}, r, f.err, isRecovery(r))
			s.add(kind.name+", "+f.name, t.status, "form", s.codePage(r, half, form{}, t))
		}
	}
	trusting := *s.UI
	trusting.c.TrustBrowser = cmp.Or(trusting.c.TrustBrowser, 720*time.Hour)
	s.add("a code, and a browser to trust", 200, "form", trusting.codePage(s.r, half, form{}, trouble{}))
	for _, f := range failures[1:3] {
		t := s.troubled(f.err)
		s.add("a code, "+f.name, t.status, "form", s.codePage(s.r, half, form{}, t))
	}
	ended := s.loginPage(s.r, form{Remember: true}, trouble{})
	ended.Notice = ended.say("code.ended")
	s.add("it ended", 200, "login", ended)
}

// sampleFactors are those of somebody with an app and some recovery codes.
func sampleFactors(left int) auth.Factors {
	since := time.Now().Add(-40 * 24 * time.Hour)
	return auth.Factors{App: &auth.App{Since: since, Used: since.Add(39 * 24 * time.Hour)}, RecoveryCodes: left,
		Offered: true, Trusted: []auth.TrustedBrowser{{ID: "1", UserAgent: sampleBrowser, Since: since, Used: since}}}
}

// factors adds the pages about second factors.
func (s *samples) factors() {
	s.group = "Second factors"
	e := auth.Enrolment{Key: factor.Key("a sample of 20 bytes"), Account: samplePerson.Email}
	wrong := s.codeTrouble(nowhere{}, s.r, auth.ErrWrongCode, false)
	for _, v := range []struct {
		name string
		t    trouble
		say  string
	}{{"add an app", trouble{}, ""}, {"add an app, with a fault", wrong, ""},
		{"add an app, the key was too old", trouble{}, "app.add.anew"}} {
		p, err := s.appPage(s.r, e, form{}, v.t)
		if err != nil {
			continue // the text is short
		}
		if v.say != "" {
			p.Notice = p.say(v.say)
		}
		s.add(v.name, cmp.Or(v.t.status, http.StatusOK), "form", p)
	}
	codes := make([]factor.RecoveryCode, factor.RecoveryCodes)
	for i := range codes {
		codes[i] = factor.RecoveryCode(strings.Repeat(string("0123456789"[i]), 15))
	}
	s.add("recovery codes", 200, "once", s.codesPage(s.r, samplePerson.Email, codes, "/account"))
	s.add("new recovery codes", 200, "form", s.recoveryPage(s.r, trouble{}))
	s.add("remove the app", 200, "form", s.removeAppPage(s.r, auth.Factors{}, trouble{}))
	s.add("remove the app beside passkeys", 200, "form", s.removeAppPage(s.r, auth.Factors{Passkeys: 1}, trouble{}))
	account := accountPage{base: s.base(s.r, "account.title", "/account", ""), User: samplePerson, HasPassword: true}
	account.Wide, account.Stylesheet = true, s.accountStyle
	account.Sessions = []sessionEntry{s.entry(account.words, sampleBrowser, 0, true)}
	account.Factors = s.factorRows(account.words, sampleFactors(10), "")
	s.add("account, with an app", 200, "account", account)
	s.told("add an app, the address is not confirmed", func(w http.ResponseWriter, r *http.Request) {
		_, err := s.factorRefused(w, auth.ErrUnverified, "/account")
		s.answer(w, r, err)
	})
}
