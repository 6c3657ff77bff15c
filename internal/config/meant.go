package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatepost/gatepost/internal/spelling"
)

// meant is the end of the message for a variable that is not a setting: which setting was probably meant, or why
// there is none.
func meant(name string, known []string) string {
	if rest, ok := strings.CutPrefix(name, oidcPrefix); ok {
		return meantOIDC(rest)
	}
	for _, p := range BuiltInProviders() {
		if suffix, ok := strings.CutPrefix(name, p.Prefix); ok {
			return meantBuiltIn(p, suffix)
		}
	}
	parts := strings.Split(strings.TrimPrefix(name, "GATEPOST_"), "_")
	for _, part := range parts[:min(2, len(parts))] { // GATEPOST_CORP_ISSUER, or a misspelt OIDC
		p := OIDCProvider(part)
		if oidcSetting.MatchString(p.Prefix + "X") {
			for _, suffix := range suffixes(p) {
				known = append(known, p.Prefix+suffix)
			}
		}
	}
	return didYouMean(spelling.Nearest(name, known))
}

func didYouMean(name string) string { return "; did you mean " + name + "?" }

// meantOIDC takes what follows GATEPOST_OIDC_.
func meantOIDC(rest string) string {
	all := suffixes(OIDCProvider("CORP"))
	if slices.Contains(all, rest) {
		return ": it lacks a name of your choice for the provider, as in " + oidcPrefix + "CORP_" + rest
	}
	name, suffix, _ := strings.Cut(rest, "_")
	p := OIDCProvider(name)
	if !oidcSetting.MatchString(p.Prefix + "X") {
		return ": a provider's name is up to 30 capital letters and digits and begins with a letter, as in " +
			oidcPrefix + "CORP_" + nearestSuffix(strings.ToUpper(suffix), all)
	}
	for _, s := range all { // an underscore in the name
		if more, ok := strings.CutSuffix(suffix, "_"+s); ok && !slices.Contains(all, suffix) {
			return didYouMean(oidcPrefix+name+strings.ReplaceAll(more, "_", "")+"_"+s) +
				" A provider's name has no underscore"
		}
	}
	return didYouMean(p.Prefix + nearestSuffix(suffix, all))
}

// meantBuiltIn takes what follows the prefix of a built-in provider.
func meantBuiltIn(p ProviderSettings, suffix string) string {
	if p.Name == "apple" && strings.TrimSuffix(suffix, "_FILE") == "CLIENT_SECRET" {
		return ": the gate makes Apple's client secret of GATEPOST_APPLE_PRIVATE_KEY; set that"
	}
	var others []string
	for _, other := range append(BuiltInProviders(), OIDCProvider("<NAME>")) {
		if slices.Contains(suffixes(other), suffix) {
			others = append(others, other.Prefix+suffix)
		}
	}
	if len(others) > 0 {
		return fmt.Sprintf(": there is only %s; leave it out", strings.Join(others, ", "))
	}
	return didYouMean(p.Prefix + nearestSuffix(suffix, suffixes(p)))
}

// nearestSuffix prefers a suffix of which only the beginning is missing, as in GATEPOST_GITHUB_SECRET.
func nearestSuffix(suffix string, all []string) string {
	for _, s := range all {
		if strings.HasSuffix(s, "_"+suffix) {
			return s
		}
	}
	return spelling.Nearest(suffix, all)
}

// suffixes lists what follows the prefix in the names of a provider's settings.
func suffixes(p ProviderSettings) (list []string) {
	for _, k := range p.All() {
		list = append(list, strings.TrimPrefix(k.Name, p.Prefix))
		if k.Secret {
			list = append(list, strings.TrimPrefix(k.Name, p.Prefix)+"_FILE")
		}
	}
	return list
}
