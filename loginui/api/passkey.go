package api

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/session"
)

// opaque is an object of Web Authentication, which browsers and authenticators understand.
type opaque json.RawMessage

// MarshalJSON writes the object as it is.
func (o opaque) MarshalJSON() ([]byte, error) { return json.RawMessage(o).MarshalJSON() }

// passkey is a passkey of the caller. It holds no secret.
type passkey struct {
	ID           string   `json:"id"`
	Name         string   `json:"name"`
	PublicKey    string   `json:"publicKey" note:"COSE, in base64"`
	UserID       string   `json:"userId"`
	CredentialID string   `json:"credentialID"`
	Counter      uint32   `json:"counter"`
	DeviceType   string   `json:"deviceType" note:"singleDevice or multiDevice"`
	BackedUp     bool     `json:"backedUp"`
	Transports   string   `json:"transports" note:"comma-separated"`
	CreatedAt    date     `json:"createdAt"`
	AAGUID       string   `json:"aaguid"`
	BackupCodes  []string `json:"backupCodes,omitempty" note:"new ones, shown this once, with the first second factor"`
}

func passkeyOf(p auth.Passkey, userID string) passkey {
	out := passkey{ID: p.ID, Name: p.Name, PublicKey: base64.StdEncoding.EncodeToString(p.PublicKey()), UserID: userID,
		CredentialID: base64.RawURLEncoding.EncodeToString(p.CredentialID()), Counter: p.Count(),
		DeviceType: "singleDevice", BackedUp: p.Synced, Transports: strings.Join(p.Transports(), ","),
		CreatedAt: date(p.Since), AAGUID: p.AAGUID()}
	if p.Eligible() {
		out.DeviceType = "multiDevice"
	}
	return out
}

// askForPasskey makes a challenge, whose key the browser keeps. The page of another site makes none: each ends an older
// one of the same network, once that has many.
func (c *call) askForPasskey(ask auth.PasskeyAsk) (opaque, error) {
	if !mayChange(c.r) && !c.a.own(c.r.Header.Get("Origin")) {
		return nil, errOrigin
	}
	cookie := c.a.c.Cookie
	ask.Key, ask.Client, ask.Session = cookie.ReadPasskey(c.r.Header), c.client(), c.token()
	ask.Challenge = cookie.ReadChallenge(c.r.Header)
	asked, err := c.a.store.AskForPasskey(c.context(), ask)
	if err != nil {
		return nil, err
	}
	cookie.SetPasskey(c.Header(), asked.Key, auth.PasskeyFor)
	return opaque(asked.Options), nil
}

// registerOptions are what a front end asks the browser for a new passkey.
func (a *API) registerOptions(c *call, _ struct{}) (opaque, error) {
	return c.askForPasskey(auth.PasskeyAsk{For: auth.PasskeyToAdd,
		Attachment: c.r.URL.Query().Get("authenticatorAttachment")})
}

// authenticateOptions are what a front end asks the browser for a proof: of the second step if that is due, else for a
// sign-in.
func (a *API) authenticateOptions(c *call, _ struct{}) (opaque, error) {
	if a.c.Cookie.ReadChallenge(c.r.Header) != "" {
		out, err := c.askForPasskey(auth.PasskeyAsk{For: auth.PasskeyAsSecond})
		if !errors.Is(err, session.ErrNoChallenge) && !errors.Is(err, auth.ErrNoPasskey) {
			return out, err
		}
	}
	return c.askForPasskey(auth.PasskeyAsk{For: auth.PasskeyToSignIn})
}

func (c *call) answerOf(response opaque) auth.PasskeyAnswer {
	return auth.PasskeyAnswer{Body: response, Key: c.a.c.Cookie.ReadPasskey(c.r.Header), Client: c.client()}
}

type registrationBody struct {
	Response opaque  `json:"response" note:"what the browser answered"`
	Name     *string `json:"name"`
}

func (a *API) verifyRegistration(c *call, in registrationBody) (*passkey, error) {
	added, err := a.store.AddPasskey(c.context(), c.token(), c.answerOf(in.Response), text(in.Name))
	if err != nil {
		return nil, err
	}
	if err := c.renewed(added.Issued); err != nil {
		return nil, err
	}
	v, err := a.store.Describe(c.context(), added.Session)
	if err != nil {
		return nil, err
	}
	out := passkeyOf(added.Passkey, v.User.ID)
	for _, code := range added.Codes {
		out.BackupCodes = append(out.BackupCodes, code.Groups())
	}
	return &out, nil
}

type authenticationBody struct {
	Response opaque `json:"response" note:"what the browser answered"`
}

// verifyAuthentication signs in by a passkey, or does the second step of a sign-in.
func (a *API) verifyAuthentication(c *call, in authenticationBody) (*present, error) {
	before := a.c.Pages.Before(c.r)
	issued, err := a.store.SignInByPasskey(c.context(), auth.PasskeySignIn{PasskeyAnswer: c.answerOf(in.Response),
		Challenge: a.c.Cookie.ReadChallenge(c.r.Header), Presented: c.token(), Remember: true})
	if err != nil {
		return nil, err
	}
	if a.c.Pages.SignedIn(c, c.r, before, issued); issued.Challenge != "" {
		return nil, c.ask(issued)
	}
	v, err := a.store.Describe(c.context(), issued.Session)
	if err != nil {
		return nil, err
	}
	return presentOf(v), nil
}

func (a *API) listPasskeys(c *call, _ struct{}) ([]passkey, error) {
	userID, own, err := c.passkeys()
	list := []passkey{}
	for _, p := range own {
		list = append(list, passkeyOf(p, userID))
	}
	return list, err
}

func (c *call) passkeys() (userID string, list []auth.Passkey, err error) {
	v, err := c.a.store.Describe(c.context(), c.token())
	if errors.Is(err, session.ErrNoSession) {
		return c.a.store.PasskeysImported(c.context(), c.asking(), c.imported())
	}
	if err == nil {
		list, err = c.a.store.Passkeys(c.context(), c.token())
	}
	return v.User.ID, list, err
}

type passkeyBody struct {
	ID string `json:"id"`
}

func (a *API) deletePasskey(c *call, in passkeyBody) (done, error) {
	issued, err := a.store.RemovePasskey(c.context(), c.token(), in.ID, c.client())
	if err != nil {
		return done{}, err
	}
	return done{true}, c.renewed(issued)
}

type renameBody struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// renamed is a passkey with its new name.
type renamed struct {
	Passkey passkey `json:"passkey"`
}

func (a *API) updatePasskey(c *call, in renameBody) (*renamed, error) {
	v, err := a.store.Describe(c.context(), c.token())
	if err != nil {
		return nil, err
	}
	p, err := a.store.RenamePasskey(c.context(), c.token(), in.ID, in.Name, c.client())
	if err != nil {
		return nil, err
	}
	return &renamed{passkeyOf(p, v.User.ID)}, nil
}
