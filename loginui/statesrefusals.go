package loginui

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/share"
)

// refusals adds the page of every status, and of every reason that has words of its own.
func (s *samples) refusals() {
	s.group = "Errors"
	for _, status := range slices.Sorted(maps.Keys(codes)) {
		if status == http.StatusUnauthorized || status == http.StatusUpgradeRequired {
			continue // a browser is sent to the login; what came over http gets RefuseHTTP
		}
		s.told(http.StatusText(status), func(w http.ResponseWriter, r *http.Request) {
			s.Refuse(w, r, status, &fault{status: status})
		})
	}
	s.told(http.StatusText(http.StatusUpgradeRequired), func(w http.ResponseWriter, r *http.Request) {
		s.RefuseHTTP(w, r)
	})
	s.told("over http, behind a proxy that speaks https", func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		r.Header.Set("X-Forwarded-Proto", "https")
		s.RefuseHTTP(w, r)
	})
	for _, f := range []struct {
		name string
		err  error
	}{
		{"the app's answer cannot be passed on", ErrAnswer}, {"the app has a login of its own", ErrLoginLoop},
		{"a socket of another site's", ErrOrigin}, {"a proxy replaces the host", ErrHostRewritten},
		{"a service has no address", ErrServiceAddress},
		{"a form that cannot be read", errForm}, {"a field is there twice", errFormDouble},
		{"a form of another site's", errCrossSite}, {"the link was put away", errLinkClosed},
		{"a link for another account", auth.ErrOtherUser}, {"no new accounts", auth.ErrSignUpClosed},
		{"by invitation only", errInvited}, {"there are no passwords", s.passwordsOff()},
		{"still logged in", &stillSignedIn{database.ErrUnavailable}}, {"many people at once", share.ErrBusy},
		{"much from one network", share.ErrCrowded}, {"accounts cannot be reached", database.ErrUnavailable},
		{"a rule of the database refuses", &database.RefusedError{Rule: true}},
		{"the database is broken", &database.RefusedError{}},
		{"the address is taken by now", auth.InputError{{Field: "email", Problem: auth.Taken}}},
	} {
		s.told(f.name, func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, f.err) })
	}
	s.closings()
}

// closings adds the pages of a site whose app gets nothing, and of what was sent meanwhile.
func (s *samples) closings() {
	for _, f := range []struct {
		name, method string
		status       int
		err          error
	}{
		{"closed for maintenance", http.MethodGet, http.StatusServiceUnavailable, &Maintenance{}},
		{"closed for maintenance, with words of the operator's, for a form", http.MethodPost,
			http.StatusServiceUnavailable, &Maintenance{Message: "We move to a larger database.\nBack at 18:00 UTC."}},
		{"starting", http.MethodGet, http.StatusServiceUnavailable, ErrStarting},
		{"the app does not answer, to a form", http.MethodPost, http.StatusBadGateway, nil},
	} {
		s.told(f.name, func(w http.ResponseWriter, r *http.Request) {
			r = r.Clone(r.Context())
			r.Method = f.method
			s.Refuse(w, r, f.status, f.err)
		})
	}
}

// strays adds the pages for what goes wrong at a provider.
func (s *samples) strays() {
	s.group = "Errors of providers"
	sign := trip{provider: s.sampleProvider(), purpose: auth.ToSignIn}
	link := trip{provider: sign.provider, purpose: auth.ToLink}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		s.strayed(kind.Word(), &provider.Error{Kind: kind}, sign)
	}
	for _, f := range []struct {
		name string
		err  error
		trip trip
	}{
		{"it was not begun here", auth.ErrNoFlow, sign}, {"logged out meanwhile", auth.ErrLoggedOut, sign},
		{"another account has it", auth.ErrLinkedElsewhere, sign},
		{"another account has it, to connect", auth.ErrLinkedElsewhere, link},
		{"it gives no address", auth.ErrNoAddress, sign}, {"nobody who may enter", auth.ErrBadCredentials, sign},
		{"the session ended, to connect", session.ErrNoSession, link},
		{"another user, to connect", auth.ErrOtherUser, link}, {"throttled", &throttle.Error{RetryAfter: time.Minute}, sign},
		{"an address of another organization", auth.InputError{{Field: "email", Problem: auth.Foreign}}, sign},
		{"the address has an account", auth.InputError{{Field: "email", Problem: auth.Taken}}, sign},
		{"the database does not answer", database.ErrUnavailable, sign},
	} {
		s.strayed(f.name, f.err, f.trip)
	}
	for _, f := range []struct {
		name, key string
		status    int
		back      string // the address of the way on
	}{
		{"the last way in", "ways.last", http.StatusConflict, s.c.Prefix + "/account"},
		{"the address is not confirmed", "confirm.none.unverified", http.StatusForbidden, s.c.Prefix + "/account"},
		{"a link of another browser", "linking.elsewhere", http.StatusForbidden, s.loginURL("")},
	} {
		say := map[bool]string{true: "with.account", false: "with.choose"}[f.back == s.c.Prefix+"/account"]
		s.told(f.name, func(w http.ResponseWriter, r *http.Request) {
			s.answer(w, r, &astray{&fault{status: f.status, key: f.key}, auth.ErrNoFlow, f.back, say})
		})
	}
	s.told("a front end sends people away", s.apiError)
}

func (s *samples) strayed(name string, err error, t trip) {
	s.told(name, func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, s.stray(w, r, err, t)) })
}

// sampleProvider is a provider that is set, or one that has the name of a sample.
func (s *samples) sampleProvider() string {
	for _, p := range s.providers {
		return p.Spec().Name
	}
	return "Example ID"
}
