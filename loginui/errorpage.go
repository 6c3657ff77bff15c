package loginui

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gatepost/gatepost/auth"
)

// errorPage is the page of a refusal: what happened, and the one way on that fits the case.
func (ui *UI) errorPage(w http.ResponseWriter, r *http.Request, status int, err error) messagePage {
	key, args := wordsOf(status, err)
	p := messagePage{base: ui.inPlace(r, "fault.title"), Kind: kindOf(status, key)}
	p.Title, p.Text = p.titleOf(key), p.say(key, args...)
	p.mention(r.Header.Get("X-Request-Id"))
	if closed, ok := errors.AsType[*Maintenance](err); ok {
		p.More = closed.Message
	}
	ui.wayOn(r, &p, key, err)
	p.Again = reads(r) && !p.hasWayOn() && helpsAgain(status, key)
	if p.Again && status > http.StatusInternalServerError && !framed(r) {
		p.Retry, p.RetryAfter = true, w.Header().Get("Retry-After")
	}
	if !reads(r) && status >= http.StatusInternalServerError && status != http.StatusLoopDetected {
		p.Sent = p.say(fateOf(key))
	}
	return p
}

// reads reports whether a request changes nothing, so that its page can be loaded again.
func reads(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// titleOf is the title of a message, or of the nearest one above it: fault.form of fault.form.double.
func (w *words) titleOf(key string) string {
	if other, ok := titles[key]; ok {
		key = other
	}
	for ; ; key = key[:strings.LastIndexByte(key, '.')] {
		if w.has(key + ".title") {
			return w.say(key + ".title")
		}
		if !strings.Contains(key, ".") {
			return w.say("fault.title")
		}
	}
}

// helpsAgain reports whether asking again may bring another answer.
func helpsAgain(status int, key string) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	case http.StatusInternalServerError:
		return key != "fault.broken"
	}
	return false
}

// fateOf says what became of what a visitor sent.
func fateOf(key string) string {
	switch key {
	case "fault.busy", "fault.maintenance", "fault.starting":
		return "fault.unsent"
	}
	return "fault.maybe_sent"
}

// wayOn gives the page a way on that is more than to load it again or to leave it.
func (ui *UI) wayOn(r *http.Request, p *messagePage, key string, err error) {
	if away, ok := errors.AsType[*astray](err); ok {
		p.On, p.OnText = away.on, p.say(away.say)
		return
	}
	switch key {
	case "fault.signup_closed", "fault.by_invitation", "fault.passwords_off", "fault.gone", "fault.unauthorized":
		p.LogIn = ui.c.Prefix + "/login"
	case "fault.forbidden", "fault.other_user":
		p.OtherAccount = true
	case "fault.host", "fault.http": // the visitor may have gone round the proxy
		p.On, p.OnText = ui.absolute(localPath(ui.asked(r))), ui.absolute("/")
	case "passkey.signup.expired":
		p.On, p.OnText = ui.c.Prefix+"/signup", p.say("signup.title")
	case "fault.cross_site":
		if route := ui.routes[r.URL.EscapedPath()]; route["GET"] != nil {
			p.On, p.OnText = r.URL.EscapedPath(), p.say("fault.open_here")
		}
	}
	p.OtherAccount = p.OtherAccount || errors.Is(err, auth.ErrOtherUser)
}

// hasWayOn reports whether the page has a way on to somewhere else.
func (p *messagePage) hasWayOn() bool { return p.On != "" || p.LogIn != "" || p.OtherAccount }

// mention puts the id of the request into the page, with the words around it.
func (p *messagePage) mention(id string) {
	const place = "\x00"
	p.RequestID = id
	p.Before, p.After, _ = strings.Cut(p.say("page.request", "id", place), place)
}
