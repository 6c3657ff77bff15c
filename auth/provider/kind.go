package provider

import (
	"context"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"github.com/gatepost/gatepost/auth/secret"
)

// kind is what is special about a provider. An empty field is what OpenID Connect says.
type kind struct {
	name  string // of a built-in provider; empty: any OpenID provider
	label string
	mark  string // inline SVG; it says nothing to screen readers by itself
	// issuer is the provider's own; empty: the operator says which. elsewhere says that the operator may put another
	// there, for a server of their own.
	issuer    string
	elsewhere bool
	scopes    []string
	formPost  bool // the answer is posted, across sites
	asksAge   bool // max_age is heeded, and auth_time comes back
	tenants   bool // Spec.Tenant says whose accounts may come
	offline   bool // a parameter stands in the place of the scope offline_access
	consents  bool // prompt=consent is needed for a refresh token; Microsoft wants none, and may refuse it to users
	selects   bool // prompt=select_account is heeded; certified providers refuse prompts that they do not know
	// plain is what a provider has in place of OpenID Connect.
	plain *plain
	// lacks says what a Spec lacks or has too much. Fields that every provider has are checked already.
	lacks func(s Spec) error
	// base is the URL below which the discovery document is; published is the issuer that it has to name.
	base, published func(s Spec) string
	// tokenIssuer is the issuer that a token has to name.
	tokenIssuer func(s Spec, published string, c claims) (string, error)
	// answersAs says whether an answer that names iss (RFC 9207) comes from the provider that published an issuer.
	answersAs func(published, iss string) bool
	// named reads a name from the form field user, which nobody signed.
	named func(user string) string
	// secret makes the client secret of a call.
	secret func(p *Provider) (secret.Text, error)
	// params are added to the address of the sign-in.
	params func(p *Provider, a Ask) url.Values
	// proved says whether the address of claims is the mailbox of the person, besides what Spec.TrustEmail says.
	proved func(s Spec, c claims) bool
	// domain is the domain that Spec.AllowedDomains is about; empty: the person has none.
	domain func(id Identity, c claims) string
	// setup says what to type where, before what every provider has to be told.
	setup func(p *Provider) []string
}

// plain are the endpoints of a provider that speaks OAuth 2.0 alone, and how it says who is there.
type plain struct {
	authorize, token, probe func(issuer string) string
	style                   oauth2.AuthStyle
	// extra are scopes that a Spec needs besides its own.
	extra func(s Spec) []string
	// claims asks who is there. They get the names that OpenID Connect has for them.
	claims func(ctx context.Context, p *Provider, access secret.Text) (claims, error)
	// allowed says whether the operator lets the person in.
	allowed func(ctx context.Context, p *Provider, access secret.Text, c claims) error
}

// kinds are the built-in providers in their default order. A new one is a line here and a file of its own.
func kinds() []*kind {
	return []*kind{&github, &google, &microsoft, &apple, &gitlab, &discord}
}

// BuiltIn returns the names of the built-in providers in their default order.
func BuiltIn() []string {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	return names
}

func kindOf(name string) *kind {
	for _, k := range kinds() {
		if k.name == name {
			return k
		}
	}
	return &openid
}

// at returns a function that puts a path below an issuer.
func at(path string) func(string) string {
	return func(issuer string) string { return strings.TrimSuffix(issuer, "/") + path }
}
