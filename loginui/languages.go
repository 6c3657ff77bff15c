package loginui

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

//go:embed messages/*.json
var messageFiles embed.FS

// source is the language that has every message. Others fall back to it, message by message.
const source = "en"

// languages are what the pages can be read in. The first is for those who can read none of them.
type languages struct {
	list    []*words
	source  *words // for programs
	matcher language.Matcher
}

// loadLanguages reads our message files, and the operator's over them: a file for a language of ours may hold some
// messages, one for another language adds it. offered are the languages to offer, in order; empty means all, English first. warn is
// called with what works and is not right.
func loadLanguages(overrides fs.FS, offered []string, warn func(string)) (languages, error) {
	texts, err := readMessages(messageFiles, nil)
	if err != nil {
		return languages{}, err
	}
	if overrides != nil {
		own, err := readMessages(overrides, texts[source])
		if err != nil {
			return languages{}, err
		}
		merge(texts, own)
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
			return languages{}, fmt.Errorf("there is no language %q; there are %s", name, strings.Join(slices.Sorted(maps.Keys(texts)), ", "))
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

func merge(texts, own map[string]map[string]text) {
	for tag, t := range own {
		if texts[tag] == nil {
			texts[tag] = map[string]text{}
		}
		maps.Copy(texts[tag], t)
	}
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

// readMessages reads messages/*.json. known are the messages there may be; nil: any.
func readMessages(files fs.FS, known map[string]text) (map[string]map[string]text, error) {
	names, err := fs.Glob(files, "messages/*.json")
	if err != nil {
		return nil, err
	}
	texts := map[string]map[string]text{}
	var errs []error
	for _, name := range names {
		tag, err := language.Parse(strings.TrimSuffix(path.Base(name), ".json"))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: the name of the file is no language (examples: de.json, pt-BR.json)", name))
			continue
		}
		content, err := fs.ReadFile(files, name)
		if err == nil {
			texts[tag.String()], err = parseMessages(name, content, known)
		}
		errs = append(errs, err)
	}
	return texts, errors.Join(errs...)
}

// parseMessages reads one file. Every error names it and the line.
func parseMessages(name string, content []byte, known map[string]text) (map[string]text, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(content, &raw); err != nil {
		line := 1
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			line += bytes.Count(content[:min(int(syntax.Offset), len(content))], []byte("\n"))
		}
		return nil, fmt.Errorf("%s:%d: not a JSON object of messages: %w", name, line, err)
	}
	texts := map[string]text{}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		t, err := parseText(raw[key])
		if err == nil && known != nil {
			err = fits(t, known, key)
		}
		if err != nil {
			line := 1 + bytes.Count(content[:max(0, bytes.Index(content, []byte(`"`+key+`"`)))], []byte("\n"))
			errs = append(errs, fmt.Errorf("%s:%d: %q %w", name, line, key, err))
		}
		texts[key] = t
	}
	return texts, errors.Join(errs...)
}

func parseText(raw json.RawMessage) (t text, err error) {
	switch {
	case json.Unmarshal(raw, &t.other) == nil:
	case json.Unmarshal(raw, &t.forms) == nil:
		t.other = t.forms["other"]
		for category := range t.forms {
			if !slices.Contains(slices.Collect(maps.Values(categories)), category) {
				return t, fmt.Errorf("has a plural form %q; there are zero, one, two, few, many and other", category)
			}
		}
	case json.Unmarshal(raw, &t.list) == nil:
		return t, nil
	}
	if t.other == "" {
		return t, errors.New(`is neither a text, nor plural forms with at least "other", nor a list of texts`)
	}
	return t, nil
}

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

// fits says whether a message can stand for ours of the same key.
func fits(t text, known map[string]text, key string) error {
	ours, ok := known[key]
	if !ok {
		return errors.New("is not a message of ours")
	}
	if len(t.list) != len(ours.list) {
		return fmt.Errorf("is to be a list of %d", len(ours.list))
	}
	allowed := placeholder.FindAllString(ours.other, -1)
	for _, form := range append(slices.Collect(maps.Values(t.forms)), t.other) {
		for _, p := range placeholder.FindAllString(form, -1) {
			if !slices.Contains(allowed, p) {
				return fmt.Errorf("has the placeholder %s; it can have %s", p, strings.Join(allowed, " "))
			}
		}
	}
	return nil
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
	if err != nil {
		return l.list[0]
	}
	_, i, confidence := l.matcher.Match(wanted...)
	if confidence == language.No {
		i = 0
	}
	return l.list[i]
}

// find is the language with just this name.
func (l languages) find(name string) *words {
	for _, w := range l.list {
		if strings.EqualFold(w.Lang, name) {
			return w
		}
	}
	return nil
}
