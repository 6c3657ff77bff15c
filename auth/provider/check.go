package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Check asks whether the provider can be used: its discovery document names the issuer, leads nowhere it must not and
// offers what a sign-in needs, and there is a key that we can use. Of a provider without such a document it is asked
// whether somebody is there. Its error is a *Flaw, or several that are joined.
func (p *Provider) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, finishTime)
	defer cancel()
	if p.kind.plain != nil {
		return p.checkPlain(ctx)
	}
	m, err := p.metadata(ctx) // before the keys, whose attempt ends together with that for the document
	if err != nil {
		return p.flaw(err, true)
	}
	if _, err := p.keys.get(ctx); err != nil {
		return p.flaw(err, false)
	}
	return errors.Join(p.lacks(m)...)
}

func (p *Provider) checkPlain(ctx context.Context) error {
	var ignored any
	err := getJSON(ctx, p.front, p.kind.plain.probe(p.spec.Issuer), "", &ignored)
	if status, ok := errors.AsType[*statusError](err); ok && status.kind() != Unavailable {
		return nil // a server that wants a token is there
	}
	if err != nil {
		return p.flaw(err, true)
	}
	return nil
}

// lacks says what a sign-in, or a sign-out, needs of the provider and does not find. What it does not list counts as
// the standards say; PKCE without a list is left to the provider, as many have it and do not say so.
func (p *Provider) lacks(m metadata) (flaws []error) {
	add := func(missing bool, field, problem, cure string) {
		if missing {
			flaws = append(flaws, &Flaw{field, cure, errors.New("discovery document: " + problem)})
		}
	}
	without := func(list []string, any ...string) bool {
		return len(list) > 0 && !slices.ContainsFunc(list, func(s string) bool { return slices.Contains(any, s) })
	}
	const turnOn = "turn that on for the client at the provider"
	add(without(m.ResponseTypes, "code"), "", "its response_types_supported lack code, the authorization code flow",
		turnOn)
	add(without(m.GrantTypes, "authorization_code"), "", "its grant_types_supported lack authorization_code", turnOn)
	add(without(m.AuthMethods, "client_secret_basic", "client_secret_post"), "", "its "+
		"token_endpoint_auth_methods_supported have neither client_secret_basic nor client_secret_post", turnOn)
	add(without(m.Challenges, "S256"), "", "its code_challenge_methods_supported lack S256, of PKCE", turnOn)
	add(p.spec.Logout && m.EndSession == "", "Logout", "it has no end_session_endpoint", "leave the setting out: who "+
		"logs out here stays logged in there")
	return flaws
}

// Flaw is why a provider cannot be used as it is configured, for whoever runs a check. Its text is the cause.
type Flaw struct {
	// Field is the field of Spec that the flaw is about. Empty: the one that says which provider it is.
	Field string
	// Cure says what helps.
	Cure  string
	cause error
}

func (f *Flaw) Error() string {
	if known, ok := errors.AsType[*Error](f.cause); ok {
		return known.Cause()
	}
	return clean(f.cause.Error(), causeMost)
}

// Unwrap returns the cause.
func (f *Flaw) Unwrap() error { return f.cause }

// Cures that are the provider's matter.
const (
	cureDocument = "only the provider can correct what its discovery document says: tell whoever runs it"
	cureMissing  = "see that the provider speaks OpenID Connect, with the authorization code flow"
	cureSafe     = "have the provider sign ID tokens with RS256, ES256 or another algorithm with a public key"
)

// flaw adds to an error what helps. document says that it is about the first address that was asked, which the operator
// or we wrote down; others come from the provider.
func (p *Provider) flaw(err error, document bool) *Flaw {
	if known, ok := errors.AsType[*Flaw](err); ok {
		return &Flaw{known.Field, known.Cure, err}
	}
	return &Flaw{Cure: p.cure(err, document), cause: err}
}

func (p *Provider) cure(err error, document bool) string {
	status, answered := errors.AsType[*statusError](err)
	switch {
	case untrusted(err):
		return "this machine does not trust the certificate: see that nothing in between answers, or add the " +
			"authority that signed it to this machine's, or name its file in SSL_CERT_FILE"
	case answered && status.kind() == Unavailable:
		return "the provider is down or overloaded: try again later"
	case errors.Is(err, ErrUnavailable) && p.ownIssuer():
		return fmt.Sprintf("see that %s is the right address, and that this machine can connect to it", p.quoted())
	case errors.Is(err, ErrUnavailable):
		return "see that this machine can connect to it"
	case document && p.ownIssuer():
		return fmt.Sprintf("see that %s is the right address", p.quoted())
	case document:
		return cureBetween
	}
	return cureDocument
}

// cureBetween is for an address that is right.
const cureBetween = "something between this machine and the provider answers in its place: look at HTTPS_PROXY and DNS"

// cureIssuer is for a document that names another issuer.
func (p *Provider) cureIssuer(named string) string {
	switch {
	case !p.ownIssuer():
		return cureBetween
	case named == "":
		return fmt.Sprintf("see that %s is the address of an OpenID provider", p.quoted())
	}
	return fmt.Sprintf("if that is the provider you mean, set it to %q, exactly", clean(named, causeMost/2))
}

// ownIssuer reports whether the operator says where the provider is.
func (p *Provider) ownIssuer() bool { return p.spec.Issuer != p.kind.issuer }

func (p *Provider) quoted() string { return fmt.Sprintf("%q", clean(p.spec.Issuer, causeMost/2)) }

// Setup says what to type into which form of the provider, one sentence a line.
func (p *Provider) Setup() []string {
	list := append(p.kind.setup(p),
		"The callback URL (redirect URI) is "+p.callback+", exactly.",
		"The scopes are "+strings.Join(p.spec.Scopes, " ")+".")
	if p.spec.Logout && p.kind.plain == nil {
		list = append(list,
			"The post-logout redirect URI is "+p.afterLogout+", exactly.",
			"The back-channel logout URL is "+p.backChannel+", if the provider has back-channel logout.")
	}
	return list
}
