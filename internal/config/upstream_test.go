package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"
)

// upstreamCert and upstreamKey are a certificate and its key, for settings that take them.
var upstreamCert, upstreamKey = makePair(time.Now().Add(time.Hour))

func makePair(until time.Time) (cert, key string) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &private.PublicKey, private)
	if err != nil {
		panic(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
}

// What is wrong with the settings for an app over TLS is told at start, with the cure and nothing of a key.
func TestFaultsOfTLSWithTheApp(t *testing.T) {
	t.Parallel()
	const ca, cert, key = "GATEPOST_UPSTREAM_CA", "GATEPOST_UPSTREAM_CERT", "GATEPOST_UPSTREAM_KEY"
	otherCert, otherKey := makePair(time.Now().Add(time.Hour))
	oldCert, oldKey := makePair(time.Now().Add(-time.Hour))
	half := upstreamCert[:len(upstreamCert)/2]
	for name, c := range map[string]struct {
		values map[string]string
		want   string
	}{
		"a path":               {map[string]string{ca: "/etc/ca.pem"}, "name its file in GATEPOST_UPSTREAM_CA_FILE"},
		"half a certificate":   {map[string]string{ca: half}, "cannot be read"},
		"one and a half":       {map[string]string{ca: upstreamCert + half}, "cannot be read"},
		"without line breaks":  {map[string]string{ca: strings.ReplaceAll(upstreamCert, "\n", " ")}, "with its line breaks"},
		"with a key":           {map[string]string{ca: upstreamCert + otherKey}, "holds a private key"},
		"no key":               {map[string]string{cert: upstreamCert}, "go together: set both"},
		"no certificate":       {map[string]string{key: upstreamKey}, "go together: set both"},
		"another key":          {map[string]string{cert: upstreamCert, key: otherKey}, "is not the key of"},
		"another certificate":  {map[string]string{cert: otherCert, key: upstreamKey}, "is not the key of"},
		"the wrong way round":  {map[string]string{cert: upstreamKey, key: upstreamCert}, "in PEM"},
		"an encrypted key":     {map[string]string{cert: upstreamCert, key: encryptedKey}, "openssl pkey"},
		"an old certificate":   {map[string]string{cert: oldCert, key: oldKey}, "expired on"},
		"a URL for the name":   {map[string]string{"GATEPOST_UPSTREAM_SERVER_NAME": "https://app"}, "name of a host"},
		"an app without TLS":   {map[string]string{ca: upstreamCert, "GATEPOST_UPSTREAM": "h2c://app"}, "https://"},
		"an app at a socket":   {map[string]string{ca: upstreamCert, "GATEPOST_UPSTREAM": "unix:///app"}, "https://"},
		"an age of nothing":    {map[string]string{"GATEPOST_UPSTREAM_CONN_AGE": "10ms"}, "less than a second"},
		"neither on nor off":   {map[string]string{"GATEPOST_LISTEN_H2C": "h2"}, "GATEPOST_LISTEN_H2C"},
		"idle for no time":     {map[string]string{"GATEPOST_LISTEN_IDLE": "0s"}, "GATEPOST_LISTEN_IDLE"},
		"a key that is a file": {map[string]string{cert: upstreamCert, key: "/etc/key.pem"}, "GATEPOST_UPSTREAM_KEY_FILE"},
	} {
		values := map[string]string{"GATEPOST_UPSTREAM": "https://app.internal"}
		for setting, value := range c.values {
			values[setting] = value
		}
		_, err := Load(t.Context(), environ(values))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
		for _, secret := range []string{upstreamKey, otherKey, oldKey} {
			if line := strings.Split(secret, "\n")[1]; err != nil && strings.Contains(err.Error(), line[:8]) {
				t.Errorf("%s: a key is told: %v", name, err)
			}
		}
	}
}

const encryptedKey = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIHs\n-----END ENCRYPTED PRIVATE KEY-----\n"

// Names that hosts really have are taken, and PEM as environment files write it.
func TestTLSWithTheAppIsTaken(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"app.internal", "my_app", "10.0.0.1", "::1", "bücher.example", ""} {
		c, err := Load(t.Context(), environ(map[string]string{"GATEPOST_UPSTREAM": "https://app:8443",
			"GATEPOST_UPSTREAM_SERVER_NAME": name,
			"GATEPOST_UPSTREAM_CA": "# Our authorities\r\n" + upstreamCert +
				strings.ReplaceAll(upstreamCert, "\n", "\r\n"),
			"GATEPOST_UPSTREAM_CERT": strings.ReplaceAll(upstreamCert, "\n", `\n`),
			"GATEPOST_UPSTREAM_KEY":  strings.ReplaceAll(upstreamKey, "\n", `\n`)}))
		if err != nil || c.Upstream.String() != "https://app:8443" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Connections of visitors outlive those of Google's balancers, which keep them for 600 s and fail where the gate closes
// one first.
func TestIdleConnectionsOutliveThoseOfBalancers(t *testing.T) {
	t.Parallel()
	c, err := Load(t.Context(), nil)
	if err != nil || c.ListenIdle <= 600*time.Second || c.UpstreamConnAge != time.Minute {
		t.Errorf("idle %v, age %v, %v", c.ListenIdle, c.UpstreamConnAge, err)
	}
}
