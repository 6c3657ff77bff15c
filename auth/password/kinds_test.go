package password

import (
	"flag"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
)

// TestServe is the process that TestEveryKindIsHashedInItsProcess starts, and no test.
func TestServe(t *testing.T) {
	if flag.Arg(0) != "serve" {
		return
	}
	if err := Serve(os.Stdin, os.Stdout); err != nil {
		t.Fatal(err)
	}
	os.Exit(0) // nothing but hashes may be written
}

// A hash of every kind is made in the processes that hash, and none in this one; what is wrong is wrong there too.
func TestEveryKindIsHashedInItsProcess(t *testing.T) {
	t.Parallel()
	var said strings.Builder
	p := NewProcesses(func() *exec.Cmd { return exec.Command(os.Args[0], "-test.run=^TestServe$", "serve") },
		slog.New(slog.NewTextHandler(&said, nil)))
	defer p.Close()
	p.SetPatience(time.Minute, time.Minute, time.Minute)
	p.Refrain(time.Hour) // other tests want every core
	for _, v := range vectors {
		if !Verify(secret.Password(v.password), v.stored, p.Derive) {
			t.Errorf("%q is wrong for %s", v.password, v.stored)
		}
		if Verify(secret.Password("x"+v.password), v.stored, p.Derive) {
			t.Errorf("%q is right for %s", "x"+v.password, v.stored)
		}
	}
	if said.Len() > 0 {
		t.Errorf("hashed here: %s", said.String())
	}
	if made := p.Derive("no hash", "correct horse"); made != "" || said.Len() == 0 {
		t.Errorf("a process makes %q of what is no hash, and says %q", made, said.String())
	}
}
