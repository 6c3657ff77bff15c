package config

import (
	"errors"

	"github.com/gatepost/gatepost/proxy"
)

// checkTokens checks where API tokens are taken, and what they may do.
func (c *Config) checkTokens(list *Faults) {
	var err error
	c.Tokens, err = proxy.ParseTokenPaths("GATEPOST_TOKENS", c.Settings.Tokens)
	list.Add(err)
	c.TokensForever = c.parseBool(list, "GATEPOST_TOKENS_FOREVER", c.Settings.TokensForever)
	c.TokensAAL2 = c.parseBool(list, "GATEPOST_TOKENS_AAL2", c.Settings.TokensAAL2)
	if (c.TokensForever || c.TokensAAL2) && c.Settings.Tokens == "" {
		list.missing("GATEPOST_TOKENS", errors.New("GATEPOST_TOKENS_FOREVER and GATEPOST_TOKENS_AAL2 are about API tokens, "+
			"which are taken nowhere: set GATEPOST_TOKENS to where, for example /api"))
	}
}

// checkTokenRules says what is wrong with the rules that an API token is narrowed to.
func checkTokenRules(rules string) error {
	_, err := proxy.ParseTokenPaths("rules", rules)
	return err
}
