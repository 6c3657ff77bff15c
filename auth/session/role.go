package session

import (
	"regexp"
	"slices"
	"strings"
)

var roleName = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,64}$`)

// ValidRole says whether a word can be a role: letters, digits and _ . : - so that lists in rules, headers and the
// database never need quoting.
func ValidRole(s string) bool { return roleName.MatchString(s) }

// HasAny says whether the user has one of the roles.
func (u User) HasAny(roles []string) bool {
	return slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(u.Roles, r) })
}

// SplitRoles reads the comma-separated column.
func SplitRoles(s string) []string {
	if !strings.Contains(s, ",") {
		if s = strings.TrimSpace(s); s == "" {
			return nil
		}
		return []string{s}
	}
	var roles []string
	for r := range strings.SplitSeq(s, ",") {
		if r = strings.TrimSpace(r); r != "" {
			roles = append(roles, r)
		}
	}
	return roles
}
