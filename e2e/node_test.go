package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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

// needNode22 returns a Node that is new enough for oidc-provider: the system's, or the one that npm installs.
func needNode22(t *testing.T) string {
	t.Helper()
	const check = "process.exit(+process.versions.node.split('.')[0] < 22)"
	if path, err := exec.LookPath("node"); err == nil && exec.Command(path, "-e", check).Run() == nil {
		return path
	}
	arch := map[string]string{"amd64": "x64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	return needModule(t, "node-"+runtime.GOOS+"-"+arch+"/bin/node")
}

func needNode(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		missing(t, "there is no node on PATH")
	}
	return path
}
