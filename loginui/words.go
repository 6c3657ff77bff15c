package loginui

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
	"golang.org/x/text/unicode/bidi"
)

// words are all messages of the pages, in one language.
type words struct {
	// Lang is the language as HTML names it. Dir is its direction: ltr or rtl.
	Lang, Dir string
	tag       language.Tag
	printer   *message.Printer
	messages
}

func newWords(tag language.Tag, m messages) *words {
	return &words{Lang: tag.String(), Dir: direction(tag), tag: tag, printer: message.NewPrinter(tag), messages: m}
}

// direction returns the direction of the script that the language is written in.
func direction(tag language.Tag) string {
	script, _ := tag.Script()
	switch script.String() {
	case "Adlm", "Arab", "Hebr", "Nkoo", "Rohg", "Syrc", "Thaa":
		return "rtl"
	}
	return "ltr"
}

// Say returns the message of a key with its placeholders filled in: Say("wait.minutes", "n", 5). The number n
// chooses the plural form. Numbers are written as usual in the language, and text of another direction is
// isolated. Templates call Say, and fail if the key does not exist.
func (w *words) Say(key string, args ...any) (string, error) {
	t, ok := w.read()[key]
	if !ok {
		return "", fmt.Errorf("there is no message %q", key)
	}
	form := t.other
	pairs := make([]string, 0, len(args))
	for i := 0; i+1 < len(args); i += 2 {
		name := fmt.Sprint(args[i])
		switch value := args[i+1].(type) {
		case int:
			if name == "n" {
				form = t.form(w.tag, value)
			}
			pairs = append(pairs, "{"+name+"}", w.number(value))
		default:
			pairs = append(pairs, "{"+name+"}", w.isolate(fmt.Sprint(value)))
		}
	}
	return strings.NewReplacer(pairs...).Replace(form), nil
}

// say is Say for Go code. A test checks that its keys exist.
func (w *words) say(key string, args ...any) string {
	s, err := w.Say(key, args...)
	if err != nil {
		return key
	}
	return s
}

func (w *words) has(key string) bool { _, ok := w.read()[key]; return ok }

func (w *words) number(n int, options ...number.Option) string {
	return w.printer.Sprint(number.Decimal(n, options...))
}

// isolate keeps text of another direction from reordering the text around it (UAX #9).
func (w *words) isolate(s string) string {
	if w.Dir == "ltr" && !strings.ContainsFunc(s, turns) {
		return s
	}
	const firstStrong, pop = "\u2068", "\u2069"
	return firstStrong + s + pop
}

// turns reports whether a character is written from right to left, or changes the direction of others.
func turns(r rune) bool {
	p, _ := bidi.LookupRune(r)
	switch p.Class() {
	case bidi.R, bidi.AL, bidi.AN, bidi.LRE, bidi.RLE, bidi.LRO, bidi.RLO, bidi.PDF, bidi.LRI,
		bidi.RLI, bidi.FSI, bidi.PDI:
		return true
	}
	return false
}

// Date writes a time in UTC, since the visitor's time zone is unknown. The script replaces it with their local
// time.
func (w *words) Date(t time.Time) string {
	t = t.UTC()
	two := number.MinIntegerDigits(2)
	return strings.NewReplacer(
		"{day}", w.number(t.Day()),
		"{month}", w.read()["date.months"].list[t.Month()-1],
		"{year}", w.number(t.Year(), number.NoSeparator()),
		"{hour}", w.number(t.Hour(), two),
		"{minute}", w.number(t.Minute(), two),
	).Replace(w.say("date.format"))
}

// wait writes a duration, rounded up to a whole unit.
func (w *words) wait(d time.Duration) string {
	switch {
	case d <= 90*time.Second:
		return w.say("wait.seconds", "n", int((d+time.Second-1)/time.Second))
	case d <= 90*time.Minute:
		return w.say("wait.minutes", "n", int((d+time.Minute-1)/time.Minute))
	}
	return w.say("wait.hours", "n", int((d+time.Hour-1)/time.Hour))
}

// Ago writes how long ago something was, rounded down to a whole unit.
func (w *words) Ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return w.say("ago.now")
	case d < time.Hour:
		return w.say("ago.minutes", "n", int(d/time.Minute))
	case d < 48*time.Hour:
		return w.say("ago.hours", "n", int(d/time.Hour))
	}
	return w.say("ago.days", "n", int(d/(24*time.Hour)))
}

// Place describes a network address, as far as the address itself tells. It is "" if there is none.
func (w *words) Place(address string) string {
	a, err := netip.ParseAddr(address)
	switch {
	case err != nil:
		return ""
	case a.IsLoopback():
		return w.say("place.local")
	case a.IsPrivate(), a.IsLinkLocalUnicast():
		return w.say("place.private", "address", address)
	}
	return w.isolate(address)
}
