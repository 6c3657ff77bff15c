package acceptance_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	linked  = regexp.MustCompile(`\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	dropped = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	fenced  = regexp.MustCompile("(?s)\n```.*?\n```|`[^`\n]*`")
)

// Every link from a text to a file or a heading of this repository leads there.
func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	links := 0
	for _, file := range texts(t) {
		if !strings.HasSuffix(file, ".md") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range linked.FindAllStringSubmatch(fenced.ReplaceAllString(string(text), ""), -1) {
			link := m[1] + m[2]
			if strings.Contains(link, ":") {
				continue // another site
			}
			links++
			path, anchor, _ := strings.Cut(link, "#")
			target := file
			if path != "" {
				target = filepath.Join(filepath.Dir(file), path)
			}
			there, err := os.Stat(target)
			if err != nil {
				t.Errorf("%s: %s leads nowhere", file, link)
				continue
			}
			if anchor != "" && (there.IsDir() || !anchorsOf(t, target)[anchor]) {
				t.Errorf("%s: %s has no such heading", file, link)
			}
		}
	}
	if links < 100 {
		t.Errorf("only %d links are found", links)
	}
}

// anchorsOf returns what the headings of a page are called in links, as GitHub does.
func anchorsOf(t *testing.T, file string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	anchors := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(string(text), -1) {
		name := dropped.ReplaceAllString(strings.ToLower(m[1]), "")
		anchors[strings.ReplaceAll(name, " ", "-")] = true
	}
	return anchors
}

// The list of all documentation lists all of it.
func TestTheListOfDocumentationIsWhole(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile("../docs/README.md")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	folders, err := filepath.Glob("../docs/*/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, folders...) {
		name := strings.TrimPrefix(page, "../docs/")
		if name != "README.md" && !strings.Contains(string(list), "]("+name) {
			t.Errorf("docs/README.md does not list %s", name)
		}
	}
}
