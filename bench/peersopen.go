package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func (c *comparison) open(ctx context.Context) (err error) {
	if c.root, err = goList(ctx, ".", "{{.Dir}}"); err != nil {
		return err
	}
	if c.dir, err = os.MkdirTemp("", "gatepost-peers-"); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	c.onClose(func() { _ = os.RemoveAll(c.dir) })
	if err := os.Chmod(c.dir, 0o711); err != nil { // as root, nginx serves as another user, who needs access
		return fmt.Errorf("open the directory to nginx: %w", err)
	}
	fmt.Fprintln(os.Stderr, "bench: building and starting")
	if err := c.site.open(ctx, c.o.options); err != nil {
		return err
	}
	for _, idle := range []gate{c.silent, c.asking, c.asserting} {
		idle.child.stop() // it would only disturb
	}
	token, err := c.signUp(ctx)
	if err != nil {
		return err
	}
	subjects := c.subjects(c.o.options, token)
	c.peers = []peer{{name: names[bare], checks: checksNothing, subject: subjects[bare]},
		{name: names[public], checks: "the path", subject: subjects[public]},
		{name: names[signedIn], checks: checksSession, subject: subjects[signedIn], stored: true}}
	return c.openPeers(ctx, c.keeping.named(token))
}

// What is checked of each request: a session is known to be alive, and a cookie alone is not.
const (
	checksNothing = "nothing"
	checksSession = "the session"
	checksCookie  = "its cookie"
)

// openPeers starts each program, or notes why it is missing.
func (c *comparison) openPeers(ctx context.Context, cookie string) error {
	for _, p := range []struct {
		name string
		open func(ctx context.Context, cookie string) error
	}{
		{"nginx", c.openNginx}, {"Caddy", c.openCaddy}, {"oauth2-proxy", c.openOAuth2Proxy},
		{"Better Auth", c.openBetterAuth},
	} {
		fmt.Fprintln(os.Stderr, "bench: starting", p.name)
		var gone missingError
		if err := p.open(ctx, cookie); errors.As(err, &gone) {
			c.missing = append(c.missing, p.name+": "+gone.reason)
		} else if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// missingError says why a peer is left out.
type missingError struct{ reason string }

func (e missingError) Error() string { return e.reason }

// need installs or builds something, unless the flags forbid it, and says so on standard error. Whether it is
// there then is for the caller to see.
func (c *comparison) need(ctx context.Context, program string, args ...string) error {
	if c.o.installed {
		return nil
	}
	var out bytes.Buffer
	cmd := command(ctx, program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.root, os.Stderr, io.MultiWriter(os.Stderr, &out)
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		return missingError{fmt.Sprintf("%s: %v: %s", strings.Join(append([]string{program}, args...), " "), err,
			lines[len(lines)-1])}
	}
	return ctx.Err()
}

// goList asks Go about a module, as the one in dir sees it.
func goList(ctx context.Context, dir, format string, module ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-m", "-f", format}, module...)...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go list in %s: %w", dir, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// config writes a file of bench/peers into the folder of this comparison. Each old text is replaced by the new
// one after it, and has to be there.
func (c *comparison) config(file string, oldnew ...string) (path string, err error) {
	b, err := os.ReadFile(filepath.Join(c.root, "bench", "peers", file))
	if err != nil {
		return "", fmt.Errorf("read a configuration: %w", err)
	}
	for i := 0; i < len(oldnew); i += 2 {
		if !bytes.Contains(b, []byte(oldnew[i])) {
			return "", fmt.Errorf("%s has no %s", file, oldnew[i])
		}
	}
	path = filepath.Join(c.dir, file)
	if err := os.WriteFile(path, []byte(strings.NewReplacer(oldnew...).Replace(string(b))), 0o600); err != nil {
		return "", fmt.Errorf("write a configuration: %w", err)
	}
	return path, nil
}
