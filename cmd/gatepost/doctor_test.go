package main

import (
	"testing"

	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/doctor"
)

// What the command line leaves open comes from the settings, if there are any.
func TestDoctorKnowsTheSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		protect, public, upstream               string
		wantProtected, wantPublic, wantUpstream string
	}{
		{"", "", "", "", "", ""},
		{"/", "/pricing, GET /blog", "http://127.0.0.1", "", "/pricing", "127.0.0.1:80"},
		{"POST /api, GET|POST /books=reader, /x", "/pricing", "https://app", "/books", "", "app:443"},
		{"/*/admin=admin|owner", "@assets, /*/*.css", "", "/example/admin", "", ""},
		{"/", "@assets, /*/*.css", "", "", "/example/example.css", ""},
		{"/admin=admin|owner", "", "unix:///run/app.sock", "/admin", "", ""},
	} {
		settings, err := config.Load(t.Context(), []string{"GATEPOST_PROTECT=" + c.protect,
			"GATEPOST_PUBLIC=" + c.public,
			"GATEPOST_UPSTREAM=" + c.upstream, "GATEPOST_OPS_LISTEN=localhost:9999", "HOME=/"})
		if err != nil {
			t.Fatal(err)
		}
		var got doctor.Config
		fromSettings(&got, settings)
		if got.Protected != c.wantProtected || got.Public != c.wantPublic ||
			got.Upstream != c.wantUpstream || got.OpsPort != "9999" {
			t.Errorf("%q, %q, %q: got %q, %q, %q, %q", c.protect, c.public, c.upstream, got.Protected, got.Public,
				got.Upstream, got.OpsPort)
		}
	}
}
