package loginui

import (
	"net/http"

	"github.com/gatepost/gatepost/auth"
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
	half := auth.Half{Email: samplePerson.Email, RecoveryCodes: 7, Remember: true}
	for _, kind := range []struct{ name, query string }{{"a code of the app", "with=app"},
		{"a recovery code", "with=" + withRecovery}} {
		r := s.withQuery(kind.query)
		s.add(kind.name, 200, "form", s.codePage(r, half, form{Next: "/dashboard"}, trouble{}))
		for _, f := range []struct {
			name string
			err  error
		}{{"missing", auth.InputError{{Field: "code", Problem: auth.Missing}}},
			{"malformed", auth.InputError{{Field: "code", Problem: auth.Malformed}}}, {"wrong", auth.ErrWrongCode},
			{"used", auth.ErrUsedCode}, {"the app is locked", auth.ErrFactorLocked},
			{"the key cannot be read", auth.ErrFactorUnreadable}} {
			t := s.codeTrouble(nowhere{}, r, f.err, isRecovery(r))
			s.add(kind.name+", "+f.name, t.status, "form", s.codePage(r, half, form{}, t))
		}
	}
	for _, f := range failures[1:3] {
		t := s.troubled(f.err)
		s.add("a code, "+f.name, t.status, "form", s.codePage(s.r, half, form{}, t))
	}
	ended := s.loginPage(s.r, form{Remember: true}, trouble{})
	ended.Notice = ended.say("code.ended")
	s.add("it ended", 200, "login", ended)
}
