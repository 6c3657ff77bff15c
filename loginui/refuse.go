package loginui

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/gatepost/gatepost/auth"
)

// Navigating says whether a browser is loading a page, and so can be sent to another one, as opposed to a script or a
// program that asks for data. Browsers say so in Sec-Fetch-Mode; without it a wish for HTML has to do.
func Navigating(r *http.Request) bool {
	if r.Header.Get("Upgrade") != "" {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// refusalJSON is what scripts and programs get.
type refusalJSON struct {
	Code     string `json:"code"`
	Message  string `json:"message"`
	LoginURL string `json:"loginUrl,omitempty"`
}

// refusalPage is refuse.html.
type refusalPage struct {
	base
	Say       string
	RequestID string
	SignedIn  bool // offer to sign in as somebody else
}

// refusals are the code for programs, the title and the sentence for people, by status.
var refusals = map[int]struct{ code, title, say string }{
	http.StatusBadRequest:            {"BAD_REQUEST", "That address does not work", "The request was not one a browser sends, so it was not passed on. Check the address."},
	http.StatusUnauthorized:          {"UNAUTHORIZED", "Log in first", "Log in to continue."},
	http.StatusForbidden:             {"FORBIDDEN", "You may not open this", "Your account does not have the role this page asks for. Ask whoever runs this site, or log in with another account."},
	http.StatusNotFound:              {"NOT_FOUND", "Not found", "There is no page at this address."},
	http.StatusMethodNotAllowed:      {"METHOD_NOT_ALLOWED", "That does not work here", "This method is not allowed here."},
	http.StatusRequestTimeout:        {"REQUEST_TIMEOUT", "That took too long", "The form took too long to arrive. Send it again."},
	http.StatusRequestEntityTooLarge: {"PAYLOAD_TOO_LARGE", "Too much", "That was more than this form takes."},
	http.StatusUnsupportedMediaType:  {"UNSUPPORTED_MEDIA_TYPE", "Not a form", "Send the form as application/x-www-form-urlencoded."},
	http.StatusTooManyRequests:       {"TOO_MANY_REQUESTS", "Too many attempts", "There were too many attempts. Wait a little and try again."},
	http.StatusInternalServerError:   {"INTERNAL_ERROR", "Something went wrong", "Something went wrong on our side. Try again; if it happens again, tell whoever runs this site."},
	http.StatusBadGateway:            {"BAD_GATEWAY", "The site does not answer", "The site is not answering right now. Try again in a moment."},
	http.StatusServiceUnavailable:    {"SERVICE_UNAVAILABLE", "Back in a moment", "Your login cannot be checked right now. Try again in a moment; you need not log in again."},
	http.StatusGatewayTimeout:        {"GATEWAY_TIMEOUT", "The site takes too long", "The site took too long to answer. Try again in a moment."},
}

// Refuse answers a request that goes no further. Status 401 means that nobody is signed in: a browser loading a page
// is sent to the login, everything else is told where it is. err is for the caller's log; only its kind reaches the
// visitor.
func (ui *UI) Refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	protect(w.Header())
	if status == http.StatusUnauthorized && Navigating(r) {
		if _, present := ui.presented(r); present {
			ui.c.Cookie.Clear(w.Header())
		}
		seeOther(w, ui.withNext("/login", localPath(ui.asked(r))))
		return
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(unavailableRetry))
	}
	if status == http.StatusMethodNotAllowed && w.Header().Get("Allow") == "" {
		w.Header().Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	}
	ui.refuseWith(w, r, status, sentence(status, err))
}

// sentence is what the visitor reads: the error's own words when it has some for him, else those of the status.
func sentence(status int, err error) string {
	var own *fault
	switch {
	case errors.As(err, &own):
		return own.say
	case errors.Is(err, auth.ErrSignUpClosed):
		return "This site does not take new accounts. If you have one, log in."
	}
	var still *stillSignedIn
	if errors.As(err, &still) {
		return "You are still logged in: logging out did not work just now. Try again in a moment."
	}
	return refusals[status].say
}

func (ui *UI) refuseWith(w http.ResponseWriter, r *http.Request, status int, say string) {
	kind := refusals[status]
	if !Navigating(r) {
		out := refusalJSON{Code: kind.code, Message: say}
		if status == http.StatusUnauthorized {
			out.LoginURL = ui.absolute(ui.c.Prefix + "/login")
		}
		_ = writeJSON(w, status, out) // nobody is left to tell
		return
	}
	p := refusalPage{base: ui.base(kind.title), Say: say, RequestID: r.Header.Get("X-Request-Id"), SignedIn: status == http.StatusForbidden}
	if err := ui.show(w, status, "refuse", p); err != nil {
		ui.pages.lastResort(w)
	}
}

// statusClientGone is for the log: nobody is left to read the answer.
const statusClientGone = 499

// Seconds after which another attempt makes sense.
const (
	unavailableRetry = 5
	busyRetry        = 2
)

// answer turns the error of a page of ours into an answer, and logs what is our fault.
func (ui *UI) answer(w http.ResponseWriter, r *http.Request, err error) {
	var own *fault
	status := http.StatusInternalServerError
	switch {
	case errors.As(err, &own):
		status = own.status
	case errors.Is(err, auth.ErrNoSession):
		status = http.StatusUnauthorized
	case errors.Is(err, auth.ErrSignUpClosed):
		status = http.StatusForbidden
	case errors.Is(err, auth.ErrUnavailable):
		status = http.StatusServiceUnavailable
	case errors.Is(err, context.Canceled):
		w.WriteHeader(statusClientGone)
		return
	}
	ui.logFault(r, status, err)
	ui.Refuse(w, r, status, err)
}

// plainly is the status and the sentence for an error that leaves the form usable.
func (ui *UI) plainly(w http.ResponseWriter, r *http.Request, err error) (int, string) {
	var throttled *auth.ThrottledError
	status, say := http.StatusInternalServerError, refusals[http.StatusInternalServerError].say
	switch {
	case errors.As(err, &throttled):
		w.Header().Set("Retry-After", strconv.Itoa(int(throttled.RetryAfter.Seconds())))
		status, say = http.StatusTooManyRequests, "Too many attempts. Try again in "+inWords(throttled.RetryAfter)+"."
	case errors.Is(err, auth.ErrBusy):
		w.Header().Set("Retry-After", strconv.Itoa(busyRetry))
		status, say = http.StatusServiceUnavailable, "Many people are logging in right now. Try again in a few seconds."
	case errors.Is(err, auth.ErrSignUpClosed):
		status, say = http.StatusForbidden, sentence(http.StatusForbidden, err)
	case errors.Is(err, auth.ErrUnavailable):
		w.Header().Set("Retry-After", strconv.Itoa(unavailableRetry))
		status, say = http.StatusServiceUnavailable, "Accounts cannot be reached right now, so nothing was changed. Try again in a moment."
	case errors.Is(err, context.Canceled):
		return statusClientGone, ""
	}
	ui.logFault(r, status, err)
	return status, say
}

func (ui *UI) logFault(r *http.Request, status int, err error) {
	if status >= 500 && !errors.Is(err, auth.ErrBusy) {
		ui.c.Log.LogAttrs(r.Context(), slog.LevelError, "page failed",
			slog.String("request_id", r.Header.Get("X-Request-Id")), slog.String("path", r.URL.Path), slog.String("err", err.Error()))
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, err = w.Write(append(body, '\n'))
	return err
}
