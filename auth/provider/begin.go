package provider

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// config is how x/oauth2 is to speak with the provider.
func (p *Provider) config(m metadata) (*oauth2.Config, error) {
	clientSecret, err := p.clientSecret()
	if err != nil {
		return nil, fault(Misconfigured, err)
	}
	style := m.style()
	if p.kind.plain != nil {
		style = p.kind.plain.style
	}
	return &oauth2.Config{
		ClientID:     p.spec.ClientID,
		ClientSecret: string(clientSecret),
		RedirectURL:  p.callback,
		Scopes:       p.askedScopes(),
		Endpoint:     oauth2.Endpoint{AuthURL: m.Authorize, TokenURL: m.Token, AuthStyle: style},
	}, nil
}

// askedScopes are the scopes in the address of the sign-in.
func (p *Provider) askedScopes() []string {
	var scopes []string
	for _, s := range p.spec.Scopes {
		if s != offlineScope || !p.kind.offline {
			scopes = append(scopes, s)
		}
	}
	return scopes
}

// verifierLeast is how long a verifier of PKCE is at least, and how long one of ours is: RFC 7636 section 4.1.
const verifierLeast = 43

// Begin returns where the browser goes to sign in. Its errors are those of Finish.
func (p *Provider) Begin(ctx context.Context, a Ask) (*url.URL, error) {
	if a.State == "" || a.Nonce == "" || len(a.Verifier) < verifierLeast {
		return nil, fmt.Errorf("begin a sign-in with %s: state, nonce and verifier have to be random", p.spec.Name)
	}
	leave, err := p.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	m, err := p.metadata(ctx)
	if err != nil {
		return nil, err
	}
	config, err := p.config(m)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(config.AuthCodeURL(a.State, p.options(a)...))
	if err != nil {
		return nil, faultf(Misconfigured, "the authorization endpoint is no URL")
	}
	return u, nil
}

// options are the parameters besides those of OAuth 2.0.
func (p *Provider) options(a Ask) []oauth2.AuthCodeOption {
	v := url.Values{}
	if prompts := p.prompts(a); len(prompts) > 0 {
		v.Set("prompt", strings.Join(prompts, " "))
	}
	if p.kind.plain == nil {
		p.ask(v, a)
	}
	if p.kind.params != nil {
		for name, values := range p.kind.params(p, a) {
			v[name] = values
		}
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(a.Verifier)}
	for name := range v {
		options = append(options, oauth2.SetAuthURLParam(name, v.Get(name)))
	}
	return options
}

// prompts are what the provider is to ask of people. OpenID Connect Core section 11 has a refresh token given out only
// with prompt=consent, or where the provider arranged it otherwise: the certified oidc-provider drops the scope without
// a word. A proof needs no tokens.
func (p *Provider) prompts(a Ask) (list []string) {
	if a.SelectAccount && p.kind.selects {
		list = append(list, "select_account")
	}
	if p.keepTokens && p.kind.consents && a.MaxAge == 0 && slices.Contains(p.spec.Scopes, offlineScope) {
		list = append(list, "consent")
	}
	return list
}

// ask sets the parameters of OpenID Connect.
func (p *Provider) ask(v url.Values, a Ask) {
	v.Set("nonce", a.Nonce)
	if p.kind.formPost {
		v.Set("response_mode", "form_post")
	}
	if a.MaxAge > 0 && p.kind.asksAge {
		v.Set("max_age", strconv.Itoa(int(a.MaxAge/time.Second)))
	}
	if classes := p.spec.SecondFactor[classClaim]; len(classes) > 0 {
		v.Set("acr_values", strings.Join(classes, " "))
	}
	if a.LoginHint != "" {
		v.Set("login_hint", a.LoginHint)
	}
}
