package config

import (
	"slices"
	"strings"
	"testing"
)

// A setting that is wrong, or whose name or file is, is told once: nothing that follows from it is a fault of its own.
func TestOneCauseIsOneFault(t *testing.T) {
	t.Parallel()
	const nowhere = "/nowhere/secret"
	mail := []string{"GATEPOST_SMTP_URL=smtp://localhost:1", "GATEPOST_MAIL_FROM=login@example.com"}
	secure := []string{"GATEPOST_PUBLIC_URL=https://app.example.com", "DATABASE_URL=postgres://gate@127.0.0.1:1/db"}
	for name, c := range map[string]struct {
		env   []string
		begin string
	}{
		"an app with a path":        {[]string{"GATEPOST_UPSTREAM=http://localhost:3000/x"}, "GATEPOST_UPSTREAM "},
		"an app without a scheme":   {[]string{"GATEPOST_UPSTREAM=localhost:3000"}, "GATEPOST_UPSTREAM "},
		"an app with a password":    {[]string{"GATEPOST_UPSTREAM=http://me:hush@localhost:3000"}, "GATEPOST_UPSTREAM "},
		"a misspelt app":            {[]string{"GATEPOST_UPSTREAM=", "GATEPOST_UPSTRAEM=http://a"}, "GATEPOST_UPSTRAEM "},
		"no app":                    {[]string{"GATEPOST_UPSTREAM="}, "GATEPOST_UPSTREAM is needed"},
		"a listener without a port": {[]string{"GATEPOST_LISTEN=localhost"}, "GATEPOST_LISTEN: "},
		"a listener of no number":   {[]string{"GATEPOST_LISTEN=localhost:http"}, "GATEPOST_LISTEN: "},
		"a site with a password": {[]string{"GATEPOST_LISTEN=:8080", "GATEPOST_PUBLIC_URL=https://me:hush@example.com"},
			"GATEPOST_PUBLIC_URL takes no user"},
		"a site that is none, with TLS": {[]string{"GATEPOST_PUBLIC_URL=example", "GATEPOST_ACME_DOMAINS=app.example.com"},
			"GATEPOST_PUBLIC_URL: "},
		"a misspelt site": {[]string{"GATEPOST_LISTEN=:8080", "GATEPOST_PUBLIC_ULR=https://example.com"},
			"GATEPOST_PUBLIC_ULR "},
		"a key in place of its file": {append(secure, "GATEPOST_TLS_CERT=x.pem",
			"GATEPOST_TLS_KEY=-----BEGIN PRIVATE KEY-----", "GATEPOST_HTTP_LISTEN=:80"), "GATEPOST_TLS_KEY: "},
		"a name no certificate is for": {append(secure, "GATEPOST_ACME_DOMAINS=*.example.com"), "GATEPOST_ACME_DOMAINS: "},
		"mail in a file that is gone": {[]string{"GATEPOST_SMTP_URL_FILE=" + nowhere, mail[1],
			"GATEPOST_VERIFY_EMAIL=required"}, "GATEPOST_SMTP_URL_FILE: "},
		"a misspelt mail server": {[]string{"GATEPOST_SMTP_ULR=smtp://localhost:1", mail[1]}, "GATEPOST_SMTP_ULR "},
		"a secret as the sender": {[]string{mail[0], "GATEPOST_MAIL_FROM=smtp://me:hush@localhost"},
			"GATEPOST_MAIL_FROM: "},
		"a database in a file that is gone": {[]string{"DATABASE_URL_FILE=" + nowhere, secure[0],
			"GATEPOST_DIRECT_DATABASE_URL=postgres://gate@127.0.0.1:1/db"}, "DATABASE_URL_FILE: "},
		"a key in a file that is gone": {append(secure, "GATEPOST_ENCRYPTION_KEY_FILE="+nowhere,
			"GATEPOST_KEEP_PROVIDER_TOKENS=true"), "GATEPOST_ENCRYPTION_KEY_FILE: "},
		"neither true nor false": {append(secure, "GATEPOST_KEEP_PROVIDER_TOKENS=perhaps",
			"GATEPOST_PROVIDER_TOKEN_PATHS=/calendar"), "GATEPOST_KEEP_PROVIDER_TOKENS: "},
		"a misspelt secret of a provider": {[]string{"GATEPOST_GITHUB_CLIENT_ID=Iv1.0123456789abcdef",
			"GATEPOST_GITHUB_CLIENT_SECERT=hush"}, "GATEPOST_GITHUB_CLIENT_SECERT "},
		"a misspelt end of moving in": {[]string{"GATEPOST_IMPORT_AUTHJS_SECRET=an old secret that is long",
			"GATEPOST_IMPORT_UNTILL=2027-01-31T00:00:00Z"}, "GATEPOST_IMPORT_UNTILL "},
		"usernames that are perhaps trusted": {[]string{"GATEPOST_IDENTITY_HEADERS=X-User=username",
			"GATEPOST_TRUST_CHOSEN_USERNAMES=perhaps"}, "GATEPOST_TRUST_CHOSEN_USERNAMES: "},
		"a secret in a file that is gone": {[]string{"GATEPOST_FALLBACK_LOGIN_URL=https://old.example.com",
			"GATEPOST_FALLBACK_LOGIN_SECRET_FILE=" + nowhere}, "GATEPOST_FALLBACK_LOGIN_SECRET_FILE: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := append([]string{"HOME=" + t.TempDir()}, c.env...)
			if !slices.ContainsFunc(env, func(s string) bool { return strings.HasPrefix(s, "GATEPOST_UPSTREAM=") }) {
				env = append(env, "GATEPOST_UPSTREAM=http://localhost:3000")
			}
			settings, err := Load(t.Context(), env)
			var list Faults
			list.Add(err)
			settings.NeedUpstream(&list)
			if len(list) != 1 || !strings.HasPrefix(list.Error(), c.begin) || strings.Contains(list.Error(), "hush") {
				t.Errorf("got %d faults, want one that begins with %q:\n%v", len(list), c.begin, list)
			}
		})
	}
}

// A fault is about its own setting, and about none whose name only begins alike.
func TestWhichSettingAFaultIsAbout(t *testing.T) {
	t.Parallel()
	for name, about := range map[string]bool{"GATEPOST_SMTP_URL": true, "GATEPOST_SMTP": false, "DATABASE_URL": false,
		"GATEPOST_UPSTREAM": false, "GATEPOST_UPSTREAM_TIMEOUT": true, "GATEPOST_HOME": true} {
		var list Faults
		list.missing("GATEPOST_LISTEN", errNamed("GATEPOST_SMTP_URL_FILE: cannot read"))
		list.missing("GATEPOST_LISTEN", errNamed("GATEPOST_UPSTREAM_TIMEOUT: is none"))
		list.missing("GATEPOST_LISTEN", errNamed("GATEPOST_HOEM is not a setting; did you mean GATEPOST_HOME?"))
		if got := list.about(name); got != about || len(list) != 3 {
			t.Errorf("%s: got %t, want %t; %d faults", name, got, about, len(list))
		}
	}
}

type errNamed string

func (e errNamed) Error() string { return string(e) }
