package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// missing skips a test that cannot run on this machine. With CI set it fails the test, because nobody reads
// there what was skipped.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// needModule returns the path of a file that `make e2e` installs with npm.
func needModule(t *testing.T, file string) string {
	t.Helper()
	path := filepath.Join("node_modules", file)
	if _, err := os.Stat(path); err != nil {
		missing(t, "there is no e2e/"+path+"; `make e2e` installs it")
	}
	return path
}

func needNode(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		missing(t, "there is no node on PATH")
	}
	return path
}
