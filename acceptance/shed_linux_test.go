package acceptance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

const ofNobody = 65534 // the user and the group that own no files

// children returns the processes that the gate started for hashing and that have dropped their privileges.
func (g *running) children() (list []string) {
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		stat, _ := os.ReadFile(dir + "/status")
		line, _ := os.ReadFile(dir + "/cmdline")
		if strings.Contains(string(stat), fmt.Sprintf("\nPPid:\t%d\n", g.cmd.Process.Pid)) &&
			strings.Contains(string(line), "shed") {
			list = append(list, dir)
		}
	}
	return list
}

// A process that hashes holds passwords and nothing else: no capability and no way to gain one, no environment,
// no file, and if the gate runs as root, not its user.
func TestAProcessThatHashesHasNoRights(t *testing.T) {
	t.Parallel()
	g := startGate(t, "DATABASE_URL="+authtest.NewEmptyDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url)
	var seen string
	done := make(chan struct{})
	go func() {
		defer close(done)
		v := g.visitor(t)
		for i := range 40 {
			form := fmt.Sprintf("email=nobody%d%%40example.com&password=correct+horse+battery", i)
			if r := v.do("POST", "/login", strings.NewReader(form), "Origin: "+g.url); r.status == 0 {
				return
			}
		}
	}()
	eventually(t, "a process that hashes was looked at", func() bool {
		for _, dir := range g.children() {
			if status, err := os.ReadFile(dir + "/status"); err == nil && g.look(t, dir) {
				seen = string(status)
			}
		}
		return seen != ""
	})
	<-done
	wants := []string{"CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000",
		"CapAmb:\t0000000000000000", "NoNewPrivs:\t1"}
	if os.Getuid() == 0 {
		wants = append(wants, "CapBnd:\t0000000000000000", fmt.Sprintf("Uid:\t%d\t%[1]d\t%[1]d\t%[1]d", ofNobody),
			fmt.Sprintf("Gid:\t%d\t%[1]d\t%[1]d\t%[1]d", ofNobody), "Groups:\t \n")
	}
	for _, want := range wants {
		if !strings.Contains(seen, want) {
			t.Errorf("no %q in\n%s", want, seen)
		}
	}
}

// look checks a process, and reports whether it could, after the system's loader was done with it and before it ended.
func (g *running) look(t *testing.T, dir string) bool {
	env, err1 := os.ReadFile(dir + "/environ")
	cwd, err2 := os.Readlink(dir + "/cwd")
	files, err3 := os.ReadDir(dir + "/fd")
	if err1 != nil || err2 != nil || err3 != nil {
		return false
	}
	opened := make([]string, len(files))
	for i, f := range files {
		opened[i], _ = os.Readlink(dir + "/fd/" + f.Name()) // empty: it is closed again
		if strings.Contains(opened[i], "/libc.so") {
			return false // the loader reads it before the program begins
		}
	}
	if len(env) != 0 || cwd != "/" {
		t.Errorf("its environment is %q, and it is in %s", env, cwd)
	}
	for i, f := range files {
		to := opened[i]
		if to != "" && f.Name() > "2" && !strings.HasPrefix(to, "anon_inode:") &&
			!strings.HasPrefix(to, "/sys/fs/cgroup") && !strings.HasPrefix(to, "/proc") {
			t.Errorf("it has open %s", to)
		}
	}
	return true
}
