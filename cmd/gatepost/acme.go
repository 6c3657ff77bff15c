package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// newACME gets certificates for our names from a certificate authority, and renews them a month before they expire.
func newACME(c *config, db *pgxpool.Pool) *autocert.Manager {
	return &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		HostPolicy: autocert.HostWhitelist(c.acmeDomains...),
		Cache:      acmeCache{db},
		Email:      c.ACMEEmail,
		Client:     &acme.Client{DirectoryURL: c.ACMEDirectory, UserAgent: "gatepost"},
	}
}

// acmeCache keeps certificates, their keys and the account's in PostgreSQL, so that all gates have the same.
type acmeCache struct{ db *pgxpool.Pool }

// Get fails with autocert.ErrCacheMiss for what is not there.
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

func (c acmeCache) Put(ctx context.Context, name string, content []byte) error {
	_, err := c.db.Exec(ctx, `
		INSERT INTO gatepost.acme (name, content) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET content = excluded.content, updated_at = now()`, name, content)
	if err != nil {
		return fmt.Errorf("keep the certificate %q: %w", name, err)
	}
	return nil
}

func (c acmeCache) Delete(ctx context.Context, name string) error {
	if _, err := c.db.Exec(ctx, `DELETE FROM gatepost.acme WHERE name = $1`, name); err != nil {
		return fmt.Errorf("forget the certificate %q: %w", name, err)
	}
	return nil
}
