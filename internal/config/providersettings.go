package config

import (
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/gatepost/gatepost/auth/provider"
)

// ProviderSettings are the settings of one provider as the operator wrote them. Their names have a prefix:
// GATEPOST_GITHUB_ and the like for the built-in providers, GATEPOST_OIDC_<NAME>_ for any other.
//
// The comments are docs/settings.md. The tag of lists the kinds of provider that have a setting; without it all have
// it. The tag need says that they are nothing without it, or which kind is.
type ProviderSettings struct {
	Name, Prefix string

	// The id that the provider has given your application: its client id, application id or, at Apple, services id.
	// Default: none, and needed.
	ClientID string `env:"CLIENT_ID" need:"true"`
	// The client secret that the provider has given you with that id. Default: none, and needed.
	ClientSecret string `env:"CLIENT_SECRET" of:"github google microsoft gitlab discord oidc" need:"true" secret:"true"`
	// The id of your team at Apple, ten characters. Default: none, and needed.
	TeamID string `env:"TEAM_ID" of:"apple" need:"true"`
	// The id of the key below, ten characters. Default: none, and needed.
	KeyID string `env:"KEY_ID" of:"apple" need:"true"`
	// The file `.p8` that Apple hands out, of which the gate makes the client secret; line breaks may be written as
	// `\n`. Default: none, and needed.
	PrivateKey string `env:"PRIVATE_KEY" of:"apple" need:"true" secret:"true"`
	// The provider's address, exactly as its discovery document spells it: `https://`, or `http://` on this machine. At
	// GitHub and GitLab that of a server of your own. Default: `https://github.com` and `https://gitlab.com`, for others
	// none, and needed.
	Issuer string `env:"ISSUER" of:"github gitlab oidc" need:"oidc"`
	// Whose accounts can log in: the id of a tenant, or `common`, `organizations` or `consumers`. Default: `common`.
	Tenant string `env:"TENANT" of:"microsoft"`
	// Scopes to ask for, separated by blanks or commas. Built-in providers are asked for these and for what the gate
	// needs, OpenID providers for these and `openid` only. Default: what each needs, for other providers `openid email
	// profile`.
	Scopes string `env:"SCOPES" list:"true"`
	// The provider's name on the button, at most 40 characters. Default: the provider's name.
	Label string `env:"LABEL"`
	// The picture on the button: an `https://` address.
	Logo string `env:"LOGO" of:"oidc"`
	// Trust an e-mail address that the provider calls verified. Danger: whoever can set an address at the provider takes
	// over the account that has this address in Gatepost. At Microsoft it needs a tenant's id, at GitHub and GitLab an
	// issuer. Default: `false`.
	TrustEmail string `env:"TRUST_EMAIL" of:"github microsoft gitlab oidc"`
	// Domains like `example.com, example.org` whose verified addresses can log in; at Google the domains of its
	// organisations. With a server of your own this needs `…_TRUST_EMAIL=true`. Default: all.
	AllowedDomains string `env:"ALLOWED_DOMAINS" of:"github google microsoft apple gitlab oidc" list:"true"`
	// Organisations like `example`, or teams like `example/staff`, whose members can log in. Default: all.
	AllowedOrgs string `env:"ALLOWED_ORGS" of:"github" list:"true"`
	// The claim that holds a person's groups, like `groups`.
	RoleClaim string `env:"ROLE_CLAIM" of:"google microsoft apple gitlab oidc"`
	// The roles that groups give, like `gatepost-admins=admin, staff=editor|viewer`. A group that is not listed gives no
	// role. The name of a group has no comma. Needed with `…_ROLE_CLAIM`.
	Roles string `env:"ROLES" of:"google microsoft apple gitlab oidc" list:"true"`
	// How long roles of the provider count after a sign-in. Then the user has to sign in with the provider again. Default:
	// until the next sign-in.
	RolesMaxAge string `env:"ROLES_MAX_AGE" of:"google microsoft apple gitlab oidc"`
	// What in the provider's ID token says that the provider has asked for two factors: values of the claims `amr` and
	// `acr`, like `amr:mfa` or `amr:mfa|hwk, acr:urn:example:gold`. Such a sign-in counts as both factors here, and nobody
	// is asked for a code. The values of `acr` are asked for (`acr_values`). Danger: a value that the provider also gives
	// for one factor alone, as `otp` may be, lets people in with that one. At Microsoft it needs a tenant's id. Default: a
	// sign-in there is one factor.
	SecondFactor string `env:"SECOND_FACTOR" of:"microsoft oidc" list:"true"`
	// Send people who log out on to the provider's own logout, where it has one. With `GATEPOST_ENCRYPTION_KEY` the
	// provider need not ask them whether to log out. Default: `false`.
	Logout string `env:"LOGOUT" of:"microsoft gitlab oidc"`
}

// oidcPrefix begins the settings of OpenID providers. oidcName matches their names, which end at the next underscore.
// A name is too short for a key in hex.
const (
	oidcPrefix = "GATEPOST_OIDC_"
	oidcName   = `[A-Z][A-Z0-9]{0,29}`
)

var oidcSetting = regexp.MustCompile(`^` + oidcPrefix + `(` + oidcName + `)_([A-Z_]+)$`)

// BuiltInProviders lists the built-in providers in the default order of their buttons, with nothing set.
func BuiltInProviders() (list []ProviderSettings) {
	for _, name := range provider.BuiltIn() {
		list = append(list, ProviderSettings{Name: name, Prefix: ProviderPrefix(name)})
	}
	return list
}

// OIDCProvider is an OpenID provider by its name in settings, with nothing set.
func OIDCProvider(name string) ProviderSettings {
	return ProviderSettings{Name: strings.ToLower(name), Prefix: oidcPrefix + name + "_"}
}

// ProviderPrefix begins the names of a provider's settings.
func ProviderPrefix(name string) string {
	if slices.Contains(provider.BuiltIn(), name) {
		return "GATEPOST_" + strings.ToUpper(name) + "_"
	}
	return oidcPrefix + strings.ToUpper(name) + "_"
}

// ProviderSetting is the setting of a field of provider.Spec, as ClientID or Apple.KeyID. A field that no setting is
// for gives the beginning of all the provider's.
func ProviderSetting(name, field string) string {
	field = strings.TrimPrefix(field, "Apple.")
	if f, ok := reflect.TypeFor[ProviderSettings]().FieldByName(field); ok && f.Tag.Get("env") != "" {
		return ProviderPrefix(name) + f.Tag.Get("env")
	}
	return ProviderPrefix(name) + "…"
}

// kind is the word for the provider in the tags.
func (p ProviderSettings) kind() string {
	if strings.HasPrefix(p.Prefix, oidcPrefix) {
		return "oidc"
	}
	return p.Name
}

// All lists the settings that the provider can have, set or not.
func (p ProviderSettings) All() []Setting { return settingsOf(reflect.ValueOf(p), p.Prefix, p.kind()) }
