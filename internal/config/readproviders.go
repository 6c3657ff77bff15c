package config

import (
	"context"
	"maps"
	"slices"

	"github.com/sethvargo/go-envconfig"
)

// providersIn lists the built-in providers, and those OpenID providers of which there is a setting, by alphabet.
func providersIn(values map[string]string) []ProviderSettings {
	list := BuiltInProviders()
	found := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		m := oidcSetting.FindStringSubmatch(name)
		if m != nil && !found[m[1]] && slices.Contains(suffixes(OIDCProvider(m[1])), m[2]) {
			found[m[1]], list = true, append(list, OIDCProvider(m[1]))
		}
	}
	return list
}

// knownSettings lists every setting that this environment can have.
func knownSettings(values map[string]string) []Setting {
	list := Settings{}.All()
	for _, p := range providersIn(values) {
		list = append(list, p.All()...)
	}
	return list
}

// readProviders fills the settings of each provider that has some.
func readProviders(ctx context.Context, values map[string]string) (list []ProviderSettings, err error) {
	for _, p := range providersIn(values) {
		own := map[string]string{} // without settings that other providers have
		for _, k := range p.All() {
			if value := values[k.Name]; value != "" {
				own[k.Name] = value
			}
		}
		if len(own) == 0 {
			continue
		}
		lookup := envconfig.PrefixLookuper(p.Prefix, envconfig.MapLookuper(own))
		if err := envconfig.ProcessWith(ctx, &envconfig.Config{Target: &p, Lookuper: lookup}); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}
