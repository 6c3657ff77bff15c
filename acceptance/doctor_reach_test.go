package acceptance_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
)

// secureSite serves a page over TLS with a certificate, on localhost. The port is returned.
func secureSite(t *testing.T, dir string, change func(*x509.Certificate), options func(*tls.Config)) (port string) {
	t.Helper()
	cert, key, _ := writePair(t, dir, change)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are what is tried
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	if options != nil {
		options(s.TLS)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return portIn(t, s.Listener.Addr())
}

func portIn(t *testing.T, a net.Addr) string {
	t.Helper()
	_, port, err := net.SplitHostPort(a.String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// rawSite answers every connection with bytes, and closes it.
func rawSite(t *testing.T, answer string) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
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
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = io.WriteString(conn, answer)
			_ = conn.Close()
		}
	}()
	return portIn(t, l.Addr())
}

// Each reason for which a site cannot be examined has a sentence of its own, with its cure.
func TestDoctorSaysWhyASiteCannotBeExamined(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	plainPort := portIn(t, plain.Listener.Addr())
	private := secureSite(t, dir, nil, nil)
	other, _, _ := writePair(t, t.TempDir(), nil)
	old := secureSite(t, t.TempDir(), func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) }, nil)
	early := secureSite(t, t.TempDir(), func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
	}, nil)
	foreign := secureSite(t, t.TempDir(), func(c *x509.Certificate) { c.DNSNames = []string{"other.example"} }, nil)
	unknown := secureSite(t, t.TempDir(), nil, func(c *tls.Config) {
		c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, fmt.Errorf("who is that?") }
	})
	dir12, dir13 := t.TempDir(), t.TempDir()
	asks := secureSite(t, dir12, nil, func(c *tls.Config) {
		c.ClientAuth, c.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12
	})
	asks13 := secureSite(t, dir13, nil, func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert })
	ca := dir + "/cert.pem"
	for name, c := range map[string]struct {
		args []string
		says []string
	}{
		"a closed port": {[]string{"http://localhost:" + freePort(t)},
			[]string{"nothing answers at http://", "is closed; start"}},
		"no such host": {[]string{"http://nowhere.invalid"}, []string{"nothing answers", "nowhere.invalid", "DNS"}},
		"https, by http": {[]string{"http://localhost:" + private},
			[]string{"speaks https", "examine https://localhost:" + private}},
		"http, by https": {[]string{"https://localhost:" + plainPort},
			[]string{"speaks http, and", "examine http://localhost:" + plainPort}},
		"no TLS, by https": {[]string{"https://localhost:" + rawSite(t, "220 mail ready\r\n")}, []string{"speaks no TLS"}},
		"no HTTP":          {[]string{"http://localhost:" + rawSite(t, "220 mail ready\r\n")}, []string{"malformed HTTP"}},
		"silence":          {[]string{"http://localhost:" + rawSite(t, "")}, []string{"closed without a word"}},
		"silence by https": {[]string{"https://localhost:" + rawSite(t, "")}, []string{"ends the TLS handshake", "of https"}},
		"a private certificate": {[]string{"https://localhost:" + private},
			[]string{"is private", "signed by nobody but itself", "--ca FILE"}},
		"another authority": {[]string{"--ca", other, "https://localhost:" + private},
			[]string{"is private", "not signed by what --ca names either"}},
		"expired":      {[]string{"--ca", ca, "https://localhost:" + old}, []string{"expired on 20", "renew it"}},
		"not yet good": {[]string{"https://localhost:" + early}, []string{"is good from 20", "clock"}},
		"for another name": {[]string{"https://localhost:" + foreign},
			[]string{"it is for other.example and not for localhost"}},
		"an unknown name": {[]string{"https://localhost:" + unknown}, []string{"no certificate for localhost"}},
		"asks for one of ours": {[]string{"--ca", dir12 + "/cert.pem", "https://localhost:" + asks},
			[]string{"asks for a certificate of the visitor's"}},
		"asks for one in TLS 1.3": {[]string{"--ca", dir13 + "/cert.pem", "https://localhost:" + asks13},
			[]string{"asks for a certificate of the visitor's"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out, said := runDoctor(t, "", c.args...)
			for _, want := range c.says {
				if !strings.Contains(said, want) {
					t.Errorf("no %q in %q", want, said)
				}
			}
			if code != 1 || out != "" || strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, "gatepost: ") {
				t.Errorf("exit %d, %q, %q", code, out, said)
			}
		})
	}
}

// A site with a private certificate is examined with the certificate of its authority, and the doctor says what that
// means for visitors. So is one that http leads to.
func TestDoctorTakesAPrivateAuthority(t *testing.T) {
	t.Parallel()
	cert, key, _ := writePair(t, t.TempDir(), nil)
	plainPort := freePort(t)
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url,
		"GATEPOST_PUBLIC_URL=https://localhost:0", "GATEPOST_TLS_CERT="+cert, "GATEPOST_TLS_KEY="+key,
		"GATEPOST_HTTP_LISTEN=localhost:"+plainPort)
	site := strings.Replace(g.url, "http://", "https://", 1)
	for _, address := range []string{site, "http://localhost:" + plainPort} {
		code, out, said := runDoctor(t, "", "--ca", cert, address)
		if code != 0 || !strings.Contains(out, "note     the certificate is private: visitors whose browsers") {
			t.Errorf("%s: exit %d, %s%s", address, code, out, said)
		}
	}
	code, _, said := runDoctor(t, "", "http://localhost:"+plainPort)
	if code != 1 || !strings.HasPrefix(said, "gatepost: http://localhost:"+plainPort+" leads to https, and there: the "+
		"certificate of "+site+" is private") {
		t.Errorf("exit %d, %s", code, said)
	}
}
