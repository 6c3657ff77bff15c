package loginui

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
)

const (
	// passkeyAskPath is where the script gets what it is to ask the browser; the form has for=<purpose>.
	passkeyAskPath = "/.gatepost/passkey"
	// passkeyLoginPath takes the answer of a sign-in, and of its second step; below Prefix.
	passkeyLoginPath = "/login/passkey"
	// passkeyConfirmPath takes the answer of a user who proves themselves again; below Prefix.
	passkeyConfirmPath = "/account/passkeys/confirm"
)

// passkeyForm is the data of the form that a script fills in with the answer of the browser. It is hidden without.
type passkeyForm struct {
	*words
	For             auth.PasskeyPurpose
	Action, Label   string
	Options, Script string
	Next, Kept      string
	Field           *field      // nil: none
	Sent            []sentField // goes along, to the question for the browser as well
	Forget          bool        // the session ends with the browser
	Or              bool        // another way stands above
	Main            bool        // it is the one way on, and looks like it
	Marked          bool        // the ways above have marks, and it has one, too
	Trusts          bool        // the page offers to trust the browser
}

// passkeyForm makes the form for a purpose. It is nil where there are no passkeys.
func (ui *UI) passkeyForm(w *words, purpose auth.PasskeyPurpose, path, label string, f form) *passkeyForm {
	if !ui.passkeys() {
		return nil
	}
	return &passkeyForm{words: w, For: purpose, Action: ui.c.Prefix + path, Label: w.say(label), Next: f.Next,
		Kept: f.Kept, Options: passkeyAskPath, Script: ui.passkeyScript}
}

// passkeys reports whether this site has passkeys. Samples show them.
func (ui *UI) passkeys() bool { return ui.store == nil || ui.store.PasskeysOffered() }

// morePasskeys reports whether users can add passkeys. Samples show that.
func (ui *UI) morePasskeys() bool { return ui.store == nil || ui.store.PasskeysAddable() }

// offerPasskey adds the button to the login page, and has the field for the address offer passkeys.
func (ui *UI) offerPasskey(p *formPage, f form) {
	if p.Passkey = ui.passkeyForm(p.words, auth.PasskeyToSignIn, passkeyLoginPath, "passkey.login", f); p.Passkey == nil {
		return
	}
	p.Passkey.Or, p.Passkey.Marked = p.Submit != "" && len(p.Buttons) == 0, p.Marked()
	if i := slices.IndexFunc(p.Fields, func(f field) bool { return f.ID == "email" }); i >= 0 {
		p.Fields[i].Autocomplete += " webauthn"
	}
}

// allowPasskeys adds to the policy of a page what its form for a passkey needs.
func (ui *UI) allowPasskeys(h http.Header) {
	ui.allowScript(h, ui.passkeyScript)
	to := ui.source(passkeyAskPath)
	if list := h.Get(policy); strings.Contains(list, "connect-src ") {
		h.Set(policy, strings.Replace(list, "connect-src ", "connect-src "+to+" ", 1))
	} else {
		h.Set(policy, list+"; connect-src "+to)
	}
}

// postPasskeyAsk makes a challenge, and says what the browser is to be asked. A script gets refusals as JSON.
func (ui *UI) postPasskeyAsk(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	a := auth.PasskeyAsk{For: auth.PasskeyPurpose(r.PostForm.Get("for")),
		Key:       ui.c.Cookie.ReadPasskey(r.Header),
		Challenge: ui.c.Cookie.ReadChallenge(r.Header), Client: ui.client(r)}
	a.Session, _ = ui.presented(r)
	switch a.For {
	case auth.PasskeyToSignIn, auth.PasskeyAsSecond, auth.PasskeyToConfirm, auth.PasskeyToAdd:
	case auth.PasskeyToSignUp:
		a.Who = newUser(f)
	default:
		return errForm
	}
	asked, err := ui.store.AskForPasskey(r.Context(), a)
	if errors.Is(err, auth.ErrNoCeremony) {
		return errLateSignUp
	}
	if err != nil {
		return ui.passkeyFault(err)
	}
	ui.c.Cookie.SetPasskey(w.Header(), asked.Key, auth.PasskeyFor)
	return writeJSON(w, http.StatusOK, asked.Options)
}

// passkeyFault is a refusal in words. Other errors it returns as they are. Who is refused so may be signed in, and
// is not sent to the login, as status 401 would.
func (ui *UI) passkeyFault(err error) error {
	for _, known := range passkeyFaults {
		if errors.Is(err, known.err) {
			status := known.status
			if status == http.StatusUnauthorized {
				status = http.StatusForbidden
			}
			return &fault{status: status, key: known.key}
		}
	}
	return err
}

