package acceptance_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// nobody is the id of the user in the Dockerfile.
const nobody = 65532

// build runs the build step of the Dockerfile.
func build(t *testing.T, tree, out string) []byte {
	t.Helper()
	cmd := exec.Command(filepath.Join(tree, "scripts", "static"), out, "v1.2.3")
	cmd.Env = append(cmd.Environ(), "COMMIT=0123abc")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, said)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// inEmptyRoot makes cmd run as nobody with the given root directory.
func inEmptyRoot(cmd *exec.Cmd, root string) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if os.Getuid() != 0 { // needs a user namespace
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: nobody, HostID: os.Getgid(), Size: 1}}
		cmd.SysProcAttr.Credential.NoSetGroups = true
	}
	cmd.Dir = "/"
}

// The Dockerfile builds one file that needs no other file, not even one that names localhost, and no privilege.
func TestTheImagesBinaryRunsInAnEmptyRoot(t *testing.T) {
	t.Parallel()
	dockerfile, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []string{"scripts/static /gatepost", fmt.Sprintf("USER %d:%[1]d", nobody),
		"COPY --from=build /gatepost /gatepost"} {
		if !strings.Contains(string(dockerfile), step) {
			t.Errorf("the Dockerfile has no %q", step)
		}
	}
	root := publicDir(t)
	program := filepath.Join(root, "gatepost")
	first := build(t, "..", program)

	var delay atomic.Int64 // no delay: slow gives PostgreSQL a TCP port
	port, ops := freePort(t), freePort(t)
	env := []string{"GATEPOST_LISTEN=:" + port, "GATEPOST_OPS_LISTEN=localhost:" + ops,
		"GATEPOST_PUBLIC_URL=http://localhost:" + port, "GATEPOST_PROTECT=/dashboard",
		"DATABASE_URL=" + slow(t, authtest.NewEmptyDatabase(t), &delay), "GATEPOST_UPSTREAM=" + newApp(t).url}
	g := &running{url: "http://localhost:" + port, ops: "http://localhost:" + ops, log: &logBuffer{},
		done: make(chan error, 1)}
	g.cmd = exec.Command(program)
	inEmptyRoot(g.cmd, root)
	g.cmd.Path, g.cmd.Env, g.cmd.Stdout, g.cmd.Stderr = "/gatepost", env, g.log, g.log
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	g.untilItEnds(t)
	v := g.visitor(t)
	v.signUp("ada@example.com")
	if r := v.fetch("/dashboard"); r.status != 200 {
		t.Errorf("the dashboard: %d %s", r.status, r.body)
	}
	if out, err := exec.Command(program, "version").Output(); err != nil ||
		!strings.Contains(string(out), "gatepost v1.2.3\ncommit 0123abc\n") {
		t.Errorf("its version: %v %s", err, out)
	}
	health := exec.Command(program, "health")
	inEmptyRoot(health, root)
	health.Path, health.Env = "/gatepost", env
	if out, err := health.CombinedOutput(); err != nil {
		t.Errorf("its health: %v %s", err, out)
	}
	if code := g.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if files, err := os.ReadDir(root); err != nil || len(files) != 1 {
		t.Errorf("it has left %v in its root, %v", files, err)
	}

	copied := t.TempDir()
	for _, part := range []string{"auth", "cmd", "internal", "loginui", "migrations", "proxy", "scripts"} {
		if err := os.CopyFS(filepath.Join(copied, part), os.DirFS("../"+part)); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"go.mod", "go.sum"} {
		b, err := os.ReadFile("../" + file)
		if err == nil {
			err = os.WriteFile(filepath.Join(copied, file), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(build(t, copied, filepath.Join(copied, "gatepost")), first) {
		t.Error("built in another place it is another file")
	}
}
