package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// missing ends a test that cannot run here: quietly on somebody's machine, loudly where nobody reads what was skipped.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// needModule is the path of a file that `make e2e` has npm install.
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
