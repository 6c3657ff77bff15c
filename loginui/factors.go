package loginui

import (
	"cmp"
	"context"
	"errors"
	"html/template"
	"net/http"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/factor"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// Paths of the pages about second factors, below Prefix.
const (
	appPath       = "/account/app"
	appCodePath   = "/account/app/code"
	removeAppPath = "/account/app/remove"
	recoveryPath  = "/account/recovery"
	endTrustPath  = "/account/trusted/end"
)

// fewCodes is how many recovery codes are so few that the account page asks for new ones.
const fewCodes = 3

// factorRows are the second factors on the account page.
type factorRows struct {
	HasApp      bool
	Offered     bool          // an app can be added
	Since       template.HTML // when the app was added
	Used        string        // how long ago a code was accepted
	Left        int           // recovery codes
	Few         bool
	Next        string // where to go on to once an app is added; empty: nowhere
	Recoverable bool   // recovery codes are of use
	Trusted     []trustedEntry
}

// trustedEntry is the text about a browser in which no code is asked for.
type trustedEntry struct {
	ID, Device string
	Phone      bool
	Since      template.HTML
}

// factorRows describes the second factors of a user. Nil: they have none, and can add none.
func (ui *UI) factorRows(w *words, f auth.Factors, next string) *factorRows {
	if !f.Offered && f.App == nil && f.Passkeys == 0 {
		return nil
	}
	rows := &factorRows{Left: f.RecoveryCodes, Few: f.RecoveryCodes <= fewCodes, Next: next}
	rows.Offered, rows.Recoverable = f.Offered, f.App != nil || f.Passkeys > 0
	if f.App != nil {
		rows.HasApp = true
		rows.Since, rows.Used = w.sayDate("ways.since", f.App.Since), w.Ago(max(0, time.Since(f.App.Used)))
	}
	for _, b := range f.Trusted {
		s := newSessionEntry(w, session.OwnSession{UserAgent: b.UserAgent})
		rows.Trusted = append(rows.Trusted, trustedEntry{b.ID, s.Device, s.Phone, w.sayDate("ways.since", b.Since)})
	}
	return rows
}

// addFactorRoutes adds the pages about second factors.
func (ui *UI) addFactorRoutes(account func(string, methods)) {
	account(appPath, methods{"GET": ui.getApp, "POST": ui.confirmed(appPath, ui.postApp)})
	account(appCodePath, methods{"GET": ui.getBack, "POST": ui.postAppCode})
	account(removeAppPath, methods{"GET": ui.afterFactor(ui.getRemoveApp), "POST": ui.postRemoveApp})
	account(endTrustPath, methods{"GET": ui.getBack, "POST": ui.postEndTrust})
	account(recoveryPath, methods{"GET": ui.afterFactor(ui.getRecovery), "POST": ui.postRecovery})
}

// staleFactor leads to the page that asks for the second factor once more, and from there back to a page.
func (ui *UI) staleFactor(w http.ResponseWriter, page string) {
	seeOther(w, ui.stepUpURL(ui.c.Prefix+page))
}

// afterFactor is the page with the form of a deed that takes the second factor. Whoever has to prove that first does so
// before they see the page, so that nothing is typed in vain.
func (ui *UI) afterFactor(show page) page {
	return func(w http.ResponseWriter, r *http.Request) error {
		token, _ := ui.presented(r)
		due, err := ui.store.FactorDue(r.Context(), token)
		if err != nil && !errors.Is(err, session.ErrNoSession) { // of that the page tells
			return err
		}
		if due {
			seeOther(w, ui.stepUpURL(r.URL.RequestURI()))
			return nil
		}
		return show(w, r)
	}
}

// factorRefused answers a deed about second factors that needs something else first. It reports false, and has answered
// nothing, for other errors.
func (ui *UI) factorRefused(w http.ResponseWriter, err error, page string) (bool, error) {
	switch {
	case errors.Is(err, auth.ErrStaleFactor):
		ui.staleFactor(w, page)
		return true, nil
	case errors.Is(err, auth.ErrNoFactor): // it was removed in another tab
		seeOther(w, ui.c.Prefix+"/account")
		return true, nil
	case errors.Is(err, auth.ErrFactorsOff):
		return true, errNotFound
	case errors.Is(err, auth.ErrUnverified):
		return true, &astray{&fault{status: http.StatusForbidden, key: "app.unverified"}, err, ui.c.Prefix + "/account",
			"with.account"}
	case errors.Is(err, session.ErrNoSession):
		return true, err
	}
	return false, err
}

// postApp makes a key. The page that it leads to can be loaded again without making another.
func (ui *UI) postApp(w http.ResponseWriter, r *http.Request, f form, token secret.Token) error {
	_, err := ui.store.BeginApp(r.Context(), token)
	if done, err := ui.factorRefused(w, err, "/account"); done || err != nil {
		return err
	}
	seeOther(w, ui.withNext(appPath, f.Next))
	return nil
}

func (ui *UI) getApp(w http.ResponseWriter, r *http.Request) error {
	token, _ := ui.presented(r)
	e, err := ui.store.PendingApp(r.Context(), token)
	if errors.Is(err, auth.ErrNoEnrolment) {
		return ui.getBack(w, r)
	}
	if err != nil {
		return err
	}
	return ui.showApp(w, r, e, form{Next: ui.local(r.URL.Query().Get("next"))}, trouble{}, "")
}

func (ui *UI) postAppCode(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	token, _ := ui.presented(r)
	done, err := ui.twice.finish(r, ui.inSession(r, f), func(ctx context.Context) (done ending, err error) {
		done.Issued, done.codes, err = ui.store.ConfirmApp(ctx, token, f.Code, ui.client(r))
		return done, err
	})
	if errors.Is(err, auth.ErrNoEnrolment) {
		return ui.beginAgain(w, r, f, token)
	}
	if err != nil {
		if done, err := ui.factorRefused(w, err, "/account"); done {
			return err
		}
		e, found := ui.store.PendingApp(r.Context(), token)
		if errors.Is(found, auth.ErrNoEnrolment) { // what is wrong with a code does not matter then
			return ui.beginAgain(w, r, f, token)
		}
		if found != nil {
			return found
		}
		return ui.showApp(w, r, e, f, ui.codeTrouble(w, r, err, false), "")
	}
	ui.signedIn(w, done.Issued)
	if len(done.codes) == 0 {
		return ui.doneAnew(w, done.Issued, "app")
	}
	ui.c.Cookie.SetDone(w.Header(), "app")
	return ui.showCodes(w, r, done.Session, done.codes, f.Next)
}

// beginAgain shows a new key in place of one that is too old. A form that was sent twice finds the app added.
func (ui *UI) beginAgain(w http.ResponseWriter, r *http.Request, f form, token secret.Token) error {
	factors, err := ui.store.Factors(r.Context(), token)
	if err != nil {
		return err
	}
	if factors.App != nil {
		return ui.getBack(w, r)
	}
	e, err := ui.store.BeginApp(r.Context(), token)
	if errors.Is(err, session.ErrStale) {
		return ui.askAgain(w, r, appPath, f, trouble{})
	}
	if done, err := ui.factorRefused(w, err, "/account"); done || err != nil {
		return err
	}
	return ui.showApp(w, r, e, f, trouble{}, "app.add.anew")
}

func (ui *UI) showApp(w http.ResponseWriter, r *http.Request, e auth.Enrolment, f form, t trouble,
	notice string) error {
	p, err := ui.appPage(r, e, f, t)
	if err != nil {
		return err
	}
	if notice != "" {
		p.Notice = p.say(notice)
	}
	status := http.StatusOK
	if t.status != 0 {
		status = t.status
	}
	return ui.show(w, r, status, "form", p)
}

// appPage is the page with the key of an app.
func (ui *UI) appPage(r *http.Request, e auth.Enrolment, f form, t trouble) (p formPage, err error) {
	p = ui.form(r, "app.add", appPath, form{Next: f.Next})
	p.To, p.Action = "", ui.c.Prefix+appCodePath
	p.failed(t)
	p.Intro, p.Busy = []string{p.say("app.add.say")}, p.say("confirm.busy")
	if p.QR, err = factor.QR(e.Key.URI(ui.c.AppName, e.Account)); err != nil {
		return p, err
	}
	p.Key, p.Stylesheet, p.Script = e.Key.Groups(), ui.wholeStyle, ui.codesScript
	p.with(t.faults, p.appCode())
	p.Cancel = ui.c.Prefix + "/account"
	return p, nil
}

func (ui *UI) getRemoveApp(w http.ResponseWriter, r *http.Request) error {
	return ui.askToRemoveApp(w, r, trouble{})
}

// askToRemoveApp leads whoever has no app back to their account.
func (ui *UI) askToRemoveApp(w http.ResponseWriter, r *http.Request, t trouble) error {
	token, _ := ui.presented(r)
	f, err := ui.store.Factors(r.Context(), token)
	if err != nil {
		return err
	}
	if f.App == nil {
		return ui.getBack(w, r)
	}
	return ui.show(w, r, cmp.Or(t.status, http.StatusOK), "form", ui.removeAppPage(r, f, t))
}

func (ui *UI) postRemoveApp(w http.ResponseWriter, r *http.Request) error {
	if _, err := ui.readForm(r); err != nil {
		return err
	}
	token, _ := ui.presented(r)
	issued, err := ui.store.RemoveApp(r.Context(), token, ui.client(r))
	if done, err := ui.factorRefused(w, err, removeAppPath); done {
		return err
	}
	if err != nil {
		return ui.askToRemoveApp(w, r, ui.trouble(w, r, err))
	}
	ui.signedIn(w, issued)
	return ui.doneAnew(w, issued, "app_removed")
}

func (ui *UI) removeAppPage(r *http.Request, has auth.Factors, t trouble) formPage {
	p := ui.form(r, "app.remove", removeAppPath, form{})
	p.failed(t)
	after := "app.remove.say"
	if has.Passkeys > 0 {
		after = "app.remove.keys"
	}
	p.Intro, p.Danger, p.Cancel = []string{p.say(after)}, true, ui.c.Prefix+"/account"
	return p
}

func (ui *UI) getRecovery(w http.ResponseWriter, r *http.Request) error {
	token, _ := ui.presented(r)
	f, err := ui.store.Factors(r.Context(), token)
	if err != nil {
		return err
	}
	if f.App == nil && f.Passkeys == 0 {
		return ui.getBack(w, r)
	}
	return ui.show(w, r, http.StatusOK, "form", ui.recoveryPage(r, trouble{}))
}

func (ui *UI) postRecovery(w http.ResponseWriter, r *http.Request) error {
	if _, err := ui.readForm(r); err != nil {
		return err
	}
	token, _ := ui.presented(r)
	codes, err := ui.store.NewRecoveryCodes(r.Context(), token, ui.client(r))
	if done, err := ui.factorRefused(w, err, recoveryPath); done {
		return err
	}
	if err != nil {
		t := ui.trouble(w, r, err)
		return ui.show(w, r, t.status, "form", ui.recoveryPage(r, t))
	}
	return ui.showCodes(w, r, token, codes, "")
}

func (ui *UI) recoveryPage(r *http.Request, t trouble) formPage {
	p := ui.form(r, "recovery", recoveryPath, form{})
	p.failed(t)
	p.Submit = p.say("recovery.new")
	p.Intro, p.Cancel = []string{p.say("recovery.new.say")}, ui.c.Prefix+"/account"
	return p
}

// postEndTrust ends the trust in a browser at once, however old the sign-in is.
func (ui *UI) postEndTrust(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	if f.ID == "" {
		return errForm
	}
	token, _ := ui.presented(r)
	if err := ui.store.EndTrust(r.Context(), token, f.ID, ui.client(r)); err != nil {
		return err
	}
	return ui.done(w, "untrusted")
}

func (ui *UI) showCodes(w http.ResponseWriter, r *http.Request, token secret.Token, codes []factor.RecoveryCode,
	next string) error {
	s, err := ui.store.Describe(r.Context(), token)
	if err != nil {
		return err
	}
	on := ui.c.Prefix + "/account"
	if next != "" {
		on = ui.landing(next)
	}
	return ui.show(w, r, http.StatusOK, "once", ui.codesPage(r, s.User.Email, codes, on))
}
