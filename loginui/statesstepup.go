package loginui

import (
	"net/http"

	"github.com/gatepost/gatepost/auth"
)

// stepUps adds the page on which users prove themselves again, and what leads there.
func (s *samples) stepUps() {
	s.group = "Proving it again"
	f, app := form{Next: "/admin"}, auth.Factors{App: &auth.App{}}
	for _, name := range []string{"a code of the app", "a recovery code"} {
		r := s.withQuery("with=" + map[bool]string{true: withRecovery}[name == "a recovery code"])
		s.add("before a page, by "+name, 200, "form", s.factorPage(r, s.session, app, stepUpPath, f, trouble{}))
		t := s.codeTrouble(nowhere{}, r, auth.ErrWrongCode, isRecovery(r))
		s.add("before a page, by "+name+", wrong", t.status, "form", s.factorPage(r, s.session, app, stepUpPath, f, t))
	}
	s.add("before a deed, by a code of the app", 403, "form", s.factorAgainPage(s.r, s.session, app, "/account/export",
		form{}, trouble{}))
	s.add("before a page, by password", 200, "form", s.firstFactorPage(s.r, s.session, s.all, f, trouble{}, false))
	s.add("before a page, by password, and then a second factor", 200, "form",
		s.firstFactorPage(s.r, s.session, s.all, f, trouble{}, true))
	s.add("a second factor is to be added", 200, "message", s.addFactorPage(s.r, "/admin", true))
	s.add("no second factor can be added", 200, "message", s.addFactorPage(s.r, "/admin", false))
	s.told("a form that needs a proof first", func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		r.Method = http.MethodPost
		s.Refuse(w, r, http.StatusUnauthorized, &StepUp{Level: 2})
	})
}
