package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// welcomed is how many new connections are being made at once.
const welcomed = 8

// openSecure starts a bare proxy and a gate that end TLS with the same certificate, a self-signed one with a key of
// ECDSA P-256.
func (c *crowd) openSecure(ctx context.Context, dir string) (err error) {
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := writeCertificate(cert, key); err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	if c.secureBare, c.secureBareAddress, err = startServer(ctx, "bare", c.upstream, cert, key); err != nil {
		return err
	}
	c.onClose(c.secureBare.stop)
	g, err := newGate("https")
	if err != nil {
		return err
	}
	c.secure, err = c.start(ctx, g, c.program, "GATEPOST_TLS_CERT="+cert, "GATEPOST_TLS_KEY="+key)
	if err != nil {
		return err
	}
	c.onClose(c.secure.child.stop)
	return nil
}

func writeCertificate(cert, key string) error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	signed, err := x509.CreateCertificate(rand.Reader, form, form, private.Public(), private)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	err = os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), 0o600)
	if err != nil {
		return err
	}
	return os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600)
}

// welcome measures new connections, each with a full handshake and one signed-in request. The first round does not
// count.
func (c *crowd) welcome(ctx context.Context) error {
	request := get("/", c.secure, c.token, "")
	subjects := []subject{{pid: c.secureBare.pid(), job: job{Address: c.secureBareAddress, Request: request}},
		{pid: c.secure.child.pid(), job: job{Address: c.secure.address, Request: request}}}
	for round := range c.rounds + 1 {
		say("new connections with TLS, round %d of %d", round, c.rounds)
		var sums [2]sample
		order := []int{0, 1}
		for range c.turn / slice {
			for _, i := range order {
				j := &subjects[i].job
				j.Connections, j.Duration, j.New = welcomed, slice, true
				sam, err := c.slice(ctx, subjects[i])
				if err != nil {
					return err
				}
				sums[i].add(sam)
			}
			slices.Reverse(order)
		}
		if round > 0 {
			c.res.tls.bare = append(c.res.tls.bare, ownCPU(sums[0]))
			c.res.tls.gate = append(c.res.tls.gate, ownCPU(sums[1]))
		}
	}
	return nil
}

// newConnections sends each request over a new connection, with nothing to resume.
func (j job) newConnections(start time.Time) (took []time.Duration, err error) {
	config := &tls.Config{InsecureSkipVerify: true} // what the certificate says is not measured
	for {
		began := time.Now()
		if err := j.oneConnection(config, start.Add(j.Duration+loadGrace)); err != nil {
			return nil, err
		}
		now := time.Now()
		if took = append(took, now.Sub(began)); now.Sub(start) >= j.Duration {
			return took, nil
		}
	}
}

func (j job) oneConnection(config *tls.Config, deadline time.Time) error {
	conn, err := net.DialTimeout("tcp", j.Address, loadGrace)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	// It is reset at its end: closed connections would keep their ports for a minute.
	if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
		return err
	}
	secure := tls.Client(conn, config)
	if _, err := secure.Write(j.Request); err != nil {
		return fmt.Errorf("send a request: %w", err)
	}
	return readAnswer(bufio.NewReader(secure))
}
