package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
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
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the gate is not ready: %s", strings.TrimSpace(string(said)))
	}
	_, err = fmt.Fprintln(p.stdout, strings.TrimSpace(string(said)))
	return err
}
