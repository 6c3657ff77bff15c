package server

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/internal/config"
)

func TestAListenerThatCannotBeOpenedNamesTheCure(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for address, cure := range map[string]string{
		taken.Addr().String(): "listens there; end it, or set another port, as GATEPOST_OPS_LISTEN=localhost:9190",
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

// Where another gate runs already, as the demo, the ports of both listeners are taken.
func TestListenersThatCannotBeOpenedAreNamedTogether(t *testing.T) {
	env := []string{"GATEPOST_UPSTREAM=http://localhost:3000"}
	for _, setting := range config.ListenerSettings[:2] {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		env = append(env, setting+"="+taken.Addr().String())
	}
	c, err := config.Load(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	_, err = listen(c)
	if err == nil {
		t.Fatal("it listens on ports that are taken")
	}
	for _, cure := range []string{"GATEPOST_LISTEN=localhost:8090", "GATEPOST_OPS_LISTEN=localhost:9190"} {
		if !strings.Contains(err.Error(), cure) {
			t.Errorf("%q does not say %q", err, cure)
		}
	}
}

func TestAPortIsNotProposedInsteadOfItself(t *testing.T) {
	for _, setting := range config.ListenerSettings {
		first := spare(setting, "localhost:1")
		if again := spare(setting, net.JoinHostPort("localhost", strconv.Itoa(first))); again == first {
			t.Errorf("%s: %d instead of itself", setting, first)
		}
	}
}
