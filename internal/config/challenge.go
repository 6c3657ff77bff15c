package config

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/captcha"
)

// mostAfter is that of throttle.AccountLimit, beyond which a strange place does not get in anyway.
const mostAfter = 100

// challengeKey is what a key of a service may be, for a page and for the header of a request.
var challengeKey = regexp.MustCompile(`^[!-~]{1,200}$`)

// checkChallenge checks the challenge for bots.
func (c *Config) checkChallenge(list *Faults) {
	const name, siteKey, key = "GATEPOST_CHALLENGE", "GATEPOST_CHALLENGE_SITE_KEY", "GATEPOST_CHALLENGE_SECRET"
	c.checkChallengeAfter(list)
	kind, ok := captcha.Find(c.Settings.Challenge)
	if c.Settings.Challenge != "" && !ok {
		list.Add(fmt.Errorf("%s: %s is none of altcha, turnstile, hcaptcha and friendlycaptcha", name,
			Quote(c.Settings.Challenge)))
		return
	}
	c.Challenge = kind
	for _, s := range [][2]string{{siteKey, c.Settings.ChallengeSiteKey}, {key, c.Settings.ChallengeSecret}} {
		switch setting, value := s[0], s[1]; {
		case value == "" && kind.IsService():
			list.missing(setting, fmt.Errorf("%s is needed for %s=%s: %s shows it where you have registered this site",
				setting, name, kind.Name, kind.Label))
		case value != "" && kind.Name == "":
			list.missing(name, fmt.Errorf("%s is set and %s is not: set %s to the service that the key is from, or leave "+
				"both out", setting, name, name))
		case value != "" && !kind.IsService():
			list.Add(fmt.Errorf("%s: %s needs no key, as the gate makes its own: leave it out", setting, kind.Name))
		case value != "" && setting == key && value == c.Settings.ChallengeSiteKey:
			list.Add(fmt.Errorf("%s is the same as %s, which everybody sees in the pages: %s shows two keys", key, siteKey,
				kind.Label))
		case value != "" && !challengeKey.MatchString(value):
			list.Add(fmt.Errorf("%s is no key of %s: it has a space, a sign that no key has, or is too long", setting,
				kind.Label))
		}
	}
}

func (c *Config) checkChallengeAfter(list *Faults) {
	n, err := strconv.Atoi(c.Settings.ChallengeAfter)
	if err != nil || n < 0 || n > mostAfter {
		list.Add(fmt.Errorf("GATEPOST_CHALLENGE_AFTER: %s is not a number from 0 to %d", Quote(c.Settings.ChallengeAfter),
			mostAfter))
	}
	c.ChallengeAfter = n
}

// captcha is what strangers have to solve.
func (c *Config) captcha() auth.Captcha {
	o := auth.Captcha{After: c.ChallengeAfter, Work: c.Challenge.Name != "" && !c.Challenge.IsService()}
	if c.Challenge.IsService() {
		hosts := []string{c.PublicURL.Hostname()}
		for _, origin := range c.Origins {
			hosts = append(hosts, origin.Hostname())
		}
		o.Service = captcha.NewService(c.Challenge, c.Settings.ChallengeSiteKey, secret.Text(c.Settings.ChallengeSecret),
			hosts)
	}
	return o
}
