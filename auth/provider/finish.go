package provider

import (
	"context"
	"crypto/subtle"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/gatepost/gatepost/auth/secret"
)

// Bounds on tokens. skew is how far apart the clocks of provider and gate may be.
const (
	finishTime = 15 * time.Second // for all calls together
	tokenMost  = 16 << 10
	issuedMost = 10 * time.Minute // how old a token is that is used for the first time
	skew       = time.Minute
)

// Finish redeems the code of an answer and returns who was there. Its errors are *Error, and share.ErrCrowded or
// share.ErrBusy when too many answers wait for the provider, from the network of share.Client or from all.
func (p *Provider) Finish(ctx context.Context, a Answer) (Identity, error) {
	leave, err := p.enter(ctx)
	if err != nil {
		return Identity{}, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, finishTime)
	defer cancel()
	if err := p.checkIssuer(ctx, a.Issuer); err != nil {
		return Identity{}, err
	}
	m, err := p.metadata(ctx)
	if err != nil {
		return Identity{}, err
	}
	token, err := p.exchange(ctx, m, a)
	if err != nil {
		return Identity{}, err
	}
	if p.kind.plain != nil {
		return p.finishPlain(ctx, a, token)
	}
	return p.finishOpenID(ctx, m, a, token)
}

// finishPlain asks the provider's API who is there.
func (p *Provider) finishPlain(ctx context.Context, a Answer, token *oauth2.Token) (Identity, error) {
	access := secret.Text(token.AccessToken)
	c, err := p.kind.plain.claims(ctx, p, access)
	if err != nil {
		return Identity{}, err
	}
	if a.MaxAge > 0 {
		return Identity{}, faultf(NotFresh, "the provider does not say when people proved themselves")
	}
	if p.kind.plain.allowed != nil {
		if err := p.kind.plain.allowed(ctx, p, access, c); err != nil {
			return Identity{}, err
		}
	}
	c["iss"] = p.spec.Issuer
	return p.identity(c, token, "")
}

// finishOpenID takes the ID token, and UserInfo for what is not in it.
func (p *Provider) finishOpenID(ctx context.Context, m metadata, a Answer, token *oauth2.Token) (Identity, error) {
	raw, _ := token.Extra("id_token").(string)
	c, alg, err := p.verify(ctx, m, raw)
	if err != nil {
		return Identity{}, err
	}
	if err := p.checkSignIn(c, alg, a, token.AccessToken); err != nil {
		return Identity{}, err
	}
	twice := p.provedTwice(c) // before UserInfo, which nobody has signed
	if err := p.addUserInfo(ctx, m, c, secret.Text(token.AccessToken)); err != nil {
		return Identity{}, err
	}
	if p.kind.named != nil && !c.has("name") {
		c["name"] = p.kind.named(a.User)
	}
	id, err := p.identity(c, token, raw)
	id.SecondFactor = twice
	return id, err
}

// payload is a keySet of go-oidc for a signature that was checked already: that package hides why a key set fails.
type payload []byte

// VerifySignature returns the payload.
func (v payload) VerifySignature(context.Context, string) ([]byte, error) { return v, nil }

// verify checks what an ID token has to have whatever it is used for: key, algorithm, issuer, audience, times.
func (p *Provider) verify(ctx context.Context, m metadata, raw string) (c claims, alg string, err error) {
	signed, header, err := p.open(ctx, raw)
	if err != nil {
		return nil, "", err
	}
	if typ := typeOf(header); typ != "" && typ != "jwt" {
		return nil, "", faultf(Forged, "it is another token than an ID token")
	}
	if c, err = parseClaims(signed); err != nil {
		return nil, "", err
	}
	if err := p.checkTokenIssuer(m, c); err != nil {
		return nil, "", err
	}
	if _, err := oidc.NewVerifier(m.Issuer, payload(signed), p.verifierConfig()).Verify(ctx, raw); err != nil {
		return nil, "", fault(Forged, err)
	}
	return c, header.Algorithm, p.checkParty(c)
}

// verifierConfig has go-oidc check everything but the issuer, which may be a template.
func (p *Provider) verifierConfig() *oidc.Config {
	config := &oidc.Config{ClientID: p.spec.ClientID, SkipIssuerCheck: true,
		Now: func() time.Time { return p.now().Add(-skew) }}
	for _, alg := range safe {
		config.SupportedSigningAlgs = append(config.SupportedSigningAlgs, string(alg))
	}
	return config
}

// checkTokenIssuer checks the claim iss, exactly.
func (p *Provider) checkTokenIssuer(m metadata, c claims) error {
	want := m.Issuer
	if p.kind.tokenIssuer != nil {
		var err error
		if want, err = p.kind.tokenIssuer(p.spec, m.Issuer, c); err != nil {
			return err
		}
	}
	if c.text("iss") != want {
		return faultf(Forged, "wrong issuer "+clean(c.text("iss"), causeMost/2))
	}
	return nil
}

// checkParty checks for whom and when a token was made.
func (p *Provider) checkParty(c claims) error {
	issued, ok := c.time("iat")
	audience := c.list("aud")
	azp, named := c["azp"]
	switch now := p.now(); {
	case !ok:
		return faultf(Forged, "iat is missing")
	case issued.After(now.Add(skew)):
		return faultf(Forged, "it was issued in the future")
	case now.Sub(issued) > issuedMost:
		return faultf(Forged, "it was issued too long ago")
	case !slices.Contains(audience, p.spec.ClientID):
		return faultf(Forged, "wrong audience")
	case len(audience) > 1 && azp != p.spec.ClientID, named && azp != p.spec.ClientID:
		return faultf(Forged, "azp is somebody else: the token was made for them")
	}
	return nil
}

// checkSignIn checks that an ID token belongs to this sign-in.
func (p *Provider) checkSignIn(c claims, alg string, a Answer, access string) error {
	switch hash := c.text("at_hash"); {
	case a.Nonce == "" || subtle.ConstantTimeCompare([]byte(c.text("nonce")), []byte(a.Nonce)) != 1:
		return faultf(Forged, "wrong nonce")
	case a.Issuer != "" && a.Issuer != c.text("iss"):
		return faultf(Forged, "the answer and the ID token name different issuers")
	case c.has("at_hash") && subtle.ConstantTimeCompare([]byte(hash), []byte(halfHash(alg, access))) != 1:
		return faultf(Forged, "wrong at_hash: the access token is another one")
	case !isID(c.text("sub")):
		return faultf(NoSubject, "sub is missing, too long, or no valid text")
	}
	return p.checkAge(c, a.MaxAge)
}

// checkAge checks when the person proved themselves.
func (p *Provider) checkAge(c claims, most time.Duration) error {
	at, ok := c.time("auth_time")
	switch now := p.now(); {
	case ok && at.After(now.Add(skew)):
		return faultf(Forged, "auth_time is in the future")
	case most <= 0:
		return nil
	case !ok:
		return faultf(NotFresh, "auth_time is missing")
	case now.Sub(at) > most+skew:
		return faultf(NotFresh, "auth_time is too long ago")
	}
	return nil
}
