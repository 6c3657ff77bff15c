package server

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/internal/config"
)

// A passed-on socket replaces an address, and has to meet the same conditions.
func TestSocketsThatWerePassedOnHaveToFit(t *testing.T) {
	t.Parallel()
	on := func(network, address string) net.Listener {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l
	}
	here, everywhere, unix := on("tcp", "127.0.0.1:0"), on("tcp", ":0"), on("unix", filepath.Join(t.TempDir(), "s"))
	for _, c := range []struct {
		passed listeners
		env    []string
		want   string // empty when it fits
	}{
		{listeners{public: here}, nil, ""},
		{listeners{public: everywhere}, nil, "GATEPOST_PUBLIC_URL is needed"},
		{listeners{public: everywhere}, []string{"GATEPOST_PUBLIC_URL=https://app.example.com", "DATABASE_URL=host=x"},
			""},
		{listeners{public: unix}, nil, "only one of TCP"},
		{listeners{ops: here}, []string{"GATEPOST_OPS_LISTEN=off"}, "GATEPOST_OPS_LISTEN is off"},
		{listeners{plain: here}, nil, "which nobody here serves"},
	} {
		config, err := config.Load(t.Context(), append(c.env, "HOME=/"))
		if err != nil {
			t.Fatal(err)
		}
		if err := fit(config, c.passed); c.want == "" && err != nil ||
			c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v %q: got %v, want %q", c.passed, c.env, err, c.want)
		}
	}
}
