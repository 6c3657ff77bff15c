package config

import (
	"cmp"
	"fmt"
	"maps"
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
	return meantOf(name, known)
}

// meantOf is the end of the message for a variable that may be one of several settings, and may be none.
func meantOf(name string, known []string) string {
	settings := map[string]string{} // without the prefix that all have, as it would make all alike
	for _, k := range known {
		if strings.HasSuffix(k, "_FILE") == strings.HasSuffix(name, "_FILE") {
			settings[strings.TrimPrefix(k, "GATEPOST_")] = k
		}
	}
	near, ok := spelling.Near(strings.TrimPrefix(name, "GATEPOST_"), slices.Sorted(maps.Keys(settings)))
	if !ok {
		return ": remove it (`gatepost check --all` lists the settings)"
	}
	return didYouMean(settings[near])
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
			oidcPrefix + "CORP_" + cmp.Or(nearSuffix(strings.ToUpper(suffix), all), "ISSUER")
	}
	for _, s := range all { // an underscore in the name
		if more, ok := strings.CutSuffix(suffix, "_"+s); ok && !slices.Contains(all, suffix) {
			return didYouMean(oidcPrefix+name+strings.ReplaceAll(more, "_", "")+"_"+s) +
				" A provider's name has no underscore"
		}
	}
	return meantSuffix(p, suffix)
}

// meantBuiltIn takes what follows the prefix of a built-in provider.
func meantBuiltIn(p ProviderSettings, suffix string) string {
	if p.Name == "apple" && strings.TrimSuffix(suffix, "_FILE") == "CLIENT_SECRET" {
		return ": the gate makes Apple's client secret of GATEPOST_APPLE_PRIVATE_KEY; set that"
	}
	return meantSuffix(p, suffix)
}

// meantSuffix is the end of the message for a variable of a provider: which others have it, the setting that is near,
// or all there are.
func meantSuffix(p ProviderSettings, suffix string) string {
	var others []string
	for _, other := range append(BuiltInProviders(), OIDCProvider("<NAME>")) {
		if slices.Contains(suffixes(other), suffix) {
			others = append(others, other.Prefix+suffix)
		}
	}
	if len(others) > 0 {
		return fmt.Sprintf(": there is only %s; leave it out", strings.Join(others, ", "))
	}
	all := suffixes(p)
	if near := nearSuffix(suffix, all); near != "" {
		return didYouMean(p.Prefix + near)
	}
	return ": behind " + p.Prefix + " there can be " + strings.Join(slices.DeleteFunc(all, func(s string) bool {
		return strings.HasSuffix(s, "_FILE")
	}), ", ")
}

// nearSuffix is the suffix that was meant; empty: none is near. It prefers one of which only the beginning is missing,
// as in GATEPOST_GITHUB_SECRET, and takes one that begins with the same words, as ALLOWED_DOMAINS for ALLOWED_ORGS.
func nearSuffix(suffix string, all []string) string {
	for _, s := range all {
		if suffix != "" && strings.HasSuffix(s, "_"+suffix) {
			return s
		}
	}
	if near, ok := spelling.Near(suffix, all); ok {
		return near
	}
	if last := strings.LastIndexByte(suffix, '_'); last > 0 {
		for _, s := range all {
			if strings.HasPrefix(s, suffix[:last+1]) {
				return s
			}
		}
	}
	return ""
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
