package config

import "testing"

// Mail is read on other machines: it calls the app by a name that says something there.
func TestTheNameInMail(t *testing.T) {
	t.Parallel()
	const from = "GATEPOST_MAIL_FROM=Example <login@example.com>"
	for want, env := range map[string][]string{
		"Ada's café":      {"GATEPOST_APP_NAME=Ada's café", from},
		"app.example.com": {"GATEPOST_PUBLIC_URL=https://app.example.com", from},
		"app.example.org": {"GATEPOST_PUBLIC_URL=https://app.example.org:8443", from},
		"bücher.example":  {"GATEPOST_PUBLIC_URL=https://bücher.example", from},
		"Example":         {"GATEPOST_PUBLIC_URL=http://localhost:18080", from},
		"An office":       {"GATEPOST_PUBLIC_URL=https://192.0.2.7:8443", "GATEPOST_MAIL_FROM=An office <a@example.com>"},
		"A test":          {"GATEPOST_PUBLIC_URL=http://app.localhost:3000", "GATEPOST_MAIL_FROM=A test <a@example.com>"},
		"Six":             {"GATEPOST_PUBLIC_URL=http://[::1]:3000", "GATEPOST_MAIL_FROM=Six <a@example.com>"},
		"":                {"GATEPOST_MAIL_FROM=login@example.com"},
	} {
		c, err := Load(t.Context(), append(env, "HOME="+t.TempDir(), "GATEPOST_SMTP_URL=smtp://localhost:1",
			"DATABASE_URL=postgres://gate@127.0.0.1:1/db"))
		if err != nil || c.mailName() != want {
			t.Errorf("%q: got %q, want %q; %v", env, c.mailName(), want, err)
		}
	}
	c, err := Load(t.Context(), []string{"HOME=" + t.TempDir(), "GATEPOST_PUBLIC_URL=http://localhost:0"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Follow(18080); c.mailName() != "" || c.Settings.AppName != "localhost:18080" {
		t.Errorf("with a port that is known later: %q, and %q on the pages", c.mailName(), c.Settings.AppName)
	}
}
