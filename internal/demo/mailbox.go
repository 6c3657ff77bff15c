package demo

import (
	"context"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/gatepost/gatepost/loginui"
)

// mailbox gets all mail of the demo. Everybody who opens the demo can read it.
type mailbox struct {
	mu      sync.Mutex
	letters []loginui.Letter // the latest first
}

// mailboxMost is how many letters the mailbox keeps.
const mailboxMost = 50

// deliver implements smtp.Deliver.
func (b *mailbox) deliver(_ context.Context, l loginui.Letter) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.letters = slices.Insert(b.letters, 0, l)
	b.letters = b.letters[:min(len(b.letters), mailboxMost)]
	return nil
}

// letter is what is shown of a mail.
type letter = loginui.Letter

// all returns the letters, the latest first.
func (b *mailbox) all() []letter {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.letters)
}

// show shows a letter as a mail program does.
func (b *mailbox) show(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	i := slices.IndexFunc(b.letters, func(l loginui.Letter) bool { return l.ID == r.PathValue("id") })
	html := ""
	if i >= 0 {
		html = b.letters[i].Standalone()
	}
	b.mu.Unlock()
	if html == "" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:")
	_, _ = w.Write([]byte(html)) // the visitor may have left
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
