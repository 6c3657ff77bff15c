package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gatepost/gatepost/auth/assertion"
)

// audienceMost is in bytes: the audience is in each assertion.
const audienceMost = 255

// checkAssertion checks the signed assertion. It comes after the identity headers and the keys.
func (c *Config) checkAssertion(list *Faults) {
	bind := c.parseBool(list, "GATEPOST_ASSERTION_BIND", c.Settings.AssertionBind)
	audience := c.Settings.AssertionAudience
	if c.Settings.AssertionHeader == "" {
		if audience != "" || bind {
			list.missing("GATEPOST_ASSERTION_HEADER", errors.New("GATEPOST_ASSERTION_AUDIENCE and GATEPOST_ASSERTION_BIND are "+
				"about the signed assertion, which has no header: set GATEPOST_ASSERTION_HEADER=X-Auth-Assertion too"))
		}
		return
	}
	var err error
	if c.Identity, c.AssertionHeader, err = c.Identity.WithAssertion(c.Settings.AssertionHeader); err != nil {
		list.Add(fmt.Errorf("GATEPOST_ASSERTION_HEADER: %w", err))
	}
	if c.Settings.EncryptionKey == "" && c.Settings.DatabaseURL != "" {
		list.missing("GATEPOST_ENCRYPTION_KEY", errors.New("GATEPOST_ASSERTION_HEADER needs GATEPOST_ENCRYPTION_KEY, as the "+
			"keys that sign are kept encrypted or not at all: set it to what `gatepost key new` prints, the same for every "+
			"gate"))
	}
	c.Assertion = assertion.Options{Issuer: c.PublicURL.String(), Audience: audience, Bind: bind}
	if audience == "" {
		c.Assertion.Audience = c.Assertion.Issuer
	}
	if len(audience) > audienceMost || strings.ContainsFunc(audience, func(r rune) bool { return r <= ' ' || r > '~' }) {
		list.Add(fmt.Errorf("GATEPOST_ASSERTION_AUDIENCE: %s is no name of an app: at most %d letters, digits and signs, "+
			"without blanks (example: https://app.example.com)", Quote(audience), audienceMost))
	}
}
