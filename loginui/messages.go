package loginui

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

//go:embed messages/*.json
var messageFiles embed.FS

// text is one message: a single form, a form for each plural category of the language, or a list.
type text struct {
	other string
	forms map[string]string // by category, when there are several
	list  []string
}

// categories are the names that CLDR gives to plural forms.
var categories = map[plural.Form]string{plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other"}

func (t text) form(tag language.Tag, n int) string {
	const cycle = 10_000_000 // the rules look at no more digits
	if f, ok := t.forms[categories[plural.Cardinal.MatchPlural(tag, n%cycle, 0, 0, 0, 0)]]; ok {
		return f
	}
	return t.other
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
