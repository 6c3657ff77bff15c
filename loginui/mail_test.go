package loginui

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
)

// aLink has the length of real links.
const aLink = secret.Token("0123456789012345678901234567890123456789012")

func aMail(kind mail.Kind, lang string) mail.Mail {
	return mail.Mail{ID: "1", Kind: kind, To: "ada@example.com", Language: lang, Link: aLink,
		At: time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC),
		Facts: mail.Facts{Email: "<b>new</b>@example.com", IPAddress: "192.0.2.1",
			UserAgent: "<script>alert(1)</script>", Provider: "<b>Git</b>"}}
}

func TestEveryMailIsSaidInEveryLanguage(t *testing.T) {
	ui, err := newTestUI(t, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	linked := []mail.Kind{mail.Verify, mail.Reset, mail.Change, mail.Changed, mail.Invite, mail.Connect, mail.Prove}
	seen := map[string]bool{}
	for _, w := range ui.languages.list {
		for _, kind := range mail.Kinds {
			l, err := ui.Compose(aMail(kind, w.Lang))
			if err != nil {
				t.Fatal(err)
			}
			if l.Lang != w.Lang || l.To != "ada@example.com" || l.ID != "1" || l.Subject == "" || seen[l.Subject] ||
				!strings.Contains(l.Subject, "Example") {
				t.Errorf("%s, %s: %+v", kind, w.Lang, l)
			}
			seen[l.Subject] = true
			link := "?token=" + string(aLink)
			for _, part := range []string{l.Text, l.HTML} {
				if strings.Contains(part, link) != slices.Contains(linked, kind) ||
					strings.Count(part, "https://app.example/") < 2 {
					t.Errorf("%s, %s: the links are not right:\n%s", kind, w.Lang, part)
				}
				if strings.Contains(part, "mail.") || strings.Contains(part, "{") ||
					strings.Contains(part, "no value") {
					t.Errorf("%s, %s: something is not said:\n%s", kind, w.Lang, part)
				}
			}
			if strings.Contains(l.HTML, "<script>") || strings.Contains(l.HTML, "<b>") ||
				!strings.Contains(l.HTML, `dir="`+w.Dir+`"`) {
				t.Errorf("%s, %s: %s", kind, w.Lang, l.HTML)
			}
		}
	}
}

func TestMailSaysWhenWhereAndWithWhat(t *testing.T) {
	ui, err := newTestUI(t, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	m := aMail(mail.Password, "en")
	m.UserAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	l, err := ui.Compose(m)
	if err != nil {
		t.Fatal(err)
	}
	want := `The password of your account at Example was changed, and every other device was logged out.

When: 24 November 2026, 20:00 UTC
With: Firefox on Linux
Where: 192.0.2.1

If it was not you, choose a new password at once:

Choose a new password:
https://app.example/login/forgot

-- 
Example
https://app.example/
`
	if l.Text != want {
		t.Errorf("got\n%s", l.Text)
	}
}

func TestAMailInNoLanguageOfOursIsInTheFirst(t *testing.T) {
	ui, err := newTestUI(t, Brand{Languages: []string{"es", "en"}})
	if err != nil {
		t.Fatal(err)
	}
	if l, err := ui.Compose(aMail(mail.Reset, "fr")); err != nil || l.Lang != "es" {
		t.Errorf("it is in %q, %v", l.Lang, err)
	}
}

func TestTemplatesOfMailCanBeOnesOwn(t *testing.T) {
	ui, err := newTestUI(t, Brand{Overrides: fstest.MapFS{
		"templates/mail.txt":  {Data: []byte("{{.Subject}} {{.URL}}")},
		"templates/mail.html": {Data: []byte("<p>{{.Intro}}</p>")}}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := ui.Compose(aMail(mail.Reset, "en"))
	if want := "Choose a new password for Example https://app.example/login/reset?token=" + string(aLink); err != nil ||
		l.Text != want || !strings.HasPrefix(l.HTML, "<p>Somebody") {
		t.Errorf("got %+v, %v", l, err)
	}
	for name, want := range map[string]string{"mail.txt": "mail.txt:2", "mail.html": "mail.html:2"} {
		_, err := newTestUI(t, Brand{Overrides: fstest.MapFS{"templates/" + name: {Data: []byte("\n{{.Nothing}}")}}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a broken %s: %v", name, err)
		}
	}
}
