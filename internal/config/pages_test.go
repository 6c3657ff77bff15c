package config

import (
	"strings"
	"testing"
	"time"
)

// least is what a gate cannot do without.
func least(more map[string]string) []string {
	list := map[string]string{"GATEPOST_UPSTREAM": "http://localhost:3000", "GATEPOST_PUBLIC_URL": "http://localhost:8080"}
	for name, value := range more {
		list[name] = value
	}
	return environ(list)
}

// No page is to be where the gate answers itself.
func TestPlacesThatAreTheGates(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		settings map[string]string
		want     string // empty: no fault
	}{
		"home among the gate's":  {map[string]string{"GATEPOST_HOME": "/.gatepost/session"}, "GATEPOST_HOME: "},
		"home in the API":        {map[string]string{"GATEPOST_HOME": "/api/auth/get-session"}, "GATEPOST_HOME: "},
		"home beside the API":    {map[string]string{"GATEPOST_HOME": "/api/authors"}, ""},
		"home in the app's API":  {map[string]string{"GATEPOST_HOME": "/api/auth/x", "GATEPOST_API_AUTH": "app"}, ""},
		"pages in the API":       {map[string]string{"GATEPOST_PAGES": "/api/auth/pages"}, "GATEPOST_PAGES: "},
		"pages among the gate's": {map[string]string{"GATEPOST_PAGES": "/.gatepost/x"}, "GATEPOST_PAGES: "},
		"out among the gate's":   {map[string]string{"GATEPOST_LOGOUT_HOME": "/api/auth/ok"}, "GATEPOST_LOGOUT_HOME: "},
		"out to the login":       {map[string]string{"GATEPOST_LOGOUT_HOME": "/login"}, ""},
		"out to the sign-up":     {map[string]string{"GATEPOST_LOGOUT_HOME": "/signup"}, "GATEPOST_LOGOUT_HOME: "},
		"out elsewhere": {map[string]string{"GATEPOST_LOGOUT_HOME": "https://a.example/"},
			"GATEPOST_LOGOUT_HOME: "},
		"a path of the app":     {map[string]string{"GATEPOST_LOGOUT_PATHS": "/user/logout"}, ""},
		"a path that is ours":   {map[string]string{"GATEPOST_LOGOUT_PATHS": "/x, /logout"}, "GATEPOST_LOGOUT_PATHS: "},
		"a path of the account": {map[string]string{"GATEPOST_LOGOUT_PATHS": "/account/x"}, "GATEPOST_LOGOUT_PATHS: "},
		"every path":            {map[string]string{"GATEPOST_LOGOUT_PATHS": "/"}, "GATEPOST_LOGOUT_PATHS: "},
		"a path with a query":   {map[string]string{"GATEPOST_LOGOUT_PATHS": "/x?logout"}, "GATEPOST_LOGOUT_PATHS: "},
		"an office":             {map[string]string{"GATEPOST_OFFICES": "203.0.113.7, 2001:db8::/32"}, ""},
		"half the internet":     {map[string]string{"GATEPOST_OFFICES": "128.0.0.0/1"}, "GATEPOST_OFFICES: "},
		"an empty office":       {map[string]string{"GATEPOST_OFFICE_PEOPLE": "0"}, "GATEPOST_OFFICE_PEOPLE: "},
		"a proof of work":       {challenge("altcha", "", ""), ""},
		"a challenge":           {challenge("hcaptcha", "site", "secret"), ""},
		"a misspelt one":        {challenge("recaptcha", "", ""), `GATEPOST_CHALLENGE: "recaptcha" is none of`},
		"one without a key":     {challenge("turnstile", "", "secret"), "GATEPOST_CHALLENGE_SITE_KEY is needed"},
		"one without secret":    {challenge("turnstile", "site", ""), "GATEPOST_CHALLENGE_SECRET is needed"},
		"one with a key too many": {challenge("altcha", "", "secret"),
			"GATEPOST_CHALLENGE_SECRET: altcha needs no key"},
		"a secret for all": {challenge("turnstile", "0xkey", "0xkey"), "GATEPOST_CHALLENGE_SECRET is the same"},
		"a key of two":     {challenge("turnstile", "two words", "secret"), "GATEPOST_CHALLENGE_SITE_KEY is no key"},
		"keys for nothing": {challenge("", "site", "secret"), "GATEPOST_CHALLENGE_SITE_KEY is set and GATEPOST_CHALLENGE"},
		"after nobody":     {map[string]string{"GATEPOST_CHALLENGE_AFTER": "-1"}, "GATEPOST_CHALLENGE_AFTER: "},
		"after all":        {map[string]string{"GATEPOST_CHALLENGE_AFTER": "0"}, ""},
		"the app's, while ours are elsewhere": {map[string]string{"GATEPOST_LOGOUT_PATHS": "/logout",
			"GATEPOST_PAGES": "/auth", "GATEPOST_HOME": "/login"}, ""},
		"ours elsewhere": {map[string]string{"GATEPOST_LOGOUT_PATHS": "/auth/logout", "GATEPOST_PAGES": "/auth"},
			"GATEPOST_LOGOUT_PATHS: "},
		"no list": {map[string]string{"GATEPOST_BREACHED_PASSWORDS": "/none"},
			"GATEPOST_BREACHED_PASSWORDS is neither `online`"},
		"a service": {map[string]string{"GATEPOST_BREACHED_PASSWORDS": "https://pwned.example/range/"}, ""},
		"a service in the open": {map[string]string{"GATEPOST_BREACHED_PASSWORDS": "http://pwned.example/"},
			"GATEPOST_BREACHED_PASSWORDS is"},
		"a return":              {map[string]string{"GATEPOST_CROSS_SITE_POST": "/saml/acs"}, ""},
		"a return that is ours": {map[string]string{"GATEPOST_CROSS_SITE_POST": "/login"}, "GATEPOST_CROSS_SITE_POST: "},
		"a return to anywhere":  {map[string]string{"GATEPOST_CROSS_SITE_POST": "/*"}, "GATEPOST_CROSS_SITE_POST: "},
		"the page for logging out": {map[string]string{"GATEPOST_PAGES": "/a", "GATEPOST_HOME": "/a/logout"},
			"GATEPOST_HOME: "},
	} {
		_, err := Load(t.Context(), least(row.settings))
		if got := faultText(err); (row.want == "") != (got == "") || !strings.Contains(got, row.want) {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

func challenge(kind, siteKey, secret string) map[string]string {
	return map[string]string{"GATEPOST_CHALLENGE": kind, "GATEPOST_CHALLENGE_SITE_KEY": siteKey,
		"GATEPOST_CHALLENGE_SECRET": secret}
}

func faultText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// A secret of BETTER_AUTH_SECRETS with its version would open nobody's cookie: it is told.
func TestASecretWithItsVersion(t *testing.T) {
	t.Parallel()
	for value, told := range map[string]bool{"2:an old secret that is long enough": true,
		"an old secret that: is long enough": false} {
		c, err := Load(t.Context(), least(map[string]string{"GATEPOST_IMPORT_BETTER_AUTH_SECRET": value,
			"GATEPOST_IMPORT_UNTIL": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}))
		if err != nil || strings.Contains(strings.Join(c.Doubts(), "\n"), "begins with a number") != told {
			t.Errorf("%q: %q, %v", value, c.Doubts(), err)
		}
	}
}

// Old cookies that count no more are told: their secret need not lie about.
func TestOldCookiesThatCountNoMore(t *testing.T) {
	t.Parallel()
	const secret = "an old secret that is long enough"
	for _, s := range []struct {
		until, secret string
		fault, over   bool
	}{{"2020-01-01T00:00:00Z", secret, false, true}, {"", "", false, false}, {"", secret, true, false}} {
		c, err := Load(t.Context(), least(map[string]string{"GATEPOST_IMPORT_UNTIL": s.until,
			"GATEPOST_IMPORT_AUTHJS_SECRET": s.secret}))
		if (err != nil) != s.fault {
			t.Fatal(err)
		}
		if strings.Contains(strings.Join(c.Doubts(), "\n"), "GATEPOST_IMPORT_UNTIL is over") != s.over {
			t.Errorf("%+v: %q", s, c.Doubts())
		}
	}
}
