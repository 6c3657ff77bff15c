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
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/password"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/seal"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// What a method may answer besides success. Callers match with errors.Is and errors.As; any other error is our fault.
var (
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
	// VerifyRequired anybody can say that they have one. Empty: any domain.
	SignUpDomains []string
	// SignUpLimit is how many may sign up at once from one network, and then in an hour. From this machine and private
	// networks it is at least 100. Default 0: no limit.
	SignUpLimit int
	// SignUpTotal is how many may sign up at once from everywhere, and then in an hour. Default 0: no limit.
	SignUpTotal int
	// AnswerStep is the time that a refused sign-in takes, or a multiple of it when there is much to do, and up to half
	// of it more by chance. Default 250 ms. It has to be longer than a password takes to hash, or the time tells which
	// addresses have an account.
	AnswerStep time.Duration
	// SessionCache is the longest that Lookup goes without asking PostgreSQL about a session. Default 0: it always
	// asks. Nothing is kept for longer than the use of a session goes unwritten, nor while revocations may go unheard.
	SessionCache time.Duration
	// PathConns and WorkConns are how many connections there may be, besides those of the pool, to look up who is
	// signed in, and for what is done in the background. Default 2 each.
	PathConns, WorkConns int32
	// SessionsPerUser is how many sessions a user may have: a sign-in beyond that ends those that were not used for
	// longest. Default 100.
	SessionsPerUser int
	// Listen is how PostgreSQL is connected to for LISTEN, which a pooler in transaction mode does not carry. Nil: like
	// the pool.
	Listen *pgx.ConnConfig
	// HashWorker is a command that runs ServeHashes, new at each call. Passwords are hashed in processes of their own
	// then, at a low priority. Nil: they are hashed in this one.
	HashWorker func() *exec.Cmd
	// Send sends a mail, or fails; mail.ErrRefused is not tried again. It may be called several times at once, and
	// again for the same mail when it is not known what became of it. Nil: there is no mail, and nothing that needs one
	// is to be offered.
	Send func(context.Context, mail.Mail) error
	// Verify is what users have to do about their address. Default VerifyOff; the others need Send.
	Verify Verify
	// NotifySignIns mails users about sign-ins with a browser that is new to their account.
	NotifySignIns bool
	// AuditRetention is how long decisions about people are kept in the table audit_event. Default 0: they are not
	// written there.
	AuditRetention time.Duration
	// Keys encrypt what has to be readable again. The zero value has none, and what needs one is not to be offered.
	Keys seal.Keys
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
	if o.AnswerStep <= 0 {
		o.AnswerStep = 250 * time.Millisecond
	}
	o.PasswordMin = max(o.PasswordMin, password.MinLength)
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// Store is the only reader and writer of users and sessions. It is safe for concurrent use.
type Store struct {
	*session.Reader
	sessions *session.Maker
	db       *database.DB
	o        Options
	hashes   *password.Queue
	workers  *password.Processes // nil: this process hashes
	outbox   *mail.Outbox
	trail    *audit.Trail
	exports  *exports
	metrics  metrics
	// hold has an answer wait for the next step. A field only for the tests that count the steps.
	hold func(ctx context.Context, began time.Time, step time.Duration)
}

// New makes a Store on a migrated database. The pool is for pages, and stays the caller's; for the rest the Store has
// pools of its own like it. Call Close when done.
func New(db *pgxpool.Pool, o Options) *Store {
	o = o.withDefaults()
	s := &Store{o: o, hold: hold, exports: newExports(), metrics: newMetrics(o.Metrics), hashes: password.NewQueue()}
	s.db = database.New(db, database.Options{PathConns: o.PathConns, WorkConns: o.WorkConns,
		GoAhead: password.Slots() + exportTurns, Log: o.Log, Watch: o.Watch, Metrics: o.Metrics})
	s.Reader = session.NewReader(s.db,
		session.Options{Idle: o.SessionIdle, Lifetime: o.SessionLifetime, Cache: o.SessionCache,
			PerUser: o.SessionsPerUser, ConfirmedOnly: o.Verify == VerifyRequired, Listen: o.Listen, Log: o.Log,
			Watch: o.Watch, Metrics: o.Metrics})
	s.sessions = session.NewMaker(s.Reader)
	s.outbox = mail.NewOutbox(s.db, mail.Options{Send: o.Send, Log: o.Log, Watch: o.Watch, Metrics: o.Metrics})
	s.trail = audit.New(s.db, audit.Options{Retention: o.AuditRetention, Actor: o.Actor, Log: o.Log})
	if o.HashWorker != nil {
		s.workers = password.NewProcesses(o.HashWorker, o.Log)
		s.hashes.Derive = s.workers.Derive
	}
	if o.Metrics != nil {
		s.hashes.Register(o.Metrics)
	}
	return s
}

// Close ends the Store's background work and writes down what is left of it.
func (s *Store) Close() {
	s.Reader.Close()
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
