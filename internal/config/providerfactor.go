package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/gatepost/gatepost/auth/provider"
)

// checkSecondFactor reads what in an ID token stands for a second factor. Several tenants are no provider to believe in
// that: anybody can have one, and say there what they like.
func checkSecondFactor(list *Faults, p ProviderSettings, s provider.Spec) map[string][]string {
	if p.SecondFactor == "" {
		return nil
	}
	if p.kind() == "microsoft" && !s.OneTenant() && (s.Tenant == "" || tenant.MatchString(s.Tenant)) {
		list.Add(fmt.Errorf("%sSECOND_FACTOR would believe every tenant, and anybody can have one: set %[1]sTENANT to the "+
			"id of yours", p.Prefix))
	}
	claims, err := parseSecondFactor(p.SecondFactor)
	list.addEach(p.Prefix+"SECOND_FACTOR", err)
	return claims
}

// parseSecondFactor reads claim:value|value. A value may have a colon in it.
func parseSecondFactor(s string) (map[string][]string, error) {
	claims := map[string][]string{}
	var list Faults
	for entry := range strings.SplitSeq(s, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		claim, values, ok := strings.Cut(entry, ":")
		if claim = strings.TrimSpace(claim); !ok || !slices.Contains(provider.FactorClaims, claim) {
			list.Add(fmt.Errorf("%s is not amr or acr and its values (example: amr:mfa|hwk)", Quote(entry)))
			continue
		}
		for value := range strings.SplitSeq(values, "|") {
			if value = strings.TrimSpace(value); value == "" || strings.ContainsFunc(value, func(r rune) bool {
				return unicode.IsSpace(r) || !unicode.IsGraphic(r)
			}) {
				list.Add(fmt.Errorf("%s is not a value of %s, in %s: use one word (example: amr:mfa|hwk)", Quote(value), claim,
					Quote(entry)))
			} else if !slices.Contains(claims[claim], value) {
				claims[claim] = append(claims[claim], value)
			}
		}
	}
	return claims, list.OrNil()
}
