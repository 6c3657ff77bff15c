package importer

import (
	"errors"
	"fmt"
	"strings"
)

// known are the issuers of the providers that every source calls alike, by their names there. With an empty issuer the
// source does not keep what names an account for all time.
var known = map[string]Identity{
	"google":        {Issuer: "https://accounts.google.com", Provider: "google"},
	"google-oauth2": {Issuer: "https://accounts.google.com", Provider: "google"},
	"github":        {Issuer: "https://github.com", Provider: "github"},
	"gitlab":        {Issuer: "https://gitlab.com", Provider: "gitlab"},
	"discord":       {Issuer: "https://discord.com", Provider: "discord"},
	"apple":         {Issuer: "https://appleid.apple.com", Provider: "apple"},
}

// identity is an account at a provider that a source calls by a name. issuer says whose accounts they are where the
// name does not.
func identity(provider, subject, issuer string) (Identity, error) {
	provider = strings.TrimPrefix(strings.ToLower(provider), "oauth_")
	i := known[provider]
	if issuer != "" {
		i.Issuer = issuer
	}
	if i.Provider == "" {
		i.Provider = settingsName(provider)
	}
	i.Subject = subject
	switch {
	case subject == "" || len(subject) > 255:
		return i, fmt.Errorf("the account at %s is left out: it has no id there of at most 255 bytes", provider)
	case i.Provider == credentialProvider:
		return i, fmt.Errorf("the account at %s is left out: that is what passwords are called here, and no "+
			"provider", provider)
	case i.Issuer == "":
		return i, fmt.Errorf("the account at %s is left out: say whose it is with --issuer %[1]s=https://…", provider)
	}
	return i, nil
}

// settingsName is a name as settings of providers have them: letters and digits.
func settingsName(s string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// errByOID is why accounts at Microsoft are not taken from a source that keeps their oid alone, which is not what
// tokens are checked by.
var errByOID = errors.New("the account at microsoft is left out: it is kept by oid there, which does not name it for " +
	"other applications; they connect it again in their account")
