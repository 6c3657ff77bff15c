package session

import (
	"regexp"
	"slices"
	"strings"
)

var roleName = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,64}$`)

// ValidRole reports whether s can be a role: 1 to 64 letters, digits and _ . : - so that lists in rules, headers
// and the database never need quoting.
func ValidRole(s string) bool { return roleName.MatchString(s) }

// HasAny reports whether the user has one of the roles.
func (u User) HasAny(roles []string) bool {
	return slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(u.Roles, r) })
}

// SplitList splits a comma-separated column, as roles and methods have. What is there twice is there once.
func SplitList(s string) []string {
	if !strings.Contains(s, ",") {
		if s = strings.TrimSpace(s); s == "" {
			return nil
		}
		return []string{s}
	}
	var list []string
	for r := range strings.SplitSeq(s, ",") {
		if r = strings.TrimSpace(r); r != "" && !slices.Contains(list, r) {
			list = append(list, r)
		}
	}
	return list
}
