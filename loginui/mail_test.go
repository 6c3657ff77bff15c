package loginui

import (
	"html"
	"regexp"
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
	t.Parallel()
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
				if unsaid.MatchString(part) || placeholder.MatchString(styles.ReplaceAllString(part, "")) ||
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

// unsaid matches the name of a message.
var unsaid = regexp.MustCompile(`\bmail\.[a-z]`)

// styles matches what of a mail is CSS.
var styles = regexp.MustCompile(`(?s)<style>.*?</style>`)

// What reads the text of a mail gets every sentence that its HTML has, but for how to do without the button.
// A mail about an app that is gone speaks of the app alone: a passkey that is left is still asked for. Its subject is
// what the text begins with.
func TestAMailAboutARemovedAppSaysNothingOfOtherFactors(t *testing.T) {
	ui, err := newTestUI(t, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range ui.languages.list {
		l, err := ui.Compose(aMail(mail.FactorOff, w.Lang))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(l.Text, l.Subject+".") && !strings.Contains(l.Text, l.Subject+"。") &&
			!strings.Contains(l.Text, l.Subject+"।") {
			t.Errorf("%s: %q is not in\n%s", w.Lang, l.Subject, l.Text)
		}
	}
}

// The first passkey logs out every other device, and later ones none.
func TestAMailAboutAPasskeySaysWhetherOtherDevicesWereLoggedOut(t *testing.T) {
	ui, err := newTestUI(t, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range ui.languages.list {
		later, first := aMail(mail.PasskeyOn, w.Lang), aMail(mail.PasskeyOn, w.Lang)
		first.OthersEnded = true
		said, more := ui.mailPage(later).Intro, ui.mailPage(first).Intro
		if !strings.HasPrefix(more, said) || len(more) < len(said)+20 {
			t.Errorf("%s: of the first %q, of a later one %q", w.Lang, more, said)
		}
	}
	if got := ui.mailPage(mail.Mail{Kind: mail.PasskeyOn, Facts: mail.Facts{OthersEnded: true}}).Intro; !strings.HasSuffix(
		got, " Every other device was logged out.") {
		t.Error(got)
	}
}

func TestBothPartsOfAMailSayTheSame(t *testing.T) {
	ui, err := newTestUI(t, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range ui.languages.list {
		for _, kind := range mail.Kinds {
			m := aMail(kind, w.Lang)
			m.Name = "Ada Lovelace"
			l, err := ui.Compose(m)
			if err != nil {
				t.Fatal(err)
			}
			p := ui.mailPage(m)
			sentences := []string{p.Hello, p.Intro, p.Question, p.Button, p.Life, p.After, p.Why, "https://app.example/"}
			for _, f := range p.Facts {
				sentences = append(sentences, f.Name, f.Value)
			}
			for _, s := range sentences {
				if !strings.Contains(l.Text, s) || !strings.Contains(html.UnescapeString(l.HTML), s) {
					t.Errorf("%s, %s: a part lacks %q:\n%s", kind, w.Lang, s, l.Text)
				}
			}
			if p.Intro == "" || p.Button == "" || !strings.Contains(p.Hello, "Ada Lovelace") ||
				!strings.Contains(p.Why, "ada@example.com") || (p.Life != "") != (kind.Purpose() != "") {
				t.Errorf("%s, %s: something is missing: %q", kind, w.Lang, sentences)
			}
			if !strings.Contains(html.UnescapeString(l.HTML), w.say("mail.link")) {
				t.Errorf("%s, %s: it does not say what to do without the button", kind, w.Lang)
			}
		}
	}
}

// Whoever has no way back is told whom to ask.
func TestAMailWithoutAWayBackSaysWhatToDo(t *testing.T) {
	ui, err := newTestUI(t, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []mail.Kind{mail.Left, mail.Deleted} {
		if l, err := ui.Compose(aMail(kind, "en")); err != nil || !strings.Contains(l.Text, "tell the people who run") {
			t.Errorf("%s: %v\n%s", kind, err, l.Text)
		}
	}
}

func TestAMailSaysHowLongItsLinkWorks(t *testing.T) {
	ui, err := newTestUI(t, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[mail.Kind]string{mail.Prove: "in 10 minutes.", mail.Reset: "in 1 hour.",
		mail.Verify: "in 24 hours.", mail.Invite: "in 7 days.", mail.SignIn: ""} {
		if got := ui.mailPage(aMail(kind, "en")).Life; !strings.HasSuffix(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q, want %q", kind, got, want)
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
	want := `Hello,

The password of your account at Example was changed, and every other device was logged out.

When: 24 November 2026 at 20:00 UTC
Device: Firefox on Linux
Where: 192.0.2.1

If it was you, you need not do anything. If not, choose a new password at once.

Choose a new password:
https://app.example/login/forgot

-- 
You get this e-mail because ada@example.com is the address of your account at Example. ` +
		`E-mails about the security of your account cannot be turned off.
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
	t.Parallel()
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
		own := fstest.MapFS{"templates/" + name: {Data: []byte("\n{{.Nothing}}")}}
		_, err := newTestUI(t, Brand{Languages: bothWays, Overrides: own})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a broken %s: %v", name, err)
		}
	}
}
