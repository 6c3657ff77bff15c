package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/proxy"
)

// checkSecondFactor reads who has to have a second factor. It comes after the rules and the keys.
func (c *Config) checkSecondFactor(list *Faults) {
	roles := c.secondFactorRoles(list)
	asks := ""
	switch word := switchWord(c.Settings.SecondFactor); word {
	case "optional", "":
		if len(roles) > 0 {
			c.Rules, asks = c.Rules.WithSecondFactor(roles), "GATEPOST_SECOND_FACTOR_ROLES"
		}
	case "required":
		if len(roles) > 0 {
			list.Add(errors.New("GATEPOST_SECOND_FACTOR_ROLES: with GATEPOST_SECOND_FACTOR=required everybody has to have a " +
				"second factor; leave one of the two out"))
		}
		c.Rules, asks = c.Rules.WithSecondFactor(nil), "GATEPOST_SECOND_FACTOR=required"
	case "false": // off
		c.SecondFactorOff = true
		if len(roles) > 0 {
			list.Add(errors.New("GATEPOST_SECOND_FACTOR_ROLES: with GATEPOST_SECOND_FACTOR=off nobody can add a second " +
				"factor; leave one of the two out"))
		}
		for _, rule := range c.Rules.AskingLevel() {
			list.Add(fmt.Errorf("GATEPOST_PROTECT: rule %q asks for a second factor, which nobody can add with "+
				"GATEPOST_SECOND_FACTOR=off; leave out its +aal2, or set GATEPOST_SECOND_FACTOR=optional", rule))
		}
	default:
		list.Add(fmt.Errorf("GATEPOST_SECOND_FACTOR: %s is none of off, optional and required",
			Quote(c.Settings.SecondFactor)))
	}
	if rules := c.Rules.AskingLevel(); asks == "" && len(rules) > 0 {
		asks = fmt.Sprintf("GATEPOST_PROTECT: rule %q", rules[0])
	}
	if asks == "" || c.SecondFactorOff || c.Settings.DatabaseURL == "" || !c.Keys.None() {
		return
	}
	if c.PublicURL == nil || auth.PasskeysFit(c.PublicURL) {
		c.passkeysFor = asks
		return
	}
	if !list.about("GATEPOST_ENCRYPTION_KEY") {
		list.missing("GATEPOST_ENCRYPTION_KEY", fmt.Errorf("%s asks for a second factor, and nobody can add one: an "+
			"authenticator app needs GATEPOST_ENCRYPTION_KEY, and there are no passkeys at %s; make a key with "+
			"gatepost key new", asks, c.PublicURL))
	}
}

// factorDoubts are about a second factor that is asked for, and can be a passkey only.
func (c *Config) factorDoubts() []string {
	if c.passkeysFor == "" {
		return nil
	}
	return []string{c.passkeysFor + " asks for a second factor, which can be a passkey only, as without " +
		"GATEPOST_ENCRYPTION_KEY nobody can add an authenticator app: whose browser makes no passkeys is kept out; make " +
		"a key with gatepost key new"}
}

func (c *Config) secondFactorRoles(list *Faults) (roles []string) {
	const name = "GATEPOST_SECOND_FACTOR_ROLES"
	if strings.TrimSpace(c.Settings.SecondFactorRoles) == "" {
		return nil
	}
	for role := range strings.SplitSeq(c.Settings.SecondFactorRoles, "|") {
		switch role = strings.TrimSpace(role); {
		case !session.ValidRole(role):
			list.Add(fmt.Errorf("%s: %s cannot be a role; write roles like admin|owner", name, Quote(role)))
		case proxy.IsCondition(role): // else whoever meant it would ask nobody
			list.Add(fmt.Errorf("%s: %s is a condition of rules and no role; write roles like admin|owner", name,
				Quote(role)))
		case !slices.Contains(roles, role):
			roles = append(roles, role)
		}
	}
	return roles
}
