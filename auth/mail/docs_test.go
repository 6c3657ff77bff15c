package mail_test

import (
	"os"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/mail"
)

// Each mail that is sent is explained.
func TestEachKindOfMailIsExplained(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/mail.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range mail.Kinds {
		if !strings.Contains(string(text), "\n| `"+string(kind)+"` | ") {
			t.Errorf("docs/mail.md says nothing about %s", kind)
		}
	}
}
