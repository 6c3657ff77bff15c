package auth_test

import (
	"errors"
	"os"
	process "os/exec"
	"sync"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
)

// What hashes for a Store knows a password from a wrong one, and ends with the Store.
func TestAStoreHashesInProcessesThatEndWithIt(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var started []*process.Cmd
	s, _ := authtest.NewStore(t, func(o *auth.Options) {
		o.HashWorker = func() *process.Cmd {
			mu.Lock()
			defer mu.Unlock()
			started = append(started, process.Command(os.Args[0], hashWorkerArg))
			return started[len(started)-1]
		}
	})
	signUp(t, s, "ada@example.com")
	if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); err != nil {
		t.Error(err)
	}
	if _, err := signIn(s, t.Context(), "ada@example.com", wrong); !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("a wrong one: got %v, want ErrBadCredentials", err)
	}
	s.Close()
	if len(started) == 0 {
		t.Error("no process was started")
	}
	for _, p := range started {
		if p.ProcessState == nil {
			t.Errorf("%d outlives the Store", p.Process.Pid)
		}
	}
}
