package config

import (
	"strings"
	"testing"
)

// That everybody may ask is a doubt.
func TestEverybodyMayAskIsADoubt(t *testing.T) {
	t.Parallel()
	for peers, want := range map[string]bool{"0.0.0.0/0": true, "10.0.0.5, ::/0": true, "10.0.0.0/8": false} {
		c, err := Load(t.Context(), environ(map[string]string{"GATEPOST_FORWARD_AUTH_LISTEN": ":9191",
			"GATEPOST_FORWARD_AUTH_PEERS": peers}))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(strings.Join(c.Doubts(), "\n"), "has every address"); got != want {
			t.Errorf("%s: %t", peers, got)
		}
	}
}

// Settings that do nothing for what a proxy forwards are a doubt where one asks, and only there.
func TestSettingsThatAProxyDoesNotKnowAreADoubt(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"GATEPOST_CORS": "/api=https://a.localhost",
		"GATEPOST_STRIP_HEADERS": "X-Staff"} {
		for at, want := range map[string]bool{"localhost:9191": true, "": false} {
			c, err := Load(t.Context(), environ(map[string]string{"GATEPOST_FORWARD_AUTH_LISTEN": at, name: value}))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(strings.Join(c.Doubts(), "\n"), name+" does"); got != want {
				t.Errorf("%s=%s, a proxy asks at %q: %q", name, value, at, c.Doubts())
			}
		}
	}
}

// Who may ask for forward-auth is this machine, or is said; and a gate that is asked needs no app.
func TestWhoMayAskForForwardAuth(t *testing.T) {
	t.Parallel()
	const listen, peers = "GATEPOST_FORWARD_AUTH_LISTEN", "GATEPOST_FORWARD_AUTH_PEERS"
	for name, c := range map[string]struct{ at, peers, want, fault string }{
		"off":                       {"", "", "", "GATEPOST_UPSTREAM is needed"},
		"this machine":              {"localhost:9191", "", "127.0.0.0/8 ::1/128", ""},
		"this machine, IPv6":        {"[::1]:9191", "", "127.0.0.0/8 ::1/128", ""},
		"a socket":                  {"unix:/run/gatepost/authz.sock", "", "127.0.0.0/8 ::1/128", ""},
		"one peer of a network":     {":9191", "10.0.0.5", "10.0.0.5/32", ""},
		"one peer here":             {"127.0.0.1:9191", "127.0.0.2", "127.0.0.2/32", ""},
		"everywhere and nobody":     {":9191", "", "", "GATEPOST_FORWARD_AUTH_PEERS is needed"},
		"a network and nobody":      {"10.0.0.1:9191", "", "", "GATEPOST_FORWARD_AUTH_PEERS is needed"},
		"no address":                {"9191", "", "", "is not host:port"},
		"half a path":               {"unix:run/authz.sock", "", "", "by its full path"},
		"a URL":                     {"http://localhost:9191", "", "", "is not host:port"},
		"peers of a socket":         {"unix:/run/gatepost/authz.sock", "10.0.0.5", "", "has no address"},
		"peers of nothing":          {"", "10.0.0.5", "", "GATEPOST_FORWARD_AUTH_LISTEN is not"},
		"peers that are no network": {":9191", "proxy.internal", "", "is not a network"},
	} {
		s := map[string]string{listen: c.at, peers: c.peers}
		got, err := Load(t.Context(), environ(s))
		var list Faults
		list.Add(err)
		if c.at != "" || c.peers == "" {
			got.NeedUpstream(&list)
		}
		if c.fault != "" {
			if said := list.Error(); !strings.Contains(said, c.fault) || strings.Contains(said, "\n") {
				t.Errorf("%s: got %q, want %s", name, said, c.fault)
			}
			continue
		}
		var networks []string
		for _, p := range got.ForwardAuthPeers {
			networks = append(networks, p.String())
		}
		if len(list) > 0 || strings.Join(networks, " ") != c.want {
			t.Errorf("%s: %v %v", name, networks, list)
		}
	}
}
