// Package session is who a request is: users, the sessions of their browsers, and the cookie in between. A Reader looks
// sessions up on every request, keeps copies as long as it hears of every revocation, and ends what outlives its
// session. A Maker makes and ends sessions, in the transactions of whoever has a reason to.
//
// It never sees a password, and never decides what a path needs or what a user may do. Time is PostgreSQL's: no expiry
// is ever judged by this machine's clock.
package session

import (
	"errors"
	"time"
)

// What a method may answer besides success. Callers match with errors.Is.
var (
	// ErrNoSession: the token is missing, malformed, unknown, expired or revoked, or its user is disabled.
	ErrNoSession = errors.New("no valid session")
	// ErrStale: the session is valid, but its user proved their password longer than FreshFor ago.
	ErrStale = errors.New("the sign-in is too long ago for this: confirm the password first")
)

// Session is one signed-in browser. It holds no secret: neither the token nor its hash.
type Session struct {
	ID        string
	User      User
	ExpiresAt time.Time // moves with use
	Proof     Proof     // how its user was proved
	// The rest is filled in by Describe, not on every request.
	CreatedAt, UpdatedAt time.Time
	IPAddress, UserAgent string

	// For Hold: the session is valid at least until then, as far as is known since this generation of the cache.
	until      time.Time
	generation uint64
}

// User is a person as others may know them; it holds no secret.
type User struct {
	ID            string
	Name          string // may be empty
	Email         string // lower-case
	EmailVerified bool
	Roles         []string
	Image         string    // may be empty
	DisabledAt    time.Time // zero: not disabled
	// PasswordLocked: too many wrong passwords in a row, so that only familiar places get in. Filled in by FindUser and
	// Users.
	PasswordLocked bool
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// Lengths of time that are not settings.
const (
	// notRemembered is the idle limit of a session whose cookie the browser forgets when it closes.
	notRemembered = 24 * time.Hour
	// FreshFor is how long after the proof of its user (Session.Proof) a session may do what ErrStale refuses. Later it
	// takes the password again, so that a browser left open, or a stolen cookie, does less harm (ASVS 5.0, 7.5.1 and
	// 7.5.2).
	FreshFor = 10 * time.Minute
)
