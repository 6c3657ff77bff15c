package demo

import (
	"context"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatepost/gatepost/loginui"
)

// mailbox gets all mail of the demo. Everybody who opens the demo can read it.
type mailbox struct {
	mu      sync.Mutex
	letters []letter // the latest first
}

// mailboxMost is how many letters the mailbox keeps.
const mailboxMost = 50

// letter is a mail in the mailbox.
type letter struct {
	loginui.Letter
	At   time.Time // when it came, by the clock and in the zone of this machine
	Read bool      // somebody has opened it
}

// From is who a letter says that it is from. At a real gate GATEPOST_MAIL_FROM says that.
func (letter) From() string { return appName + " <login@demo.example>" }

// deliver implements smtp.Deliver.
func (b *mailbox) deliver(_ context.Context, l loginui.Letter) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.letters = slices.Insert(b.letters, 0, letter{Letter: l, At: time.Now()})
	b.letters = b.letters[:min(len(b.letters), mailboxMost)]
	return nil
}

// all returns the letters, the latest first.
func (b *mailbox) all() []letter {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.letters)
}

// open returns a letter, which counts as read from then on.
func (b *mailbox) open(id string) (letter, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := b.find(id)
	if i < 0 {
		return letter{}, false
	}
	b.letters[i].Read = true
	return b.letters[i], true
}

// find returns where a letter is, or -1. Whoever calls it holds mu.
func (b *mailbox) find(id string) int {
	return slices.IndexFunc(b.letters, func(l letter) bool { return l.ID == id })
}

// intoWindow has the links of a mail leave the frame that shows it: no page of the gate may be in one.
const intoWindow = `<head><base target="_top">`

// html is a letter as a mail program shows it, alone. It does not count as read.
func (b *mailbox) html(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	html, i := "", b.find(r.PathValue("id"))
	if i >= 0 {
		html = b.letters[i].Standalone()
	}
	b.mu.Unlock()
	if html == "" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:")
	_, _ = w.Write([]byte(strings.Replace(html, "<head>", intoWindow, 1))) // the visitor may have left
}

var webAddress = regexp.MustCompile(`https?://\S+`)

// linked turns the addresses in a text into links.
func linked(text string) template.HTML {
	var out strings.Builder
	last := 0
	for _, at := range webAddress.FindAllStringIndex(text, -1) {
		address := template.HTMLEscapeString(text[at[0]:at[1]])
		out.WriteString(template.HTMLEscapeString(text[last:at[0]]) + `<a href="` + address + `">` + address + `</a>`)
		last = at[1]
	}
	return template.HTML(out.String() + template.HTMLEscapeString(text[last:])) // every part is escaped
}
