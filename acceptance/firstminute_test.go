package acceptance_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A command that takes long says that it still runs, shows what it printed only if it failed, and keeps its exit code.
func TestACommandThatRunsQuietly(t *testing.T) {
	t.Parallel()
	done := filepath.Join(t.TempDir(), "done")
	cmd := exec.Command("../scripts/quietly", "sh", "-c", `echo noise; until [ -e "$0" ]; do sleep .05; done`, done)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "    … 4 s" {
		t.Errorf("it says %q", lines.Text())
	}
	if err := os.WriteFile(done, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		if strings.Contains(lines.Text(), "noise") {
			t.Error("it shows what a command printed that did not fail")
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	failing := exec.Command("../scripts/quietly", "sh", "-c", "echo the cause; exit 3")
	if said, _ := failing.CombinedOutput(); failing.ProcessState.ExitCode() != 3 || string(said) != "the cause\n" {
		t.Errorf("a command that fails: exit code %d, it says %q", failing.ProcessState.ExitCode(), said)
	}
}

// `make demo` has a line before each step, and takes the program that is there where there is no Go.
func TestTheDemosSteps(t *testing.T) {
	t.Parallel()
	const nothing = "#!/bin/sh\n"
	for name, c := range map[string]struct {
		golang, program string
		says            []string
		code            int
	}{
		"with Go":      {nothing, "", []string{"==> Building bin/gatepost. The first time", "demo runs"}, 0},
		"again":        {nothing, nothing, []string{"==> Building bin/gatepost.\n", "demo runs"}, 0},
		"without":      {"", nothing + "echo $1 runs\n", []string{"==> There is no Go", "demo runs"}, 0},
		"with nothing": {"", "", []string{"Install Go 1.26"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			put := func(name, text string) {
				t.Helper()
				if text == "" {
					return
				}
				if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			for _, script := range []string{"demo", "quietly"} {
				text, err := os.ReadFile("../scripts/" + script)
				if err != nil {
					t.Fatal(err)
				}
				put("scripts/"+script, string(text))
			}
			put("scripts/need", nothing)
			put("go", c.golang)
			put("bin/gatepost", c.program)
			put("Makefile", "build:\n\tmkdir -p bin; echo 'echo $$1 runs' >bin/gatepost; chmod +x bin/gatepost\n")
			cmd := exec.Command("scripts/demo")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "GO="+filepath.Join(dir, "go"))
			out, _ := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != c.code {
				t.Errorf("exit code %d", code)
			}
			rest := string(out)
			for _, line := range c.says {
				_, after, found := strings.Cut(rest, line)
				if !found {
					t.Errorf("it does not say %q, in this order:\n%s", line, out)
				}
				rest = after
			}
		})
	}
}
