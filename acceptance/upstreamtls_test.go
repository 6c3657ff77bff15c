package acceptance_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/authtest"
)

// privateCA is an authority that no system trusts.
type privateCA struct {
	name string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newPrivateCA(t *testing.T, name string) *privateCA {
	t.Helper()
	a := &privateCA{name: name}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: time.Now().Add(-100 * time.Hour), NotAfter: time.Now().Add(100 * time.Hour)}
	a.cert, a.key = issue(t, c, nil, nil)
	return a
}

// issue makes a certificate, signed by itself without an issuer.
func issue(t *testing.T, c, by *x509.Certificate, with *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if by == nil {
		by, with = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by, &key.PublicKey, with)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// leaf makes a certificate for a server or a client.
func (a *privateCA) leaf(t *testing.T, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "leaf of " + a.name},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	if change != nil {
		change(c)
	}
	cert, key := issue(t, c, a.cert, a.key)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
}

// here makes a certificate valid for the address of the tests' servers.
func here(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)} }

func pemOf(cert *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
}

func keyOf(t *testing.T, c tls.Certificate) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// tlsApp is an app over TLS. It says which protocol it was asked in, and by whom.
func tlsApp(t *testing.T, cert tls.Certificate, change func(*tls.Config)) (url string) {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			echoSocket(w, r)
			return
		}
		who := "nobody"
		if len(r.TLS.PeerCertificates) > 0 {
			who = r.TLS.PeerCertificates[0].Subject.CommonName
		}
		_, _ = io.WriteString(w, r.Proto+" "+r.TLS.ServerName+" "+who)
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	if change != nil {
		change(s.TLS)
	}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// wantsCertificates makes an app let in only who has a certificate of an authority.
func wantsCertificates(a *privateCA, version uint16) func(*tls.Config) {
	return func(c *tls.Config) {
		c.ClientAuth, c.ClientCAs, c.MaxVersion = tls.RequireAndVerifyClientCert, x509.NewCertPool(), version
		c.ClientCAs.AddCert(a.cert)
	}
}

// rawApp hands each connection to a function.
func rawApp(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	t.Cleanup(func() { end(); _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(ctx, func() { _ = conn.Close() })
			go serve(conn)
		}
	}()
	return l.Addr().String()
}

