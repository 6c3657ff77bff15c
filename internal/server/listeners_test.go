package server

import (
	"net"
	"strings"
	"testing"
)

func TestAListenerThatCannotBeOpenedNamesTheCure(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for address, cure := range map[string]string{
		taken.Addr().String(): "another program listens there: end it, or set another port, as GATEPOST_OPS_LISTEN=",
		"203.0.113.1:8080":    "this machine has no such address",
	} {
		l, err := listenOn("GATEPOST_OPS_LISTEN", address)
		if err == nil {
			l.Close()
			t.Errorf("listens on %s", address)
		} else if !strings.Contains(err.Error(), cure) {
			t.Errorf("%q does not say %q", err, cure)
		}
	}
}
