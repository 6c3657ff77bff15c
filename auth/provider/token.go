package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/gatepost/gatepost/auth/secret"
)

// withClient has x/oauth2 call with our client.
func (p *Provider) withClient(ctx context.Context) context.Context {
	client := p.back
	if p.kind.plain != nil {
		client = p.front
	}
	return context.WithValue(ctx, oauth2.HTTPClient, client)
}

// codeMost is the most that a code is taken for one.
const codeMost = 4 << 10

// exchange redeems a code.
func (p *Provider) exchange(ctx context.Context, m metadata, a Answer) (*oauth2.Token, error) {
	if a.Code == "" || len(a.Code) > codeMost {
		return nil, faultf(BadCode, "there is no code, or it is none")
	}
	config, err := p.config(m)
	if err != nil {
		return nil, err
	}
	token, err := config.Exchange(p.withClient(ctx), a.Code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return nil, p.tokenFault(ctx, err)
	}
	return token, nil
}

// Refresh returns new tokens. Nobody waits for it, so it takes no place of a sign-in's: whoever calls it bounds how
// many are renewed at once, which must be far below connsMore. A provider that does not hand out a new refresh token
// leaves the old one valid. BadCode means that the refresh token is of no use any more.
func (p *Provider) Refresh(ctx context.Context, refresh secret.Text) (Tokens, error) {
	ctx, cancel := context.WithTimeout(ctx, finishTime)
	defer cancel()
	m, err := p.metadata(ctx)
	if err != nil {
		return Tokens{}, err
	}
	config, err := p.config(m)
	if err != nil {
		return Tokens{}, err
	}
	token, err := config.TokenSource(p.withClient(ctx), &oauth2.Token{RefreshToken: string(refresh)}).Token()
	if err != nil {
		return Tokens{}, p.tokenFault(ctx, err)
	}
	return tokensOf(token), nil
}

// tokensOf reads the answer of a token endpoint. A life of nothing ends now: x/oauth2 takes it for one without an end.
func tokensOf(t *oauth2.Token) Tokens {
	expires := t.Expiry
	if life := t.Extra("expires_in"); expires.IsZero() && life != nil && life != "" {
		expires = time.Now()
	}
	return Tokens{Access: secret.Text(t.AccessToken), Refresh: secret.Text(t.RefreshToken), Expires: expires}
}

// scopesMost is the most that is kept of granted scopes, in bytes. What is beyond it is left out.
const scopesMost = 4 << 10

// granted are the scopes of a token: RFC 6749 section 5.1 lets a provider that granted what was asked for say nothing.
// GitHub separates them by commas.
func (p *Provider) granted(t *oauth2.Token) (scopes []string) {
	list := claims{"scope": t.Extra("scope")}.list("scope") // Twitch sends a list
	list = strings.FieldsFunc(strings.Join(list, " "), func(r rune) bool { return r == ' ' || r == ',' })
	if len(list) == 0 {
		list = p.askedScopes()
	}
	size := 0
	for _, one := range list {
		if size += len(one); size <= scopesMost && isScope(one) && !slices.Contains(scopes, one) {
			scopes = append(scopes, one)
		}
	}
	return scopes
}

// isScope matches a scope: RFC 6749 section 3.3.
var isScope = regexp.MustCompile(`^[!#-\[\]-~]+$`).MatchString

// tokenWords are the errors of a token endpoint: RFC 6749 section 5.2, and those that GitHub made up.
var tokenWords = map[string]Kind{
	"invalid_grant":                BadCode,
	"bad_verification_code":        BadCode,
	"bad_refresh_token":            BadCode,
	"unverified_user_email":        Refused,
	"access_denied":                Refused,
	"interaction_required":         Interaction,
	"consent_required":             Interaction,
	"login_required":               Interaction,
	"temporarily_unavailable":      Unavailable,
	"server_error":                 Unavailable,
	"invalid_client":               Misconfigured,
	"incorrect_client_credentials": Misconfigured,
	"redirect_uri_mismatch":        Misconfigured,
	"unauthorized_client":          Misconfigured,
	"unsupported_grant_type":       Misconfigured,
	"invalid_scope":                Misconfigured,
	"invalid_request":              Misconfigured,
}

// tokenFault says what an error of x/oauth2 means. That error quotes the whole answer, so that only the word and the
// status of it are kept.
func (p *Provider) tokenFault(ctx context.Context, err error) error {
	refusal, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return answerFault(ctx, err)
	}
	status := &statusError{refusal.Response.StatusCode}
	if status.code == http.StatusNotFound || status.code/100 == 3 {
		p.document.doubt()
	}
	cause := fmt.Errorf("the token endpoint %w, error=%q", status, clean(refusal.ErrorCode, wordMost))
	if status.kind() == Unavailable {
		return fault(Unavailable, cause)
	}
	if k, ok := tokenWords[refusal.ErrorCode]; ok {
		return &Error{k, cause}
	}
	if status.code == http.StatusOK { // GitHub's way to say no
		return &Error{Failed, cause}
	}
	return &Error{Misconfigured, cause}
}

// answerFault is for what is no refusal: a call that failed, or an answer that is none. What x/oauth2 says of such an
// answer may quote it.
func answerFault(ctx context.Context, err error) error {
	switch {
	case isCall(err):
		return callFault(err)
	case ctx.Err() != nil:
		return fault(Unavailable, ctx.Err())
	}
	switch text := err.Error(); {
	case strings.HasSuffix(text, (&http.MaxBytesError{}).Error()):
		return fault(Misconfigured, fmt.Errorf("the token endpoint: %w", errTooLong))
	case strings.HasPrefix(text, "oauth2: cannot fetch token: "):
		return faultf(Unavailable, "the token endpoint's answer was cut off")
	case strings.HasSuffix(text, "missing access_token"):
		return faultf(Misconfigured, "the token endpoint's answer has no access_token")
	}
	return faultf(Misconfigured, "the token endpoint's answer is not the JSON that was expected")
}
