package acceptance_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// The commands of the page on known apps work in their order, in an empty database, and invite somebody.
func TestTheFirstCommandsOfKnownApps(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/apps/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := bytes.Cut(page, []byte("\n    set -a;"))
	settings, _ := printPreset(t, "grafana")
	env := append(environment(settings), "DATABASE_URL="+authtest.NewEmptyDatabase(t),
		"GATEPOST_PUBLIC_URL=https://grafana.example.com")
	env[0] = "GATEPOST_UPSTREAM=" + newApp(t).url
	var said bytes.Buffer
	commands := 0
	for line := range strings.Lines(string(block)) {
		args := strings.Fields(line)
		if strings.HasPrefix(line, "    gatepost serve") {
			break // which needs no command before
		}
		if len(args) == 0 || !strings.HasPrefix(line, "    gatepost ") {
			continue
		}
		commands++
		if code := run(t.Context(), args, env, strings.NewReader(""), &said, &said); code != 0 {
			t.Errorf("%q: code %d", args, code)
		}
	}
	if commands < 3 || !strings.Contains(said.String(), "https://grafana.example.com/signup") {
		t.Errorf("%d commands say\n%s", commands, &said)
	}
}
