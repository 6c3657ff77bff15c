package server

import (
	"context"
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/gatepost/gatepost/internal/config"
)

// certificateEvery is the interval at which the certificate's files are checked for changes.
const certificateEvery = 10 * time.Second

// watchCertificate reads the certificate's files again when they change, until ctx ends. A pair that cannot be
// served is logged once, and the last good pair stays in use.
func watchCertificate(ctx context.Context, c *config.Certificate, log *slog.Logger) {
	every(ctx, certificateEvery, func() { c.Reload(log) })
}

// every calls f at an interval until ctx ends.
func every(ctx context.Context, interval time.Duration, f func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f()
		}
	}
}

// certificateConfig is the TLS configuration of the public listener with a certificate from files. The lowest
// version is TLS 1.2 (ASVS 5.0, 12.1.1).
func certificateConfig(c *config.Certificate) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.Served(), nil
		}}
}
