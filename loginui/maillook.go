package loginui

import (
	"html/template"
	"slices"
	"strings"
	"unicode"
)

// mailLook is how every mail looks: beside the name of the app stands its logo, or its initial in its colour.
//
// Mail programs show no SVG and no WebP, drop data: addresses, and load nothing from a web site before their reader
// allows it, as that tells the sender who reads what, and when. So a logo goes with the mail, and the initial, which
// is text, stands for one that cannot.
type mailLook struct {
	Logo    mailLogo
	Initial string // empty: the app has no name, or a logo
	Accent  template.CSS
	// DarkAccent and OnDarkAccent are the colours of the button on a dark page: its own, and that of its text.
	DarkAccent, OnDarkAccent template.CSS
}

// mailLogo is the logo as the HTML of a mail shows it. Its zero value: none.
type mailLogo struct {
	URL           template.URL // cid:…
	Width, Height int          // in CSS pixels
}

// Picture is a picture that goes with a mail. The HTML of the mail refers to it as cid: and its ID.
type Picture struct {
	ID, Kind string // Kind is the media type
	Content  []byte
}

const (
	// maxMailLogo is in bytes. A larger logo is not sent: it would be a third larger in each mail.
	maxMailLogo = 64 << 10
	// logoWidest is the width in CSS pixels from which a logo is made smaller, so that the name fits beside it.
	logoWidest = 160
	// logoID is the Content-ID of the logo.
	logoID = "logo@gatepost"
)

func (ui *UI) mailLook(app string) mailLook {
	a := ui.c.Brand.Accent
	look := mailLook{Accent: template.CSS(a.onLight()), DarkAccent: template.CSS(a.onDark()),
		OnDarkAccent: template.CSS(a.inkOnDark())}
	if l := ui.c.Brand.Logo; l.Mailed() {
		look.Logo = mailLogo{URL: "cid:" + logoID, Width: l.Width, Height: logoHeight}
		if l.Width > logoWidest {
			look.Logo.Width, look.Logo.Height = logoWidest, max(1, logoHeight*logoWidest/l.Width)
		}
	} else if !ui.c.Nameless {
		look.Initial = initial(app)
	}
	return look
}

// Mailed reports whether mail shows the logo: a file of at most 64 KiB that is PNG, JPEG or GIF.
func (l Logo) Mailed() bool {
	return slices.Contains([]string{"image/png", "image/jpeg", "image/gif"}, l.kind) && len(l.content) <= maxMailLogo
}

func (l Logo) picture() Picture { return Picture{logoID, l.kind, l.content} }

// initial returns the first letter or digit of a name, as a capital; "" if it has none.
func initial(name string) string {
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToTitle(r))
		}
	}
	return ""
}

// Align is the side at which lines begin. Many mail programs know no other word for it.
func (p mailPage) Align() template.CSS {
	if p.Dir == "rtl" {
		return "right"
	}
	return "left"
}

// Filler keeps mail programs from showing the text that follows the introduction beside the subject.
func (mailPage) Filler() template.HTML {
	return template.HTML(strings.Repeat("&#847;&zwnj;&nbsp;", 60))
}

// Standalone is the HTML of a mail with its pictures inside, for a browser, which does not know cid:.
func (l Letter) Standalone() string {
	html := l.HTML
	for _, p := range l.Pictures {
		html = strings.ReplaceAll(html, "cid:"+p.ID, string(dataURL(p.Kind, p.Content)))
	}
	return html
}
