package acceptance_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docs/security.md names, for each case of the threat model and each known flaw of gateways, the test which
// shows that this gateway does not have it. This test checks that the list is complete and that its names
// exist.
func TestTheCoverageTablesAreCompleteAndTrue(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, tables, ok := strings.Cut(string(b), "\n## What shows it\n")
	if !ok {
		t.Fatal("docs/security.md has no part named What shows it")
	}
	rows := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| ([^|]+) \| [^|]+ \| ([^|]+) \|$`).FindAllStringSubmatch(tables, -1) {
		for id := range strings.SplitSeq(m[1], ", ") {
			rows[id] = m[2]
		}
	}
	for _, id := range coveredIDs() {
		if rows[id] == "" {
			t.Errorf("%s has neither a test nor a reason", id)
		}
	}
	known := testNames(t)
	for id, by := range rows {
		for _, name := range regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)").FindAllStringSubmatch(by, -1) {
			if !known[name[1]] {
				t.Errorf("%s: there is no %s", id, name[1])
			}
		}
		for _, script := range regexp.MustCompile("`(testdata/[a-z_]+.txt)`").FindAllStringSubmatch(by, -1) {
			if _, err := os.Stat(filepath.Join("../cmd/gatepost", script[1])); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
	}
}

// coveredIDs returns the cases of the threat model, by number, and the flaws of gateways, by letter and number.
func coveredIDs() []string {
	var list []string
	for i := range 47 {
		list = append(list, fmt.Sprint(i+1))
	}
	for letter, n := range map[string]int{"A": 17, "B": 10, "C": 6, "D": 11, "E": 11, "F": 9, "G": 10,
		"H": 8, "I": 5, "J": 6} {
		for i := range n {
			list = append(list, fmt.Sprint(letter, i+1))
		}
	}
	return list
}

func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		for _, m := range declared.FindAllStringSubmatch(string(b), -1) {
			names[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
