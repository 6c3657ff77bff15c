package server

import (
	"context"
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/gatepost/gatepost/internal/config"
)

// certificateEvery is how often the files of a certificate are looked at.
const certificateEvery = 10 * time.Second

// watchCertificate reads the files again when they change. What cannot be served is said once, and the pair before goes on.
func watchCertificate(ctx context.Context, c *config.Certificate, log *slog.Logger) {
	tick := time.NewTicker(certificateEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.Reload(log)
		}
	}
}

// certificateConfig is that of the public listener. TLS 1.2 is the least (ASVS 5.0, 12.1.1).
func certificateConfig(c *config.Certificate) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return c.Served(), nil
	}}
}
