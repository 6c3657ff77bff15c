package config

import (
	"errors"
	"fmt"
	"strings"
)

// APIAuth is the prefix that GATEPOST_API_AUTH is about.
const APIAuth = "/api/auth"

// checkAPIAuth checks whose /api/auth/ is.
func (c *Config) checkAPIAuth(list *Faults) {
	c.APIAuthApp = strings.EqualFold(c.Settings.APIAuth, "app")
	if !c.APIAuthApp && !strings.EqualFold(c.Settings.APIAuth, "gate") {
		list.Add(fmt.Errorf("GATEPOST_API_AUTH: %s is neither gate nor app", Quote(c.Settings.APIAuth)))
	}
}

// checkProviderTokens checks what becomes of the tokens of providers.
func (c *Config) checkProviderTokens(list *Faults) {
	c.KeepProviderTokens = c.parseBool(list, "GATEPOST_KEEP_PROVIDER_TOKENS", c.Settings.KeepProviderTokens)
	if c.KeepProviderTokens && c.Settings.EncryptionKey == "" && c.Settings.DatabaseURL != "" {
		list.missing("GATEPOST_ENCRYPTION_KEY", errors.New("GATEPOST_KEEP_PROVIDER_TOKENS needs GATEPOST_ENCRYPTION_KEY, as "+
			"tokens are kept encrypted or not at all: set it to what `gatepost key new` prints, the same for every gate"))
	}
	if c.Settings.ProviderTokenPaths != "" && !c.KeepProviderTokens {
		list.missing("GATEPOST_KEEP_PROVIDER_TOKENS", errors.New("GATEPOST_PROVIDER_TOKEN_PATHS needs "+
			"GATEPOST_KEEP_PROVIDER_TOKENS=true: a token that is not kept cannot be given to the app"))
	}
	c.ProviderTokenPaths = parsePrefixes(list, "GATEPOST_PROVIDER_TOKEN_PATHS", c.Settings.ProviderTokenPaths)
}