// passkeyFaults are what visitors are told of refusals about passkeys.
var passkeyFaults = []struct {
	err    error
	status int
	key    string
}{
	{auth.ErrNoCeremony, http.StatusConflict, "passkey.expired"},
	{session.ErrNoChallenge, http.StatusConflict, "passkey.expired"},
	{auth.ErrBadPasskey, http.StatusUnauthorized, "passkey.wrong"},
	{auth.ErrNoPasskey, http.StatusUnauthorized, "passkey.gone"},
	{auth.ErrUnsurePasskey, http.StatusUnauthorized, "passkey.unsure"},
	{auth.ErrClonedPasskey, http.StatusUnauthorized, "passkey.copied"},
	{auth.ErrManyPasskeys, http.StatusConflict, "passkey.many"},
	{auth.ErrPasskeyTaken, http.StatusConflict, "passkey.taken"},
	{auth.ErrUnverified, http.StatusForbidden, "passkey.unverified"},
	{session.ErrStale, http.StatusForbidden, "confirm.ways"},
	{auth.ErrStaleFactor, http.StatusForbidden, "confirm.ways"},
	{auth.ErrPasskeysOff, http.StatusNotFound, ""},
}

// passkeyTrouble is trouble for a form with a passkey.
func (ui *UI) passkeyTrouble(w http.ResponseWriter, r *http.Request, err error) trouble {
	for _, known := range passkeyFaults {
		if errors.Is(err, known.err) && known.key != "" {
			return trouble{known.status, ui.words(r).say(known.key), nil}
		}
	}
	return ui.trouble(w, r, err)
}

func (ui *UI) passkeyAnswer(r *http.Request) auth.PasskeyAnswer {
	return auth.PasskeyAnswer{Body: []byte(r.PostForm.Get("answer")), Key: ui.c.Cookie.ReadPasskey(r.Header),
		Client: ui.client(r)}
}

// postPasskeyLogin signs in by a passkey, alone or as the second step.
func (ui *UI) postPasskeyLogin(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	before := ui.presentedUser(r)
	a := auth.PasskeySignIn{PasskeyAnswer: ui.passkeyAnswer(r), Challenge: ui.c.Cookie.ReadChallenge(r.Header),
		Remember: f.Remember, Trust: f.Trust}
	a.Presented, _ = ui.presented(r)
	issued, err := ui.store.SignInByPasskey(r.Context(), a)
	if err != nil {
		return ui.passkeyRefused(w, r, f, err)
	}
	ui.signedInAnew(w, r, before, issued)
	ui.forgetBegun(w, r)
	return ui.land(w, r, issued, f)
}

// passkeyRefused shows the page of the second step once more, if it is due, else the login.
func (ui *UI) passkeyRefused(w http.ResponseWriter, r *http.Request, f form, err error) error {
	if errors.Is(err, auth.ErrPasskeysOff) {
		return errNotFound
	}
	if errors.Is(err, auth.ErrUnverified) {
		err = auth.ErrBadCredentials // whose words tell of the mail
	}
	t := ui.passkeyTrouble(w, r, err)
	half, found := ui.store.Half(r.Context(), ui.c.Cookie.ReadChallenge(r.Header), ui.client(r))
	if found == nil {
		return ui.show(w, r, t.status, "form", ui.codePage(r, half, f, t))
	}
	f.Email = ""
	return ui.showLogin(w, r, t.status, ui.loginPage(r, f, t), "")
}

// postPasskeyConfirm has the user of a session prove a passkey again.
func (ui *UI) postPasskeyConfirm(w http.ResponseWriter, r *http.Request) error {
	f, err := ui.readForm(r)
	if err != nil {
		return err
	}
	token, _ := ui.presented(r)
	issued, err := ui.store.ConfirmByPasskey(r.Context(), token, ui.passkeyAnswer(r))
	told, ok := errors.AsType[*fault](ui.passkeyFault(err))
	if throttled, too := errors.AsType[*throttle.Error](err); too {
		told, ok = ui.tooOften(w, r, throttled), true
	}
	if ok {
		if f.Next != "" {
			return &astray{told, err, ui.stepUpURL(f.Next), "fault.retry"}
		}
		return &astray{told, err, ui.c.Prefix + "/account", "with.account"}
	}
	if err != nil {
		return err
	}
	ui.signedIn(w, issued)
	if f.Next != "" {
		seeOther(w, ui.landing(f.Next))
		return nil
	}
	return ui.done(w, "confirmed")
}
