package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/gatepost/gatepost/internal/config"
)

// authority gets certificates for the gate's names by ACME (RFC 8555) and renews them a month before they expire.
type authority struct {
	*autocert.Manager
	names []string
	log   *slog.Logger
	said  atomic.Int64 // Unix time in nanoseconds of the last failure in the log
}

func newAuthority(c *config.Config, db *pgxpool.Pool, log *slog.Logger) *authority {
	return &authority{names: c.ACMEDomains, log: log, Manager: &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		HostPolicy: autocert.HostWhitelist(c.ACMEDomains...),
		Cache:      acmeCache{db},
		Email:      c.Settings.ACMEEmail,
		Client:     &acme.Client{DirectoryURL: c.Settings.ACMEDirectory, UserAgent: "gatepost"},
	}}
}

// config is the TLS configuration of the public listener. The certificate authority connects there too, to check
// the name (RFC 8737).
func (a *authority) config() *tls.Config {
	t := a.TLSConfig()
	t.MinVersion, t.GetCertificate = tls.VersionTLS12, a.get
	return t
}

// saidEvery is the shortest time between two log lines about a missing certificate. Every visitor's handshake fails
// for it, so each would log one.
const saidEvery = time.Minute

func (a *authority) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	cert, err := a.GetCertificate(hello)
	// The certificate authority's check, or a client that pretends to be it.
	looks := slices.Contains(hello.SupportedProtos, acme.ALPNProto)
	if err == nil || looks || !slices.Contains(a.names, strings.ToLower(hello.ServerName)) {
		return cert, err
	}
	now, last := time.Now().UnixNano(), a.said.Load()
	if now-last > int64(saidEvery) && a.said.CompareAndSwap(last, now) {
		a.log.Error("there is no certificate, so nobody can connect: the authority has to reach "+
			"this gate at port 443 or, with GATEPOST_HTTP_LISTEN, at 80", "name", hello.ServerName, "err", err)
	}
	return nil, err
}

// fetch gets missing certificates before a visitor needs them. It tries again after pauses that grow from a minute
// to an hour, because certificate authorities limit failed attempts.
func (a *authority) fetch(ctx context.Context) {
	for pause := time.Minute; !a.fetchAll(); pause = min(2*pause, time.Hour) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

func (a *authority) fetchAll() (all bool) {
	all = true
	for _, name := range a.names {
		cert, err := a.get(&tls.ClientHelloInfo{ServerName: name, SupportedVersions: []uint16{tls.VersionTLS13},
			SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256},
			CipherSuites:     []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}})
		if err == nil {
			a.log.Info("there is a certificate", "name", name, "expires", cert.Leaf.NotAfter.UTC())
		}
		all = all && err == nil
	}
	return all
}

// acmeCache keeps certificates, their keys and the ACME account key in PostgreSQL, so that all gates share them.
type acmeCache struct{ db *pgxpool.Pool }

// Get reads an entry. It fails with autocert.ErrCacheMiss when there is none.
func (c acmeCache) Get(ctx context.Context, name string) (content []byte, err error) {
	err = c.db.QueryRow(ctx, `SELECT content FROM gatepost.acme WHERE name = $1`, name).Scan(&content)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, autocert.ErrCacheMiss
	}
	if err != nil {
		return nil, fmt.Errorf("read the certificate %q: %w", name, err)
	}
	return content, nil
}

// Put writes an entry.
func (c acmeCache) Put(ctx context.Context, name string, content []byte) error {
	_, err := c.db.Exec(ctx, `
		INSERT INTO gatepost.acme (name, content) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET content = excluded.content, updated_at = now()`, name, content)
	if err != nil {
		return fmt.Errorf("keep the certificate %q: %w", name, err)
	}
	return nil
}

// Delete removes an entry.
func (c acmeCache) Delete(ctx context.Context, name string) error {
	if _, err := c.db.Exec(ctx, `DELETE FROM gatepost.acme WHERE name = $1`, name); err != nil {
		return fmt.Errorf("forget the certificate %q: %w", name, err)
	}
	return nil
}
