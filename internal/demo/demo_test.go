package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/server"
)

// run runs the demo with these settings until ctx ends, and returns what it prints.
func run(ctx context.Context, t *testing.T, listen string) (said string, err error) {
	t.Helper()
	var out strings.Builder
	err = Run(ctx, []string{"GATEPOST_LISTEN=" + listen, "GATEPOST_OPS_LISTEN=off", "GATEPOST_DATA_DIR=" + t.TempDir()},
		&out, t.Output(), server.Options{})
	return out.String(), err
}

// A port that another program has is told with the command that starts the demo on others.
func TestAPortInUseNamesTheCure(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, err = run(t.Context(), t, taken.Addr().String())
	if !errors.Is(err, syscall.EADDRINUSE) ||
		!strings.HasSuffix(err.Error(), ": GATEPOST_LISTEN=localhost:8090 GATEPOST_OPS_LISTEN=off make demo") {
		t.Errorf("it says %v", err)
	}
	of := func(setting string) error { return fmt.Errorf("%s: %w", setting, syscall.EADDRINUSE) }
	if err := explained(of("GATEPOST_OPS_LISTEN"), "localhost:8095"); !strings.HasSuffix(err.Error(),
		": GATEPOST_LISTEN=localhost:8095 GATEPOST_OPS_LISTEN=off make demo") {
		t.Errorf("of the port of the metrics it says %v", err)
	}
}

// Whoever stops the demo is told that it has stopped and where its data stays, also while it still starts.
func TestTheDemoSaysThatItHasStopped(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	said, err := run(ctx, t, "127.0.0.1:0")
	if err != nil || !strings.Contains(said, "The demo has stopped. Its users stay in /") {
		t.Errorf("it says %q, and %v", said, err)
	}
}

// Where other machines can reach the demo, the terminal says that its mailbox opens every account.
func TestADemoForOthersIsWarnedOf(t *testing.T) {
	t.Parallel()
	for settings, warned := range map[string]bool{
		"GATEPOST_LISTEN=localhost:8090": false,
		"GATEPOST_LISTEN=:8090 GATEPOST_PUBLIC_URL=http://demo.example.com GATEPOST_ALLOW_HTTP=true": true,
		"GATEPOST_PUBLIC_URL=https://demo.example.com":                                               true,
	} {
		c, err := config.Load(t.Context(), append(strings.Fields(settings), "GATEPOST_DATA_DIR="+t.TempDir()))
		if err != nil {
			t.Fatal(err)
		}
		if text := warning(c); strings.Contains(text, "WARNING") != warned {
			t.Errorf("%s: %q", settings, text)
		}
	}
}
