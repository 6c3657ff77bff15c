package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/gatepost/gatepost/internal/localpg"
)

func (s *site) openGate(ctx context.Context, program, log string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	s.gateAddress, s.publicHost = "127.0.0.1:"+port, "localhost:"+port
	// Appending, so that the log can be emptied while the gate writes it.
	if s.gateLog, err = os.OpenFile(log, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600); err != nil {
		return fmt.Errorf("open the gate's log: %w", err)
	}
	s.onClose(func() { _ = s.gateLog.Close() })
	s.gate, err = start(ctx, func(ctx context.Context) *exec.Cmd {
		cmd := command(ctx, program, "serve")
		cmd.Stderr = s.gateLog
		cmd.Env = append(cmd.Env, "DATABASE_URL="+s.database.URL(localpg.Superuser), "GATEPOST_UPSTREAM=http://"+s.upstream,
			"GATEPOST_LISTEN="+s.gateAddress, "GATEPOST_PUBLIC_URL=http://"+s.publicHost, "GATEPOST_OPS_LISTEN=off",
			"GATEPOST_PROTECT=/", "GATEPOST_PUBLIC="+publicPrefix, "GATEPOST_LOG_FORMAT=json")
		return cmd
	})
	if err != nil {
		return err
	}
	s.onClose(s.gate.stop)
	return s.waitForGate(ctx)
}

// freePort is one that nothing listens on, though something might a moment later.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}

// startPatience is how long the gate may take until it answers.
const startPatience = time.Minute

func (s *site) waitForGate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		err := s.askHealth(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.gate.done:
			return fmt.Errorf("the gate ended: %s", tail(s.gateLog))
		case <-ctx.Done():
			return fmt.Errorf("the gate does not answer: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *site) askHealth(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.gateAddress+"/.gatepost/healthz", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("want status 200, got %s", res.Status)
	}
	return nil
}

// signUpPatience is more than hashing a password takes anywhere.
const signUpPatience = 30 * time.Second

// signUp makes a user and returns the session cookie.
func (s *site) signUp(ctx context.Context) (string, error) {
	form := url.Values{"email": {"bench@example.com"}, "password": {"correct horse battery"}, "next": {"/"}, "remember": {"on"}}
	ctx, cancel := context.WithTimeout(ctx, signUpPatience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.gateAddress+"/signup", strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("sign up: %w", err)
	}
	r.Host = s.publicHost
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultTransport.RoundTrip(r) // a client would follow the redirect
	if err != nil {
		return "", fmt.Errorf("sign up: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		return "", fmt.Errorf("sign up: want status 303, got %s", res.Status)
	}
	for _, c := range res.Cookies() {
		if !strings.HasSuffix(c.Name, "_known") { // by which the gate knows the browser, not the session
			return c.Name + "=" + c.Value, nil
		}
	}
	return "", errors.New("sign up: the answer sets no session cookie")
}
