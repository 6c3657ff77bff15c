package acceptance_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/internal/config"
)

// shownOnly are blocks that are not run, by the words they begin with, and why.
var shownOnly = map[string]string{
	"docs/pages.md: GATEPOST_APP_NAME=": "it has two settings a line, to be read",
}

// Every command in README.md and docs/ works, every setting loads, and every statement of SQL runs: in the order of the
// page, in an empty directory with the files of the repository. What this machine cannot do is done by a stand-in,
// which looks at its arguments: see standIns.
func TestEveryCommandOfTheDocs(t *testing.T) {
	t.Parallel()
	for _, page := range docPages(t) {
		var todo []docBlock
		for _, b := range docBlocks(t, page) {
			if kind := b.kind(); (kind == "sh" || kind == "env" || kind == "sql") && b.shownOnly() == "" {
				todo = append(todo, b)
			}
		}
		if len(todo) == 0 {
			continue
		}
		t.Run(strings.TrimPrefix(page, "docs/"), func(t *testing.T) {
			t.Parallel()
			w := newDocWorld(t, page)
			for _, b := range todo {
				w.do(b)
			}
		})
	}
}

func (b docBlock) shownOnly() string {
	for begin, why := range shownOnly {
		if strings.HasPrefix(b.page+": "+b.text, begin) {
			return why
		}
	}
	return ""
}

// do runs a block, loads it or executes it.
func (w *docWorld) do(b docBlock) {
	w.t.Helper()
	text := w.words.Replace(b.text)
	switch b.kind() {
	case "sh":
		w.runs(b, text)
	case "env":
		w.loads(b, append(w.exported(), environment(text)...))
		if w.keeps {
			w.first("set -a\n" + text + keep)
		}
		if file := w.settings; file != "" {
			w.write(file, text)
		}
	case "sql":
		w.sql(b, text)
	}
}

// keep has the next block find what this one has set.
const keep = "\nexport -p >\"$ROOT/state\"; env -0 >\"$ROOT/exported\"\n"

// runs runs a block of commands with what the blocks before have set. Where it sets something itself and runs no
// gatepost, its settings have to load.
func (w *docWorld) runs(b docBlock, text string) {
	w.t.Helper()
	out, err := w.command("sh", "-euc", "[ ! -e \"$ROOT/state\" ] || . \"$ROOT/state\"\n"+text+keep).CombinedOutput()
	if err != nil {
		w.t.Fatalf("%s:%d: %v\n%s\nsays\n%s", b.page, b.line, err, text, out)
	}
	if strings.Contains(text, "export GATEPOST_") && !strings.Contains(text, "gatepost ") {
		w.loads(b, w.exported())
	}
}

// exported returns the environment as the blocks before have left it.
func (w *docWorld) exported() []string {
	w.t.Helper()
	text, err := os.ReadFile(w.root + "/exported")
	if os.IsNotExist(err) {
		return w.env
	} else if err != nil {
		w.t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
}

// loads checks that a gate would start with these settings. The last of two with one name counts.
func (w *docWorld) loads(b docBlock, env []string) {
	w.t.Helper()
	last := map[string]string{}
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		last[name] = value
	}
	env = nil
	for name, value := range last {
		env = append(env, name+"="+value)
	}
	if _, err := config.Load(w.t.Context(), env); err != nil {
		w.t.Errorf("%s:%d: %v\n%s", b.page, b.line, err, b.text)
	}
}

func (w *docWorld) sql(b docBlock, text string) {
	w.t.Helper()
	cmd := w.command("psql", "-X", "-v", "ON_ERROR_STOP=1", "-d", w.database)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Errorf("%s:%d: %v\n%s\nsays\n%s", b.page, b.line, err, text, out)
	}
}

// command is a program in the directory of the page, with its settings.
func (w *docWorld) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = w.dir, w.env
	return cmd
}
