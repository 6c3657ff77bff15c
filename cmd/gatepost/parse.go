package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

func (c *config) parseDuration(list *faults, name, s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		list.add(fmt.Errorf("%s: %s is not a length of time above zero (examples: 30s, 10m, 168h)", name, quote(s)))
	}
	return d
}

// parseSeconds is for what cookies, headers or SQL count in seconds.
func (c *config) parseSeconds(list *faults, name, s string) time.Duration {
	d := c.parseDuration(list, name, s)
	if d > 0 && d < time.Second {
		list.add(fmt.Errorf("%s: %s is less than a second, which would be no time at all: at least 1s", name, quote(s)))
	}
	return d
}

// maxCount keeps a limit on sign-ups from becoming a length of time below what PostgreSQL counts in.
const maxCount = 1_000_000

func (c *config) parseCount(list *faults, name, s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > maxCount {
		list.add(fmt.Errorf("%s: %s is not a number from 0 (no limit) to %d", name, quote(s), maxCount))
	}
	return n
}

func (c *config) parseBool(list *faults, name, s string) bool {
	word := switchWord(s)
	if word != "true" && word != "false" {
		list.add(fmt.Errorf("%s: %s is neither true nor false", name, quote(s)))
	}
	return word == "true"
}

func (c *config) checkConnections(list *faults) {
	n, err := strconv.Atoi(c.settings.MaxConnections)
	if err != nil || n < 1 || n > 1_000_000 {
		list.add(errors.New("GATEPOST_MAX_CONNECTIONS: " + quote(c.settings.MaxConnections) + " is not a number from 1 to 1000000"))
	}
	c.maxConnections = n
}
