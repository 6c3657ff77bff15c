package loginui

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/share"
)

// astray is a refusal with a way on.
type astray struct {
	fault *fault
	cause error  // for the log
	on    string // address of the way on
	say   string // message of its link
}

func (a *astray) Error() string   { return a.cause.Error() }
func (a *astray) Unwrap() []error { return []error{a.fault, a.cause} }

// trip is a sign-in at a provider that failed.
type trip struct {
	provider string // its name
	purpose  auth.Purpose
	next     string
	told     bool // the error stood in the request, so that it is no fault of a server
}

// loginURL is the login page that never leads to a provider by itself.
func (ui *UI) loginURL(next string) string {
	query := "?choose="
	if next != "" {
		query += "&next=" + url.QueryEscape(next)
	}
	return ui.c.Prefix + "/login" + query
}

// kinds are the pages for what goes wrong at a provider. Status 424 says that this was not the visitor's doing; 5xx
// would let them make the gate look broken, because a browser brings all of it.
var kinds = map[provider.Kind]fault{
	provider.Failed:        {status: http.StatusFailedDependency, key: "with.failed"},
	provider.Unavailable:   {status: http.StatusServiceUnavailable, key: "with.unavailable"},
	provider.Refused:       {status: http.StatusForbidden, key: "with.refused"},
	provider.Interaction:   {status: http.StatusForbidden, key: "with.interaction"},
	provider.BadCode:       {status: http.StatusBadRequest, key: "with.bad_code"},
	provider.Misconfigured: {status: http.StatusFailedDependency, key: "with.misconfigured"},
	provider.Forged:        {status: http.StatusBadRequest, key: "with.forged"},
	provider.NotFresh:      {status: http.StatusForbidden, key: "with.not_fresh"},
	provider.NotAllowed:    {status: http.StatusForbidden, key: "with.not_allowed"},
	provider.NoSubject:     {status: http.StatusFailedDependency, key: "with.no_subject"},
}

// stray turns an error of a sign-in at a provider into a page with a way on. Errors that are no news of the trip are
// returned as they are.
func (ui *UI) stray(w http.ResponseWriter, r *http.Request, err error, t trip) error {
	f, ok := ui.faultOf(w, r, err, t)
	if !ok {
		return err
	}
	f.args = append(f.args, "provider", ui.label(t.provider))
	if t.told && f.key == kinds[provider.Unavailable].key {
		f.status = http.StatusFailedDependency
	}
	if t.purpose != auth.ToSignIn && t.purpose != "" && !errors.Is(err, session.ErrNoSession) {
		return &astray{&f, err, ui.c.Prefix + "/account", "with.account"}
	}
	if t.purpose != auth.ToSignIn && t.purpose != "" {
		t.next = ui.c.Prefix + "/account"
	}
	return &astray{&f, err, ui.loginURL(t.next), "with.choose"}
}

func (ui *UI) faultOf(w http.ResponseWriter, r *http.Request, err error, t trip) (fault, bool) {
	var known *provider.Error
	var input auth.InputError
	var throttled *throttle.Error
	switch {
	case errors.As(err, &known):
		f, ok := kinds[known.Kind]
		return f, ok
	case errors.Is(err, provider.ErrUnavailable):
		return kinds[provider.Unavailable], true
	case errors.Is(err, database.ErrUnavailable):
		return fault{status: http.StatusServiceUnavailable, key: "fault.unavailable"}, true
	case errors.As(err, &throttled):
		return *ui.tooOften(w, r, throttled), true
	case errors.As(err, &input):
		return faultOfAddress(input), true
	case errors.Is(err, share.ErrCrowded):
		return fault{status: http.StatusTooManyRequests, key: "fault.crowded"}, true
	case errors.Is(err, share.ErrBusy):
		return fault{status: http.StatusServiceUnavailable, key: "fault.busy"}, true
	}
	return ui.faultOfAccount(err, t)
}

// tooOften says how long somebody has to wait.
func (ui *UI) tooOften(w http.ResponseWriter, r *http.Request, t *throttle.Error) *fault {
	w.Header().Set("Retry-After", strconv.Itoa(int(t.RetryAfter.Seconds())))
	return &fault{status: http.StatusTooManyRequests, key: "fault.too_many_requests.wait",
		args: []any{"wait", ui.words(r).wait(t.RetryAfter)}}
}

// faultOfAddress is for an address of the provider that no account can have here.
func faultOfAddress(input auth.InputError) fault {
	for _, e := range input {
		switch e.Problem {
		case auth.Foreign:
			return fault{status: http.StatusForbidden, key: "email.foreign"}
		case auth.Taken:
			return fault{status: http.StatusConflict, key: "email.taken"}
		}
	}
	return fault{status: http.StatusForbidden, key: "with.no_address"}
}

// faultOfAccount is for what the account or the browser has against the sign-in.
func (ui *UI) faultOfAccount(err error, t trip) (fault, bool) {
	switch {
	case errors.Is(err, auth.ErrNoFlow):
		return fault{status: http.StatusBadRequest, key: "with.no_flow"}, true
	case errors.Is(err, auth.ErrLoggedOut):
		return fault{status: http.StatusForbidden, key: "with.logged_out"}, true
	case errors.Is(err, auth.ErrSignUpClosed) && ui.c.ByInvitation:
		return *errInvited, true
	case errors.Is(err, auth.ErrSignUpClosed):
		return fault{status: http.StatusForbidden, key: "fault.signup_closed"}, true
	case errors.Is(err, auth.ErrLinkedElsewhere) && t.purpose == auth.ToLink:
		return fault{status: http.StatusConflict, key: "with.linked_other"}, true
	case errors.Is(err, auth.ErrLinkedElsewhere):
		return fault{status: http.StatusConflict, key: "with.linked_elsewhere"}, true
	case errors.Is(err, auth.ErrNoAddress):
		return fault{status: http.StatusForbidden, key: "with.no_address"}, true
	case errors.Is(err, auth.ErrBadCredentials):
		return fault{status: http.StatusForbidden, key: "with.no_entry"}, true
	case errors.Is(err, session.ErrNoSession):
		return fault{status: http.StatusForbidden, key: "with.no_session"}, true
	case errors.Is(err, auth.ErrOtherUser):
		return fault{status: http.StatusForbidden, key: "with.other_user"}, true
	case errors.Is(err, auth.ErrBadLink):
		return fault{status: http.StatusGone, key: "fault.gone"}, true
	case errors.Is(err, auth.ErrPasswordsOff):
		return fault{status: http.StatusForbidden, key: "fault.passwords_off"}, true
	case errors.Is(err, auth.ErrNoProvider):
		return *errNotFound, true
	}
	return fault{}, false
}
