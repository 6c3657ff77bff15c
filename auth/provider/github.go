package provider

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/oauth2"

	"github.com/gatepost/gatepost/auth/secret"
)

// githubCom is the issuer of everybody at github.com.
const githubCom = "https://github.com"

// github signs people in with github.com, or with a GitHub Enterprise Server. It speaks OAuth 2.0 alone. A login can
// be renamed and be registered by somebody else: the number is who they are.
var github = kind{
	selects:   true,
	answersAs: func(published, iss string) bool { return iss == published+"/login/oauth" },
	name:      "github",
	label:     "GitHub",
	issuer:    githubCom,
	elsewhere: true,
	scopes:    []string{"read:user", "user:email"},
	lacks:     githubLacks,
	plain: &plain{
		authorize: at("/login/oauth/authorize"),
		token:     at("/login/oauth/access_token"),
		probe:     githubAPI,
		style:     oauth2.AuthStyleInParams,
		extra:     githubScopes,
		claims:    githubClaims,
		allowed:   githubAllowed,
	},
	params: githubParams,
	proved: func(s Spec, c claims) bool { return s.Issuer == githubCom && c.isTrue("email_verified") },
	setup: func(p *Provider) []string {
		return []string{
			"In " + p.spec.Issuer + "/settings/developers, under OAuth Apps, choose New OAuth app.",
			"A GitHub App works too, with the account permission Email addresses: read-only.",
		}
	},
	mark: `<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20" viewBox="0 0 24 24"><path ` +
		`fill="currentColor" d="M12 .297c-6.63 0-12 5.373-12 12 0 5.303 3.438 9.8 8.205 11.385.6.113.82-.258.82-.577 ` +
		`0-.285-.01-1.04-.015-2.04-3.338.724-4.042-1.61-4.042-1.61C4.422 18.07 3.633 17.7 3.633 17.7c-1.087-.744.084` +
		`-.729.084-.729 1.205.084 1.838 1.236 1.838 1.236 1.07 1.835 2.809 1.305 3.495.998.108-.776.417-1.305.76-1.605` +
		`-2.665-.3-5.466-1.332-5.466-5.93 0-1.31.465-2.38 1.235-3.22-.135-.303-.54-1.523.105-3.176 0 0 1.005-.322 3.3 ` +
		`1.23.96-.267 1.98-.399 3-.405 1.02.006 2.04.138 3 .405 2.28-1.552 3.285-1.23 3.285-1.23.645 1.653.24 2.873.12 ` +
		`3.176.765.84 1.23 1.91 1.23 3.22 0 4.61-2.805 5.625-5.475 5.92.42.36.81 1.096.81 2.22 0 1.606-.015 2.896-.015 ` +
		`3.286 0 .315.21.69.825.57C20.565 22.092 24 17.592 24 12.297c0-6.627-5.373-12-12-12"/></svg>`,
}

var isOrg = regexp.MustCompile(`^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)?$`).MatchString

func githubLacks(s Spec) error {
	for _, org := range s.AllowedOrgs {
		if !isOrg(org) {
			return &FieldError{"AllowedOrgs", "has an entry that is neither an organisation nor organisation/team"}
		}
	}
	return nil
}

// githubAPI is where GitHub's API is; that of a server of one's own is below it.
func githubAPI(issuer string) string {
	if issuer == githubCom {
		return "https://api.github.com"
	}
	return issuer + "/api/v3"
}

// githubScopes lets us see in which organisations somebody is.
func githubScopes(s Spec) []string {
	if len(s.AllowedOrgs) == 0 {
		return nil
	}
	return []string{"read:org"}
}

func githubParams(_ *Provider, a Ask) url.Values {
	v := url.Values{}
	if a.LoginHint != "" {
		v.Set("login", a.LoginHint)
	}
	return v
}

// githubClaims asks GitHub who is there. The address of the profile is public, and may be stale: it does not count.
func githubClaims(ctx context.Context, p *Provider, access secret.Text) (claims, error) {
	var user struct {
		ID     json.Number
		Login  string
		Name   string
		Avatar string `json:"avatar_url"`
	}
	if err := p.get(ctx, githubAPI(p.spec.Issuer)+"/user", access, &user); err != nil {
		return nil, err
	}
	if id, err := user.ID.Int64(); err != nil || id <= 0 {
		return nil, faultf(NoSubject, "GitHub names no number")
	}
	email, err := githubEmail(ctx, p, access)
	return claims{"sub": user.ID.String(), "name": user.Name, "preferred_username": user.Login,
		"picture": user.Avatar, "email": email, "email_verified": email != ""}, err
}

// githubEmail returns the one address that is primary and verified; empty: there is none that gets mail.
func githubEmail(ctx context.Context, p *Provider, access secret.Text) (string, error) {
	var list []struct {
		Email             string
		Primary, Verified bool
	}
	err := p.get(ctx, githubAPI(p.spec.Issuer)+"/user/emails?per_page=100", access, &list)
	if status, ok := errors.AsType[*statusError](err); ok && status.refused() {
		return "", faultf(Misconfigured, "GitHub does not show addresses: the scope user:email, or a GitHub App's "+
			"permission Email addresses: read-only, is missing")
	}
	for _, one := range list {
		if one.Primary && one.Verified && !isNoReply(one.Email) {
			return one.Email, nil
		}
	}
	return "", err
}

// isNoReply reports whether GitHub made an address up that gets no mail.
func isNoReply(email string) bool {
	domain := asciiLower(email[strings.LastIndexByte(email, '@')+1:])
	return strings.HasPrefix(domain, "noreply.") || strings.HasPrefix(domain, "users.noreply.")
}

// githubAllowed asks GitHub whether the person is an active member of one of the organisations or teams.
func githubAllowed(ctx context.Context, p *Provider, access secret.Text, c claims) error {
	if len(p.spec.AllowedOrgs) == 0 {
		return nil
	}
	for _, org := range p.spec.AllowedOrgs {
		member, err := githubMember(ctx, p, access, org, c.text("preferred_username"))
		if member || err != nil {
			return err
		}
	}
	return faultf(NotAllowed, "member of none of the allowed organisations and teams")
}

func githubMember(ctx context.Context, p *Provider, access secret.Text, org, login string) (bool, error) {
	path := "/user/memberships/orgs/" + url.PathEscape(org)
	if org, team, ok := strings.Cut(org, "/"); ok {
		path = "/orgs/" + url.PathEscape(org) + "/teams/" + url.PathEscape(team) + "/memberships/" + url.PathEscape(login)
	}
	var membership struct{ State string }
	err := p.get(ctx, githubAPI(p.spec.Issuer)+path, access, &membership)
	if status, ok := errors.AsType[*statusError](err); ok && status.refused() {
		return false, nil
	}
	return membership.State == "active", err
}

// refused reports whether a provider says that there is no such thing, or that it is not shown.
func (e *statusError) refused() bool {
	return e.code == http.StatusForbidden || e.code == http.StatusNotFound
}
