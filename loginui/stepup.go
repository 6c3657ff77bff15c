package loginui

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/session"
)

// stepUpPath is the page on which users prove themselves again and go on to next, below Prefix. Apps may link to it.
const stepUpPath = "/account/confirm"

// StepUp is an error for Refuse: too little was proved in the session for what was asked for, or too long ago.
type StepUp struct {
	Level  int           // Level is 2 where a second factor is needed; 0: any level does.
	MaxAge time.Duration // MaxAge is how long ago the user may have been proved; 0: any time.
}

// Error says for the log that more has to be proved.
func (s *StepUp) Error() string { return "the user has to be proved again for this" }

// challenge is the WWW-Authenticate of a refusal (RFC 9470, section 3).
func (s *StepUp) challenge() string {
	c := `Bearer error="insufficient_user_authentication"`
	if s.Level > 0 {
		c += `, acr_values="` + strconv.Itoa(s.Level) + `"`
	}
	if s.MaxAge > 0 {
		c += ", max_age=" + strconv.Itoa(int(s.MaxAge.Seconds()))
	}
	return c
}

// stepUpURL is the address of the page that leads on to another one when more is proved.
func (ui *UI) stepUpURL(page string) string { return ui.withNext(stepUpPath, localPath(page)) }

// refuseForProof answers a request that needs more to be proved: who loads a page is led to where that is done, and
// everybody else gets its address.
func (ui *UI) refuseForProof(w http.ResponseWriter, r *http.Request, need *StepUp) {
	w.Header().Set("WWW-Authenticate", need.challenge())
	switch l := libraryOf(r); {
	case l != nil:
		ui.leave(w, r, l, ui.unprovedPage(r, ui.back(r, l)), need)
	case !Navigating(r):
		ui.refuseData(w, http.StatusUnauthorized, need)
	case framed(r):
		ui.askAtTheTop(w, r, ui.unprovedPage(r, ui.cameFrom(r)))
	case !isRead(r.Method):
		ui.showMessage(w, r, http.StatusUnauthorized, ui.unprovedPage(r, ui.cameFrom(r)))
	default:
		seeOther(w, ui.stepUpURL(ui.asked(r)))
	}
}

// unprovedPage says that more has to be proved, and links to where. What a form has sent goes no further, so it leads
// back to the page of the form.
func (ui *UI) unprovedPage(r *http.Request, back string) messagePage {
	p := messagePage{base: ui.inPlace(r, "confirm.title"), Kind: kindLock, On: ui.stepUpURL(back)}
	p.Text, p.OnText = p.say("stepup.refused"), p.say("confirm.submit")
	if !isRead(r.Method) {
		p.Sent = p.say("fault.unsent")
	}
	return p
}

// proveFactor answers a deed of the account for which the second factor has to be proved first. It leads on to a page
// below Prefix.
func (ui *UI) proveFactor(w http.ResponseWriter, r *http.Request, page string) {
	if Navigating(r) {
		seeOther(w, ui.stepUpURL(ui.c.Prefix+page))
		return
	}
	ui.refuseForProof(w, r, &StepUp{Level: 2, MaxAge: session.FreshFor})
}

// lacks is what the page of the app at an address needs of a session besides its roles, if that is missing; else nil.
func (ui *UI) lacks(next string, s session.Session) *StepUp {
	path, _, _ := strings.Cut(next, "?")
	if path, _, _ = strings.Cut(path, "#"); path == "" || ui.c.StepUp == nil || ui.Owns(path) {
		return nil
	}
	return ui.c.StepUp(path, s)
}

// getStepUp asks for what is strongest: the second factor, or else the first and then for a second factor to be added
// where the page asked for needs one.
func (ui *UI) getStepUp(w http.ResponseWriter, r *http.Request) error {
	return ui.askForProof(w, r, form{Next: ui.local(r.URL.Query().Get("next"))}, trouble{})
}

