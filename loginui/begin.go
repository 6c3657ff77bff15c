package loginui

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/session"
)

// flowsKept is how many sign-ins at providers a browser may have under way. The cookies of older ones are cleared,
// flowsCleared at a time: proxies refuse an answer whose header is long, many above 4 KiB, and a cookie takes 110
// bytes.
const (
	flowsKept    = 8
	flowsCleared = 20
)

// onwardPage is the data of onward.html.
type onwardPage struct {
	base
	Text, Go string
	URL      string
}

// onward leads the browser to another site. It is a page with a link, because browsers that know form-action do not
// follow a redirect there after a form. The header does what <meta http-equiv="refresh"> would do, whatever the
// layout is. The messages begin with name.
func (ui *UI) onward(w http.ResponseWriter, r *http.Request, to *url.URL, name, label string) error {
	if to.Scheme != "https" && to.Scheme != "http" {
		return errNotFound
	}
	if l := libraryOf(r); l != nil && !l.whole && l.lead(w, to.String()) {
		return nil
	}
	p := onwardPage{base: ui.refusal(r, name+".title"), URL: to.String()}
	p.Title = p.say(name+".title", "provider", label)
	p.Text, p.Go = p.say(name+".say", "provider", label), p.say(name+".go", "provider", label)
	w.Header().Set("Refresh", "0; url="+p.URL)
	return ui.show(w, r, http.StatusOK, "onward", p)
}

// getBackToLogin redirects a GET of a button's address to the login. Reloads cause such requests.
func (ui *UI) getBackToLogin(w http.ResponseWriter, r *http.Request) error {
	seeOther(w, ui.loginURL(ui.local(r.URL.Query().Get("next"))))
	return nil
}

// postWith begins a login with a provider. A form on the page of a mailed link goes on with that link.
func (ui *UI) postWith(name string) page {
	return func(w http.ResponseWriter, r *http.Request) error {
		f, err := ui.readForm(r)
		if err != nil {
			return err
		}
		flow := auth.Flow{Provider: name, Purpose: auth.ToSignIn, Next: f.Next, Remember: f.Remember}
		if f.ID != "" {
			if !ui.sameLink(r, f) {
				return auth.ErrBadLink
			}
			flow.Link = ui.link(r)
		}
		return ui.begin(w, r, flow)
	}
}

// begin begins a sign-in at a provider, and leads the browser there.
func (ui *UI) begin(w http.ResponseWriter, r *http.Request, f auth.Flow) error {
	f.Client = ui.client(r)
	begun, err := ui.store.BeginProvider(r.Context(), f)
	if errors.Is(err, session.ErrNoSession) || errors.Is(err, auth.ErrStaleFactor) {
		return err
	}
	if err != nil {
		ui.noteBegin(r, f.Provider, err)
		return ui.stray(w, r, err, trip{provider: f.Provider, purpose: f.Purpose, next: f.Next})
	}
	ui.dropFlows(w, r, flowsKept-1)
	ui.c.Cookie.SetFlow(w.Header(), begun.ID, begun.Key, auth.FlowFor)
	return ui.onward(w, r, begun.URL, "onward", ui.label(f.Provider))
}

// noteBegin logs, as an error, why nobody can begin to log in with a provider: only the operator can mend it. The audit
// line beside it is one of many.
func (ui *UI) noteBegin(r *http.Request, name string, err error) {
	if known, ok := errors.AsType[*provider.Error](err); ok && known.Kind != provider.Unavailable {
		ui.c.Log.LogAttrs(r.Context(), slog.LevelError, "a login with a provider could not begin",
			slog.String("request_id", r.Header.Get("X-Request-Id")), slog.String("provider", name),
			slog.String("err", err.Error()))
	}
}

// label is how people call a provider.
func (ui *UI) label(name string) string {
	if p := ui.provider(name); p != nil {
		return p.Label()
	}
	return name
}

// dropFlows clears the cookies of sign-ins at providers, but the last ones. Browsers send the oldest first.
func (ui *UI) dropFlows(w http.ResponseWriter, r *http.Request, keep int) {
	ids := ui.c.Cookie.Flows(r.Header)
	for _, id := range ids[:min(max(0, len(ids)-keep), flowsCleared)] {
		ui.c.Cookie.ClearFlow(w.Header(), id)
	}
}

// endFlows ends all sign-ins at providers that wait in this browser, and all proofs of an account that do, however many
// cookies it has. Cookies that stay are keys of nothing; without the database all go at once.
func (ui *UI) endFlows(w http.ResponseWriter, r *http.Request) {
	keys := ui.c.Cookie.FlowKeys(r.Header)
	if len(keys) == 0 {
		return
	}
	if ui.store.EndFlows(r.Context(), keys) == nil { // the error is in the log
		ui.dropFlows(w, r, 0)
		return
	}
	for _, id := range ui.c.Cookie.Flows(r.Header) {
		ui.c.Cookie.ClearFlow(w.Header(), id)
	}
}

// endClaims ends the proofs of an account that wait in this browser.
func (ui *UI) endClaims(r *http.Request) {
	if keys := ui.c.Cookie.FlowKeys(r.Header); len(keys) > 0 {
		_ = ui.store.EndClaims(r.Context(), keys) // the error is in the log
	}
}

// Notes for the next login page, as by SetDone: somebody has just come in by a provider, or has not.
const (
	doneIn     = "in"
	doneAstray = "astray"
	doneTaken  = "taken"
)

// straight returns the provider that a login page leads to by itself, or nil. It does so only where there is nothing
// to choose, for a visitor whom the gate sent there: never after a log-out, a failure or a login that did not last,
// which would go round in circles.
func (ui *UI) straight(r *http.Request) *provider.Provider {
	query := r.URL.Query()
	switch {
	case !ui.c.PasswordsOff || len(ui.providers) != 1 || ui.providers[0].Down(),
		r.Method != http.MethodGet || !Navigating(r),
		!query.Has("next") || query.Has("choose"),
		ui.c.Cookie.Marked(r) || ui.c.Cookie.Done(r) != "":
		return nil
	}
	return ui.providers[0]
}
