package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// providerPatience is how long all providers together may take to answer a check.
const providerPatience = 10 * time.Second

// checkProviders prints what each provider has to be told, and asks all of them at once whether they can be used.
func (p *process) checkProviders(ctx context.Context, c *config.Config) error {
	ctx, cancel := context.WithTimeout(ctx, providerPatience)
	defer cancel()
	faults := make([]error, len(c.Providers))
	var all sync.WaitGroup
	for i, s := range c.Providers {
		made, err := provider.New(s, c.ProviderOptions(s))
		if err != nil {
			faults[i] = fmt.Errorf("%s…: %w", config.ProviderPrefix(s.Name), err)
			continue
		}
		p.printProvider(made)
		all.Go(func() {
			upkeep.Watch{}.Run(ctx, "check a provider", func(ctx context.Context) {
				faults[i] = unusable(made, s.Issuer != "", made.Check(ctx))
			})
		})
	}
	all.Wait()
	var list config.Faults
	for _, err := range faults {
		list.Add(err)
	}
	return list.OrNil()
}

// printProvider prints what to type into the forms of a provider.
func (p *process) printProvider(made *provider.Provider) {
	fmt.Fprintf(p.stdout, "\nSign in with %s (%s)\n", printable(made.Label()), made.Spec().Name)
	for _, sentence := range made.Setup() {
		fmt.Fprintf(p.stdout, "  %s\n", printable(sentence))
	}
}

// unusable is the fault for a provider that did not pass its check. It names the setting that may mend it, which for
// a provider with an issuer from the settings is that.
func unusable(made *provider.Provider, ownIssuer bool, err error) error {
	if err == nil {
		return nil
	}
	setting := config.ProviderPrefix(made.Spec().Name) + "CLIENT_ID"
	if ownIssuer {
		setting = config.ProviderPrefix(made.Spec().Name) + "ISSUER"
	}
	return fmt.Errorf("%s: nobody can sign in with %s now: %w; see that %s is the right address, and that this machine "+
		"can connect to it", setting, printable(made.Label()), err, config.Quote(made.Spec().Issuer))
}
