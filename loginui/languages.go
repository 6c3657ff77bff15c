package loginui

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// source is the language that has every message. Others fall back to it, message by message.
const source = "en"

// languages are what the pages can be read in. The first is for those who can read none of them.
type languages struct {
	list    []*words
	source  *words // for programs
	matcher language.Matcher
}

// ErrNoLanguage: Brand.Languages asks for one that has no messages.
var ErrNoLanguage = errors.New("there is no language")

// loadLanguages reads our message files, and the operator's over them: a file for a language of ours may hold some
// messages, one for another language adds it. offered are the languages to offer, in order; empty means all, English first.
// warn is called with what works and is not right.
func loadLanguages(overrides fs.FS, offered []string, warn func(string)) (languages, error) {
	ours, err := ourMessages()
	if err != nil {
		return languages{}, err
	}
	texts := maps.Clone(ours)
	if overrides != nil {
		own, err := readMessages(overrides, texts[source])
		if err != nil {
			return languages{}, err
		}
		if err := merge(texts, own); err != nil {
			return languages{}, err
		}
	}
	if len(offered) == 0 {
		offered = slices.DeleteFunc(slices.Sorted(maps.Keys(texts)), func(name string) bool { return name == source })
		offered = slices.Insert(offered, 0, source)
	}
	var l languages
	var tags []language.Tag
	for _, name := range offered {
		t, ok := texts[name]
		if !ok {
			return languages{}, fmt.Errorf("%w %q; there are %s", ErrNoLanguage, name, strings.Join(slices.Sorted(maps.Keys(texts)), ", "))
		}
		if missing := complete(t, texts[source]); len(missing) > 0 {
			warn(fmt.Sprintf("messages/%s.json lacks %d messages, which are shown in English: %s", name, len(missing), strings.Join(missing, ", ")))
		}
		tag := language.Make(name)
		l.list, tags = append(l.list, newWords(tag, t)), append(tags, tag)
	}
	l.matcher, l.source = language.NewMatcher(tags), newWords(language.Make(source), texts[source])
	return l, nil
}

// merge lays the operator's messages over ours. A language has to have a name, or the switcher would call it English.
func merge(texts, own map[string]map[string]text) error {
	for tag, t := range own {
		merged := map[string]text{}
		maps.Copy(merged, texts[tag]) // which others share
		maps.Copy(merged, t)
		texts[tag] = merged
		if _, ok := texts[tag]["language.name"]; !ok {
			return fmt.Errorf(`messages/%s.json: "language.name" is missing: what the language calls itself`, tag)
		}
	}
	return nil
}

// complete fills in what a language lacks, and returns the keys.
func complete(t, from map[string]text) (missing []string) {
	for _, key := range slices.Sorted(maps.Keys(from)) {
		if _, ok := t[key]; !ok {
			t[key] = from[key]
			missing = append(missing, key)
		}
	}
	return missing
}

// languageCookie keeps what the visitor chose. It is no secret, and an app may read it, or set it to its own language.
const languageCookie = "gatepost_language"

// maxAccept bounds what is parsed of Accept-Language.
const maxAccept = 512

// wordsFor are the visitor's: as chosen in the address or before, else the best of those his browser asks for.
func (l languages) wordsFor(r *http.Request) *words {
	if w := l.find(r.URL.Query().Get("lang")); w != nil {
		return w
	}
	if c, err := r.Cookie(languageCookie); err == nil {
		if w := l.find(c.Value); w != nil {
			return w
		}
	}
	accept := r.Header.Get("Accept-Language")
	if len(accept) > maxAccept {
		return l.list[0]
	}
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil { // of one entry: the others still say what is wanted
		for entry := range strings.SplitSeq(accept, ",") {
			tags, _, _ := language.ParseAcceptLanguage(entry)
			wanted = append(wanted, tags...)
		}
	}
	_, i, confidence := l.matcher.Match(wanted...)
	if confidence == language.No {
		i = 0
	}
	return l.list[i]
}

// Speaks says whether the pages can be read in the language of just this name.
func (ui *UI) Speaks(name string) bool { return ui.languages.find(name) != nil }

// find is the language with just this name.
func (l languages) find(name string) *words {
	for _, w := range l.list {
		if strings.EqualFold(w.Lang, name) {
			return w
		}
	}
	return nil
}