// versionApp speaks one version of HTTP without TLS.
func versionApp(t *testing.T, set func(*http.Protocols), handler http.HandlerFunc) (address string) {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.Config.Protocols = new(http.Protocols)
	set(s.Config.Protocols)
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// `gatepost check` speaks to the app as the gate would, and names what is wrong and its cure.
func TestCheckSpeaksToTheApp(t *testing.T) {
	t.Parallel()
	ca, other := newPrivateCA(t, "Inner CA"), newPrivateCA(t, "Other CA")
	fine := ca.leaf(t, here)
	elsewhere := ca.leaf(t, func(c *x509.Certificate) { c.DNSNames = []string{"app.internal"} })
	old := ca.leaf(t, func(c *x509.Certificate) { here(c); c.NotAfter = time.Now().Add(-time.Hour) })
	early := ca.leaf(t, func(c *x509.Certificate) { here(c); c.NotBefore = time.Now().Add(30 * time.Minute) })
	nameless := ca.leaf(t, func(c *x509.Certificate) { c.Subject.CommonName = "127.0.0.1" })
	self, selfKey := issue(t, &x509.Certificate{SerialNumber: big.NewInt(3), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}, nil, nil)
	selfSigned := tls.Certificate{Certificate: [][]byte{self.Raw}, PrivateKey: selfKey}
	ours, theirs := ca.leaf(t, nil), other.leaf(t, nil)
	trust := "GATEPOST_UPSTREAM_CA=" + pemOf(ca.cert)
	show := func(c tls.Certificate) []string {
		return []string{trust, "GATEPOST_UPSTREAM_CERT=" + pemOf(c.Leaf), "GATEPOST_UPSTREAM_KEY=" + keyOf(t, c)}
	}
	const needsOne = "asks for a client certificate: set GATEPOST_UPSTREAM_CERT and GATEPOST_UPSTREAM_KEY"
	hello := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }
	plain := versionApp(t, func(p *http.Protocols) { p.SetHTTP1(true) }, hello)
	h2c := versionApp(t, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }, hello)
	picky := versionApp(t, func(p *http.Protocols) { p.SetHTTP1(true) },
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }) // an unknown Host at Django
	overTLS := tlsApp(t, fine, nil)
	// Node closes the connection of whoever speaks no TLS, and others answer with an alert.
	abrupt := rawApp(t, func(conn net.Conn) {
		_ = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{fine}}).Handshake()
		_ = conn.Close()
	})
	ssh := rawApp(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "SSH-2.0-x\r\n"); _ = conn.Close() })
	silent := rawApp(t, func(net.Conn) {})
	asks := tlsApp(t, fine, func(c *tls.Config) { c.ClientAuth = tls.RequestClientCert })
	database := authtest.NewEmptyDatabase(t)
	for name, c := range map[string]struct {
		upstream string
		env      []string
		want     string // parts of the fault, separated by |; empty: there is none
	}{
		"an authority that nobody knows": {overTLS, nil,
			`unknown authority, "CN=Inner CA"|put that authority's certificate into GATEPOST_UPSTREAM_CA`},
		"another authority": {overTLS, []string{"GATEPOST_UPSTREAM_CA=" + pemOf(other.cert)},
			"unknown authority|none in GATEPOST_UPSTREAM_CA"},
		"the authority": {overTLS, []string{trust}, ""},
		"two of them, in one line": {overTLS, []string{"GATEPOST_UPSTREAM_CA=" +
			strings.ReplaceAll(pemOf(other.cert)+pemOf(ca.cert), "\n", `\n`)}, ""},
		"self-signed": {tlsApp(t, selfSigned, nil), nil,
			"signed by itself|put it into GATEPOST_UPSTREAM_CA"},
		"self-signed, and known": {tlsApp(t, selfSigned, nil), []string{"GATEPOST_UPSTREAM_CA=" + pemOf(self)}, ""},
		"another name": {tlsApp(t, elsewhere, nil), []string{trust},
			`for "app.internal" and not for "127.0.0.1"|GATEPOST_UPSTREAM_SERVER_NAME`},
		"another name, and an authority that nobody knows": {tlsApp(t, elsewhere, nil), nil,
			"GATEPOST_UPSTREAM_SERVER_NAME|unknown authority|GATEPOST_UPSTREAM_CA"},
		"another name, and that one is wanted": {tlsApp(t, elsewhere, nil),
			[]string{trust, "GATEPOST_UPSTREAM_SERVER_NAME=app.internal"}, ""},
		"a name that is wanted and another": {overTLS, []string{trust, "GATEPOST_UPSTREAM_SERVER_NAME=app.internal"},
			`for "127.0.0.1" and not for "app.internal"`},
		"no name":       {tlsApp(t, nameless, nil), []string{trust}, "subject alternative name"},
		"expired":       {tlsApp(t, old, nil), []string{trust}, "the app's certificate expired on|renew it"},
		"not yet valid": {tlsApp(t, early, nil), []string{trust}, "is good from|look at the clock"},

		"a client certificate is needed": {tlsApp(t, fine, wantsCertificates(ca, 0)), []string{trust}, needsOne},
		"and with TLS 1.2": {tlsApp(t, fine, wantsCertificates(ca, tls.VersionTLS12)), []string{trust},
			needsOne},
		"and nginx answers 400": {"https://" + answer400(t, fine), []string{trust}, needsOne},
		"one of another authority": {tlsApp(t, fine, wantsCertificates(ca, 0)), show(theirs),
			"does not accept the certificate in GATEPOST_UPSTREAM_CERT"},
		"that too with TLS 1.2": {tlsApp(t, fine, wantsCertificates(ca, tls.VersionTLS12)), show(theirs),
			"does not accept the certificate in GATEPOST_UPSTREAM_CERT"},
		"the right one":            {tlsApp(t, fine, wantsCertificates(ca, 0)), show(ours), ""},
		"asked for and not needed": {asks, []string{trust}, ""},

		"plain HTTP at https://": {"https://" + plain, nil, "set GATEPOST_UPSTREAM=http://" + plain},
		"TLS at http://":         {"http" + strings.TrimPrefix(overTLS, "https"), nil, "set GATEPOST_UPSTREAM=" + overTLS},
		"TLS at h2c://":          {"h2c" + strings.TrimPrefix(overTLS, "https"), nil, "set GATEPOST_UPSTREAM=" + overTLS},
		"TLS at http://, and the connection is closed": {"http://" + abrupt, nil,
			"set GATEPOST_UPSTREAM=https://" + abrupt},
		"HTTP/1 at h2c://":      {"h2c://" + plain, nil, "set GATEPOST_UPSTREAM=http://" + plain},
		"h2c at http://":        {"http://" + h2c, nil, "set GATEPOST_UPSTREAM=h2c://" + h2c},
		"h2c":                   {"h2c://" + h2c, nil, ""},
		"plain HTTP":            {"http://" + plain, nil, ""},
		"400 in plain HTTP":     {"http://" + picky, nil, ""},
		"another protocol":      {"http://" + ssh, nil, "does not answer in plain HTTP"},
		"no answer":             {"http://" + silent, nil, "answered no request in plain HTTP"},
		"nobody":                {"http://127.0.0.1:1", nil, "nothing answers at http://127.0.0.1:1"},
		"settings for no use":   {"http://" + plain, []string{trust}, "change GATEPOST_UPSTREAM to https://"},
		"a certificate alone":   {overTLS, show(ours)[:2], "go together"},
		"a file where PEM is":   {overTLS, []string{"GATEPOST_UPSTREAM_CA=/etc/ca.pem"}, "GATEPOST_UPSTREAM_CA_FILE"},
		"a name that is none":   {overTLS, []string{trust, "GATEPOST_UPSTREAM_SERVER_NAME=https://x"}, "SERVER_NAME"},
		"the key in the CA too": {overTLS, []string{trust + keyOf(t, ours)}, "holds a private key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, _ := runGate(t, []string{"check"}, append(c.env, "DATABASE_URL="+database,
				"GATEPOST_UPSTREAM="+c.upstream)...)
			fault := ""
			for line := range strings.Lines(out) {
				if strings.HasPrefix(line, "gatepost: GATEPOST_UPSTREAM") {
					fault += line
				}
			}
			for part := range strings.SplitSeq(c.want, "|") {
				if !strings.Contains(fault, part) || c.want == "" && fault != "" {
					t.Errorf("got %q, want %q", fault, part)
				}
			}
			if slices.Equal(c.env, []string{trust}) && c.want == "" &&
				!regexp.MustCompile(`GATEPOST_UPSTREAM_CA +"CN=Inner CA" until 20`).MatchString(out) {
				t.Errorf("it is not told which authority counts: %s", out)
			}
			if strings.Contains(out, "PRIVATE KEY") || strings.Contains(out, strings.Split(keyOf(t, ours), "\n")[1]) {
				t.Errorf("the key is told: %s", out)
			}
		})
	}
}

