package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/gatepost/gatepost/internal/share"
)

// LogoutURL returns where the browser goes to sign out at the provider and come back; nil: nowhere, as Spec.Logout
// is off or the provider has no such place. idToken is of the session that ends; empty: it was not kept.
func (p *Provider) LogoutURL(ctx context.Context, idToken, back string) (*url.URL, error) {
	if !p.spec.Logout || p.kind.plain != nil {
		return nil, nil
	}
	leave, err := p.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	m, err := p.metadata(ctx)
	if err != nil || m.EndSession == "" {
		return nil, err
	}
	u, err := url.Parse(m.EndSession)
	if err != nil {
		return nil, faultf(Misconfigured, "the end_session_endpoint is no URL")
	}
	q := u.Query()
	q.Set("client_id", p.spec.ClientID)
	q.Set("post_logout_redirect_uri", back)
	if idToken != "" {
		q.Set("id_token_hint", idToken)
	}
	u.RawQuery = q.Encode()
	return u, nil
}

// VerifyLogout checks a back-channel logout token, which anybody may have sent. Whoever calls it refuses a Logout.ID
// that came before. Its errors are *Error, and share.ErrCrowded or share.ErrBusy when too many tokens wait
// for the provider's keys, from the network of share.Client or from all.
func (p *Provider) VerifyLogout(ctx context.Context, token string) (Logout, error) {
	if p.kind.plain != nil {
		return Logout{}, faultf(Forged, "the provider sends no logout tokens")
	}
	share.Pause(ctx)
	leave, err := p.logouts.Enter(share.Client(ctx))
	if err != nil {
		return Logout{}, err
	}
	defer leave()
	m, err := p.metadata(ctx)
	if err != nil {
		return Logout{}, err
	}
	return p.verifyLogout(ctx, m, token)
}

func (p *Provider) verifyLogout(ctx context.Context, m metadata, token string) (Logout, error) {
	signed, header, err := p.open(ctx, token)
	if err != nil {
		return Logout{}, err
	}
	// Auth0 and others call it a JWT, as ID tokens are: those have no events.
	if typ := typeOf(header); typ != "" && typ != "logout+jwt" && typ != "jwt" {
		return Logout{}, faultf(Forged, "it is another token than a logout token")
	}
	c, err := parseClaims(signed)
	if err != nil {
		return Logout{}, err
	}
	verified, err := oidc.NewVerifier(m.Issuer, payload(signed), p.verifierConfig()).VerifyLogout(ctx, token)
	if err != nil {
		return Logout{}, fault(Forged, err)
	}
	l := Logout{Issuer: verified.Issuer, Subject: verified.Subject, SessionID: verified.SessionID,
		ID: verified.TokenID, Expires: verified.Expiry.Add(skew)}
	return l, p.checkLogout(m, c, l)
}

// logoutEvent is the member of events that makes a token a logout token.
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// logoutMost is how long a logout token can be valid, and so how long its id has to be remembered.
const logoutMost = time.Hour

// checkLogout checks what go-oidc leaves to us.
func (p *Provider) checkLogout(m metadata, c claims, l Logout) error {
	events, _ := c["events"].(map[string]any)
	_, ok := events[logoutEvent].(map[string]any) // section 2.4: it should be empty, and need not be
	switch {
	case !ok:
		return faultf(Forged, "the logout event is missing, or no object")
	case c.has("nonce"):
		return faultf(Forged, "there is a nonce: it is an ID token")
	case !isID(l.ID), l.Subject != "" && !isID(l.Subject), l.SessionID != "" && !isID(l.SessionID):
		return faultf(Forged, "jti, sub or sid is too long, or no valid text")
	case l.Expires.Sub(p.now()) > logoutMost:
		return faultf(Forged, "it is valid for too long")
	}
	if err := p.checkTokenIssuer(m, c); err != nil {
		return err
	}
	return p.checkParty(c)
}

// UnmarshalJSON reads claims as parseClaims does.
func (c *claims) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d.Decode((*map[string]any)(c))
}
