package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gatepost/gatepost/proxy"
)

func (c *Config) parseDuration(list *Faults, name, s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		list.Add(fmt.Errorf("%s: %s is not a length of time above zero (examples: 30s, 10m, 168h)", name, Quote(s)))
	}
	return d
}

// parseSeconds is parseDuration for values that cookies, headers or SQL take in whole seconds. It rejects less than
// one second.
func (c *Config) parseSeconds(list *Faults, name, s string) time.Duration {
	d := c.parseDuration(list, name, s)
	if d > 0 && d < time.Second {
		list.Add(fmt.Errorf("%s: %s is less than a second, which would be no time at all: at least 1s", name, Quote(s)))
	}
	return d
}

// maxCount is the largest limit on sign-ups. A larger one would give an interval below PostgreSQL's resolution.
const maxCount = 1_000_000

func (c *Config) parseCount(list *Faults, name, s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > maxCount {
		list.Add(fmt.Errorf("%s: %s is not a number from 0 (no limit) to %d", name, Quote(s), maxCount))
	}
	return n
}

func (c *Config) parseBool(list *Faults, name, s string) bool {
	word := switchWord(s)
	if word != "true" && word != "false" {
		list.Add(fmt.Errorf("%s: %s is neither true nor false", name, Quote(s)))
	}
	return word == "true"
}

func (c *Config) checkConnections(list *Faults) {
	n, err := strconv.Atoi(c.Settings.MaxConnections)
	if err != nil || n < 1 || n > 1_000_000 {
		list.Add(errors.New("GATEPOST_MAX_CONNECTIONS: " + Quote(c.Settings.MaxConnections) +
			" is not a number from 1 to 1000000"))
	}
	c.MaxConnections = n
	c.ListenIdle = c.parseSeconds(list, "GATEPOST_LISTEN_IDLE", c.Settings.ListenIdle)
	c.ListenH2C = c.parseBool(list, "GATEPOST_LISTEN_H2C", c.Settings.ListenH2C)
	if c.ListenH2C && c.TLS {
		list.Add(errors.New("GATEPOST_LISTEN_H2C is for a balancer in front that ends TLS, and with " +
			"GATEPOST_TLS_CERT or GATEPOST_ACME_DOMAINS the gate does so, and speaks HTTP/2 over it: leave one out"))
	}
}

// parsePrefixes reads a list of beginnings of paths.
func parsePrefixes(list *Faults, name, value string) (prefixes []string) {
	for entry := range strings.SplitSeq(value, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		if _, err := proxy.ParseRules("", entry); err != nil || !CleanPath(entry) || strings.Contains(entry, "*") {
			list.Add(fmt.Errorf("%s: %s is not a plain path like /calendar", name, Quote(entry)))
		}
		prefixes = append(prefixes, entry)
	}
	return prefixes
}
