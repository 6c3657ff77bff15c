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

// source is the language that has every message. Other languages fall back to it, message by message.
const source = "en"

// languages holds the languages of the pages. The first is for visitors who read none of them.
type languages struct {
	list    []*words
	source  *words // for answers to programs
	matcher language.Matcher
}

// ErrNoLanguage means that Brand.Languages names a language without messages.
var ErrNoLanguage = errors.New("there is no language")

// loadLanguages reads the gate's message files and lays the operator's over them. The operator's file for an
// existing language may hold a part of the messages; a file for another language adds that language. offered
// lists the languages to offer, in order; empty means all, English first. warn is called for messages that are
// missing and shown in English.
func loadLanguages(overrides fs.FS, offered []string, warn func(string)) (languages, error) {
	all, err := ourMessages()
	if err == nil && overrides != nil {
		all, err = overlay(all, overrides)
	}
	if err != nil {
		return languages{}, err
	}
	if len(offered) == 0 {
		offered = slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(name string) bool { return name == source })
		offered = slices.Insert(offered, 0, source)
	}
	var l languages
	var tags []language.Tag
	for _, name := range offered {
		m, ok := all[name]
		if !ok {
			return languages{}, fmt.Errorf("%w %q; there are %s", ErrNoLanguage, name,
				strings.Join(slices.Sorted(maps.Keys(all)), ", "))
		}
		if overrides != nil { // a test holds the gate's own to be complete
			if missing := complete(m.read(), all[source].read()); len(missing) > 0 {
				warn(fmt.Sprintf("messages/%s.json lacks %d messages, which are shown in English: %s", name,
					len(missing), strings.Join(missing, ", ")))
			}
		}
		tag := language.Make(name)
		l.list, tags = append(l.list, newWords(tag, m)), append(tags, tag)
	}
	l.matcher, l.source = language.NewMatcher(tags), newWords(language.Make(source), all[source])
	return l, nil
}

// overlay lays the operator's messages over the gate's. A language without a name is refused: the switcher would
// call it English.
func overlay(ours map[string]messages, overrides fs.FS) (map[string]messages, error) {
	own, err := readMessages(overrides, ours[source].read())
	if err != nil {
		return nil, err
	}
	all := maps.Clone(ours)
	for tag, texts := range own {
		merged := map[string]text{}
		if m, ok := ours[tag]; ok {
			maps.Copy(merged, m.read()) // a copy: others share the map
		}
		maps.Copy(merged, texts)
		name, ok := merged["language.name"]
		if !ok {
			return nil, fmt.Errorf(`messages/%s.json: "language.name" is missing: what the language calls itself`, tag)
		}
		all[tag] = messages{name.other, func() map[string]text { return merged }}
	}
	return all, nil
}

// complete fills in the messages that a language lacks, and returns their keys.
func complete(t, from map[string]text) (missing []string) {
	for key, words := range from {
		if _, ok := t[key]; !ok {
			t[key] = words
			missing = append(missing, key)
		}
	}
	slices.Sort(missing)
	return missing
}

// languageCookie keeps the language that the visitor chose. It is no secret: the app may read and set it.
const languageCookie = "gatepost_language"

// maxAccept is the longest Accept-Language header that is parsed, in bytes.
const maxAccept = 512

// wordsFor returns the words in the visitor's language: the one in the address, else the one in the cookie,
// else the best match for what the browser asks for.
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
	if err != nil { // one entry is malformed: take the valid ones
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

// Speaks reports whether the pages exist in the language with exactly this name.
func (ui *UI) Speaks(name string) bool { return ui.languages.find(name) != nil }

// find returns the language with exactly this name, or nil.
func (l languages) find(name string) *words {
	for _, w := range l.list {
		if strings.EqualFold(w.Lang, name) {
			return w
		}
	}
	return nil
}