func (ui *UI) postStepUp(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	token, _ := ui.presented(r)
	byCode := r.PostForm.Has("code")
	if !byCode && !f.asked {
		return errForm
	}
	var issued auth.Issued
	if byCode { // which counts once
		issued, err = ui.store.ProveFactor(r.Context(), token, f.Code, ui.client(r))
	} else {
		issued, err = ui.twice.do(r, ui.inSession(r, f), false, func(ctx context.Context) (auth.Issued, error) {
			return ui.store.Confirm(ctx, token, f.password, ui.client(r))
		})
	}
	switch {
	case err == nil:
		ui.signedIn(w, issued)
		seeOther(w, ui.landing(f.Next))
		return nil
	case errors.Is(err, session.ErrNoSession):
		if _, again := ui.store.Lookup(r.Context(), token); again == nil { // the form was sent twice, and went through
			seeOther(w, ui.landing(f.Next))
			return nil
		}
		return err
	case errors.Is(err, auth.ErrNoFactor), errors.Is(err, auth.ErrStaleFactor),
		errors.Is(err, session.ErrStale): // the page is of before
		seeOther(w, ui.stepUpURL(f.Next))
		return nil
	case byCode:
		return ui.askForProof(w, r, f, ui.codeTrouble(w, r, err, isRecovery(r)))
	}
	return ui.askForProof(w, r, f, ui.wrongPassword(w, r, err, "password"))
}

// askForProof shows the page that fits the user: for their second factor, for the first, or on how to add one.
func (ui *UI) askForProof(w http.ResponseWriter, r *http.Request, f form, t trouble) error {
	token, _ := ui.presented(r)
	s, err := ui.store.Lookup(r.Context(), token)
	if err != nil {
		return err
	}
	factors, err := ui.store.Factors(r.Context(), token)
	if err != nil {
		return err
	}
	status := cmp.Or(t.status, http.StatusOK)
	if factors.Any() {
		return ui.show(w, r, status, "form", ui.factorPage(r, s, factors, stepUpPath, f, t))
	}
	need := ui.lacks(ui.landing(f.Next), s)
	toAdd := need != nil && need.Level > s.Proof.Level()
	if toAdd && t.status == 0 && s.Age() < session.FreshFor {
		return ui.show(w, r, status, "message", ui.addFactorPage(r, f.Next, factors.Offered || ui.morePasskeys()))
	}
	o, err := ui.ownWays(r)
	if err != nil {
		return err
	}
	return ui.show(w, r, status, "form", ui.firstFactorPage(r, s, o, f, t, toAdd))
}

// factorPage asks for a second factor that the user has, with a form that is sent to a path.
func (ui *UI) factorPage(r *http.Request, s session.Session, have auth.Factors, path string, f form,
	t trouble) formPage {
	p := ui.form(r, "confirm", path, f)
	p.failed(t)
	p.Username, p.Cancel = s.User.Email, ui.c.Prefix+"/account"
	p.Intro = []string{p.say("stepup.say")}
	a := askedFor{path: stepUpPath, app: have.App != nil}
	if have.Passkeys > 0 {
		a.passkey = ui.passkeyForm(p.words, auth.PasskeyToConfirm, passkeyConfirmPath, "passkey.confirm", f)
	}
	ui.askForSecond(&p, r, a, f, t)
	return p
}

// firstFactorPage asks for the password or another first factor. toAdd says that a second one is to be added next.
func (ui *UI) firstFactorPage(r *http.Request, s session.Session, o ownWays, f form, t trouble, toAdd bool) formPage {
	p := ui.confirmPage(r, s, o, stepUpPath, f, t)
	p.Next = f.Next
	if toAdd {
		p.Intro = append([]string{p.say("stepup.first")}, p.Intro...)
	}
	return p
}

// addFactorPage leads to where a second factor is added, for a page that needs one.
func (ui *UI) addFactorPage(r *http.Request, next string, offered bool) messagePage {
	p := messagePage{base: ui.inPlace(r, "stepup.add.title"), Kind: kindLock}
	p.Stylesheet = ui.wholeStyle
	if !offered {
		p.Text = p.say("stepup.add.off")
		return p
	}
	p.Text, p.OnText = p.say("stepup.add.say"), p.say("stepup.add.go")
	p.On = ui.withNext("/account", next) + "#security"
	return p
}
