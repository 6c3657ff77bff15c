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

func (b *mailbox) list(w http.ResponseWriter, _ *http.Request) {
	b.mu.Lock()
	letters := slices.Clone(b.letters)
	b.mu.Unlock()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = mailboxTemplate.Execute(w, letters) // the visitor may have left
}

// show shows a letter as a mail program does.
func (b *mailbox) show(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	i := slices.IndexFunc(b.letters, func(l loginui.Letter) bool { return l.ID == r.PathValue("id") })
	html := ""
	if i >= 0 {
		html = b.letters[i].HTML
	}
	b.mu.Unlock()
	if html == "" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
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

var mailboxTemplate = template.Must(template.New("mailbox").
	Funcs(template.FuncMap{"linked": linked}).Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mailbox of the demo</title>
<link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem }
article { border: 1px solid; border-radius: .5rem; padding: 1rem; margin: 1rem 0 }
h2 { font-size: 1.1rem; margin: 0 }
pre { font: inherit; white-space: pre-wrap; overflow-wrap: anywhere; margin: 1rem 0 }
</style>
</head>
<body>
<nav><a href="/">Home</a></nav>
<main>
<h1>Mailbox of the demo</h1>
<p>Whatever the gate mails ends here, and nowhere else.</p>
{{range .}}<article lang="{{.Lang}}">
<h2>{{.Subject}}</h2>
<div>To <bdi>{{.To}}</bdi></div>
<pre dir="auto">{{linked .Text}}</pre>
<a href="/mailbox/{{.ID}}" lang="en">As HTML</a>
</article>
{{else}}<p>There is no mail yet. Sign up, or say that you forgot your password.</p>
{{end}}</main>
</body>
</html>
`))
