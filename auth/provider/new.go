package provider

import (
	"cmp"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/share"
)

// Provider is one configured provider. It is safe for concurrent use.
type Provider struct {
	kind     *kind
	spec     Spec
	callback string
	// afterLogout and backChannel are what the provider has to be told besides.
	afterLogout, backChannel string

	insecure, keepTokens bool
	now                  func() time.Time

	// front reads the discovery document, and calls a provider without one; back calls what such a document names,
	// which may be no further inside than the document itself was: reach.
	front, back *http.Client
	reach       atomic.Int32
	health      *health
	document    *kept[metadata]
	keys        *keySet
	// calls and logouts are admission to what waits for the provider, shared among the networks that it comes from.
	calls, logouts *share.Admission
}

// callsMost sign-ins may wait for one provider at once, and logoutsMost logout tokens. Both may come from anybody: a
// forged answer costs as much as a real one.
const (
	callsMost   = 256
	logoutsMost = 256
)

// FieldError says what is wrong with a field of Spec or Options. Its problem names no field, as who configures a
// provider knows other names.
type FieldError struct {
	Field   string // as "ClientID", or "Apple.KeyID"
	Problem string // as "is missing"
}

func (e *FieldError) Error() string { return e.Field + " " + e.Problem }

// New returns a provider as configured. It reads nothing from the network. Its error is a *FieldError.
func New(s Spec, o Options) (*Provider, error) {
	k := kindOf(s.Name)
	if err := k.check(s, o); err != nil {
		return nil, err
	}
	s.Issuer = cmp.Or(s.Issuer, k.issuer)
	if k.plain != nil {
		s.Issuer = strings.TrimSuffix(s.Issuer, "/") // addresses are made from it
	}
	s.Scopes = k.allScopes(s)
	p := &Provider{kind: k, spec: s, callback: o.Callback, insecure: o.Insecure, keepTokens: o.KeepTokens,
		now:         time.Now,
		afterLogout: o.AfterLogout, backChannel: o.BackChannel}
	p.health = &health{now: p.clock}
	p.front = newClient(func() place { return loopback }, p.health)
	p.back = newClient(func() place { return place(p.reach.Load()) }, p.health)
	p.document = &kept[metadata]{load: p.discover, now: p.clock, fresh: documentFresh, most: documentMost}
	p.keys = &keySet{kept[[]key]{load: p.fetchKeys, now: p.clock, fresh: keysFresh, most: keysMost}}
	p.calls, p.logouts = share.NewAdmission(callsMost), share.NewAdmission(logoutsMost)
	return p, nil
}

// clock is what all parts of a provider tell the time by.
func (p *Provider) clock() time.Time { return p.now() }

