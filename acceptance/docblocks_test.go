package acceptance_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docBlock is a block of code in a page.
type docBlock struct {
	page string // as in "docs/rules.md"
	line int    // of its first line
	lang string // what the fence says
	text string
}

// languages are what a block may say it is: sh is run, env is loaded, sql is executed; the others are for the eye, or
// have tests of their own.
var languages = []string{"sh", "env", "sql", "csv", "go", "html", "js", "json", "php", "python", "ruby", "ts", "txt"}

// plainPages still have blocks that are only indented, and why. What is a command or a setting there is seen by its
// first words.
var plainPages = map[string]string{
	"docs/apps/":         "they show presets, which are compared line by line",
	"docs/frameworks.md": "its blocks are still indented",
	"docs/mail.md":       "as above",
	"docs/pages.md":      "as above",
}

// docPages lists README.md and all of docs/.
func docPages(t *testing.T) []string {
	t.Helper()
	pages := []string{"README.md"}
	err := filepath.WalkDir("../docs", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			pages = append(pages, strings.TrimPrefix(path, "../"))
		}
		return err
	})
	if err != nil || len(pages) < 30 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	return pages
}

var (
	fence    = regexp.MustCompile("^( *)```(.*)$")
	commands = regexp.MustCompile(`^(\w+=\S+ )*(bin/)?(gatepost|export [A-Z_]+|set|npm|npx|php|python|rails)\b`)
)

// docBlocks returns the blocks of a page in their order.
func docBlocks(t *testing.T, page string) (list []docBlock) {
	t.Helper()
	text, err := os.ReadFile("../" + page)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		from := i + 1
		if m := fence.FindStringSubmatch(lines[i]); m != nil {
			for i++; strings.TrimSpace(lines[i]) != "```"; i++ {
				lines[i] = strings.TrimPrefix(lines[i], m[1])
			}
			list = append(list, docBlock{page, from, m[2], strings.Join(lines[from:i], "\n") + "\n"})
		} else if strings.HasPrefix(lines[i], "    ") && lines[i-1] == "" {
			for ; strings.HasPrefix(lines[i], "    "); i++ { // to the next empty line: commands and code may follow each other
				lines[i] = strings.TrimPrefix(lines[i], "    ")
			}
			list = append(list, docBlock{page, from, "", strings.Join(lines[from-1:i], "\n") + "\n"})
		}
	}
	return list
}

// kind is what a block is: what its fence says, or what an indented one looks like.
func (b docBlock) kind() string {
	switch {
	case b.lang != "":
		return b.lang
	case commands.MatchString(b.text):
		return "sh"
	case strings.HasPrefix(b.text, "GATEPOST_"):
		return "env"
	}
	return ""
}

// Every block of code says what it is, so that readers, and these tests, tell commands from settings and from output.
func TestEveryBlockOfTheDocsSaysItsLanguage(t *testing.T) {
	t.Parallel()
	for _, page := range docPages(t) {
		plain := false
		for name := range plainPages {
			plain = plain || strings.HasPrefix(page, name)
		}
		for _, b := range docBlocks(t, page) {
			if !slices.Contains(languages, b.lang) && !(plain && b.lang == "") {
				t.Errorf("%s:%d: a block of %q", page, b.line, b.lang)
			}
		}
	}
}
