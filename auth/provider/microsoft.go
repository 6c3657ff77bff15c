package provider

import (
	"errors"
	"regexp"
	"strings"
)

// consumers is the tenant of Microsoft's personal accounts.
const consumers = "9188040d-6c67-4c5b-b112-36a304b66dad"

// tenantMark stands in the issuer that Microsoft publishes for several tenants.
const tenantMark = "{tenantid}"

var isGUID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString

// microsoft signs people in with Microsoft Entra. The e-mail of a token is what the administrators of its tenant
// wrote there: it is believed where xms_edov says that they own its domain, or where the operator pinned a tenant and
// vouches for it.
var microsoft = kind{
	tenants:     true,
	selects:     true,
	answersAs:   microsoftAnswers,
	name:        "microsoft",
	label:       "Microsoft",
	issuer:      "https://login.microsoftonline.com",
	scopes:      []string{"openid", "email", "profile"},
	lacks:       microsoftLacks,
	base:        func(s Spec) string { return s.Issuer + "/" + tenant(s) + "/v2.0" },
	published:   microsoftPublished,
	tokenIssuer: microsoftTokenIssuer,
	proved:      microsoftProved,
	setup: func(*Provider) []string {
		return []string{
			"In entra.microsoft.com, open App registrations, New registration, platform Web.",
			"Under Token configuration add the optional claims email and xms_edov to the ID token: without xms_edov " +
				"no address counts as verified.",
		}
	},
	mark: `<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20" viewBox="0 0 21 21">` +
		`<path fill="#F25022" d="M1 1h9v9H1z"/><path fill="#7FBA00" d="M11 1h9v9h-9z"/>` +
		`<path fill="#00A4EF" d="M1 11h9v9H1z"/><path fill="#FFB900" d="M11 11h9v9h-9z"/></svg>`,
}

// microsoftAnswers reports whether the issuer of an answer is the published one with the tenant of the person.
func microsoftAnswers(published, iss string) bool {
	before, after, several := strings.Cut(published, tenantMark)
	rest, ok := strings.CutPrefix(iss, before)
	id, same := strings.CutSuffix(rest, after)
	return several && ok && same && isGUID(id)
}

func tenant(s Spec) string {
	if s.Tenant == "" {
		return "common"
	}
	if t := strings.ToLower(s.Tenant); t != consumers {
		return t
	}
	return "consumers"
}

// OneTenant reports whether the accounts of one organisation's tenant alone may come. That of personal accounts is
// everybody's.
func (s Spec) OneTenant() bool { return isGUID(tenant(s)) }

func microsoftLacks(s Spec) error {
	switch t := tenant(s); {
	case s.OneTenant():
		return nil
	case t != "common" && t != "organizations" && t != "consumers":
		return &FieldError{"Tenant", "is none of common, organizations, consumers and the id of a tenant (a GUID)"}
	case s.TrustEmail:
		return &FieldError{"TrustEmail", "needs Tenant to be the id of one tenant: the administrators of any other " +
			"write what addresses they like"}
	}
	return nil
}

// microsoftPublished is the issuer in the discovery document. That of personal accounts is a tenant like others.
func microsoftPublished(s Spec) string {
	switch t := tenant(s); t {
	case "common", "organizations":
		return s.Issuer + "/" + tenantMark + "/v2.0"
	case "consumers":
		return s.Issuer + "/" + consumers + "/v2.0"
	default:
		return s.Issuer + "/" + t + "/v2.0"
	}
}

// microsoftTokenIssuer fills the published issuer with the tenant of the token.
func microsoftTokenIssuer(s Spec, published string, c claims) (string, error) {
	tid := c.text("tid")
	switch {
	case !strings.Contains(published, tenantMark):
		return published, nil
	case !isGUID(tid):
		return "", faultf(Forged, "tid is no tenant's id")
	case tenant(s) == "organizations" && tid == consumers:
		return "", &Error{NotAllowed, errors.New("a personal account where organizations are let in")}
	}
	return strings.Replace(published, tenantMark, tid, 1), nil
}

func microsoftProved(s Spec, c claims) bool {
	if s.TrustEmail && s.OneTenant() {
		return true
	}
	return c.isOneOf("xms_edov", true, "1", "true")
}
