package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/gatepost/gatepost/auth/webhook"
	"github.com/gatepost/gatepost/proxy"
)

// checkWebhook checks where the app is told of users and sessions, and what it knows that by. Neither is quoted.
func (c *Config) checkWebhook(list *Faults) {
	const name, key = "GATEPOST_WEBHOOK_URL", "GATEPOST_WEBHOOK_SECRET"
	address, secrets := c.Settings.WebhookURL, c.Settings.WebhookSecret
	switch {
	case address == "" && secrets == "":
		return
	case address == "":
		list.missing(name, errors.New(key+" is set and "+name+" is not: set both, or nobody is told"))
		return
	case secrets == "":
		list.missing(key, errors.New(key+" is needed with "+name+": the app knows by it who speaks; "+
			"`gatepost webhook secret` makes one"))
		return
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" ||
		u.Scheme != "https" && (u.Scheme != "http" || !isNear(u.Hostname())) {
		list.Add(errors.New(name + " is not an https address without user and fragment (http is for this machine, a " +
			"private address, or a name without a dot); the value is not shown, as it may hold a secret"))
		return
	}
	parsed, err := webhook.ParseSecrets(secrets)
	if err != nil {
		list.Add(fmt.Errorf("%s %w", key, err))
		return
	}
	c.Webhook = webhook.NewClient(u, parsed)
}

// isNear reports whether a host is this machine, has a private address, or has a name without a dot, which no public
// DNS knows: container networks have such names.
func isNear(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().IsLoopback() || a.Unmap().IsPrivate()
	}
	return host != "" && (proxy.IsLoopback(host) || !strings.Contains(host, "."))
}
