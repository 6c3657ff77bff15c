package loginui

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/share"
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

// messagePage is message.html.
type messagePage struct {
	base
	Text, More   string
	RequestID    string
	OtherAccount bool // offer to sign in as somebody else
	LogIn        bool // offer to log in
}

// codes are what programs get, by status. In lower case they name the message for people.
var codes = map[int]string{
	http.StatusBadRequest:            "BAD_REQUEST",
	http.StatusUnauthorized:          "UNAUTHORIZED",
	http.StatusForbidden:             "FORBIDDEN",
	http.StatusNotFound:              "NOT_FOUND",
	http.StatusMethodNotAllowed:      "METHOD_NOT_ALLOWED",
	http.StatusRequestTimeout:        "REQUEST_TIMEOUT",
	http.StatusConflict:              "CONFLICT",
	http.StatusGone:                  "GONE",
	http.StatusRequestEntityTooLarge: "PAYLOAD_TOO_LARGE",
	http.StatusUnsupportedMediaType:  "UNSUPPORTED_MEDIA_TYPE",
	http.StatusTooManyRequests:       "TOO_MANY_REQUESTS",
	http.StatusInternalServerError:   "INTERNAL_ERROR",
	http.StatusBadGateway:            "BAD_GATEWAY",
	http.StatusServiceUnavailable:    "SERVICE_UNAVAILABLE",
	http.StatusGatewayTimeout:        "GATEWAY_TIMEOUT",
	http.StatusLoopDetected:          "LOOP_DETECTED",
}

// ErrAnswer is for Refuse, whose own words for 502 say that the app does not answer: it did, and nobody can read it.
var ErrAnswer error = &fault{status: http.StatusBadGateway, key: "fault.answer"}

// ErrLoginLoop is for Refuse: the app sends whoever is signed in to our login, which sends them back.
var ErrLoginLoop error = &fault{status: http.StatusLoopDetected, key: "fault.login_loop"}

func messageOf(status int) string { return "fault." + strings.ToLower(codes[status]) }

// Refuse answers a request that goes no further. Status 401 means that nobody is signed in: a browser loading a page
// is sent to the login, everything else is told where it is. err is for the caller's log; only its kind reaches the
// visitor.
func (ui *UI) Refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	ui.protect(w.Header())
	if status == http.StatusUnauthorized && Navigating(r) {
		if _, present := ui.presented(r); present {
			ui.c.Cookie.Clear(w.Header())
		}
		seeOther(w, ui.withNext("/login", localPath(ui.asked(r))))
		return
	}
	switch {
	case errors.Is(err, share.ErrBusy), errors.Is(err, share.ErrCrowded):
		w.Header().Set("Retry-After", strconv.Itoa(busyRetry))
	case status == http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", strconv.Itoa(unavailableRetry))
	}
	if status == http.StatusMethodNotAllowed && w.Header().Get("Allow") == "" {
		w.Header().Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	}
	ui.refuseWith(w, r, status, err)
}

// sentence is what the visitor reads: the error's own words when it has some for him, else those of the status.
func sentence(w *words, status int, err error) string {
	var own *fault
	var still *stillSignedIn
	switch {
	case errors.As(err, &own) && own.key != "":
		return w.say(own.key, own.args...)
	case errors.Is(err, auth.ErrSignUpClosed):
		return w.say("fault.signup_closed")
	case errors.As(err, &still):
		return w.say("fault.still_in")
	case errors.Is(err, auth.ErrOtherUser):
		return w.say("fault.other_user")
	case taken(err):
		return w.say("email.taken")
	case errors.Is(err, share.ErrBusy):
		return w.say("fault.busy")
	case errors.Is(err, share.ErrCrowded):
		return w.say("fault.crowded")
	case againstARule(err):
		return w.say("fault.refused")
	case errors.As(err, new(*database.RefusedError)):
		return w.say("fault.broken")
	}
	return w.say(messageOf(status))
}

func (ui *UI) refuseWith(w http.ResponseWriter, r *http.Request, status int, err error) {
	if !Navigating(r) {
		out := refusalJSON{Code: codes[status], Message: sentence(ui.languages.source, status, err)}
		if status == http.StatusUnauthorized {
			out.LoginURL = ui.absolute(ui.c.Prefix + "/login")
		}
		_ = writeJSON(w, status, out) // nobody is left to tell
		return
	}
	p := messagePage{base: ui.refusal(r, messageOf(status)+".title"), RequestID: r.Header.Get("X-Request-Id")}
	p.Text, p.LogIn = sentence(p.words, status, err), errors.Is(err, auth.ErrSignUpClosed)
	if p.Text != p.say(messageOf(status)) {
		p.Title = p.say("fault.title") // that of the status is about something else
	} else {
		p.OtherAccount, p.LogIn = status == http.StatusForbidden, p.LogIn || status == http.StatusGone
	}
	p.OtherAccount = p.OtherAccount || errors.Is(err, auth.ErrOtherUser)
	if err := ui.show(w, status, "message", p); err != nil {
		lastResort(w, p.words)
	}
}

// lastResort needs no template.
func lastResort(w http.ResponseWriter, words *words) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = io.WriteString(w, words.say("fault.internal_error")) // the visitor may have left
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
	if errors.Is(err, auth.ErrBadLink) && ui.link(r) == "" {
		err = errors.Join(errLinkClosed, err)
	}
	var own *fault
	status := http.StatusInternalServerError
	switch {
	case errors.As(err, &own):
		status = own.status
	case errors.Is(err, session.ErrNoSession):
		status = http.StatusUnauthorized
	case errors.Is(err, auth.ErrSignUpClosed), errors.Is(err, auth.ErrOtherUser):
		status = http.StatusForbidden
	case errors.Is(err, auth.ErrBadLink):
		status = http.StatusGone
	case taken(err), againstARule(err):
		status = http.StatusConflict
	case errors.Is(err, database.ErrUnavailable), errors.Is(err, share.ErrBusy):
		status = http.StatusServiceUnavailable
	case errors.Is(err, share.ErrCrowded):
		status = http.StatusTooManyRequests
	case errors.Is(err, context.Canceled):
		w.WriteHeader(statusClientGone)
		return
	}
	ui.logFault(r, status, err)
	ui.Refuse(w, r, status, err)
}

// againstARule says that something in the database stands against what the visitor wants, which only the operator can
// change.
func againstARule(err error) bool {
	var refused *database.RefusedError
	return errors.As(err, &refused) && refused.Rule
}

func (ui *UI) logFault(r *http.Request, status int, err error) {
	if (status >= 500 || againstARule(err)) && !errors.Is(err, share.ErrBusy) {
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
	w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(status)
	_, err = w.Write(append(body, '\n'))
	return err
}
