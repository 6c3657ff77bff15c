package provider

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"github.com/gatepost/gatepost/auth/secret"
)

// addUserInfo asks UserInfo where the ID token does not have what we need: many providers put no address there. The
// answer is about nobody else than the token. Whether an address is verified is said where the address is.
func (p *Provider) addUserInfo(ctx context.Context, m metadata, c claims, access secret.Text) error {
	role, _, _ := strings.Cut(p.spec.RoleClaim, ".")
	noRole := p.spec.RoleClaim != "" && !c.has(p.spec.RoleClaim) && !c.has(role)
	if m.UserInfo == "" || c.text("email") != "" && !noRole {
		return nil
	}
	var info claims
	if err := p.get(ctx, m.UserInfo, access, &info); err != nil {
		return err
	}
	if info.text("sub") != c.text("sub") {
		return faultf(Forged, "UserInfo is about somebody else than the ID token")
	}
	c.add(info, p.spec.RoleClaim, role)
	return nil
}

// add fills in what is missing.
func (c claims) add(info claims, roleClaim, roleRoot string) {
	if c.text("email") == "" {
		for _, name := range []string{"email", "email_verified", "xms_edov"} {
			delete(c, name)
			if info.has(name) {
				c[name] = info[name]
			}
		}
	}
	for _, name := range []string{"name", "picture", "preferred_username", roleClaim, roleRoot} {
		if !c.has(name) && info.has(name) {
			c[name] = info[name]
		}
	}
}

// identity is who claims are about. They have been checked.
func (p *Provider) identity(c claims, token *oauth2.Token, idToken string) (Identity, error) {
	id := Identity{
		Provider: p.spec.Name, Issuer: c.text("iss"), Subject: c.text("sub"),
		Email: emailOf(c), Name: display(c.text("name")), Picture: picture(c.text("picture")),
		IDToken: idToken, Tokens: tokensOf(token), Scopes: p.granted(token),
	}
	if !isID(id.Subject) {
		return Identity{}, faultf(NoSubject, "the id of the person is missing, too long, or no valid text")
	}
	id.EmailProved = id.Email != "" && isASCII(id.Email) && p.proved(c)
	if id.Login = display(c.text("preferred_username")); id.Login == "" {
		id.Login = display(id.Email)
	}
	id.AuthTime, _ = c.time("auth_time")
	if sid := c.text("sid"); isID(sid) {
		id.SessionID = sid
	}
	id.Roles = p.roles(c)
	return id, p.checkDomain(id, c)
}

// The claims that say how somebody was proved: by which methods, and how well.
const (
	methodsClaim = "amr"
	classClaim   = "acr"
)

// FactorClaims are the claims that Spec.SecondFactor can be about.
var FactorClaims = []string{methodsClaim, classClaim}

// provedTwice reports whether the claims of an ID token say that the provider asked for two factors.
func (p *Provider) provedTwice(c claims) bool {
	methods, _ := c[methodsClaim].([]any)
	for _, method := range texts(methods) {
		if slices.Contains(p.spec.SecondFactor[methodsClaim], method) {
			return true
		}
	}
	return slices.Contains(p.spec.SecondFactor[classClaim], c.text(classClaim))
}

// emailMost is the most bytes of an address. What is longer is none.
const emailMost = 320

func emailOf(c claims) string {
	email := asciiLower(c.text("email"))
	if len(email) > emailMost || !isWhole(email) || strings.ContainsFunc(email, isControl) ||
		!strings.Contains(email, "@") {
		return ""
	}
	return email
}

// asciiLower lowers the letters A to Z alone: other letters may become one that belongs to another address, as the
// Kelvin sign becomes k.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}

// isASCII reports whether no letter of an address can be taken for another one.
func isASCII(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r > '~' }) }

const pictureMost = 2 << 10

func picture(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || len(s) > pictureMost {
		return ""
	}
	return u.String()
}

// proved reports whether the address of claims is the mailbox of the person. What the operator vouches for has to be
// verified nevertheless, by true and not by text.
func (p *Provider) proved(c claims) bool {
	if p.kind.proved != nil && p.kind.proved(p.spec, c) {
		return true
	}
	return p.spec.TrustEmail && c.isTrue("email_verified")
}

// checkDomain lets in who is of an allowed domain.
func (p *Provider) checkDomain(id Identity, c claims) error {
	if len(p.spec.AllowedDomains) == 0 {
		return nil
	}
	var domain string
	switch {
	case p.kind.domain != nil:
		domain = p.kind.domain(id, c)
	case id.EmailProved:
		domain = id.Email[strings.LastIndexByte(id.Email, '@')+1:]
	}
	if !slices.Contains(p.spec.AllowedDomains, asciiLower(domain)) {
		return faultf(NotAllowed, "of no allowed domain")
	}
	return nil
}

// roles are those that the claim gives.
func (p *Provider) roles(c claims) []string {
	if p.spec.RoleClaim == "" {
		return nil
	}
	given := map[string]bool{}
	for _, value := range c.list(p.spec.RoleClaim) {
		for role := range strings.SplitSeq(p.spec.Roles[value], ",") {
			if role != "" {
				given[role] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(given))
}
