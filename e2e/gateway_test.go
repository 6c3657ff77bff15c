package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// gateway is a running `gatepost`.
type gateway struct {
	*program
	url           string // the public URL, without the final slash
	adminPassword string // of the demo's administrator
	dir           string // holds all files of the gateway
}

// buildGateway builds the binary from the parent directory.
func buildGateway(binary string) error {
	build := exec.Command("go", "build", "-o", binary, "./cmd/gatepost")
	build.Dir = ".."
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build gatepost: %w\n%s", err, text)
	}
	return nil
}

// startDemo runs the demo with all its files in dir, and with these settings.
func startDemo(binary, dir string, settings ...string) (*gateway, error) {
	g, err := startGateway(exec.Command(binary, "demo"), dir, welcome, settings...)
	if err != nil {
		return nil, err
	}
	g.adminPassword = welcome.FindStringSubmatch(g.out.String())[2]
	return g, nil
}

// welcome matches what the demo prints once it answers. Users copy the login from there, and so do the tests.
var welcome = regexp.MustCompile(`(?s)Open +(http://localhost:\d+)/\n.*` +
	`Admin login +admin@example\.com +password: (\S+)\n`)

// startGateway runs a gate with these settings on any free port. The port is in the line of output that matches
// up.
func startGateway(cmd *exec.Cmd, dir string, up *regexp.Regexp, settings ...string) (*gateway, error) {
	cmd.Env = append([]string{
		"HOME=" + os.Getenv("HOME"), "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.Getenv("TMPDIR"),
		"GATEPOST_DATA_DIR=" + dir, "GATEPOST_POSTGRES_BIN=" + os.Getenv("GATEPOST_POSTGRES_BIN"),
		"GATEPOST_LISTEN=localhost:0", "GATEPOST_OPS_LISTEN=off", "GATEPOST_LOG_LEVEL=info",
	}, settings...)
	p, err := startProgram(filepath.Base(cmd.Path)+" "+strings.Join(cmd.Args[1:], " "), cmd)
	if err != nil {
		return nil, err
	}
	if err := p.wait(func() bool { return up.MatchString(p.out.String()) }); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return &gateway{program: p, url: up.FindStringSubmatch(p.out.String())[1], dir: dir}, nil
}

// failures returns an error that lists the requests that the gate failed to answer. No test may cause one.
func (g *gateway) failures() error {
	if lines := failed.FindAllString(g.out.String(), -1); lines != nil {
		return fmt.Errorf("%s failed:\n%s", g.name, strings.Join(lines, "\n"))
	}
	return nil
}

var failed = regexp.MustCompile(`(?m)^.* msg=request .*status=5\d\d .*$|^panic.*$`)
