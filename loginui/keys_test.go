package loginui

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// said matches the messages that code and templates name.
var said = regexp.MustCompile(`\b[sS]ay(?:Date)?\(?\s*"([a-z_.]+)"`)

// families matches messages whose names are put together from a field and its problem, a status, a page, or a
// deed.
var families = regexp.MustCompile(
	`^code\.(missing|malformed)$|` +
		`^(rules|roles|days)\.malformed$|` +
		`^(email|name|username|password|current|fault|activity|account\.done|login\.done|mail\.[a-z_]+)\.[a-z_.-]+$|` +
		`\.(title|submit|busy)$|^date\.months$|^(reset|undo|onward|leaving)\.(say|go)$`)

func TestEveryMessageExistsAndIsSaid(t *testing.T) {
	texts := ourTexts(t)[source]
	named := map[string]bool{}
	// Operators may have the templates from before.
	for _, pattern := range []string{"*.go", "templates/*", "testdata/before/templates/*"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range said.FindAllStringSubmatch(string(content), -1) {
				named[found[1]] = true
				if _, ok := texts[found[1]]; !ok && !strings.HasSuffix(file, "_test.go") &&
					!strings.HasSuffix(found[1], ".") {
					t.Errorf("%s says %q, which is no message", file, found[1])
				}
			}
			for key := range texts {
				if strings.Contains(string(content), `"`+key+`"`) {
					named[key] = true // passed to a function that says the message
				}
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		if !named[key] && !families.MatchString(key) {
			t.Errorf("nobody says %q", key)
		}
	}
	for status := range codes {
		for _, key := range []string{messageOf(status), messageOf(status) + ".title"} {
			if _, ok := texts[key]; !ok {
				t.Errorf("there is no %q for the status %d", key, status)
			}
		}
	}
}
