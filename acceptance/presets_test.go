package acceptance_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// presetNames are the apps that `gatepost preset` lists.
func presetNames(t *testing.T) (names []string) {
	t.Helper()
	out, code := runGate(t, []string{"preset"})
	for line := range strings.Lines(out) {
		names = append(names, strings.Fields(line)[0])
	}
	if code != 0 || len(names) < 11 {
		t.Fatalf("exit %d: %s", code, out)
	}
	return names
}

// printPreset is what `gatepost preset` prints for an app: the settings of the gate, and what to set in the app.
func printPreset(t *testing.T, name string) (settings string, there []string) {
	t.Helper()
	out, code := runGate(t, []string{"preset", name})
	if code != 0 {
		t.Fatalf("exit %d: %s", code, out)
	}
	where := regexp.MustCompile(`(?m)^# (In|On) .*:\n#\n`)
	parts := where.Split(out, -1)
	for _, part := range parts[1:] {
		var text strings.Builder
		for line := range strings.Lines(part) {
			if line != "\n" && line != "#\n" && !strings.HasPrefix(line, "#     ") {
				t.Errorf("%s: %q is no comment about the app", name, line)
			}
			text.WriteString(strings.TrimPrefix(strings.TrimPrefix(line, "#"), "     "))
		}
		there = append(there, strings.TrimRight(text.String(), "\n")+"\n")
	}
	return strings.TrimRight(parts[0], "\n") + "\n", there
}

// environment reads settings as docker does, which takes quotation marks for a part of the value.
func environment(settings string) (env []string) {
	for line := range strings.Lines(settings) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			env = append(env, line)
		}
	}
	return env
}

// A preset is a configuration without a fault or a warning, for a gate that reaches the app.
func TestEveryPresetIsAConfiguration(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	for _, name := range presetNames(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings, there := printPreset(t, name)
			env := environment(settings)
			if len(there) == 0 || len(env) < 3 || !strings.HasPrefix(env[0], "GATEPOST_UPSTREAM=http://127.0.0.1:") {
				t.Errorf("it has %q, and for the app %q", env, there)
			}
			env[0] = "GATEPOST_UPSTREAM=" + a.url
			out, code := runBriefly(t, "check", append(env, "DATABASE_URL="+authtest.NewDatabase(t))...)
			if code != 0 || !strings.Contains(out, "Everything is in order.") {
				t.Errorf("exit %d: %s", code, out)
			}
		})
	}
}

// An app that is told a username is told no address: Gitea takes somebody whose username it does not know, or who has
// none, for whoever has their address there.
func TestAPresetWithUsernamesSendsNoAddress(t *testing.T) {
	t.Parallel()
	for _, name := range presetNames(t) {
		settings, _ := printPreset(t, name)
		for _, line := range environment(settings) {
			if strings.Contains(line, "=username") && strings.Contains(line, "=email") {
				t.Errorf("%s: %s", name, line)
			}
		}
	}
}

// A shell that reads a preset has the settings that docker and systemd have.
func TestAPresetIsAFileOfEnvironment(t *testing.T) {
	t.Parallel()
	for _, name := range presetNames(t) {
		settings, _ := printPreset(t, name)
		file := filepath.Join(t.TempDir(), "gate.env")
		if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("sh", "-ec", `set -a; . "$0"; env`, file)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
		out, err := cmd.CombinedOutput()
		got := strings.Split(string(out), "\n")
		for _, want := range environment(settings) {
			if !slices.Contains(got, strings.ReplaceAll(want, `"`, "")) {
				t.Errorf("%s: no %s in %v %s", name, want, err, out)
			}
		}
	}
}

// docs/apps has a page for each preset, with the same text.
func TestThePagesOfAppsHaveTheirPresets(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		text, err := os.ReadFile("../docs/apps/" + name + ".md")
		if err != nil {
			t.Error(err)
		}
		return string(text)
	}
	indent := regexp.MustCompile(`(?m)^(.)`)
	index, names := read("README"), presetNames(t)
	for _, name := range names {
		if !strings.Contains(index, "("+name+".md)") {
			t.Errorf("docs/apps/README.md does not lead to %s", name)
		}
		page := read(name)
		settings, there := printPreset(t, name)
		for _, text := range append(there, settings) {
			if block := "\n\n" + indent.ReplaceAllString(text, "    $1"); !strings.Contains(page, block) {
				t.Errorf("docs/apps/%s.md lacks this, as it stands in the preset:%s", name, block)
			}
		}
		for _, heading := range []string{"\n## What was tried\n", "\n## How to go back\n"} {
			if !strings.Contains(page, heading) {
				t.Errorf("docs/apps/%s.md has no %q", name, heading)
			}
		}
	}
	pages, err := filepath.Glob("../docs/apps/*.md")
	if err != nil || len(pages) != len(names)+1 {
		t.Errorf("%v: %q for %q", err, pages, names)
	}
}
