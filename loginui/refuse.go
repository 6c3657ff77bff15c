package loginui

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/share"
	"github.com/gatepost/gatepost/loginui/api"
)

// refusalJSON is the refusal that scripts and programs get.
type refusalJSON struct {
	Code     string `json:"code"`
	Message  string `json:"message"`
	LoginURL string `json:"loginUrl,omitempty"`
}

// messagePage is the data of message.html.
type messagePage struct {
	base
	Kind         string // by which the page gets an icon; empty: none
	Text, More   string
	Sent         string // what became of what the visitor sent; empty: they sent nothing, or Text says it
	RequestID    string
	Before       string // the words before and after the request id
	After        string
	OtherAccount bool   // offer to sign in to another account
	LogIn        string // the address of the login, to offer it; empty: it is not
	Leave        string // where a library of scripts is to go that has loaded the page; empty: it is to stay
	On, OnText   string // a way on, and the text of its link; empty: none
	Again        bool   // offer to load the page again
	Retry        bool   // the script loads the page again by itself
	RetryAfter   string // seconds before the first time, as in the header Retry-After; empty: the script decides
}

// Scripted reports whether the page has something for the script of error pages: another try, or an id to copy.
func (p messagePage) Scripted() bool { return p.Retry || p.RequestID != "" }

// codes are the codes that programs get, by status. In lower case they name the message for visitors.
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
	http.StatusFailedDependency:      "FAILED_DEPENDENCY",
	http.StatusUpgradeRequired:       "UPGRADE_REQUIRED",
	http.StatusTooManyRequests:       "TOO_MANY_REQUESTS",
	http.StatusInternalServerError:   "INTERNAL_ERROR",
	http.StatusBadGateway:            "BAD_GATEWAY",
	http.StatusServiceUnavailable:    "SERVICE_UNAVAILABLE",
	http.StatusGatewayTimeout:        "GATEWAY_TIMEOUT",
	http.StatusLoopDetected:          "LOOP_DETECTED",
}

// ErrAnswer is an error for Refuse: the app answered, but the answer cannot be read. The message of status 502
// would say that the app does not answer.
var ErrAnswer error = &fault{status: http.StatusBadGateway, key: "fault.answer"}

// ErrLoginLoop is an error for Refuse: the app redirects a signed-in user to the login, which redirects them
// back. The app does not know them, or does not let them in.
var ErrLoginLoop error = &fault{status: http.StatusLoopDetected, key: "fault.login_loop"}

// ErrOrigin is an error for Refuse: the page of another site opens a socket with the cookie of this one. The message of
// status 403 would say that a role is missing.
var ErrOrigin error = &fault{status: http.StatusForbidden, key: "fault.cross_socket"}

// ErrHostRewritten is an error for Refuse: a proxy in front replaces Host, so that the visitor cannot be sent to the
// public URL.
var ErrHostRewritten error = &fault{status: http.StatusBadRequest, key: "fault.host"}

// ErrStarting is an error for Refuse: the gate is not up yet. The message of status 503 would say that somebody's login
// cannot be checked.
var ErrStarting error = &fault{status: http.StatusServiceUnavailable, key: "fault.starting"}

// Maintenance is an error for Refuse: the site is closed.
type Maintenance struct {
	// Message is what the operator tells visitors, as plain text; empty: nothing.
	Message string
}

// Error says for the log that the site is closed.
func (*Maintenance) Error() string { return "the site is closed for maintenance" }

func messageOf(status int) string { return "fault." + strings.ToLower(codes[status]) }

// Refuse answers a request that is not passed on. Status 401 means that nobody is signed in: a browser loading
// a page is redirected to the login, and other clients get its address; with a StepUp it is where more is proved. err
// is for the caller's log; the visitor learns only its kind.
func (ui *UI) Refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	ui.protect(w.Header())
	if errors.Is(err, ErrWithheld) {
		api.NotFound(w)
		return
	}
	if errors.As(err, new(*TokenRefused)) {
		ui.refuseData(w, status, err)
		return
	}
	if need, ok := errors.AsType[*StepUp](err); ok {
		ui.refuseForProof(w, r, need)
		return
	}
	if status == http.StatusUnauthorized && ui.sendToLogin(w, r, err) {
		return
	}
	if errors.Is(err, session.ErrMove) {
		seeOther(w, arrivePath+"?next="+url.QueryEscape(localPath(ui.asked(r))))
		return
	}
	switch {
	case errors.Is(err, share.ErrBusy), errors.Is(err, share.ErrCrowded):
		w.Header().Set("Retry-After", strconv.Itoa(busyRetry))
	case errors.As(err, new(*Maintenance)):
		w.Header().Set("Retry-After", strconv.Itoa(maintenanceRetry))
	case status == http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", strconv.Itoa(unavailableRetry))
	}
	if status == http.StatusMethodNotAllowed && w.Header().Get("Allow") == "" {
		w.Header().Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	}
	ui.refuseWith(w, r, status, err)
}

