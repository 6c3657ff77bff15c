package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/internal/config"
)

// Who starts the gate by hand is told what to open; a log gets no such line.
func TestOnlyATerminalIsGreeted(t *testing.T) {
	t.Parallel()
	c, err := config.Load(t.Context(), []string{"HOME=" + t.TempDir(), "GATEPOST_UPSTREAM=http://localhost:3000",
		"GATEPOST_PROTECT=/dashboard"})
	if err != nil {
		t.Fatal(err)
	}
	if want := "Open http://localhost:8080 - protected: /dashboard - "; !strings.Contains(greeting(c), want) {
		t.Errorf("it says %q", greeting(c))
	}
	var log bytes.Buffer
	if (&process{stderr: &log}).greet(c); log.Len() > 0 {
		t.Errorf("the log has %q", log.String())
	}
}
