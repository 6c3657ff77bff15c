package loginui

import (
	"html/template"
	"strings"
	"time"

	"github.com/mileusna/useragent"

	"github.com/gatepost/gatepost/auth/session"
)

// sessionEntry is the text about one session on the account page.
type sessionEntry struct {
	ID, Device, Place, Ago string
	Begun                  string // Created as plain text
	Created                template.HTML
	Current, Phone         bool
}

func newSessionEntry(w *words, s session.OwnSession) sessionEntry {
	ua := useragent.Parse(s.UserAgent)
	return sessionEntry{s.ID, w.device(s.UserAgent), w.Place(s.IPAddress), w.Ago(s.Unused),
		w.say("account.created", "date", w.Date(s.CreatedAt)), w.sayDate("account.created", s.CreatedAt),
		s.Current, ua.Mobile || ua.Tablet}
}

// systems replaces outdated names of operating systems.
var systems = strings.NewReplacer("CrOS", "ChromeOS")

// device describes the browser and the system of a User-Agent header. The client controls the header, so the
// result is cut short, and must be shown as text.
func (w *words) device(header string) string {
	ua := useragent.Parse(header)
	browser, system := short(ua.Name), systems.Replace(short(ua.OS))
	switch {
	case browser == "":
		return w.say("device.unknown")
	case system == "":
		return w.isolate(browser)
	}
	return w.say("device.both", "browser", browser, "system", system)
}

func short(s string) string {
	const most = 40
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}

// when returns a date that the script converts to the visitor's local time.
func (w *words) when(t time.Time) template.HTML {
	return template.HTML(`<time datetime="` + t.UTC().Format(time.RFC3339) + `" dir="` + w.Dir + `">` +
		template.HTMLEscapeString(w.Date(t)) + `</time>`)
}

// sayDate returns a message whose {date} is that of when.
func (w *words) sayDate(key string, t time.Time) template.HTML {
	const mark = "\x00"
	// The dir attribute isolates the date, so the isolating characters are removed.
	parts := strings.SplitN(strings.ReplaceAll(w.say(key, "date", mark), w.isolate(mark), mark), mark, 2)
	for i := range parts {
		parts[i] = template.HTMLEscapeString(parts[i])
	}
	return template.HTML(strings.Join(parts, string(w.when(t)))) // both parts are escaped
}
