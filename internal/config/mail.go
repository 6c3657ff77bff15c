package config

import (
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/internal/smtp"
	"github.com/gatepost/gatepost/proxy"
)

// checkMail checks the settings for mail and for sign-up by address.
func (c *Config) checkMail(list *Faults) {
	c.NotifySignIns = c.parseBool(list, "GATEPOST_NOTIFY_SIGN_INS", c.Settings.NotifySignIns)
	switch {
	case c.Settings.SMTPURL == "" && c.Settings.MailFrom != "":
		list.missing("GATEPOST_SMTP_URL", errors.New("GATEPOST_MAIL_FROM is set and GATEPOST_SMTP_URL is not: set both, or "+
			"there is no mail"))
	case c.Settings.SMTPURL != "":
		c.checkMailServer(list)
	}
	c.checkVerify(list)
	c.checkDomains(list)
}

func (c *Config) checkMailServer(list *Faults) {
	if c.Settings.MailFrom == "" {
		list.missing("GATEPOST_MAIL_FROM", errors.New("GATEPOST_MAIL_FROM is needed with GATEPOST_SMTP_URL: the sender of "+
			"mail, for example Example <login@example.com>"))
	}
	from, err := netmail.ParseAddress(c.Settings.MailFrom)
	if err == nil {
		_, err = auth.CanonicalEmail(from.Address)
	}
	switch quoted := fmt.Sprintf("%q", c.Settings.MailFrom); {
	case c.Settings.MailFrom == "" || err == nil && !strings.ContainsFunc(from.Name, unicode.IsControl):
	case strings.Contains(c.Settings.MailFrom, "://"): // a URL in the wrong place may hold a password
		quoted = "this"
		fallthrough
	default:
		list.Add(fmt.Errorf("GATEPOST_MAIL_FROM: %s is not an address that mail can come from (examples: "+
			"login@example.com, Example <login@example.com>)", quoted))
	}
	m, err := smtp.Parse(c.Settings.SMTPURL)
	if err != nil {
		list.Add(fmt.Errorf("GATEPOST_SMTP_URL %w", err))
		return
	}
	m.From = from
	c.Mail, c.Deliver = m, m.Deliver
}

// mailName is the name of the app in mail. Mail is read on other machines, where localhost or an IP address says
// nothing: there the sender's name stands for it. Empty: there is none either.
func (c *Config) mailName() string {
	host := c.PublicURL.Hostname()
	switch {
	case !c.nameless():
		return c.Settings.AppName
	case !proxy.IsLoopback(host) && net.ParseIP(host) == nil:
		if name, err := idna.Display.ToUnicode(host); err == nil {
			return name
		}
		return host
	case c.Mail != nil && c.Mail.From != nil:
		return c.Mail.From.Name
	}
	return ""
}

// checkVerify sets whether addresses are confirmed. The default is optional with a mail server, and off without
// one.
func (c *Config) checkVerify(list *Faults) {
	needsMail := errors.New("GATEPOST_VERIFY_EMAIL needs mail: set GATEPOST_SMTP_URL and GATEPOST_MAIL_FROM")
	switch c.Settings.VerifyEmail {
	case "":
		if c.Settings.SMTPURL != "" {
			c.Verify = auth.VerifyOptional
		}
	case "off":
	case "optional":
		c.Verify = auth.VerifyOptional
	case "required":
		c.Verify = auth.VerifyRequired
	default:
		list.Add(fmt.Errorf("GATEPOST_VERIFY_EMAIL: %s is none of off, optional and required",
			Quote(c.Settings.VerifyEmail)))
	}
	if c.Verify != auth.VerifyOff && c.Settings.SMTPURL == "" {
		list.missing("GATEPOST_SMTP_URL", needsMail)
	}
}

func (c *Config) checkDomains(list *Faults) {
	c.SignUpDomains = parseDomains(list, "GATEPOST_SIGNUP_DOMAINS", c.Settings.SignUpDomains)
	if len(c.SignUpDomains) > 0 && c.Verify != auth.VerifyRequired {
		list.Add(errors.New("GATEPOST_SIGNUP_DOMAINS keeps nobody out while addresses are not confirmed, as anybody " +
			"can type one: set GATEPOST_VERIFY_EMAIL=required too"))
	}
}

// parseDomains reads domains of addresses, in ASCII and lower case.
func parseDomains(list *Faults, name, s string) (domains []string) {
	for entry := range strings.SplitSeq(s, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		domain, err := idna.Lookup.ToASCII(entry)
		if err == nil {
			_, err = auth.CanonicalEmail("somebody@" + domain)
		}
		if err != nil {
			list.Add(fmt.Errorf("%s: %s is not the domain of an address (example: example.com)", name, Quote(entry)))
			continue
		}
		if domain = strings.ToLower(domain); !slices.Contains(domains, domain) {
			domains = append(domains, domain)
		}
	}
	return domains
}
