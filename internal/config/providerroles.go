package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/session"
)

// organisation matches an organisation of GitHub's, or a team of one.
var organisation = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}(/[A-Za-z0-9_-]{1,100})?$`)

func parseOrgs(list *Faults, name, s string) (orgs []string) {
	for entry := range strings.SplitSeq(s, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		if !organisation.MatchString(entry) {
			list.Add(fmt.Errorf("%s: %s is neither an organisation nor a team (examples: example, example/staff)", name,
				Quote(entry)))
		}
		orgs = append(orgs, entry)
	}
	return orgs
}

// checkTrust sees that addresses are trusted only of a provider that the operator named, and asked for only where
// they are trusted.
func checkTrust(list *Faults, p ProviderSettings, s provider.Spec) {
	own := s.Issuer != ""
	several := !s.OneTenant() && (s.Tenant == "" || tenant.MatchString(s.Tenant))
	switch kind := p.kind(); {
	case s.TrustEmail && kind == "microsoft" && several:
		list.Add(fmt.Errorf("%sTRUST_EMAIL would believe every tenant, and anybody can have one and write any address "+
			"there: set %[1]sTENANT to the id of yours", p.Prefix))
	case s.TrustEmail && (kind == "github" || kind == "gitlab") && !own:
		list.Add(fmt.Errorf("%sTRUST_EMAIL is for a server of your own: set %[1]sISSUER to its address, or leave it out, "+
			"as the public one is believed anyway", p.Prefix))
	case !s.TrustEmail && own && p.AllowedDomains != "":
		list.Add(fmt.Errorf("%sALLOWED_DOMAINS lets nobody in without %[1]sTRUST_EMAIL=true, as no address of this "+
			"provider counts as verified: set that if only the owner of a mailbox can have its address there", p.Prefix))
	}
}

// checkRoles reads which groups give which roles. Several roles of one group are separated by commas, as in the
// table of users.
func checkRoles(list *Faults, p ProviderSettings) (claim string, roles map[string]string) {
	switch {
	case p.RoleClaim == "" && p.Roles == "" && p.RolesMaxAge == "":
		return "", nil
	case p.RoleClaim == "":
		list.missing(p.Prefix+"ROLE_CLAIM", fmt.Errorf("%sROLE_CLAIM is needed with %[1]sROLES and %[1]sROLES_MAX_AGE: "+
			"without it nobody gets a role; set it to the claim with the groups, for example groups", p.Prefix))
	case p.Roles == "":
		list.missing(p.Prefix+"ROLES", fmt.Errorf("%sROLES is needed with %[1]sROLE_CLAIM: without it nobody gets a role; "+
			"set it to groups and their roles, for example gatepost-admins=admin, staff=editor|viewer", p.Prefix))
	}
	if len(p.RoleClaim) > 200 || strings.ContainsFunc(p.RoleClaim, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsGraphic(r)
	}) {
		list.Add(fmt.Errorf("%sROLE_CLAIM: %s is not the name of one claim (example: groups)", p.Prefix,
			Quote(p.RoleClaim)))
	}
	roles, err := parseRoles(p.Roles)
	list.addEach(p.Prefix+"ROLES", err)
	return p.RoleClaim, roles
}

// parseRoles reads group=role|role. A group may have = in it, a role cannot.
func parseRoles(s string) (map[string]string, error) {
	roles := map[string]string{}
	var list Faults
	for entry := range strings.SplitSeq(s, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		i := strings.LastIndex(entry, "=")
		if i < 1 {
			list.Add(fmt.Errorf("%s is not a group and its roles (example: staff=editor|viewer)", Quote(entry)))
			continue
		}
		group := strings.TrimSpace(entry[:i])
		if _, twice := roles[group]; twice {
			list.Add(fmt.Errorf("names %s twice: write its roles together, as in staff=editor|viewer", Quote(group)))
		}
		var given []string
		for role := range strings.SplitSeq(entry[i+1:], "|") {
			if role = strings.TrimSpace(role); !session.ValidRole(role) {
				list.Add(fmt.Errorf("%s is not a role, in %s: use letters, digits and _ . : -", Quote(role),
					Quote(entry)))
			} else if !slices.Contains(given, role) {
				given = append(given, role)
			}
		}
		roles[group] = strings.Join(given, ",")
	}
	return roles, list.OrNil()
}
