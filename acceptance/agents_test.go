package acceptance_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

var (
	block = regexp.MustCompile("(?s)\n```sh\n(.*?)```\n")
	asked = regexp.MustCompile(`(?m)^(curl (?:.*\\\n)*.*)\n# (\d+)$`)
)

// Whoever follows docs/agents.md to the letter has a gate that does what its sentence says. Only the ports are others.
func TestThePageForAgents(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/agents.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, m := range block.FindAllStringSubmatch(string(page), -1) {
		blocks = append(blocks, m[1])
	}
	settings := regexp.MustCompile("(?s)\n```env\n(.*?)```\n").FindSubmatch(page)
	if len(blocks) != 2 || settings == nil || !strings.Contains(blocks[0], "gatepost serve") {
		t.Fatalf("the page has %d blocks of commands, settings %q", len(blocks), settings)
	}
	env := []string{"DATABASE_URL=" + authtest.NewEmptyDatabase(t)}
	for line := range strings.Lines(string(settings[1])) {
		env = append(env, strings.Replace(strings.TrimSpace(line), "http://localhost:3000", newApp(t).url, 1))
	}
	g := startGate(t, env...)
	dir, steps := t.TempDir(), asked.FindAllStringSubmatch(blocks[1], -1)
	for _, step := range steps {
		cmd := exec.Command("sh", "-c", strings.ReplaceAll(step[1], "http://localhost:8080", g.url))
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != step[2] {
			t.Errorf("%s\nanswers %s, not %s (%v)", step[1], out, step[2], err)
		}
	}
	if len(steps) != 6 {
		t.Errorf("the page has %d commands with an answer", len(steps))
	}
}

// The command in docs/llms.txt, which programs read first, has the settings of docs/agents.md.
func TestTheListForAgentsHasTheSameSettings(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/agents.md")
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile("../docs/llms.txt")
	if err != nil {
		t.Fatal(err)
	}
	settings := regexp.MustCompile("(?s)\n```env\n(.*?)```\n").FindStringSubmatch(string(page))
	if settings == nil {
		t.Fatal("docs/agents.md has no settings")
	}
	want := "\n    " + strings.Join(strings.Fields(settings[1]), " ") + " gatepost serve\n"
	if !strings.Contains(string(list), want) {
		t.Errorf("docs/llms.txt has no line %q", want)
	}
}
