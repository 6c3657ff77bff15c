package acceptance_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/gatepost/gatepost/auth/authtest"
)

// pebble is a running Pebble, the test server of the ACME protocol.
type pebble struct {
	directory, certFile string
	client              *http.Client // trusts pebble's own certificate
	management          string
	log                 *logBuffer
}

// startPebble runs a pebble that validates names at these ports of this machine.
func startPebble(t *testing.T, tlsPort, httpPort string) *pebble {
	t.Helper()
	dir := t.TempDir()
	// The command builds pebble and prints its path.
	program, err := exec.Command("go", "tool", "-modfile=../tools/go.mod", "-n", "pebble").Output()
	if err != nil {
		t.Fatalf("build pebble: %v", err)
	}
	certFile, keyFile, roots := writePair(t, dir, nil)
	port, management := freePort(t), freePort(t)
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": "localhost:" + port, "managementListenAddress": "localhost:" + management,
		"certificate": certFile, "privateKey": keyFile,
		"httpPort": json.Number(httpPort), "tlsPort": json.Number(tlsPort),
		"domainBlocklist": []string{"refused.example.com"},
		"profiles": map[string]any{"default": map[string]any{"description": "ninety days",
			"validityPeriod": 90 * 24 * 3600}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	configFile := filepath.Join(dir, "pebble.json")
	if err := os.WriteFile(configFile, config, 0o600); err != nil {
		t.Fatal(err)
	}
	p := &pebble{directory: "https://localhost:" + port + "/dir", management: "https://localhost:" +
		management, certFile: certFile,
		client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots},
			DisableKeepAlives: true}}}
	cmd := exec.Command(strings.TrimSpace(string(program)), "-config", configFile, "-dnsserver", everyNameIsHere(t))
	cmd.Env = []string{"PEBBLE_VA_NOSLEEP=1"}
	p.log = launch(t, cmd)
	eventually(t, "pebble answers", func() bool { _, err := p.client.Get(p.directory); return err == nil })
	return p
}

// everyNameIsHere is a DNS server over TCP that resolves every name to this machine.
func everyNameIsHere(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = answerHere(conn)
			}()
		}
	}()
	return l.Addr().String()
}

// answerHere answers one question: with an address of this machine in IPv4, and with none in IPv6.
func answerHere(conn net.Conn) error {
	var size uint16
	if err := binary.Read(conn, binary.BigEndian, &size); err != nil {
		return err
	}
	question := make([]byte, size)
	if _, err := io.ReadFull(conn, question); err != nil {
		return err
	}
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil {
		return err
	}
	m.Response, m.Additionals = true, nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1},
			Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
	}
	answer, err := m.AppendPack(make([]byte, 2, 512))
	if err != nil {
		return err
	}
	binary.BigEndian.PutUint16(answer, uint16(len(answer)-2))
	_, err = conn.Write(answer)
	return err
}

// roots returns the root certificates of the certificates that pebble issues.
func (p *pebble) roots(t *testing.T) *x509.CertPool {
	t.Helper()
	res, err := p.client.Get(p.management + "/roots/0")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	pem, err := io.ReadAll(res.Body)
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		t.Fatalf("no root: %v %s", err, pem)
	}
	return roots
}

// orders returns how many certificates pebble was asked for.
func (p *pebble) orders() int { return strings.Count(p.log.String(), "Added order") }

// acmeGate starts a gate for app.example.com.
func acmeGate(t *testing.T, p *pebble, database string, env ...string) *running {
	t.Helper()
	return startGate(t, append([]string{"DATABASE_URL=" + database, "GATEPOST_UPSTREAM=" + newApp(t).url,
		"GATEPOST_PUBLIC_URL=https://app.example.com",
		"GATEPOST_ACME_DOMAINS=app.example.com", "GATEPOST_ACME_DIRECTORY=" + p.directory, "SSL_CERT_FILE=" +
			p.certFile}, env...)...)
}

// shown returns the certificate that the gate presents to a client that asks for name.
func shown(g *running, roots *x509.CertPool, name string) (*x509.Certificate, error) {
	conn, err := tls.Dial("tcp", strings.TrimPrefix(g.url, "http://"), &tls.Config{RootCAs: roots, ServerName: name})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}

func TestCertificatesComeFromAnAuthority(t *testing.T) {
	t.Parallel()
	database, tlsPort := authtest.NewDatabase(t), freePort(t)
	p := startPebble(t, tlsPort, freePort(t))
	g := acmeGate(t, p, database, "GATEPOST_LISTEN=localhost:"+tlsPort)
	g.url = "http://localhost:" + tlsPort
	eventually(t, "there is a certificate before anybody asks",
		func() bool { return strings.Contains(g.log.String(), "there is a certificate") })
	roots := p.roots(t)
	mine, err := shown(g, roots, "app.example.com")
	if err != nil {
		t.Fatal(err)
	}
	v := (&running{url: "https://app.example.com"}).secure(t, roots)
	v.client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, "localhost:"+tlsPort)
	}
	v.signUp("ada@example.com")
	if r := v.fetch("/dashboard"); r.status != 200 {
		t.Errorf("over its certificate: %d %s", r.status, r.body)
	}
	orders := p.orders()
	if _, err := shown(g, roots, "other.example.com"); err == nil || p.orders() != orders {
		t.Errorf("another name: %v, and %d orders after %d", err, p.orders(), orders)
	}

	other := acmeGate(t, p, database)
	eventually(t, "another gate has it from PostgreSQL",
		func() bool { return strings.Contains(other.log.String(), "there is a certificate") })
	if theirs, err := shown(other, roots, "app.example.com"); err != nil ||
		theirs.SerialNumber.Cmp(mine.SerialNumber) != 0 || p.orders() != orders {
		t.Errorf("another gate shows another certificate: %v, %d orders", err, p.orders())
	}
}

// If only port 80 reaches the gate, the authority validates there.
func TestTheAuthorityMayLookOverHTTP(t *testing.T) {
	t.Parallel()
	httpPort := freePort(t)
	port80 := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: "localhost:" + httpPort})
		r.Out.Host = "app.example.com" // without a port, as on port 80
	}})
	t.Cleanup(port80.Close)
	_, port, _ := net.SplitHostPort(port80.Listener.Addr().String())
	p := startPebble(t, freePort(t), port)
	g := acmeGate(t, p, authtest.NewDatabase(t), "GATEPOST_HTTP_LISTEN=localhost:"+httpPort)
	eventually(t, "there is a certificate",
		func() bool { return strings.Contains(g.log.String(), "there is a certificate") })
	if _, err := shown(g, p.roots(t), "app.example.com"); err != nil {
		t.Error(err)
	}
}

func TestAnAuthorityThatRefusesIsInTheLog(t *testing.T) {
	t.Parallel()
	p := startPebble(t, freePort(t), freePort(t))
	g := acmeGate(t, p, authtest.NewDatabase(t), "GATEPOST_PUBLIC_URL=https://refused.example.com",
		"GATEPOST_ACME_DOMAINS=refused.example.com")
	eventually(t, "it says so", func() bool {
		return strings.Contains(g.log.String(), "there is no certificate, so nobody can connect")
	})
	for range 3 {
		if cert, err := shown(g, nil, "refused.example.com"); err == nil {
			t.Errorf("it shows %v", cert.Subject)
		}
	}
	if n := strings.Count(g.log.String(), "there is no certificate"); n != 1 {
		t.Errorf("it says so %d times:\n%s", n, g.log)
	}
}