// answer400 is an app that speaks TLS, asks for a certificate, and refuses who has none as nginx does.
func answer400(t *testing.T, cert tls.Certificate) (address string) {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 0 {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// A gate talks only to an app that proves who it is, proves who it is itself, and says in the log what to mend.
func TestAnAppOverTLSIsVerified(t *testing.T) {
	t.Parallel()
	ca, dir := newPrivateCA(t, "Inner CA"), t.TempDir()
	app := tlsApp(t, ca.leaf(t, func(c *x509.Certificate) { c.DNSNames = []string{"app.internal"} }),
		wantsCertificates(ca, 0))
	ours := ca.leaf(t, nil)
	files := map[string]string{"CA": pemOf(ca.cert), "CERT": pemOf(ours.Leaf), "KEY": keyOf(t, ours)}
	env := []string{"GATEPOST_UPSTREAM=" + app, "GATEPOST_UPSTREAM_SERVER_NAME=app.internal"}
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		env = append(env, "GATEPOST_UPSTREAM_"+name+"_FILE="+file)
	}
	g := startGate(t, append(env, "DATABASE_URL="+authtest.NewDatabase(t))...)
	if r := g.visitor(t).fetch("/public"); r.status != 200 || r.body != "HTTP/2.0 app.internal leaf of Inner CA" {
		t.Errorf("got %d %q", r.status, r.body)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(conn, "GET /public HTTP/1.1\r\nHost: localhost\r\n"+
		"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	answer := make([]byte, len("HTTP/1.1 101"))
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "HTTP/1.1 101" {
		t.Errorf("a WebSocket: %q, %v", answer, err)
	}
	if status, said := readiness(t, g); status != 200 || said != "ok" {
		t.Errorf("readyz: %d %s", status, said)
	}
}

// A gate whose app cannot be spoken to says at /readyz, and in the log, what is wrong and its cure.
func TestAFaultBetweenGateAndAppIsNamed(t *testing.T) {
	t.Parallel()
	ca := newPrivateCA(t, "Inner CA")
	fine := ca.leaf(t, here)
	trust := "GATEPOST_UPSTREAM_CA=" + pemOf(ca.cert)
	overTLS := tlsApp(t, fine, nil)
	database := authtest.NewDatabase(t)
	for name, c := range map[string]struct {
		env          []string
		ready, cause string
	}{
		"an unknown authority": {[]string{"GATEPOST_UPSTREAM=" + overTLS}, "GATEPOST_UPSTREAM_CA", "GATEPOST_UPSTREAM_CA"},
		"no client certificate": {[]string{"GATEPOST_UPSTREAM=" + tlsApp(t, fine, wantsCertificates(ca, 0)), trust},
			"GATEPOST_UPSTREAM_CERT", ""},
		"TLS at http://": {[]string{"GATEPOST_UPSTREAM=http" + strings.TrimPrefix(overTLS, "https")},
			"set GATEPOST_UPSTREAM=" + overTLS, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := startGate(t, append(c.env, "DATABASE_URL="+database)...)
			if status, said := readiness(t, g); status != 503 || !strings.Contains(said, c.ready) {
				t.Errorf("readyz: %d %s", status, said)
			}
			if c.cause == "" {
				return
			}
			if r := g.visitor(t).fetch("/public"); r.status != 502 || strings.Contains(r.body, "GATEPOST_UPSTREAM") {
				t.Errorf("got %d %s", r.status, r.body)
			}
			eventually(t, "the log names the cure", func() bool { return strings.Contains(g.log.String(), c.cause) })
		})
	}
}

// readiness is the status of /readyz and what it says about the app.
func readiness(t *testing.T, g *running) (status int, upstream string) {
	t.Helper()
	res, err := http.Get(g.ops + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct{ Checks map[string]string }
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, answer.Checks["upstream"]
}

// However many probes there are, the app gets few requests.
func TestProbesShareTheRequestsToTheApp(t *testing.T) {
	t.Parallel()
	var requests, others atomic.Int64
	app := versionApp(t, func(p *http.Protocols) { p.SetHTTP1(true) }, func(_ http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if r.Method != http.MethodHead || r.URL.Path != "/" || r.Header.Get("User-Agent") != "gatepost-readyz" {
			others.Add(1)
		}
	})
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM=http://"+app)
	const probers, each = 20, 20
	var all sync.WaitGroup
	for range probers {
		all.Go(func() {
			for range each {
				if _, said := readiness(t, g); said != "ok" {
					t.Errorf("said %s", said)
				}
			}
		})
	}
	all.Wait()
	if n := requests.Load(); n == 0 || n > probers*each/10 || others.Load() != 0 {
		t.Errorf("%d probes were %d requests, and %d of another kind", probers*each, n, others.Load())
	}
}
