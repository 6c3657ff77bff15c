// Package assertion makes the signed assertion: a short-lived token in a header that tells the app who is signed in,
// and that the app can verify by itself. It keeps the keys that sign, and the set of public keys that the app fetches.
//
// It decides about no request, and stores no assertion: one lives beside the copy of its session, and goes with it.
package assertion

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/internal/seal"
)

// ErrNoKey means that there is no key to sign with at the moment. It wraps database.ErrUnavailable: waiting helps.
var ErrNoKey = fmt.Errorf("there is no key to sign the assertion with: %w", database.ErrUnavailable)

// Type is the type in the header of an assertion (RFC 8725, section 3.11). No other token of the gate's has it.
const Type = "gatepost+jwt"

// Options are the parameters of a Keyring. All fields are required unless they say otherwise.
type Options struct {
	// Issuer is the public URL. Audience is the app that the assertion is for.
	Issuer, Audience string
	// Bind signs each request by itself, over its method and path.
	Bind bool
	// Keys open what Seal has sealed for the row of a key, in a transaction that writes the row.
	Keys seal.Keys
	Seal func(ctx context.Context, tx pgx.Tx, id string, value []byte) ([]byte, error)
	// Listening reports whether changes are heard of, after which Wake is called. Otherwise the Keyring looks often.
	Listening func() bool
	// Log receives faults. Default: slog.Default().
	Log *slog.Logger
}

// The times of an assertion.
const (
	// reuse is how long one is used for more requests of its session. lifetime is how long it is valid: three times as
	// long, so that the app may hand it on to something that works a little later.
	reuse    = time.Minute
	lifetime = 3 * reuse
	// boundLifetime is that of an assertion for one request.
	boundLifetime = time.Minute
)

// longest is the longest assertion in bytes. Servers take that much of headers at least, all together.
const longest = 8 << 10
