package provider

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/gatepost/gatepost/auth/provider/providertest"
)

func TestHowFarInsideAnAddressIs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]place{
		"140.82.121.3": public, "2606:4700::1111": public, "64:ff9b::8c52:7903": public,
		"10.0.0.5": inner, "172.31.0.1": inner, "192.168.1.1": inner, "100.64.0.1": inner, "fd12::1": inner,
		"::ffff:10.0.0.5": inner, "64:ff9b::a00:5": inner, "2002:a00:5::1": inner,
		"127.0.0.1": loopback, "127.8.8.8": loopback, "::1": loopback, "::ffff:127.0.0.1": loopback,
		"64:ff9b::7f00:1": loopback,
		"0.0.0.0":         nowhere, "::": nowhere, "169.254.169.254": nowhere, "::ffff:169.254.169.254": nowhere,
		"fe80::1": nowhere, "fe80::1%eth0": nowhere, "224.0.0.1": nowhere, "255.255.255.255": nowhere,
		"ff02::1": nowhere, "fd00:ec2::254": nowhere, "100.100.100.200": nowhere, "168.63.129.16": nowhere,
		"64:ff9b::a9fe:a9fe": nowhere, "192.0.0.192": nowhere,
	} {
		if got := placeOf(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: got %d, want %d", text, got, want)
		}
	}
	if placeOf(netip.Addr{}) != nowhere || placeOfHost("LOCALHOST.") != loopback ||
		placeOfHost("a.localhost") != loopback {
		t.Error("no address has to be nowhere, and localhost here")
	}
}

func TestADocumentLeadsNoFurtherInsideThanItselfIs(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	p := newProvider(t, specOf(s, "corp"))
	good := metadata{Issuer: p.published(), Authorize: "https://a.example/", Token: "https://t.example/",
		Keys: "https://k.example/"}
	for _, c := range []struct {
		token string
		reach place
		want  bool
	}{
		{"https://140.82.121.3/", public, true}, {"https://10.0.0.5/", public, false},
		{"https://127.0.0.1/", public, false}, {"https://localhost/", public, false},
		{"https://10.0.0.5/", inner, true}, {"https://127.0.0.1/", inner, false},
		{"https://10.0.0.5/", loopback, true}, {"https://127.0.0.1/", loopback, true},
		{"http://127.0.0.1/", loopback, true}, {"http://10.0.0.5/", loopback, false},
		{"https://169.254.169.254/", loopback, false},
	} {
		m := good
		m.Token = c.token
		if err := p.checkDocument(m, c.reach); (err == nil) != c.want {
			t.Errorf("%s from %d: got %v", c.token, c.reach, err)
		}
	}
}

// A name may lead anywhere: what counts is the address that is dialled.
func TestInsideAddressesAreRefusedWhenTheyAreDialled(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was called") }))
	t.Cleanup(server.Close)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	client := newClient(func() place { return inner }, &health{now: (&clock{}).now})
	var into any
	err := getJSON(t.Context(), client, "http://localhost:"+port+"/", "", &into)
	wantFault(t, err, "misconfigured", "leads to an inside address")
}

func TestEndpointsAreDialledAsTheDocumentAllows(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	p := newProvider(t, specOf(s, "corp"))
	a, err := walk(t, s, p, newAsk())
	if err != nil {
		t.Fatal(err)
	}
	p.reach.Store(int32(public)) // as if the document had come from outside, and a name led here now
	_, err = p.Finish(t.Context(), a)
	wantFault(t, err, "misconfigured", "leads to an inside address")
	if p.Down() {
		t.Error("the provider counts as down because of where it leads")
	}
}
