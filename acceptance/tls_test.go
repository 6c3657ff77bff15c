package acceptance_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/internal/config"
)

// writePair writes a certificate and its key to files.
func writePair(t *testing.T, dir string, change func(*x509.Certificate)) (certFile,
	keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"},
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	if change != nil {
		change(c)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile, roots = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), x509.NewCertPool()
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der},
		keyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(parsed)
	return certFile, keyFile, roots
}

// secure makes a visitor that speaks TLS, and HTTP/2 if the gate does.
func (g *running) secure(t *testing.T, roots *x509.CertPool) *visitor {
	t.Helper()
	v := g.visitor(t)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	v.client.Transport = transport
	return v
}

func TestTheGateEndsTLS(t *testing.T) {
	t.Parallel()
	cert, key, roots := writePair(t, t.TempDir(), nil)
	plainPort, app := freePort(t), newApp(t)
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+app.url,
		"GATEPOST_PUBLIC_URL=https://localhost:0",
		"GATEPOST_TLS_CERT="+cert, "GATEPOST_TLS_KEY="+key, "GATEPOST_HTTP_LISTEN=localhost:"+plainPort)
	g.url = strings.Replace(g.url, "http://", "https://", 1)
	v := g.secure(t, roots)
	v.signUp("ada@example.com")
	r := v.fetch("/dashboard")
	if r.status != 200 || r.header.Get("Strict-Transport-Security") != "max-age=31536000" ||
		r.header.Get("X-Proto") != "" {
		t.Errorf("over TLS: %d %v", r.status, r.header)
	}
	if r := v.open("/login?next=/dashboard"); r.status != 303 || len(r.header["Strict-Transport-Security"]) != 1 {
		t.Errorf("a page of ours: %d %v", r.status, r.header)
	}
	res, err := v.client.Get(g.url + "/public")
	if err != nil || res.ProtoMajor != 2 {
		t.Fatalf("HTTP/2 is not spoken: %v", err)
	}
	_ = res.Body.Close()
	for _, c := range v.client.Jar.Cookies(res.Request.URL) {
		if c.Name != "__Host-gatepost" && !strings.HasPrefix(c.Name, "__Host-gatepost_") {
			t.Errorf("there is a cookie %s", c.Name)
		}
	}
	if _, err := tls.Dial("tcp", strings.TrimPrefix(g.url, "https://"),
		&tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("it speaks TLS 1.1")
	}

	plain := g.visitor(t)
	plain.gate = &running{url: "http://localhost:" + plainPort}
	for path, want := range map[string]string{"/dashboard?tab=2": "/dashboard?tab=2",
		"//evil.example/x": "//evil.example/x"} {
		if r := plain.do("GET", path, nil, navigate, "Host: evil.example"); r.status != 308 ||
			r.location() != g.url+want {
			t.Errorf("over http, %s: %d to %q", path, r.status, r.location())
		}
	}
	if r := plain.post("/login", "email", "ada@example.com", "password", password); r.status != 426 ||
		len(r.header["Set-Cookie"]) != 0 {
		t.Errorf("a password over http: %d %v", r.status, r.header)
	}
	for _, target := range []string{"http:.evil.example", "*"} {
		got := rawGet(t, "localhost:"+plainPort,
			"GET "+target+" HTTP/1.1\r\nHost: x\r\nSec-Fetch-Mode: navigate\r\nConnection: close\r\n\r\n")
		if strings.Contains(got, "Location") || !strings.HasPrefix(got, "HTTP/1.1 4") {
			t.Errorf("over http, %s: %s", target, got)
		}
	}
	if r := plain.fetch("/.gatepost/healthz"); r.status != 200 {
		t.Errorf("healthz over http: %d", r.status)
	}
}

// The pseudo-headers of HTTP/2 are judged like the request line of HTTP/1.1.
func TestHTTP2IsJudgedAlike(t *testing.T) {
	t.Parallel()
	cert, key, roots := writePair(t, t.TempDir(), nil)
	app := newApp(t)
	overTLS := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+app.url,
		"GATEPOST_PUBLIC_URL=https://localhost:0",
		"GATEPOST_TLS_CERT="+cert, "GATEPOST_TLS_KEY="+key, "GATEPOST_HSTS=off")
	overTLS.url = strings.Replace(overTLS.url, "http://", "https://", 1)
	judgedAlike(t, app, overTLS.secure(t, roots))
	inClear := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+app.url,
		"GATEPOST_LISTEN_H2C=true")
	judgedAlike(t, app, inClear.visitor(t).overH2C("127.0.0.1"))
}

func judgedAlike(t *testing.T, app *app, v *visitor) {
	t.Helper()
	g := v.gate
	_, host, _ := strings.Cut(g.url, "//")
	for _, path := range []string{"/dashboard", "//dashboard", "/%64ashboard", "/x/..%2fdashboard", "/dashboard;x",
		"/DASHBOARD", "/public/..;/dashboard"} {
		req, err := http.NewRequest("GET", g.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Opaque = "//" + host + path
		res, err := v.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.ProtoMajor != 2 || res.StatusCode != 401 || res.Header.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s: %s %d", path, res.Proto, res.StatusCode)
		}
	}
	v.signUp("ada@example.com")
	app.take()
	r := v.do("POST", "/dashboard/items?a=1", io.NopCloser(strings.NewReader("a=b")), "X-Auth-User: eve",
		"X_Auth_User: eve", "X-Forwarded-For: 10.0.0.1", "Trailer: X-Auth-User")
	if r.status != 200 || !strings.Contains(r.body, `for "ada@example.com"`) {
		t.Errorf("a forged identity: %d %s", r.status, r.body)
	}
	if seen := app.take(); len(seen) != 1 || seen[0] != "POST /dashboard/items?a=1" {
		t.Errorf("the app saw %q", seen)
	}
}

