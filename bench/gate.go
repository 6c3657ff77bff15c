package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/gatepost/gatepost/internal/localpg"
)

// gate is one of the gates under test.
type gate struct {
	child  *child
	scheme string
	port   string
	// address is where the gate listens.
	address string
}

func (g gate) publicHost() string { return "localhost:" + g.port }

// named returns a session's cookie under the name that the cookie has at this gate.
func (g gate) named(token string) string {
	if g.scheme == "https" {
		return "__Host-gatepost=" + token
	}
	return "gatepost_" + g.port + "=" + token
}

// gates are the gates under test: with the defaults (keeping), without a log line for each request (silent),
// without cached sessions (asking), with a signed assertion (asserting), and of another build (other).
type gates struct {
	keeping, silent, asking, asserting, other gate
	// asks is where proxies ask the gate with the defaults.
	asks string
}

// encryptionKey is that of all gates, for this measurement.
var encryptionKey = func() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.StdEncoding.EncodeToString(b)
}()

func (s *site) openGates(ctx context.Context, o options) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	s.asks = "127.0.0.1:" + port
	for _, g := range []struct {
		to                     *gate
		program, setting, more string
	}{
		{&s.keeping, o.gate, "GATEPOST_SESSION_CACHE=30s", "GATEPOST_FORWARD_AUTH_LISTEN=" + s.asks},
		{&s.silent, o.gate, "GATEPOST_LOG_LEVEL=warn", ""},
		{&s.asking, o.gate, "GATEPOST_SESSION_CACHE=0", ""},
		{&s.asserting, o.gate, "GATEPOST_ASSERTION_HEADER=X-Auth-Assertion", ""},
		{&s.other, o.against, "GATEPOST_SESSION_CACHE=30s", ""},
	} {
		if g.program == "" {
			continue
		}
		if *g.to, err = s.startGate(ctx, g.program, g.setting, g.more); err != nil {
			return err
		}
		s.onClose(g.to.child.stop)
	}
	return nil
}

// newGate is a gate that is not started yet.
func newGate(scheme string) (gate, error) {
	port, err := freePort()
	return gate{scheme: scheme, port: port, address: "127.0.0.1:" + port}, err
}

// startGate starts a gate and waits until it answers.
func (s *site) startGate(ctx context.Context, program string, settings ...string) (gate, error) {
	g, err := newGate("http")
	if err != nil {
		return gate{}, err
	}
	return s.start(ctx, g, program, settings...)
}

func (s *site) start(ctx context.Context, g gate, program string, settings ...string) (_ gate, err error) {
	g.child, err = start(ctx, func(ctx context.Context) *exec.Cmd {
		cmd := command(ctx, program, "serve")
		cmd.Stderr = s.gateLog
		cmd.Env = append(cmd.Env, "DATABASE_URL="+s.database.URL(localpg.Superuser),
			"GATEPOST_UPSTREAM=http://"+s.upstream, "GATEPOST_LISTEN="+g.address,
			"GATEPOST_PUBLIC_URL="+g.scheme+"://"+g.publicHost(), "GATEPOST_OPS_LISTEN=off",
			"GATEPOST_PROTECT=/", "GATEPOST_PUBLIC="+publicPrefix, "GATEPOST_LOG_FORMAT=json",
			"GATEPOST_ENCRYPTION_KEY="+encryptionKey)
		cmd.Env = append(cmd.Env, settings...)
		return cmd
	})
	if err != nil {
		return gate{}, err
	}
	if err := s.waitFor(ctx, g.child, g.askHealth); err != nil {
		g.child.stop()
		return gate{}, err
	}
	return g, nil
}

// freePort returns a port that nothing listens on. Another process may take it a moment later.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}

// startPatience is how long a gate, or what it is compared with, may take until it answers.
const startPatience = time.Minute

// waitFor waits until a process answers what it is asked.
func (s *site) waitFor(ctx context.Context, c *child, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-c.done:
			return fmt.Errorf("%s ended: %s", c.cmd.Path, tail(s.gateLog))
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w", c.cmd.Path, err)
		case <-time.After(time.Millisecond):
		}
	}
}

// trusting asks a gate whose certificate nobody vouches for.
var trusting = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}

func (g gate) askHealth(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, g.scheme+"://"+g.address+"/.gatepost/healthz", nil)
	if err != nil {
		return err
	}
	res, err := trusting.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("want status 200, got %s", res.Status)
	}
	return nil
}

// formPatience is more than hashing a password takes on any machine.
const formPatience = 30 * time.Second

// The one user of all measurements.
const email, password = "bench@example.com", "correct horse battery"

// signUp makes the user and returns the value of the session cookie.
func (s *site) signUp(ctx context.Context) (string, error) { return s.keeping.enter(ctx, "/signup") }

// enter signs the user up or in, and returns the value of the session cookie.
func (g gate) enter(ctx context.Context, path string) (string, error) {
	res, err := g.post(ctx, path, "", url.Values{"email": {email}, "password": {password}, "next": {"/"},
		"remember": {"on"}})
	if err != nil {
		return "", err
	}
	for _, c := range res.Cookies() {
		if !strings.HasSuffix(c.Name, "_known") { // that one marks the browser, not the session
			return c.Value, nil
		}
	}
	return "", fmt.Errorf("%s: the answer sets no session cookie", path)
}

// leave ends a session.
func (g gate) leave(ctx context.Context, token string) error {
	_, err := g.post(ctx, "/logout", token, nil)
	return err
}

// post sends a form. The answer is a redirect.
func (g gate) post(ctx context.Context, path, token string, form url.Values) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, formPatience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+g.address+path,
		strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r.Host = g.publicHost()
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if token != "" {
		r.Header.Set("Cookie", g.named(token))
	}
	res, err := http.DefaultTransport.RoundTrip(r) // a client would follow the redirect
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		return nil, fmt.Errorf("%s: want status 303, got %s", path, res.Status)
	}
	return res, nil
}