var (
	isName   = regexp.MustCompile(`^[a-z][a-z0-9]*$`).MatchString
	isDomain = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)+$`).MatchString
)

// check says what a provider of the kind lacks.
func (k *kind) check(s Spec, o Options) error {
	callback, err := url.Parse(o.Callback)
	switch {
	case !isName(s.Name):
		return &FieldError{"Name", "is not a word of lower-case letters and digits"}
	case err != nil || callback.Host == "" || callback.Fragment != "":
		return &FieldError{"Callback", "is not an absolute URL"}
	case s.ClientID == "":
		return &FieldError{"ClientID", "is missing"}
	case s.ClientSecret == "" && k.secret == nil:
		return &FieldError{"ClientSecret", "is missing"}
	}
	if err := k.checkIssuer(s, o); err != nil {
		return err
	}
	if err := k.checkLimits(s); err != nil || k.lacks == nil {
		return err
	}
	return k.lacks(s)
}

// checkIssuer lets only those providers have another issuer that can be run by somebody else; and tests.
func (k *kind) checkIssuer(s Spec, o Options) error {
	if s.Issuer == "" {
		if k.issuer == "" {
			return &FieldError{"Issuer", "is missing"}
		}
		return nil
	}
	u, err := url.Parse(s.Issuer)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return &FieldError{"Issuer", "is not an https URL without query and fragment"}
	case u.Scheme != "https" && !plainHTTP(u, o.Insecure):
		return &FieldError{"Issuer", "is not an https URL; http is for loopback addresses in tests"}
	case !k.elsewhere && s.Issuer != k.issuer && !plainHTTP(u, o.Insecure):
		return &FieldError{"Issuer", "can not be another one than " + k.issuer}
	}
	return nil
}

// checkLimits checks who may come, and what roles they get.
func (k *kind) checkLimits(s Spec) error {
	switch {
	case s.Tenant != "" && !k.tenants:
		return &FieldError{"Tenant", "is for Microsoft alone"}
	case len(s.AllowedOrgs) > 0 && (k.plain == nil || k.plain.allowed == nil):
		return &FieldError{"AllowedOrgs", "is for GitHub alone"}
	case slices.ContainsFunc(s.AllowedDomains, func(d string) bool { return !isDomain(d) }):
		return &FieldError{"AllowedDomains", "has an entry that is no domain in lower case, as example.com"}
	case len(s.SecondFactor) > 0 && k.plain != nil:
		return &FieldError{"SecondFactor", "is for OpenID providers: this one signs nothing"}
	case len(s.SecondFactor) > 0 && k.tenants && !s.OneTenant():
		return &FieldError{"SecondFactor", "would believe every tenant, and anybody can have one"}
	case s.RoleClaim != "" && k.plain != nil:
		return &FieldError{"RoleClaim", "is for OpenID providers: this one has no claims"}
	case s.RoleClaim != "" && len(s.Roles) == 0:
		return &FieldError{"Roles", "is missing: without it the claim gives no roles"}
	case s.RoleClaim == "" && len(s.Roles) > 0:
		return &FieldError{"RoleClaim", "is missing: the roles say what its values give"}
	}
	return nil
}

// offlineScope asks for a refresh token.
const offlineScope = "offline_access"

// allScopes are the scopes to ask for.
func (k *kind) allScopes(s Spec) []string {
	scopes := slices.Clone(s.Scopes)
	if len(scopes) == 0 {
		scopes = slices.Clone(k.scopes)
	}
	if k.plain == nil {
		return withAll(scopes, "openid")
	}
	if k.plain.extra != nil {
		return withAll(scopes, k.plain.extra(s)...)
	}
	return scopes
}

func withAll(list []string, more ...string) []string {
	for _, one := range more {
		if !slices.Contains(list, one) {
			list = append(list, one)
		}
	}
	return list
}

// Spec returns what the provider was made from. Its issuer and scopes are filled in.
func (p *Provider) Spec() Spec { return p.spec }

// Label is the name on the button.
func (p *Provider) Label() string { return cmp.Or(p.spec.Label, p.kind.label, p.spec.Name) }

// Mark is the brand's mark as inline SVG of 20 by 20 pixels; empty: none. It has no styles, scripts or links.
func (p *Provider) Mark() string { return p.kind.mark }

// Callback is the URL at which answers arrive.
func (p *Provider) Callback() string { return p.callback }

// FormPost reports whether the answer is a form that is posted from another site, as Apple's.
func (p *Provider) FormPost() bool { return p.kind.formPost }

// AsksAge reports whether the provider heeds Ask.MaxAge and says when people proved themselves.
func (p *Provider) AsksAge() bool { return p.kind.asksAge }

// Down reports whether the provider was found unavailable within the last half a minute, and has not answered since.
func (p *Provider) Down() bool { return p.health.down() || p.document.failing() }

// clientSecret is the secret of a call.
func (p *Provider) clientSecret() (secret.Text, error) {
	if p.kind.secret == nil {
		return p.spec.ClientSecret, nil
	}
	return p.kind.secret(p)
}