func TestCertificatesThatCannotBeServed(t *testing.T) {
	t.Parallel()
	good, key, _ := writePair(t, t.TempDir(), nil)
	_, otherKey, _ := writePair(t, t.TempDir(), nil)
	old, oldKey, _ := writePair(t, t.TempDir(), func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
	early, earlyKey, _ := writePair(t, t.TempDir(), func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
	})
	foreign, foreignKey, _ := writePair(t, t.TempDir(),
		func(c *x509.Certificate) { c.DNSNames = []string{"other.example"} })
	const public = "GATEPOST_PUBLIC_URL=https://localhost:8443"
	for want, env := range map[string][]string{
		"is not that of the certificate": {public, "GATEPOST_TLS_CERT=" + good, "GATEPOST_TLS_KEY=" + otherKey},
		"expired on":                     {public, "GATEPOST_TLS_CERT=" + old, "GATEPOST_TLS_KEY=" + oldKey},
		"is good from":                   {public, "GATEPOST_TLS_CERT=" + early, "GATEPOST_TLS_KEY=" + earlyKey},
		"is for other.example, and browsers ask": {public, "GATEPOST_TLS_CERT=" + foreign,
			"GATEPOST_TLS_KEY=" + foreignKey},
		"are not a certificate and its key": {public, "GATEPOST_TLS_CERT=" + key, "GATEPOST_TLS_KEY=" + good},
		`cannot read "/nowhere"`:            {public, "GATEPOST_TLS_CERT=/nowhere", "GATEPOST_TLS_KEY=" + key},
		"go together":                       {public, "GATEPOST_TLS_CERT=" + good},
		"is no https address":               {"GATEPOST_TLS_CERT=" + good, "GATEPOST_TLS_KEY=" + key},
		"keep one": {public, "GATEPOST_TLS_CERT=" + good, "GATEPOST_TLS_KEY=" + key,
			"GATEPOST_ACME_DOMAINS=localhost"},
		"lacks localhost": {public, "GATEPOST_ACME_DOMAINS=other.example"},
		"is not a name":   {public, "GATEPOST_ACME_DOMAINS=*.example.com, localhost"},
		"GATEPOST_ACME_DIRECTORY": {public, "GATEPOST_ACME_DOMAINS=localhost",
			"GATEPOST_ACME_DIRECTORY=http://x"},
		"GATEPOST_HTTP_LISTEN sends": {"GATEPOST_HTTP_LISTEN=localhost:1"},
		"GATEPOST_HTTP_LISTEN: \"x\"": {public, "GATEPOST_TLS_CERT=" + good, "GATEPOST_TLS_KEY=" + key,
			"GATEPOST_HTTP_LISTEN=x"},
		"GATEPOST_LISTEN_H2C is for": {public, "GATEPOST_TLS_CERT=" + good, "GATEPOST_TLS_KEY=" + key,
			"GATEPOST_LISTEN_H2C=true"},
		"GATEPOST_HSTS: \"long\"":           {"GATEPOST_HSTS=long"},
		"GATEPOST_HSTS: \"500ms\"":          {"GATEPOST_HSTS=500ms"},
		"GATEPOST_AUDIT_RETENTION: \"1ms\"": {"GATEPOST_AUDIT_RETENTION=1ms"},
		"GATEPOST_ACME_EMAIL: \"me\"":       {public, "GATEPOST_ACME_DOMAINS=localhost", "GATEPOST_ACME_EMAIL=me"},
		"GATEPOST_ACME_EMAIL: \"me@x.org\"": {"GATEPOST_ACME_EMAIL=me@x.org"},
	} {
		_, err := config.Load(t.Context(), append(env, "HOME=/"))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// A new pair is served without a restart, and a broken one never is.
func TestAChangedCertificateIsServed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile, _ := writePair(t, dir, nil)
	var said bytes.Buffer
	log := slog.New(slog.NewTextHandler(&said, nil))
	loaded, err := config.Load(t.Context(), []string{"HOME=/", "GATEPOST_PUBLIC_URL=https://localhost:8443",
		"GATEPOST_TLS_CERT=" + certFile, "GATEPOST_TLS_KEY=" + keyFile})
	if err != nil {
		t.Fatal(err)
	}
	c := loaded.Certificate
	first := c.Served()
	if c.Reload(log); c.Served() != first || said.Len() > 0 {
		t.Errorf("nothing has changed, and the log says %s", said.String())
	}
	pair, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keyFile, []byte("half a"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		c.Reload(log)
	}
	if c.Served() != first || strings.Count(said.String(), "level=ERROR") != 1 ||
		strings.Contains(said.String(), string(pair)) {
		t.Errorf("a broken pair: %s", said.String())
	}
	said.Reset()
	if err := os.Rename(keyFile, keyFile+".away"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		c.Reload(log)
	}
	if c.Served() != first || strings.Count(said.String(), "level=ERROR") != 1 {
		t.Errorf("a missing file: %s", said.String())
	}
	writePair(t, dir, nil)
	if c.Reload(log); c.Served() == first || !strings.Contains(said.String(), "the certificate has changed") {
		t.Errorf("a new pair: %s", said.String())
	}
}
