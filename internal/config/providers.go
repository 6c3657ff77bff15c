package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/secret"
)

// reserved are names that no OpenID provider can have: those of the built-in ones, and credential, which is what a
// password is called in the table account.
var reserved = append(provider.BuiltIn(), "credential")

// checkProviders checks the settings of all providers, brings them into their order, and sees that somebody can sign
// in.
func (c *Config) checkProviders(list *Faults) {
	for _, p := range c.Settings.ByProvider {
		if p.kind() == "oidc" && slices.Contains(reserved, p.Name) {
			list.Add(fmt.Errorf("%s…: the name %s is taken by Gatepost itself: choose another one", p.Prefix,
				strings.ToUpper(p.Name)))
			continue
		}
		c.Providers = append(c.Providers, c.checkProvider(list, p))
	}
	c.orderProviders(list)
	switch switchWord(c.Settings.Passwords) {
	case "true":
	case "false":
		c.PasswordsOff = true
		if len(c.Settings.ByProvider) == 0 {
			list.Add(errors.New("GATEPOST_PASSWORDS=off leaves no way to sign in: configure a provider, for example " +
				"with GATEPOST_GITHUB_CLIENT_ID and GATEPOST_GITHUB_CLIENT_SECRET, or leave passwords on"))
		}
	default:
		list.Add(fmt.Errorf("GATEPOST_PASSWORDS: %s is neither on nor off", Quote(c.Settings.Passwords)))
	}
}

func (c *Config) checkProvider(list *Faults, p ProviderSettings) provider.Spec {
	before := len(*list)
	complete := c.checkNeeded(list, p)
	s := provider.Spec{Name: p.Name, ClientID: p.ClientID, ClientSecret: secret.Text(p.ClientSecret),
		Tenant: strings.ToLower(p.Tenant)}
	checkWords(list, p)
	s.Issuer = checkIssuer(list, p)
	s.Apple = checkAppleKey(list, p)
	s.Label, s.Logo = checkLabel(list, p), checkProviderLogo(list, p)
	scopes := parseScopes(list, p)
	s.TrustEmail = c.optionalBool(list, p.Prefix+"TRUST_EMAIL", p.TrustEmail)
	s.Logout = c.optionalBool(list, p.Prefix+"LOGOUT", p.Logout)
	checkTrust(list, p, s)
	s.AllowedDomains = parseDomains(list, p.Prefix+"ALLOWED_DOMAINS", p.AllowedDomains)
	s.AllowedOrgs = parseOrgs(list, p.Prefix+"ALLOWED_ORGS", p.AllowedOrgs)
	s.RoleClaim, s.Roles = checkRoles(list, p)
	if p.RolesMaxAge != "" {
		s.RolesMaxAge = c.parseSeconds(list, p.Prefix+"ROLES_MAX_AGE", p.RolesMaxAge)
	}
	s.SecondFactor = checkSecondFactor(list, p, s)
	if complete && len(*list) == before {
		var err error
		s.Scopes, err = c.allScopes(s, scopes)
		fault, ok := errors.AsType[*provider.FieldError](err)
		if !ok || !list.about(ProviderSetting(s.Name, fault.Field)) {
			list.Add(ProviderFault(s.Name, err))
		}
	}
	return s
}

// ProviderFault says what a provider has against its settings (provider.New), by the name of the setting.
func ProviderFault(name string, err error) error {
	fault, ok := errors.AsType[*provider.FieldError](err)
	if !ok {
		return named(ProviderPrefix(name)+"…", err)
	}
	return fmt.Errorf("%s %s", ProviderSetting(name, fault.Field), fault.Problem)
}

// allScopes adds the scopes that a built-in provider needs. Its error is what the provider has against its settings.
func (c *Config) allScopes(s provider.Spec, scopes []string) ([]string, error) {
	made, err := provider.New(s, c.ProviderOptions(s))
	if err != nil || len(scopes) == 0 || !slices.Contains(provider.BuiltIn(), s.Name) {
		return scopes, err
	}
	all := made.Spec().Scopes
	for _, one := range scopes {
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all, nil
}

// checkNeeded reports whether a provider has what it needs. What was refused already is no fault once more.
func (c *Config) checkNeeded(list *Faults, p ProviderSettings) bool {
	var first string
	complete := true
	for _, k := range p.All() {
		if first == "" && k.Value != "" {
			first = k.Name
		}
	}
	for _, k := range p.All() {
		if !k.Needed || k.Value != "" {
			continue
		}
		complete = false
		if Lookup(c.Env, k.Name) == "" && Lookup(c.Env, k.Name+"_FILE") == "" {
			list.missing(k.Name, fmt.Errorf("%s is needed, as %s is set: without it nobody can sign in with %s; set it, or "+
				"unset all of %s…", k.Name, first, p.Name, p.Prefix))
		}
	}
	return complete
}

func (c *Config) optionalBool(list *Faults, name, s string) bool {
	return s != "" && c.parseBool(list, name, s)
}
