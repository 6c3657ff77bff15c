package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

func TestInit(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(app.Close)
	const away = "http://127.0.0.1:1"
	database := authtest.NewEmptyDatabase(t)
	for name, c := range map[string]struct {
		args  []string
		typed string
		code  int
		says  []string
		wants string // in the file
	}{
		"asked": {nil, app.URL + "\n/dashboard, /admin=admin\n" + database + "\n", 0,
			[]string{"Where does your app listen? [http://localhost:3000]", "For example, GET /admin needs role admin.",
				"the database has no tables of Gatepost yet",
				"set -a; . ", "bin/gatepost serve"},
			"GATEPOST_UPSTREAM=" + app.URL + "\nGATEPOST_PROTECT='/dashboard, /admin=admin'\nDATABASE_URL="},
		"told": {[]string{"--upstream", app.URL, "--protect", "/", "--database", database}, "", 0, []string{"is written"},
			"GATEPOST_PROTECT=/\n"},
		"corrected": {[]string{"--database", database}, "nonsense\n" + away + "\nn\n" + app.URL + "\nPSOT /x\n\n", 0,
			[]string{"GATEPOST_UPSTREAM", "nothing answers at " + away, "Use it all the same?", "GATEPOST_PROTECT",
				"All other paths are public.", "is written"},
			"GATEPOST_PROTECT=/dashboard\n"},
		"kept all the same": {[]string{"--database", database}, away + "\nyes\n/\n", 0,
			[]string{"nothing answers at " + away, "Use it all the same?", "is written"},
			"GATEPOST_UPSTREAM=" + away + "\nGATEPOST_PROTECT=/\n"},
		"untested": {[]string{"--untested", "--upstream", away, "--protect", "/", "--database", "built-in"}, "", 0, nil,
			"GATEPOST_UPSTREAM=" + away + "\nGATEPOST_PROTECT=/\n"},
		"named": {[]string{"--untested", "--upstream", away, "--protect", "/"}, "built-in\nMy shop\n", 0,
			[]string{"or your site's address if you give none. [none]", "is written"},
			"GATEPOST_PROTECT=/\nGATEPOST_APP_NAME='My shop'\n"},
		"a name that is told": {[]string{"--untested", "--upstream", away, "--protect", "/", "--database", "built-in",
			"--name", "Shop"}, "", 0, nil, "GATEPOST_APP_NAME=Shop\n"},
		"no scheme": {[]string{"--protect", "/", "--database", database},
			strings.TrimPrefix(app.URL, "http://") + "\n", 0, nil, "GATEPOST_UPSTREAM=" + app.URL + "\n"},
		"a port": {[]string{"--untested", "--upstream", ":3077", "--protect", "/", "--database", "built-in"}, "", 0, nil,
			"GATEPOST_UPSTREAM=http://localhost:3077\n"},
		"wrong":      {[]string{"--upstream", away}, "", 1, []string{"nothing answers at " + away}, ""},
		"no answers": {nil, "", 1, []string{"there is no more input: give the answer as --upstream"}, ""},
		"no database": {[]string{"--upstream", app.URL, "--protect", "/", "--database", "postgres://127.0.0.1:1/x"}, "", 1,
			[]string{"127.0.0.1:1"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "gate.env")
			var out bytes.Buffer
			env := append(os.Environ(), "GATEPOST_UPSTREAM=http://of.another.gate", "GATEPOST_NONSENSE=1")
			code := run(t.Context(), append([]string{"bin/gatepost", "init", "--file", file}, c.args...), env,
				strings.NewReader(c.typed), &out, &out)
			if code != c.code {
				t.Errorf("exit code %d", code)
			}
			rest := out.String()
			for _, words := range c.says {
				_, after, found := strings.Cut(rest, words)
				if !found {
					t.Errorf("it does not say %q, in this order:\n%s", words, &out)
				}
				rest = after
			}
			text, err := os.ReadFile(file)
			if (err == nil) != (c.wants != "") || !strings.Contains(string(text), c.wants) {
				t.Errorf("the file: %v\n%s", err, text)
			}
		})
	}
}

// Ctrl-C ends the command while it waits for an answer.
func TestInitEndsWhenItIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	typed, terminal := io.Pipe()
	t.Cleanup(func() { _ = terminal.Close() })
	asked, out := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"gatepost", "init", "--file", filepath.Join(t.TempDir(), "gate.env")}, os.Environ(), typed,
			out, out)
		_ = out.Close()
	}()
	if _, err := asked.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	interrupt()
	_, _ = io.Copy(io.Discard, asked)
	if got := <-code; got == 0 {
		t.Error("it says that it has done its work")
	}
}

// Whoever has a file keeps it, and a shell reads from it what was answered.
func TestTheFileOfInit(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "gate.env")
	again := func(args ...string) int {
		var out bytes.Buffer
		return run(t.Context(), append([]string{"gatepost", "init", "--file", file, "--untested", "--protect", "/",
			"--upstream", "http://a"}, args...), os.Environ(), strings.NewReader(""), &out, &out)
	}
	const database = `host=/tmp user=u password='it\'s $HOME and "more"' dbname=x`
	if again("--file", filepath.Join(t.TempDir(), "none", "x")) != 1 {
		t.Error("a file is written into a folder that is not there")
	}
	if again("--database", "built-in") != 0 || again("--database", database) != 1 ||
		again("--force", "--database", database) != 0 {
		t.Error("a file is replaced only with --force")
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	out, err := exec.Command("sh", "-c", `. "$0"; printf %s "$DATABASE_URL"`, file).Output()
	if err != nil || string(out) != database {
		t.Errorf("a shell reads %q, %v", out, err)
	}
}
