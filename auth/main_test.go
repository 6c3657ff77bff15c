package auth_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/password"
)

// hashWorkerArg makes the test binary a process that hashes.
const hashWorkerArg = "hash-worker"

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == hashWorkerArg {
		if err := password.Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	authtest.Main(m)
}
