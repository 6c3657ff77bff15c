package api

import (
	"errors"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// secondStep is the answer to whoever has proved one factor of two. The cookies of the answer open nothing.
type secondStep struct {
	Redirect bool     `json:"twoFactorRedirect"`
	Methods  []string `json:"twoFactorMethods"`
}

// errSecondStep ends a call that was answered with a secondStep.
var errSecondStep = errors.New("the second step is due")

// ask answers with the second step, and what the user has for it.
func (c *call) ask(issued auth.Issued) error {
	client := c.client()
	client.Browser = issued.Browser
	half, err := c.a.store.Half(c.context(), issued.Challenge, client)
	if err != nil {
		return err
	}
	step := secondStep{Redirect: true, Methods: []string{}}
	if half.App {
		step.Methods = append(step.Methods, "totp")
	}
	if half.Passkeys > 0 {
		step.Methods = append(step.Methods, "passkey")
	}
	if err := c.write(200, step); err != nil {
		return err
	}
	return errSecondStep
}

// renewed sets the cookies of a session that replaces that of the caller, or answers with the second step.
func (c *call) renewed(issued auth.Issued) error {
	if c.a.c.Pages.Renewed(c, issued); issued.Challenge != "" {
		return c.ask(issued)
	}
	return nil
}

// provedAgain proves the caller by their password, if they send one, and returns their session. Without one a fresh
// session will do.
func (c *call) provedAgain(password *secret.Password) (secret.Token, error) {
	if password == nil {
		return c.token(), nil
	}
	if err := c.needPassword(); err != nil {
		return "", err
	}
	issued, err := c.a.store.Confirm(c.context(), c.token(), *password, c.client())
	if err != nil {
		return "", ofOwnPassword(err)
	}
	return issued.Session, c.renewed(issued)
}

type enableBody struct {
	Password *secret.Password `json:"password" note:"makes the session fresh, which it has to be"`
	Method   *string          `json:"method" note:"totp, the only one and the default"`
	Issuer   *string          `json:"issuer" note:"ignored: apps show the name of the site"`
}

// enabled is a new key, which counts once a code of it comes to verify-totp.
type enabled struct {
	Method      string   `json:"method"`
	TOTPURI     string   `json:"totpURI"`
	BackupCodes []string `json:"backupCodes" note:"always empty: verify-totp gives them"`
}

// enable begins to add an authenticator app.
func (a *API) enable(c *call, in enableBody) (*enabled, error) {
	if text(in.Method) != "" && text(in.Method) != "totp" {
		return nil, errNoOTP
	}
	token, err := c.provedAgain(in.Password)
	if err != nil {
		return nil, err
	}
	factors, err := a.store.Factors(c.context(), token)
	if err != nil {
		return nil, err
	}
	if factors.App != nil {
		return nil, errTOTPEnabled
	}
	e, err := a.store.BeginApp(c.context(), token)
	if err != nil {
		return nil, err
	}
	return &enabled{"totp", e.Key.URI(a.c.AppName, e.Account), []string{}}, nil
}

type ownPasswordBody struct {
	Password *secret.Password `json:"password" note:"makes the session fresh"`
}

type totpURI struct {
	TOTPURI string `json:"totpURI"`
}

type totpURIBody struct {
	Password *secret.Password `json:"password" note:"ignored: the key is that of this session"`
}

// getTOTPURI tells the key that waits for its first code in this session, to which a new proof would make another. One
// that was confirmed is never shown again.
func (a *API) getTOTPURI(c *call, _ totpURIBody) (*totpURI, error) {
	e, err := a.store.PendingApp(c.context(), c.token())
	if err != nil {
		return nil, err
	}
	return &totpURI{e.Key.URI(a.c.AppName, e.Account)}, nil
}

type codeBody struct {
	Code        string `json:"code"`
	TrustDevice *bool  `json:"trustDevice" note:"ask for no code in this browser for a while, where operators let it"`
}

// verified is a session with both factors.
type verified struct {
	Token       string   `json:"token" note:"the id of the session"`
	User        person   `json:"user"`
	BackupCodes []string `json:"backupCodes,omitempty" note:"new ones, shown this once, when an app was added"`
}

// verifyTOTP confirms an app that is being added, does the second step of a sign-in, or proves the second factor once
// more, whichever is due.
func (a *API) verifyTOTP(c *call, in codeBody) (*verified, error) {
	_, err := a.store.PendingApp(c.context(), c.token())
	if errors.Is(err, auth.ErrNoEnrolment) || errors.Is(err, session.ErrNoSession) {
		return c.proveFactor(in.Code, in.TrustDevice)
	}
	if err != nil {
		return nil, err
	}
	issued, codes, err := a.store.ConfirmApp(c.context(), c.token(), in.Code, c.client())
	if err != nil {
		return nil, err
	}
	if err := c.renewed(issued); err != nil {
		return nil, err
	}
	var list []string
	for _, code := range codes {
		list = append(list, code.Groups())
	}
	return c.verified(issued, list)
}

type backupCodeBody struct {
	Code           string `json:"code"`
	TrustDevice    *bool  `json:"trustDevice" note:"as of verify-totp"`
	DisableSession *bool  `json:"disableSession" note:"ignored"`
}

func (a *API) verifyBackupCode(c *call, in backupCodeBody) (*verified, error) {
	out, err := c.proveFactor(in.Code, in.TrustDevice)
	if errors.Is(err, auth.ErrWrongCode) {
		err = errBackupCode
	}
	return out, err
}

// proveFactor does the second step of a sign-in that waits in this browser, or proves the second factor of a session.
func (c *call) proveFactor(code string, trust *bool) (*verified, error) {
	step := auth.SecondStep{Challenge: c.a.c.Cookie.ReadChallenge(c.r.Header), Code: code, Presented: c.token(),
		Trust:  on(trust, false),
		Client: c.client()}
	_, err := c.a.store.Half(c.context(), step.Challenge, step.Client)
	if errors.Is(err, session.ErrNoChallenge) {
		return c.proveAgain(code)
	}
	if err != nil {
		return nil, err
	}
	before := c.a.c.Pages.Before(c.r)
	issued, err := c.a.store.MeetSecondStep(c.context(), step)
	if err != nil {
		return nil, err
	}
	c.a.c.Pages.SignedIn(c, c.r, before, issued)
	return c.verified(issued, nil)
}

func (c *call) proveAgain(code string) (*verified, error) {
	issued, err := c.a.store.ProveFactor(c.context(), c.token(), code, c.client())
	if errors.Is(err, session.ErrNoSession) {
		return nil, errNoStep
	}
	if err != nil {
		return nil, err
	}
	if err := c.renewed(issued); err != nil {
		return nil, err
	}
	return c.verified(issued, nil)
}

func (c *call) verified(issued auth.Issued, codes []string) (*verified, error) {
	v, err := c.a.store.Describe(c.context(), issued.Session)
	if err != nil {
		return nil, err
	}
	return &verified{v.ID, personOf(v.User), codes}, nil
}

// backupCodes is a new set, which is shown this once.
type backupCodes struct {
	Status      bool     `json:"status"`
	BackupCodes []string `json:"backupCodes"`
}

func (a *API) generateBackupCodes(c *call, in ownPasswordBody) (*backupCodes, error) {
	token, err := c.provedAgain(in.Password)
	if err != nil {
		return nil, err
	}
	codes, err := a.store.NewRecoveryCodes(c.context(), token, c.client())
	if err != nil {
		return nil, err
	}
	out := &backupCodes{true, []string{}}
	for _, code := range codes {
		out.BackupCodes = append(out.BackupCodes, code.Groups())
	}
	return out, nil
}

// disable removes the app, and the recovery codes with it.
func (a *API) disable(c *call, in ownPasswordBody) (done, error) {
	token, err := c.provedAgain(in.Password)
	if err != nil {
		return done{}, err
	}
	issued, err := a.store.RemoveApp(c.context(), token, c.client())
	if err != nil {
		return done{}, err
	}
	return done{true}, c.renewed(issued)
}
