package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/internal/spelling"
)

// orderProviders brings the providers into the order of GATEPOST_PROVIDERS.
func (c *Config) orderProviders(list *Faults) {
	if c.Settings.Providers == "" {
		return
	}
	var names, order []string
	for _, s := range c.Providers {
		names = append(names, s.Name)
	}
	for name := range strings.SplitSeq(strings.ToLower(c.Settings.Providers), ",") {
		name = strings.TrimSpace(name)
		switch {
		case name == "":
		case slices.Contains(order, name):
			list.Add(fmt.Errorf("GATEPOST_PROVIDERS names %s twice: keep one", Quote(name)))
		case !slices.Contains(names, name):
			list.Add(notConfigured(name, names))
		default:
			order = append(order, name)
		}
	}
	for _, name := range names {
		if !slices.Contains(order, name) {
			list.Add(fmt.Errorf("GATEPOST_PROVIDERS lacks %s, which is configured and would have no button: add it, or "+
				"unset its settings", name))
		}
	}
	slices.SortStableFunc(c.Providers, func(a, b provider.Spec) int {
		return slices.Index(order, a.Name) - slices.Index(order, b.Name)
	})
}

// notConfigured is the fault for a name in GATEPOST_PROVIDERS without settings.
func notConfigured(name string, configured []string) error {
	if len(configured) == 0 {
		return fmt.Errorf("GATEPOST_PROVIDERS: %s has no settings, and no other provider has any: set its "+
			"…_CLIENT_ID and …_CLIENT_SECRET", Quote(name))
	}
	if near, ok := spelling.Near(name, configured); ok {
		return fmt.Errorf("GATEPOST_PROVIDERS: there are no settings for %s; did you mean %s?", Quote(name), near)
	}
	return fmt.Errorf("GATEPOST_PROVIDERS: there are no settings for %s, only for %s: leave it out, or set its "+
		"…_CLIENT_ID and …_CLIENT_SECRET", Quote(name), strings.Join(configured, ", "))
}
