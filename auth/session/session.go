// Package session holds who a request is from: users, the sessions of their browsers, and the cookie that names
// them. A Reader looks sessions up on every request, caches them as long as it hears of every revocation, and ends
// activities that outlive their session. A Maker makes and ends sessions, in the transactions of its callers.
//
// The package never sees a password, and never decides what a path needs or what a user may do. Time is
// PostgreSQL's: no expiry is judged by this machine's clock.
package session

import (
	"errors"
	"math"
	"sync/atomic"
	"time"
)

// The errors a caller may have to tell apart, with errors.Is.
var (
	// ErrNoSession means that the token is missing, malformed, unknown, expired or revoked, or its user is
	// disabled.
	ErrNoSession = errors.New("no valid session")
	// ErrMove means that the session is one of the system before, whose browser gets one of the gate's now.
	ErrMove = errors.New("the session is one of the system before, and moves here first")
	// ErrStale means that the session is valid, but its user proved who they are longer than FreshFor ago.
	ErrStale = errors.New("the sign-in is too long ago for this: confirm the password first")
)

// Session is one signed-in browser. It holds no secret: neither the token nor its hash.
type Session struct {
	ID        string
	User      User
	ExpiresAt time.Time // moves with use
	Proof     Proof     // how the user was proved
	// ActiveAt is when the user was last proved, by the first or the second factor, on this machine's clock: PostgreSQL
	// said how long ago that was. Set by Lookup. See Age.
	ActiveAt time.Time
	// Grant is what an API token lets whoever has it do; nil: a browser is signed in. Set by LookupToken only.
	Grant *Grant
	// The fields from here on are set by Describe and Account only. Describe leaves Proof empty.
	CreatedAt, UpdatedAt time.Time
	IPAddress, UserAgent string

	// Aside is a place for what is made of this copy of the session, and is forgotten with it: as soon as anything changes
	// that decides about the session. Nil: the copy is not kept, or Options.Aside is not set.
	Aside *atomic.Value

	// For Hold: as of this generation of the cache, the session is known to be valid at least until then.
	until      time.Time
	generation uint64
	// due says that a use of the session is to be written down.
	due bool
}

// Age is how long ago the user was last proved, by the first or the second factor. A use of the session does not make
// it younger. Where that is not known, as after Describe, it is older than anything.
func (v Session) Age() time.Duration {
	if v.ActiveAt.IsZero() {
		return math.MaxInt64
	}
	return time.Since(v.ActiveAt)
}

// Until is until when the session is known to be valid, with the roles that it has, if nothing changes meanwhile.
func (v Session) Until() time.Time { return v.until }

// User is a person as others may see them. It holds no secret.
type User struct {
	ID            string
	Name          string // may be empty
	Email         string // lower-case
	EmailVerified bool
	// Username is for apps whose names may not be ids or addresses; empty: they have none. UsernameChosen says that the
	// user has chosen it, and not an operator.
	Username       string
	UsernameChosen bool
	Roles          []string
	// ClaimedRoles are those that providers claimed at the last sign-in, and that count now. Set by FindUser, UserByID
	// and Users only, whose Roles are those of the user's row alone; elsewhere Roles has both.
	ClaimedRoles []string
	Image        string    // may be empty
	DisabledAt   time.Time // zero: not disabled
	// PasswordLocked reports that too many wrong passwords came in a row, so that only sign-ins from familiar
	// places succeed. Set by FindUser, UserByID and Users only.
	PasswordLocked bool
	// SecondFactor reports that a sign-in takes a second factor. Set by FindUser, UserByID, Users, Describe and Account
	// only.
	SecondFactor bool
	// CopiedPasskeys is how many passkeys have a counter that went back, as of a copy. Set where PasswordLocked is.
	CopiedPasskeys int
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// Durations that are not settings.
const (
	// notRemembered is the idle limit of a session whose cookie the browser forgets when it closes.
	notRemembered = 24 * time.Hour
	// FreshFor is how long after the proof of its user (Session.Proof) a session may do what ErrStale refuses.
	// After that the user has to prove again who they are, so that an abandoned browser or a stolen cookie does less
	// harm (ASVS 5.0, 7.5.1 and 7.5.2).
	FreshFor = 10 * time.Minute
)
