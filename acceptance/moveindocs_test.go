package acceptance_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// The first commands of the page on moving in work in an empty database.
func TestTheFirstCommandsOfMovingIn(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/move-in/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, page, _ = bytes.Cut(page, []byte("## Before the switch\n\n"))
	block, _, _ := strings.Cut(string(page), "\n\n")
	source := authtest.NewDatabase(t)
	tables := strings.NewReplacer("CREATE SCHEMA old;", "", "old.", "public.").Replace(betterAuthTables)
	if _, err := authtest.Pool(t, source).Exec(t.Context(), tables+`;
	    INSERT INTO public."user" VALUES ('ada', 'Ada', 'ada@example.com', true)`); err != nil {
		t.Fatal(err)
	}
	env := []string{"DATABASE_URL=" + authtest.NewEmptyDatabase(t), "GATEPOST_IMPORT_FROM=" + source}
	var said bytes.Buffer
	commands := 0
	for line := range strings.Lines(block) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
		args := strings.Fields(strings.ReplaceAll(line, "report.ndjson", filepath.Join(t.TempDir(), "report")))
		if len(args) == 0 || args[0] != "gatepost" {
			continue
		}
		commands++
		if code := run(t.Context(), args, env, strings.NewReader(""), &said, &said); code != 0 {
			t.Errorf("%q: code %d", args, code)
		}
	}
	if commands < 2 || !strings.Contains(said.String(), "1 created") {
		t.Errorf("%d commands say\n%s", commands, &said)
	}
}
