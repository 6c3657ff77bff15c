package acceptance_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	inlineCommand = regexp.MustCompile("`(?:bin/)?gatepost ([a-z][^`]*)`")
	commandWord   = regexp.MustCompile(`^[a-z][a-z-]*$`)
	commandFlag   = regexp.MustCompile(`(?:^| )(--[a-z][a-z-]*)`)
)

// Every command of the program that a text names has the subcommands and the flags that it is named with.
func TestCommandsInTheTextExist(t *testing.T) {
	t.Parallel()
	help, found := map[string]string{}, 0
	for _, page := range append(docPages(t), "CONTRIBUTING.md", "SECURITY.md", "examples/README.md") {
		text, err := os.ReadFile("../" + page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range inlineCommand.FindAllStringSubmatch(string(text), -1) {
			found++
			words := strings.Fields(m[1])
			if words[0] == "is" {
				continue // the log says so
			}
			said := strings.Join(words, " ")
			command := words[:1]
			if len(words) > 1 && commandWord.MatchString(words[1]) && hasCommands(words[0]) {
				command = words[:2]
			}
			name := strings.Join(command, " ")
			if _, known := help[name]; !known {
				out, code := runGate(t, append(command[:len(command):len(command)], "--help"))
				if code != 0 {
					t.Errorf("%s: gatepost %s: %s", page, said, out)
				}
				help[name] = out
			}
			for _, flag := range commandFlag.FindAllStringSubmatch(said, -1) {
				if !strings.Contains(help[name], flag[1]) {
					t.Errorf("%s: gatepost %s: there is no %s", page, said, flag[1])
				}
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d commands are found", found)
	}
}

// hasCommands tells commands that have others below them.
func hasCommands(name string) bool {
	return slices.Contains([]string{"user", "key", "import", "breached", "token", "webhook"}, name)
}
