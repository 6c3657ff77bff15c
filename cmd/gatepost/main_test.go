package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gatepost/gatepost/auth/authtest"
)

// TestMain makes the test binary gatepost itself when it is called by that name, as the scripts do.
func TestMain(m *testing.M) {
	testscript.Main(closing{m}, map[string]func(){"gatepost": main})
}

type closing struct{ m *testing.M }

func (c closing) Run() int {
	defer authtest.Close()
	return c.m.Run()
}

// TestScripts runs testdata/*.txt. Each is a shell session with an empty database in DATABASE_URL.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("DATABASE_URL", authtest.NewEmptyDatabase(t))
			env.Setenv("GATEPOST_OPS_LISTEN", "off")
			return nil
		},
	})
}
