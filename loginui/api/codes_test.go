package api

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// refused matches a refusal in the code, with its code and its status.
var refused = regexp.MustCompile(`refusal\{(?:"[^"]*"(?: \+\s*"[^"]*")*|message),\s*"([A-Z_]+)",\s*(\d+)\}`)

// Each code of the protocol is explained with its statuses, and no other; and the OpenAPI document has each that a
// client brings about.
func TestEachCodeIsExplained(t *testing.T) {
	t.Parallel()
	code, err := os.ReadFile("refusal.go")
	if err != nil {
		t.Fatal(err)
	}
	docs, err := os.ReadFile("../../docs/better-auth-client.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(docs), "\n## Codes\n")
	table, _, _ = strings.Cut(table, "\n## ")
	_, api := document(t)
	served, err := api.Document()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, m := range refused.FindAllStringSubmatch(string(code), -1) {
		found[m[1]] = true
		_, row, ok := strings.Cut(table, "\n| `"+m[1]+"` | ")
		if statuses, _, _ := strings.Cut(row, " |"); !ok || !strings.Contains(statuses, m[2]) {
			t.Errorf("docs/better-auth-client.md does not explain %s with %s", m[1], m[2])
		}
		anywhere := m[1] == errRule.Code || m[1] == errBroken.Code // at every endpoint, and nothing to expect
		if !anywhere && !strings.Contains(string(served), m[1]) {
			t.Errorf("the OpenAPI document does not know %s", m[1])
		}
	}
	if all := strings.Count(string(code), "&refusal{"); all < 40 || len(found) < 40 {
		t.Errorf("only %d codes of %d refusals are found", len(found), all)
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)` ").FindAllStringSubmatch(table, -1) {
		if !found[m[1]] {
			t.Errorf("docs/better-auth-client.md explains %s, which is no code", m[1])
		}
	}
}
