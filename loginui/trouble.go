package loginui

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/captcha"
	"github.com/gatepost/gatepost/internal/share"
)

// trouble holds the messages with which a form is shown again, in the visitor's language. The zero value means
// no trouble.
type trouble struct {
	status int
	fault  string            // belongs to no field
	faults map[string]string // by field
}

// failed puts the message that belongs to no field into the page. The faults of fields go in through with.
func (p *formPage) failed(t trouble) {
	p.Failed, p.Fault = t.status != 0, t.fault
}

// trouble turns an error after which the form can be sent again into messages. It logs an error that is the
// gate's or the operator's to deal with.
func (ui *UI) trouble(w http.ResponseWriter, r *http.Request, err error) trouble {
	words := ui.words(r)
	var input auth.InputError
	var throttled *throttle.Error
	switch {
	case errors.As(err, &input) && taken(err):
		return trouble{http.StatusConflict, "", explain(words, input)}
	case errors.As(err, &input):
		return trouble{http.StatusUnprocessableEntity, "", explain(words, input)}
	case errors.Is(err, database.ErrUnavailable): // before bad credentials, which were not counted in this case
		w.Header().Set("Retry-After", strconv.Itoa(unavailableRetry))
		ui.logFault(r, http.StatusServiceUnavailable, err)
		return trouble{http.StatusServiceUnavailable, words.say("fault.unavailable"), nil}
	case againstARule(err):
		ui.logFault(r, http.StatusConflict, err)
		return trouble{http.StatusConflict, words.say("fault.refused"), nil}
	case errors.As(err, new(*database.RefusedError)):
		ui.logFault(r, http.StatusInternalServerError, err)
		return trouble{http.StatusInternalServerError, words.say("fault.broken"), nil}
	case errors.Is(err, auth.ErrBadCredentials) && ui.c.ConfirmFirst:
		return trouble{http.StatusUnauthorized, words.say("login.wrong.confirm"), nil}
	case errors.Is(err, auth.ErrBadCredentials):
		return trouble{http.StatusUnauthorized, words.say("login.wrong"), nil}
	case errors.Is(err, auth.ErrPasswordsOff):
		return trouble{http.StatusForbidden, words.say("fault.passwords_off"), nil}
	case errors.As(err, &throttled):
		w.Header().Set("Retry-After", strconv.Itoa(int(throttled.RetryAfter.Seconds())))
		return trouble{http.StatusTooManyRequests, words.say("fault.too_many_requests.wait", "wait",
			words.wait(throttled.RetryAfter)), nil}
	case errors.Is(err, captcha.ErrMissing):
		return trouble{http.StatusBadRequest, words.say("captcha.missing"), nil}
	case errors.Is(err, captcha.ErrWrong):
		return trouble{http.StatusForbidden, words.say("captcha.wrong"), nil}
	case errors.Is(err, captcha.ErrUnavailable): // the store has logged it
		w.Header().Set("Retry-After", strconv.Itoa(unavailableRetry))
		return trouble{http.StatusServiceUnavailable, words.say("captcha.unavailable", "service", ui.c.Captcha.Label), nil}
	case errors.Is(err, share.ErrBusy):
		w.Header().Set("Retry-After", strconv.Itoa(busyRetry))
		return trouble{http.StatusServiceUnavailable, words.say("fault.busy"), nil}
	case errors.Is(err, share.ErrCrowded):
		w.Header().Set("Retry-After", strconv.Itoa(busyRetry))
		return trouble{http.StatusTooManyRequests, words.say("fault.crowded"), nil}
	case errors.Is(err, context.Canceled):
		return trouble{statusClientGone, "", nil}
	}
	ui.logFault(r, http.StatusInternalServerError, err)
	return trouble{http.StatusInternalServerError, words.say("fault.internal_error"), nil}
}

// explain says what is wrong with each field.
func explain(w *words, input auth.InputError) map[string]string {
	faults := map[string]string{}
	for _, e := range input {
		key := e.Field + "." + string(e.Problem)
		if !w.has(key) {
			key = e.Field + "." + string(auth.Malformed)
		}
		faults[e.Field] = w.say(key, "n", e.Limit)
	}
	return faults
}
