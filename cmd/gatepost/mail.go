package main

import (
	"errors"
	"fmt"
	netmail "net/mail"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/internal/smtp"
)

// checkMail reads what has to do with mail and with who may sign up by it.
func (c *config) checkMail(list *faults) {
	c.notifySignIns = c.parseBool(list, "GATEPOST_NOTIFY_SIGN_INS", c.settings.NotifySignIns)
	switch {
	case c.settings.SMTPURL == "" && c.settings.MailFrom != "":
		list.add(errors.New("GATEPOST_MAIL_FROM is set and GATEPOST_SMTP_URL is not: set both, or there is no mail"))
	case c.settings.SMTPURL != "":
		c.checkMailServer(list)
	}
	c.checkVerify(list)
	c.checkDomains(list)
}

func (c *config) checkMailServer(list *faults) {
	if c.settings.MailFrom == "" {
		list.add(errors.New("GATEPOST_MAIL_FROM is needed with GATEPOST_SMTP_URL: the sender of mail, for example Example <login@example.com>"))
	}
	from, err := netmail.ParseAddress(c.settings.MailFrom)
	if err == nil {
		_, err = auth.CanonicalEmail(from.Address)
	}
	switch quoted := fmt.Sprintf("%q", c.settings.MailFrom); {
	case c.settings.MailFrom == "" || err == nil && !strings.ContainsFunc(from.Name, unicode.IsControl):
	case strings.Contains(c.settings.MailFrom, "://"): // a URL in the wrong place may hold a password
		quoted = "this"
		fallthrough
	default:
		list.add(fmt.Errorf("GATEPOST_MAIL_FROM: %s is not an address that mail can come from (examples: login@example.com, Example <login@example.com>)", quoted))
	}
	m, err := smtp.Parse(c.settings.SMTPURL)
	if err != nil {
		list.add(fmt.Errorf("GATEPOST_SMTP_URL %w", err))
		return
	}
	m.From = from
	c.mail, c.deliver = m, m.Deliver
}

// checkVerify makes addresses confirmed where there is mail, and holds nobody up, unless told otherwise.
func (c *config) checkVerify(list *faults) {
	needsMail := errors.New("GATEPOST_VERIFY_EMAIL needs mail: set GATEPOST_SMTP_URL and GATEPOST_MAIL_FROM")
	switch c.settings.VerifyEmail {
	case "":
		if c.settings.SMTPURL != "" {
			c.verify = auth.VerifyOptional
		}
	case "off":
	case "optional":
		c.verify = auth.VerifyOptional
	case "required":
		c.verify = auth.VerifyRequired
	default:
		list.add(fmt.Errorf("GATEPOST_VERIFY_EMAIL: %s is none of off, optional and required", quote(c.settings.VerifyEmail)))
	}
	if c.verify != auth.VerifyOff && c.settings.SMTPURL == "" {
		list.add(needsMail)
	}
}

func (c *config) checkDomains(list *faults) {
	for entry := range strings.SplitSeq(c.settings.SignUpDomains, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		domain, err := idna.Lookup.ToASCII(entry)
		if err == nil {
			_, err = auth.CanonicalEmail("somebody@" + domain)
		}
		if err != nil {
			list.add(fmt.Errorf("GATEPOST_SIGNUP_DOMAINS: %s is not the domain of an address (example: example.com)", quote(entry)))
			continue
		}
		if domain = strings.ToLower(domain); !slices.Contains(c.signUpDomains, domain) {
			c.signUpDomains = append(c.signUpDomains, domain)
		}
	}
	if len(c.signUpDomains) > 0 && c.verify != auth.VerifyRequired {
		list.add(errors.New("GATEPOST_SIGNUP_DOMAINS keeps nobody out while addresses are not confirmed, as anybody can type one: set GATEPOST_VERIFY_EMAIL=required too"))
	}
}
