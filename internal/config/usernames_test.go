package config

import (
	"strings"
	"testing"
)

// A name that anybody can choose is not sent to an app that goes by it, unless the operator says so.
func TestChosenUsernamesAreNotSentWhereAnybodyMaySignUp(t *testing.T) {
	t.Parallel()
	const sent = "GATEPOST_IDENTITY_HEADERS=X-WEBAUTH-USER=username"
	for name, c := range map[string]struct {
		env    []string
		fault  string
		chosen bool
	}{
		"not sent":            {nil, "", false},
		"not sent, chosen":    {[]string{"GATEPOST_USERNAMES=chosen"}, "", true},
		"sent":                {[]string{sent}, "a stranger could take the name", true},
		"sent in a text":      {[]string{sent[:len(sent)-8] + "x-{username}"}, "a stranger could take the name", true},
		"sent, with a format": {[]string{sent + ":utf8"}, "GATEPOST_TRUST_CHOSEN_USERNAMES=true", true},
		"sent, to a domain": {[]string{sent, "GATEPOST_SIGNUP_DOMAINS=example.com", "GATEPOST_VERIFY_EMAIL=required",
			"GATEPOST_SMTP_URL=smtp://localhost:1", "GATEPOST_MAIL_FROM=a@example.com"}, "a stranger could take the name",
			true},
		"sent, given":         {[]string{sent, "GATEPOST_USERNAMES=given"}, "", false},
		"sent, to guests":     {[]string{sent, "GATEPOST_SIGNUP=invite"}, "", true},
		"sent, closed":        {[]string{sent, "GATEPOST_SIGNUP=closed"}, "", true},
		"sent, trusted":       {[]string{sent, "GATEPOST_TRUST_CHOSEN_USERNAMES=true"}, "", true},
		"another word":        {[]string{"GATEPOST_USERNAMES=optional"}, "neither chosen nor given", false},
		"a name that is none": {[]string{"GATEPOST_RESERVED_USERNAMES=boss, pay roll"}, `"pay roll" cannot be`, false},
	} {
		env := append([]string{"HOME=" + t.TempDir(), "GATEPOST_UPSTREAM=http://localhost:3000"}, c.env...)
		got, err := Load(t.Context(), env)
		if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
			t.Errorf("%s: got %v, want %q", name, err, c.fault)
		}
		if got.UsernamesChosen != c.chosen {
			t.Errorf("%s: chosen is %t", name, got.UsernamesChosen)
		}
	}
}
