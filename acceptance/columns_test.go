package acceptance_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// lineMost is the longest line, in characters. A tab counts as one.
const lineMost = 120

// wideFiles are files whose lines may be longer, and why.
var wideFiles = map[string]string{
	"docs/doctor.md":   "it shows what the terminal shows",
	"docs/settings.md": "made of internal/config/settings.go",
}

// wideLine matches lines that cannot be shorter: a row of a table in markdown, an address, the tag of a field, a target
// of the Makefile with what `make help` says of it.
var wideLine = regexp.MustCompile("^\\s*\\||https?://|^\\t\\w+ .*`[a-z]+:\".*`$|^[a-z]+: ##")

// wideFolders have what others made. The files of migrations are none of the kinds: they never change once they have
// shipped.
var wideFolders = []string{".git", "node_modules", ".next", "testdata", "screenshots", "builds",
	"dist-site"}

// Lines end by column 120, so that two files stand side by side on a screen.
func TestLinesEndByColumn120(t *testing.T) {
	t.Parallel()
	kinds := []string{".go", ".md", ".sh", ".html", ".py", ".mjs", ".js", ".css"}
	scripts := regexp.MustCompile(`^(scripts/|\.ci/|Makefile$|Dockerfile$)`)
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel("..", path)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(wideFolders, entry.Name()):
			return filepath.SkipDir
		case entry.IsDir() || wideFiles[rel] != "":
			return nil
		case !slices.Contains(kinds, filepath.Ext(path)) && !scripts.MatchString(rel):
			return nil
		}
		text, err := os.ReadFile(path)
		number := 0
		for line := range strings.Lines(string(text)) {
			number++
			line = strings.TrimRight(line, "\r\n")
			if n := utf8.RuneCountInString(line); n > lineMost && !wideLine.MatchString(line) {
				t.Errorf("%s:%d has %d characters", rel, number, n)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
