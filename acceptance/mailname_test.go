package acceptance_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/internal/smtp/postoffice"
)

// Without GATEPOST_APP_NAME, mail from a gate on this machine does not speak of localhost and a port, which name
// nothing to its readers. Links aside, which have to lead there.
func TestMailDoesNotSpeakOfThisMachine(t *testing.T) {
	t.Parallel()
	app := newApp(t)
	for name, c := range map[string]struct{ from, language, subject, says string }{
		"the sender's name": {"Example <login@example.com>", "en", "Confirm your e-mail address for Example",
			"signed up at Example"},
		"no name": {"login@example.com", "en", "Confirm your e-mail address for our site", "signed up at our site"},
		"no name, elsewhere": {"login@example.com", "es", "Confirma tu correo para nuestro sitio",
			"cuenta en nuestro sitio"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := postoffice.New(t, nil, nil)
			g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+app.url,
				"GATEPOST_SMTP_URL="+o.URL, "GATEPOST_MAIL_FROM="+c.from)
			email := strings.ReplaceAll(name, " ", ".")
			email = regexp.MustCompile(`[^a-z.]`).ReplaceAllString(email, "") + "@example.com"
			form := url.Values{"email": {email}, "password": {password}}.Encode()
			if r := g.visitor(t).do("POST", "/signup", strings.NewReader(form), navigate,
				"Accept-Language: "+c.language); r.status != 303 {
				t.Fatalf("sign up: %d %s", r.status, r.body)
			}
			l := o.Next(t, email)
			if l.Subject != c.subject || !strings.Contains(l.Text, c.says) {
				t.Errorf("%q: %s", l.Subject, l.Text)
			}
			rest := strings.NewReplacer(g.url, "", url.QueryEscape(g.url), "").Replace(l.Subject + l.Text + l.HTML)
			if strings.Contains(rest, "localhost") {
				t.Errorf("it speaks of this machine: %s", rest)
			}
		})
	}
}
