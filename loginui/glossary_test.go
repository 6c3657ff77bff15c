package loginui

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// glossary reads which stems stand for the terms of the pages in a language: testdata/glossary/de.json. Whoever
// translates keeps to it, so that one thing has one name.
func glossary(t *testing.T, lang string) map[string][]string {
	t.Helper()
	content, err := os.ReadFile("testdata/glossary/" + lang + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var stems map[string][]string
	if err := json.Unmarshal(content, &stems); err != nil {
		t.Fatalf("%s: %v", lang, err)
	}
	return stems
}

// held are the terms that a test can hold: their English words stand for nothing else.
var held = []string{"account", "password", "device", "sign up", "invitation", "username"}

func TestOneThingHasOneNameInEachLanguage(t *testing.T) {
	texts := ourTexts(t)
	for lang, own := range texts {
		if lang == source {
			continue
		}
		stems := glossary(t, lang)
		for _, term := range held {
			if len(stems[term]) == 0 {
				t.Errorf("%s: the glossary lacks %q", lang, term)
			}
			word := regexp.MustCompile(`(?i)\b` + term)
			for key, text := range texts[source] {
				english := placeholder.ReplaceAllString(text.other, "")
				if text.list == nil && word.MatchString(english) && !names(own[key].other, stems[term]) {
					t.Errorf("%s: %s says %q and has none of %q: %s", lang, key, term, stems[term], own[key].other)
				}
			}
		}
	}
}

func names(text string, stems []string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc(stems, func(stem string) bool { return strings.Contains(text, strings.ToLower(stem)) })
}
