package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// The gate and the browser are started once for all tests. Each test uses a new visitor.
var (
	site    *gateway
	browser context.Context // nil: this machine has no browser
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

// run is TestMain with deferred calls. All processes have ended when it returns.
func run(m *testing.M) (code int, err error) {
	program := findBrowser()
	if program == "" {
		return m.Run(), nil // each test reports what is missing
	}
	dir, err := serverDir()
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "gatepost")
	if err := buildGateway(binary); err != nil {
		return 1, err
	}
	if site, err = startDemo(binary, dir); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, site.stop(), site.failures()) }()
	ctx, stop, err := startBrowser(program)
	if err != nil {
		return 1, err
	}
	browser = ctx
	defer stop()
	if code = m.Run(); code != 0 {
		fmt.Fprintf(os.Stderr, "e2e: what gatepost wrote:\n%s", site.out)
	}
	return code, nil
}

// serverDir makes a directory that other users may pass through: under root the database server runs as another
// user.
func serverDir() (string, error) {
	dir, err := os.MkdirTemp("", "gatepost-e2e-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711)
}
