package server

import (
	"net"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/internal/config"
)

// Who checks the settings before the start learns of a port that another program has, and of no other.
func TestTakenPortsAreTold(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	c := &config.Config{}
	c.Settings.Listen, c.Settings.OpsListen, c.Settings.ForwardAuthListen = "localhost:0", busy.Addr().String(), "unix:/x"
	notes := Taken(c)
	if len(notes) != 1 || !strings.Contains(notes[0], "GATEPOST_OPS_LISTEN: "+busy.Addr().String()+" is in use") ||
		!strings.Contains(notes[0], "GATEPOST_OPS_LISTEN=localhost:9190") {
		t.Errorf("told of %q", notes)
	}
	c.Settings.OpsListen = "off"
	if notes := Taken(c); len(notes) != 0 {
		t.Errorf("told of %q", notes)
	}
}
