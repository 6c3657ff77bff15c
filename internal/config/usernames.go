package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gatepost/gatepost/auth"
)

// checkUsernames checks who gives usernames, and whether the app may get them.
func (c *Config) checkUsernames(list *Faults) {
	sent := c.Identity.Carries("username")
	switch c.Settings.Usernames {
	case "":
		c.UsernamesChosen = sent
	case "chosen", "given":
		c.UsernamesChosen = c.Settings.Usernames == "chosen"
	default:
		list.Add(fmt.Errorf("GATEPOST_USERNAMES: %s is neither chosen nor given", Quote(c.Settings.Usernames)))
	}
	for entry := range strings.SplitSeq(c.Settings.ReservedUsernames, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		name, err := auth.CanonicalUsername(entry)
		if err != nil {
			list.Add(fmt.Errorf("GATEPOST_RESERVED_USERNAMES: %s cannot be a username: at most 32 of a-z, 0-9 and . _ -, "+
				"and not one of the latter first (example: boss, payroll)", Quote(entry)))
		}
		c.ReservedUsernames = append(c.ReservedUsernames, name)
	}
	trusted := c.parseBool(list, "GATEPOST_TRUST_CHOSEN_USERNAMES", c.Settings.TrustChosenUsernames)
	if c.Settings.SignUp != "open" || trusted {
		c.Identity = c.Identity.WithChosenUsernames()
		return
	}
	if sent && c.UsernamesChosen {
		list.missing("GATEPOST_TRUST_CHOSEN_USERNAMES", errors.New("GATEPOST_IDENTITY_HEADERS sends usernames, which users "+
			"choose, while anybody may sign up: a stranger could take the name that the app has for its administrator or "+
			"for somebody else. Set GATEPOST_USERNAMES=given to give them yourself (gatepost user set-username), or "+
			"GATEPOST_SIGNUP=invite or closed, or, if a name says nothing to the app but who is who, "+
			"GATEPOST_TRUST_CHOSEN_USERNAMES=true"))
	}
}
