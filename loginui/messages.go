package loginui

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// text is one message: a single form, a form for each plural category of the language, or a list.
type text struct {
	other string
	forms map[string]string // by plural category; nil for a single form
	list  []string
}

// categories are the names that CLDR gives to plural forms.
var categories = map[plural.Form]string{plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few",
	plural.Many: "many", plural.Other: "other"}

func (t text) form(tag language.Tag, n int) string {
	const cycle = 10_000_000 // the plural rules look at no more digits
	if f, ok := t.forms[categories[plural.Cardinal.MatchPlural(tag, n%cycle, 0, 0, 0, 0)]]; ok {
		return f
	}
	return t.other
}

// readMessages reads messages/*.json. Messages that are not in known are refused; nil allows any.
func readMessages(files fs.FS, known map[string]text) (map[string]map[string]text, error) {
	names, err := languageFiles(files)
	errs := []error{err}
	texts := map[string]map[string]text{}
	for _, tag := range slices.Sorted(maps.Keys(names)) {
		texts[tag], err = readTexts(files, names[tag], known)
		errs = append(errs, err)
	}
	return texts, errors.Join(errs...)
}

// languageFiles returns the files in messages by their languages.
func languageFiles(files fs.FS) (map[string]string, error) {
	names, err := list(files, "messages")
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	var errs []error
	for _, name := range names {
		base, json := strings.CutSuffix(path.Base(name), ".json")
		tag, err := language.Parse(base)
		switch {
		case err != nil || !json:
			errs = append(errs, fmt.Errorf("%s: the name of the file is no language (examples: de.json, pt-BR.json)",
				name))
		case found[tag.String()] != "":
			errs = append(errs, fmt.Errorf("%s: there is another file for the language %s", name, tag))
		default:
			found[tag.String()] = name
		}
	}
	return found, errors.Join(errs...)
}

func readTexts(files fs.FS, name string, known map[string]text) (map[string]text, error) {
	r, err := openFile(files, name)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return parseMessages(name, content, known)
}

// openFile opens a file that may be compressed with gzip, as messageFiles are in a released program (scripts/pack).
func openFile(files fs.FS, name string) (io.Reader, error) {
	content, err := fs.ReadFile(files, name)
	if err != nil || !bytes.HasPrefix(content, []byte("\x1f\x8b")) {
		return bytes.NewReader(content), err
	}
	r, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

// list returns the files in a directory, or none if the directory does not exist. Hidden files are left out:
// container platforms and editors put such files there.
func list(files fs.FS, dir string) (names []string, err error) {
	entries, err := fs.ReadDir(files, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			names = append(names, path.Join(dir, e.Name()))
		}
	}
	return names, err
}

// parseMessages reads one file. Every error names the file and the line.
func parseMessages(name string, content []byte, known map[string]text) (map[string]text, error) {
	d := json.NewDecoder(bytes.NewReader(content))
	texts := map[string]text{}
	var errs []error
	fault := func(err error) {
		line := 1 + bytes.Count(content[:d.InputOffset()], []byte("\n"))
		errs = append(errs, fmt.Errorf("%s:%d: %w", name, line, err))
	}
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		fault(errors.New("not a JSON object of messages"))
		return nil, errs[0]
	}
	for d.More() {
		token, err := d.Token()
		key, _ := token.(string)
		var raw json.RawMessage
		if err == nil {
			err = d.Decode(&raw)
		}
		if err != nil {
			fault(fmt.Errorf("not a JSON object of messages: %w", err))
			return nil, errors.Join(errs...) // the rest of the file cannot be parsed
		}
		t, err := parseText(raw)
		if _, double := texts[key]; err == nil && double {
			err = errors.New("is there twice")
		}
		if err == nil && known != nil {
			err = fits(t, known, key)
		}
		if err != nil {
			fault(fmt.Errorf("%q %w", key, err))
		}
		texts[key] = t
	}
	if _, err := d.Token(); err != nil {
		fault(fmt.Errorf("not a JSON object of messages: %w", err))
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
	case json.Unmarshal(raw, &t.list) == nil && len(t.list) > 0:
		return t, nil
	}
	if t.other == "" {
		return t, errors.New(`is neither a text, nor plural forms with at least "other", nor a list of texts`)
	}
	return t, nil
}

var placeholder = regexp.MustCompile(`\{[^}]*\}?`)

// fits checks that a message can replace the gate's message with the same key.
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
