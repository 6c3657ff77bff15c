package loginui

import (
	"regexp"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/mail"
)

// aPNG is the beginning of a picture, as no test decodes it.
var aPNG = Logo{URL: "/.gatepost/logo-1.png", Width: 400, content: []byte("\x89PNG"), kind: "image/png"}

// Nothing in a mail is loaded from anywhere: that would tell who reads it, and when.
func TestMailLoadsNothing(t *testing.T) {
	loads := regexp.MustCompile(`(?i)<(link|script|iframe|video|audio|object|embed)|` +
		`\b(src|background|srcset)="?(http|/|data:)|url\(|@import`)
	for name, logo := range map[string]Logo{"ours": {}, "PNG": aPNG,
		"SVG":    {URL: "/.gatepost/logo-1.svg", content: []byte("<svg/>"), kind: "image/svg+xml"},
		"remote": {URL: "https://cdn.example/logo.png", origin: "https://cdn.example"},
		"large":  {URL: "/.gatepost/logo-1.gif", Width: 40, content: make([]byte, maxMailLogo+1), kind: "image/gif"}} {
		ui, err := newTestUI(t, Brand{Logo: logo})
		if err != nil {
			t.Fatal(err)
		}
		l, err := ui.Compose(aMail(mail.Reset, "en"))
		if err != nil {
			t.Fatal(err)
		}
		if found := loads.FindString(l.HTML); found != "" {
			t.Errorf("%s: %q in %s", name, found, l.HTML)
		}
		inside := name == "PNG"
		if len(l.Pictures) > 0 != inside ||
			strings.Contains(l.HTML, `src="cid:logo@gatepost" width="160" height="16"`) != inside ||
			strings.Contains(l.HTML, ">E</td>") == inside {
			t.Errorf("%s: %d pictures, %s", name, len(l.Pictures), l.HTML)
		}
		if whole := l.Standalone(); strings.Contains(whole, "cid:") ||
			inside && !strings.Contains(whole, "data:image/png;base64,iVBORw==") {
			t.Errorf("%s: a browser gets %s", name, whole)
		}
	}
}

func TestAnInitialIsTheFirstLetterOrDigit(t *testing.T) {
	for name, want := range map[string]string{"example": "E", " «été»": "É", "7up": "7", "…": "", "": "", "ǆ": "ǅ",
		"示例": "示", "app.example.com": "A"} {
		if got := initial(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	ui, err := newTestUI(t, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	ui.c.Nameless = true
	if got := ui.mailLook("our site").Initial; got != "" {
		t.Errorf("a site without a name has the initial %q", got)
	}
}

// ink matches an element of mail.html that has a colour and a background, and the pairs of the dark page.
var ink = regexp.MustCompile(`(?:background: (#[0-9a-f]{6})[^"{}]*?[ ;]color: (#[0-9a-f]{6}))`)

func TestMailIsReadableInLightAndDark(t *testing.T) {
	brand, err := ParseAccent("#0b7a3e")
	if err != nil {
		t.Fatal(err)
	}
	for _, accent := range []Accent{{}, brand} {
		ui, err := newTestUI(t, Brand{Accent: accent})
		if err != nil {
			t.Fatal(err)
		}
		l, err := ui.Compose(aMail(mail.SignIn, "ar"))
		if err != nil {
			t.Fatal(err)
		}
		pairs := ink.FindAllStringSubmatch(l.HTML, -1)
		look := ui.mailLook("x")
		for _, back := range []string{"#f4f5f7", "#ffffff"} {
			pairs = append(pairs, []string{"", back, "#565d68"}, []string{"", back, "#1b1e23"},
				[]string{"", back, string(look.Accent)})
		}
		for _, back := range []string{"#131518", "#1f2226"} {
			pairs = append(pairs, []string{"", back, "#a9b0bb"}, []string{"", back, "#eceef1"},
				[]string{"", back, string(look.DarkAccent)})
		}
		pairs = append(pairs, []string{"", string(look.DarkAccent), string(look.OnDarkAccent)})
		if len(pairs) < 15 {
			t.Errorf("there are %d pairs of colours", len(pairs))
		}
		for _, p := range pairs {
			back, ok1 := parseColour(p[1])
			text, ok2 := parseColour(p[2])
			if !strings.Contains(l.HTML, p[1]) || !strings.Contains(l.HTML, p[2]) || !ok1 || !ok2 ||
				back.contrast(text) < enoughContrast {
				t.Errorf("%s on %s: %.1f", p[2], p[1], back.contrast(text))
			}
		}
		for _, want := range []string{`name="color-scheme" content="light dark"`, "prefers-color-scheme: dark"} {
			if !strings.Contains(l.HTML, want) {
				t.Errorf("it lacks %s", want)
			}
		}
	}
}
