package main

import (
	"context"
	"errors"
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
			faults[i] = config.ProviderFault(s.Name, err)
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
	return errors.Join(faults...) // nil without any
}

// printProvider prints what to type into the forms of a provider.
func (p *process) printProvider(made *provider.Provider) {
	fmt.Fprintf(p.stdout, "\nSign in with %s (%s)\n", printable(made.Label()), made.Spec().Name)
	for _, sentence := range made.Setup() {
		fmt.Fprintf(p.stdout, "  %s\n", printable(sentence))
	}
}

// unusable are the faults of a provider that did not pass its check. Each names the setting that may mend it, which is
// the issuer for a provider with one from the settings.
func unusable(made *provider.Provider, ownIssuer bool, err error) error {
	var flaws, list config.Faults
	flaws.Add(err)
	for _, one := range flaws {
		list.Add(flawed(made, ownIssuer, one))
	}
	return list.OrNil()
}

func flawed(made *provider.Provider, ownIssuer bool, err error) error {
	field, effect := "ClientID", "nobody can sign in with %s now"
	if ownIssuer {
		field = "Issuer"
	}
	flaw, ok := errors.AsType[*provider.Flaw](err)
	if ok && flaw.Field == "Logout" {
		field, effect = flaw.Field, "nobody is signed out of %s"
	}
	setting, effect := config.ProviderSetting(made.Spec().Name, field), fmt.Sprintf(effect, printable(made.Label()))
	if !ok {
		return fmt.Errorf("%s: %s: %w", setting, effect, err)
	}
	return fmt.Errorf("%s: %s: %w; %s", setting, effect, flaw, flaw.Cure)
}
