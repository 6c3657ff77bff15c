package config

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/fallback"
	"github.com/gatepost/gatepost/proxy"
)

// importMost is how long old cookies may count: sessions of Better Auth last 7 days and those of Auth.js 30 by default.
const importMost = 90 * 24 * time.Hour

// shortestSecret is that of an old secret, in bytes: with a shorter one, anybody could try them all.
const shortestSecret = 16

// published are secrets that stand in the source or the documentation of these systems.
var published = []string{"better-auth-secret-12345678901234567890", "better-auth-secret-123456789",
	"your-secret-key-here", "your-super-secret-key", "changeme-changeme-changeme"}

var cookieName = regexp.MustCompile(`^[A-Za-z0-9!#$&'*+.^_|~-]{1,100}$`)

// checkImport checks which cookies of the system before count, and until when.
func (c *Config) checkImport(list *Faults, now time.Time) {
	e := &c.Elsewhere
	e.Secure = c.PublicURL.Scheme == "https"
	e.BetterAuth = oldSecrets(list, "GATEPOST_IMPORT_BETTER_AUTH_SECRET", c.Settings.ImportBetterAuthSecret)
	e.AuthJS = oldSecrets(list, "GATEPOST_IMPORT_AUTHJS_SECRET", c.Settings.ImportAuthJSSecret)
	c.checkImportCookies(list)
	c.checkImportUntil(list, now)
	c.checkFallback(list)
	if e.Any() && c.APIAuthApp {
		list.Add(errors.New("GATEPOST_API_AUTH=app leaves sessions to the app, and GATEPOST_IMPORT_… takes them over: two " +
			"systems cannot both end one session; remove one of them"))
	}
}

func oldSecrets(list *Faults, name, value string) (secrets []secret.Text) {
	for s := range strings.SplitSeq(value, ",") {
		switch s = strings.TrimSpace(s); {
		case s == "":
		case slices.Contains(published, s):
			list.Add(fmt.Errorf("%s is a secret that everybody knows, with which anybody can make cookies: leave it out; "+
				"people sign in again", name))
		case len(s) < shortestSecret:
			list.Add(fmt.Errorf("%s has a secret of less than %d characters, which can be guessed: leave it out; people "+
				"sign in again", name, shortestSecret))
		default:
			secrets = append(secrets, secret.Text(s))
		}
	}
	return secrets
}

func (c *Config) checkImportCookies(list *Faults) {
	e := &c.Elsewhere
	for entry := range strings.SplitSeq(c.Settings.ImportCookies, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		system, name, _ := strings.Cut(entry, "=")
		var names *[]string
		switch strings.TrimSpace(system) {
		case "better-auth":
			names = &e.BetterAuthNames
		case "authjs":
			names = &e.AuthJSNames
		}
		name = strings.TrimPrefix(strings.TrimSpace(name), "__Secure-")
		if names == nil || !cookieName.MatchString(name) {
			list.Add(fmt.Errorf("GATEPOST_IMPORT_COOKIES: %s is not a system and the name of its cookie (example: "+
				"better-auth=acme.session_token)", Quote(entry)))
			continue
		}
		if (session.Cookie{Name: c.Cookie().Name}).Ours(name) {
			list.Add(fmt.Errorf("GATEPOST_IMPORT_COOKIES: %s is a name of Gatepost's own", Quote(name)))
		}
		*names = append(*names, name)
	}
	for _, s := range []struct {
		names   []string
		secrets []secret.Text
		setting string
	}{{e.BetterAuthNames, e.BetterAuth, "GATEPOST_IMPORT_BETTER_AUTH_SECRET"},
		{e.AuthJSNames, e.AuthJS, "GATEPOST_IMPORT_AUTHJS_SECRET"}} {
		if len(s.names) > 0 && len(s.secrets) == 0 {
			list.missing(s.setting, fmt.Errorf("GATEPOST_IMPORT_COOKIES names cookies of a system without %s: set it, or "+
				"remove them",
				s.setting))
		}
	}
}

func (c *Config) checkImportUntil(list *Faults, now time.Time) {
	value := c.Settings.ImportUntil
	until, err := time.Parse(time.RFC3339, value)
	switch {
	case value == "" && c.Settings.ImportBetterAuthSecret+c.Settings.ImportAuthJSSecret != "":
		list.missing("GATEPOST_IMPORT_UNTIL", errors.New("GATEPOST_IMPORT_UNTIL is needed with "+
			"GATEPOST_IMPORT_…_SECRET: set it to when no old cookie counts any more, for example "+
			now.Add(30*24*time.Hour).UTC().Format(time.RFC3339)))
	case value == "":
	case err != nil:
		list.Add(fmt.Errorf("GATEPOST_IMPORT_UNTIL: %s is not a time like 2027-01-31T00:00:00Z", Quote(value)))
	case until.After(now.Add(importMost)):
		list.Add(fmt.Errorf("GATEPOST_IMPORT_UNTIL: %s is more than 90 days ahead; old sessions do not last that long",
			Quote(value)))
	}
	c.Elsewhere.Until = until
}

// checkFallback checks where passwords are asked about that only the system before can check.
func (c *Config) checkFallback(list *Faults) {
	const name = "GATEPOST_FALLBACK_LOGIN_URL"
	address, key := c.Settings.FallbackLoginURL, c.Settings.FallbackLoginSecret
	if address == "" && key == "" {
		return
	}
	u, err := url.Parse(address)
	switch {
	case address == "" || key == "":
		if !list.about(name) {
			list.missing("GATEPOST_FALLBACK_LOGIN_SECRET", errors.New(name+" and GATEPOST_FALLBACK_LOGIN_SECRET need each "+
				"other: set both, or none"))
		}
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" ||
		u.Scheme != "https" && (u.Scheme != "http" || !proxy.IsLoopback(u.Hostname())):
		list.Add(errors.New(name + " is not an https address without user and fragment: passwords are sent there " +
			"(http is for this machine alone); the value is not shown, as it may hold a password"))
	case len(key) < shortestSecret:
		list.Add(fmt.Errorf("GATEPOST_FALLBACK_LOGIN_SECRET is shorter than %d characters: anybody who guesses it can try "+
			"passwords there", shortestSecret))
	default:
		c.Fallback = fallback.New(u, secret.Text(key))
	}
}
