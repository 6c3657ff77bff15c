package auth

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/assertion"
	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/seal"
)

func (s *Store) newKeyring() *assertion.Keyring {
	o := s.o.Assertion
	o.Keys, o.Log = s.o.Keys, s.o.Log
	o.Listening = func() bool { return s.Reader.Listening() }
	o.Seal = func(ctx context.Context, tx pgx.Tx, id string, value []byte) ([]byte, error) {
		return s.seal(ctx, tx, seal.AssertionKey, id, value)
	}
	return assertion.NewKeyring(s.db, o)
}

// asserts reports whether the app gets a signed assertion.
func (s *Store) asserts() bool { return s.o.Assertion.Issuer != "" }

// OpenAssertions reads the keys that sign the assertion, and makes the first one. It fails with seal.ErrNoKey or
// database.ErrUnavailable, and does nothing without Options.Assertion.
func (s *Store) OpenAssertions(ctx context.Context) error {
	if !s.asserts() {
		return nil
	}
	return s.keyring.Open(ctx)
}

// Assertion returns the signed assertion for a request of a session, as the value of a header that must not be
// modified. It fails with database.ErrUnavailable while there is no key.
func (s *Store) Assertion(v *session.Session, method, rawPath string) ([]string, error) {
	return s.keyring.Of(v, method, rawPath)
}

// AssertionKeySet is the set of the public keys that sign the assertion, as JSON. It must not be changed. Nil: there
// is none now.
func (s *Store) AssertionKeySet() []byte { return s.keyring.Set() }

// AssertionKeys returns the keys that sign the assertion, the latest first. It fails with database.ErrUnavailable.
func (s *Store) AssertionKeys(ctx context.Context) ([]assertion.Key, error) {
	return s.keyring.List(ctx)
}

// RotateAssertionKey publishes the next key, and returns its id and in how long it signs. It fails with seal.ErrNoKey,
// assertion.ErrComing or database.ErrUnavailable.
func (s *Store) RotateAssertionKey(ctx context.Context) (id string, in time.Duration, err error) {
	var event audit.Event
	id, in, err = s.keyring.Rotate(ctx, func(ctx context.Context, tx pgx.Tx, id string) error {
		event = audit.Event{Name: "rotate-assertion-key", Details: audit.Details{{Name: "key", Value: id}}}
		return s.trail.Write(ctx, tx, event)
	})
	if err == nil {
		s.trail.Wrote(ctx, event)
	}
	return id, in, err
}

// RevokeAssertionKey deletes a key: no gate signs with it any more, or publishes it. It fails with assertion.ErrUnknown
// or database.ErrUnavailable, and with seal.ErrNoKey where another key has to be made and cannot.
func (s *Store) RevokeAssertionKey(ctx context.Context, id string) error {
	event := audit.Event{Name: "revoke-assertion-key", Details: audit.Details{{Name: "key", Value: id}}}
	err := s.keyring.Revoke(ctx, id, func(ctx context.Context, tx pgx.Tx) error { return s.trail.Write(ctx, tx, event) })
	if err == nil {
		s.trail.Wrote(ctx, event)
	}
	return err
}

// SignedAssertions is how many assertions were signed.
func (s *Store) SignedAssertions() int64 { return s.keyring.Signed() }