// wordsOf returns the message for the visitor: that of the error if it has one, else that of the status.
func wordsOf(status int, err error) (key string, args []any) {
	if own, ok := errors.AsType[*fault](err); ok && own.key != "" {
		return own.key, own.args
	}
	if wrong, ok := errors.AsType[*TokenRefused](err); ok {
		return wrong.key(), nil
	}
	switch {
	case errors.As(err, new(*Maintenance)):
		return "fault.maintenance", nil
	case errors.As(err, new(*StepUp)):
		return "stepup.refused", nil
	case errors.Is(err, auth.ErrSignUpClosed):
		return "fault.signup_closed", nil
	case errors.As(err, new(*stillSignedIn)):
		return "fault.still_in", nil
	case errors.Is(err, auth.ErrOtherUser):
		return "fault.other_user", nil
	case taken(err):
		return "email.taken", nil
	case errors.Is(err, share.ErrBusy):
		return "fault.busy", nil
	case errors.Is(err, share.ErrCrowded):
		return "fault.crowded", nil
	case againstARule(err):
		return "fault.refused", nil
	case errors.As(err, new(*database.RefusedError)):
		return "fault.broken", nil
	}
	return messageOf(status), nil
}

func (ui *UI) refuseWith(w http.ResponseWriter, r *http.Request, status int, err error) {
	if !Navigating(r) {
		ui.refuseData(w, status, err)
		return
	}
	ui.showMessage(w, r, status, ui.errorPage(w, r, status, err))
}

// refuseData refuses a script or a program.
func (ui *UI) refuseData(w http.ResponseWriter, status int, err error) {
	_ = writeJSON(w, status, ui.refusalData(status, err)) // on error the client has left
}

func (ui *UI) refusalData(status int, err error) refusalJSON {
	key, args := wordsOf(status, err)
	out := refusalJSON{Code: codes[status], Message: ui.languages.source.say(key, args...)}
	if closed, ok := errors.AsType[*Maintenance](err); ok {
		out.Code, out.Message = "MAINTENANCE", strings.TrimSpace(out.Message+" "+closed.Message)
	}
	if status == http.StatusUnauthorized {
		out.LoginURL = ui.absolute(ui.c.Prefix + "/login")
	}
	if wrong, ok := errors.AsType[*TokenRefused](err); ok {
		out.Code, out.LoginURL = wrong.code(), ""
	}
	if errors.As(err, new(*StepUp)) {
		out.Code, out.LoginURL = "STEP_UP_REQUIRED", ui.absolute(ui.c.Prefix+stepUpPath)
	}
	return out
}

func (ui *UI) showMessage(w http.ResponseWriter, r *http.Request, status int, p messagePage) {
	p.Stylesheet = ui.wholeStyle
	if p.Scripted() {
		p.Script = ui.errorScript
	}
	if err := ui.show(w, r, status, "message", p); err != nil {
		lastResort(w, p.words)
	}
}

// lastResort answers without a template.
func lastResort(w http.ResponseWriter, words *words) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = io.WriteString(w, words.say("fault.internal_error")) // the visitor may have left
}

// statusClientGone marks in the log a request whose client left before the answer.
const statusClientGone = 499

// Values of Retry-After, in seconds.
const (
	unavailableRetry = 5
	busyRetry        = 2
	maintenanceRetry = 60
)

// answer turns the error of a page into an answer, and logs it if the gate or the operator has to deal with it.
func (ui *UI) answer(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, auth.ErrBadLink) && ui.link(r) == "" && !errors.As(err, new(*astray)) {
		err = errors.Join(errLinkClosed, err)
	}
	if errors.Is(err, auth.ErrPasswordsOff) && !errors.As(err, new(*astray)) {
		err = ui.passwordsOff()
	}
	if errors.Is(err, auth.ErrStaleFactor) {
		ui.proveFactor(w, r, "/account")
		return
	}
	var own *fault
	status := http.StatusInternalServerError
	switch {
	case errors.As(err, &own):
		status = own.status
	case errors.Is(err, session.ErrNoSession):
		status, err = http.StatusUnauthorized, ui.noSession(r, err)
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

// againstARule reports whether a rule of the database refuses what the visitor wants. Only the operator can
// change that.
func againstARule(err error) bool {
	var refused *database.RefusedError
	return errors.As(err, &refused) && refused.Rule
}

func (ui *UI) logFault(r *http.Request, status int, err error) {
	if (status >= 500 || againstARule(err)) && !errors.Is(err, share.ErrBusy) {
		ui.c.Log.LogAttrs(r.Context(), slog.LevelError, "page failed",
			slog.String("request_id", r.Header.Get("X-Request-Id")), slog.String("path", r.URL.Path),
			slog.String("err", err.Error()))
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
