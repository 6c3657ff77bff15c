// Package auth knows who somebody is. It owns the users, their passwords and their sessions, and all SQL on them:
// sign-up, sign-in, looking a session up on every request, sign-out, and ending what has expired.
//
// It never decides what a path needs (package proxy) and never writes a page (package loginui). Time is PostgreSQL's:
// no expiry is ever judged by this machine's clock.
package auth

import (
	"context"
	"errors"
	"log/slog"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/password"
	"github.com/gatepost/gatepost/internal/share"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// What a method may answer besides success. Callers match with errors.Is and errors.As; any other error is our fault.
var (
	// ErrNoSession: the token is missing, malformed, unknown, expired or revoked, or its user is disabled.
	ErrNoSession = errors.New("no valid session")
	// ErrStale: the session is valid, but its user proved his password longer than FreshFor ago. Confirm makes it fresh.
	ErrStale = errors.New("the sign-in is too long ago for this: confirm the password first")
	// ErrBadCredentials: unknown address, wrong password or disabled user, on purpose not told apart.
	ErrBadCredentials = errors.New("wrong e-mail address or password")
	// ErrSignUpClosed: the operator does not take new users.
	ErrSignUpClosed = errors.New("sign-up is closed")
	// ErrNoUser: an operator named a user that does not exist.
	ErrNoUser = errors.New("no such user")
)

// Options tune a Store. The zero value of each field means the default.
type Options struct {
	// SessionIdle ends a session this long after its last use. Default 168 h.
	SessionIdle time.Duration
	// SessionLifetime ends it this long after sign-in whatever happens. Default 720 h.
	SessionLifetime time.Duration
	// PasswordMin is the shortest password in characters. Default 8, and never less (ASVS 5.0, 6.2.1).
	PasswordMin int
	// SiteName is refused as a password, as the user's own address is (ASVS 5.0, 6.2.11). Empty: not checked.
	SiteName string
	// SignUpClosed makes SignUp refuse everybody; CreateUser still works.
	SignUpClosed bool
	// SignUpDomains are those an address has to be of to sign up, or to be changed to; in ASCII and lower case. Without
	// VerifyRequired anybody can say that he has one. Empty: any domain.
	SignUpDomains []string
	// SignUpLimit is how many may sign up at once from one network, and then in an hour. From this machine and private
	// networks it is at least 100. Default 0: no limit.
	SignUpLimit int
	// SignUpTotal is how many may sign up at once from everywhere, and then in an hour. Default 0: no limit.
	SignUpTotal int
	// AnswerStep is the time that a refused sign-in takes, or a multiple of it when there is much to do, and up to half of it
	// more by chance. Default 250 ms. It has to be longer than a password takes to hash, or the time tells which addresses have
	// an account.
	AnswerStep time.Duration
	// SessionCache is the longest that Lookup goes without asking PostgreSQL about a session. Default 0: it always asks. Nothing
	// is kept for longer than the use of a session goes unwritten, nor while revocations may go unheard.
	SessionCache time.Duration
	// PathConns and WorkConns are how many connections there may be, besides those of the pool, to look up who is
	// signed in, and for what is done in the background. Default 2 each.
	PathConns, WorkConns int32
	// SessionsPerUser is how many sessions a user may have: a sign-in beyond that ends those that were not used for
	// longest. Default 100.
	SessionsPerUser int
	// Listen is how PostgreSQL is connected to for LISTEN, which a pooler in transaction mode does not carry. Nil: like the
	// pool.
	Listen *pgx.ConnConfig
	// HashWorker is a command that runs ServeHashes, new at each call. Passwords are hashed in processes of their own then, at a
	// low priority. Nil: they are hashed in this one.
	HashWorker func() *exec.Cmd
	// Send sends a mail, or fails; mail.ErrRefused is not tried again. It may be called several times at once, and again for the same
	// mail when it is not known what became of it. Nil: there is no mail, and nothing that needs one is to be offered.
	Send func(context.Context, mail.Mail) error
	// Verify is what users have to do about their address. Default VerifyOff; the others need Send.
	Verify Verify
	// NotifySignIns mails users about sign-ins with a browser that is new to their account.
	NotifySignIns bool
	// AuditRetention is how long decisions about people are kept in the table audit_event. Default 0: they are not written there.
	AuditRetention time.Duration
	// Actor is who works on this Store, for audit lines, as in "ada@host". Empty, as in a gate: visitors, who are known
	// by their address.
	Actor string
	// Log receives one line for each decision about a person, and faults. Default: slog.Default().
	Log *slog.Logger
	// Watch is told of panics in the background. Zero: slog.Default is.
	Watch upkeep.Watch
	// Metrics registers what the Store counts. Nil: counted and shown to nobody.
	Metrics prometheus.Registerer
}

func (o Options) withDefaults() Options {
	if o.SessionIdle <= 0 {
		o.SessionIdle = 168 * time.Hour
	}
	if o.SessionLifetime <= 0 {
		o.SessionLifetime = 720 * time.Hour
	}
	if o.AnswerStep <= 0 {
		o.AnswerStep = 250 * time.Millisecond
	}
	if o.SessionsPerUser <= 0 {
		o.SessionsPerUser = 100
	}
	o.PasswordMin = max(o.PasswordMin, password.MinLength)
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// Store is the only reader and writer of users and sessions. It is safe for concurrent use.
type Store struct {
	db      *database.DB
	o       Options
	hashes  *password.Queue
	workers *password.Processes // nil: this process hashes
	lookups *lookups
	asking  *share.Admission // to lookups
	cache   *cache
	slides  *slides
	holds   *holds
	outbox  *mail.Outbox
	trail   *audit.Trail
	exports *exports
	alive   string // what makes a session valid: alive, and where Options.Verify requires it a confirmed address
	// lookupSQL finds sessions that are.
	lookupSQL string
	// listener hears what others revoke.
	listener *listener
	metrics  metrics
	// hold has an answer wait for the next step. A field only for the tests that count the steps.
	hold    func(ctx context.Context, began time.Time, step time.Duration)
	stalled atomic.Bool // look-ups take too long
	ctx     context.Context
	close   context.CancelFunc
}

// New makes a Store on a migrated database. The pool is for pages, and stays the caller's; for the rest the Store has
// pools of its own like it. Call Close when done.
func New(db *pgxpool.Pool, o Options) *Store {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Store{o: o.withDefaults(), ctx: ctx, close: cancel, hold: hold}
	s.db = database.New(db, database.Options{PathConns: o.PathConns, WorkConns: o.WorkConns,
		GoAhead: password.Slots() + exportTurns, Log: s.o.Log, Watch: o.Watch, Metrics: o.Metrics})
	s.alive = alive
	if s.o.Verify == VerifyRequired {
		s.alive += ` AND u.email_verified`
	}
	s.lookupSQL = selectSessions + `WHERE s.token = ANY ($1) AND ` + s.alive
	s.hashes = password.NewQueue()
	if s.o.HashWorker != nil {
		s.workers = password.NewProcesses(s.o.HashWorker, s.o.Log)
		s.hashes.Derive = s.workers.Derive
	}
	s.lookups = &lookups{query: s.findSessions, watch: s.o.Watch}
	s.asking = share.NewAdmission(maxWaiting)
	s.cache = newCache(min(s.o.SessionCache, s.slideEvery()))
	s.slides = &slides{write: s.slide, watch: s.o.Watch, delay: min(slideDelay, s.slideEvery())}
	s.holds = newHolds()
	s.outbox = mail.NewOutbox(s.db, mail.Options{Send: o.Send, Log: s.o.Log, Watch: o.Watch, Metrics: o.Metrics})
	s.trail = audit.New(s.db, audit.Options{Retention: s.o.AuditRetention, Actor: s.o.Actor, Log: s.o.Log})
	s.exports = newExports()
	s.listener = newListener(s)
	s.metrics = newMetrics(o.Metrics, s)
	return s
}

// Close ends the Store's background work and writes down what is left of it.
func (s *Store) Close() {
	s.close()
	s.slides.flush()
	s.trail.Close()
	if s.workers != nil {
		s.workers.Close()
	}
	s.db.Close()
}

// Ping says whether PostgreSQL answers within two seconds. An answer that refuses us a connection for now is one.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// OnPath runs f on a connection of those that say who is signed in. It is for short questions about the gate itself.
func (s *Store) OnPath(ctx context.Context, f func(*pgx.Conn) error) error {
	return s.db.OnPath(ctx, f)
}

// Outbox says how mail stands. It fails with database.ErrUnavailable.
func (s *Store) Outbox(ctx context.Context) (mail.State, error) { return s.outbox.State(ctx) }

// User is a person as others may know them; it holds no secret.
type User struct {
	ID            string
	Name          string // may be empty
	Email         string // lower-case
	EmailVerified bool
	Roles         []string
	Image         string    // may be empty
	DisabledAt    time.Time // zero: not disabled
	// PasswordLocked: too many wrong passwords in a row, so that only familiar places get in. Filled in by FindUser and Users.
	PasswordLocked bool
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// HasAny says whether the user has one of the roles.
func (u User) HasAny(roles []string) bool {
	return slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(u.Roles, r) })
}

// splitRoles reads the comma-separated column.
func splitRoles(s string) []string {
	if !strings.Contains(s, ",") {
		if s = strings.TrimSpace(s); s == "" {
			return nil
		}
		return []string{s}
	}
	var roles []string
	for r := range strings.SplitSeq(s, ",") {
		if r = strings.TrimSpace(r); r != "" {
			roles = append(roles, r)
		}
	}
	return roles
}
