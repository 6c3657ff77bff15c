package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/gatepost/gatepost/internal/config"
)

// health asks the gate that runs with these settings whether it is ready. It is for images without a shell or HTTP
// client.
func (p *process) health(ctx context.Context, _ *cli.Command) error {
	c, _ := config.Read(ctx, p.env) // faults do not matter, as the gate may have started before them
	if c.OpsListen == "off" {
		return errors.New("GATEPOST_OPS_LISTEN is off, and nothing else says how the gate is: give it an address")
	}
	host, err := config.CheckAddress("GATEPOST_OPS_LISTEN", c.OpsListen)
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(c.OpsListen) // checked by config.CheckAddress
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet,
		"http://"+config.Resolvable(net.JoinHostPort(host, port))+"/readyz", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("no gate answers at %s: %w", c.OpsListen, config.Cause(err))
	}
	defer res.Body.Close()
	said, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("read what the gate at %s says: %w", c.OpsListen, err)
	}
	return p.printHealth(said, res.StatusCode == http.StatusOK)
}

// printHealth tells what /readyz has answered: in sentences on a terminal, elsewhere in its own JSON, for scripts.
func (p *process) printHealth(said []byte, ready bool) error {
	words := strings.TrimSpace(string(said))
	if isTerminal(p.stdout) {
		words = healthInWords(said, ready)
	}
	if !ready {
		return fmt.Errorf("the gate is not ready: %s", words)
	}
	_, err := fmt.Fprintln(p.stdout, printableLines(words))
	return err
}

// healthInWords is an answer of /readyz for a person: of a gate that is not ready, only what is wrong. An answer in
// another form stays as it is.
func healthInWords(said []byte, ready bool) string {
	var answer struct {
		Checks map[string]string `json:"checks"`
	}
	if err := json.Unmarshal(said, &answer); err != nil || len(answer.Checks) == 0 {
		return strings.TrimSpace(string(said))
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(answer.Checks)) {
		if found := answer.Checks[name]; ready || found != "ok" {
			lines = append(lines, name+": "+found)
		}
	}
	if !ready {
		return strings.Join(lines, "; ")
	}
	return "The gate is ready.\n  " + strings.Join(lines, "\n  ")
}
