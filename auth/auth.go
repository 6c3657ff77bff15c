// Package auth has the deeds on accounts: sign-up, sign-in, sign-out, confirming, resetting, changing, inviting,
// connecting, exporting and deleting, and what operators do. Each is a transaction in which the packages below auth do
// their part: session, password, provider, throttle, mail and audit.
//
// It never decides what a path needs (package proxy) and never writes a page (package loginui). Time is PostgreSQL's:
// no expiry is judged by this machine's clock, but that of a form that waits in a page (kept.go).
package auth

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"net/url"
	"os/exec"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/auth/assertion"
	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/passkey"
	"github.com/gatepost/gatepost/auth/password"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/auth/webhook"
	"github.com/gatepost/gatepost/internal/seal"
	"github.com/gatepost/gatepost/internal/share"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// The errors a caller may have to tell apart, with errors.Is and errors.As. Any other error is a fault of Gatepost.
var (
	// ErrBadCredentials means an unknown address, a wrong password or a disabled user, which are not told apart on
	// purpose.
	ErrBadCredentials = errors.New("wrong e-mail address or password")
	// ErrSignUpClosed means that the operator does not accept new users.
	ErrSignUpClosed = errors.New("sign-up is closed")
	// ErrNoUser means that an operator named a user who does not exist.
	ErrNoUser = errors.New("no such user")
)

// Options tunes a Store. The zero value of each field means the default.
type Options struct {
	// SessionIdle ends a session this long after its last use. Default 168 h.
	SessionIdle time.Duration
	// SessionLifetime ends a session this long after sign-in, whatever its use. Default 720 h.
	SessionLifetime time.Duration
	// PasswordMin is the shortest password in characters. Default 8, and never less (ASVS 5.0, 6.2.1).
	PasswordMin int
	// SiteName is refused as a password, like the user's own address (ASVS 5.0, 6.2.11). Empty: not checked.
	SiteName string
	// PublicURL is the address of the site, which passkeys are made for. Nil: there are no passkeys. SiteName is how
	// browsers call the site when they ask for one.
	PublicURL *url.URL
	// SignUpClosed makes SignUp refuse every request; CreateUser still works.
	SignUpClosed bool
	// SignUpDomains are the domains that an address may have to sign up, or to be changed to; in ASCII and lower
	// case. Without VerifyRequired any visitor can claim such an address. Empty: any domain.
	SignUpDomains []string
	// SignUpLimit is how many users may sign up from one network at once, and then per hour. For this machine and
	// private networks it is at least 100. Default 0: no limit.
	SignUpLimit int
	// SignUpTotal is how many users may sign up in total at once, and then per hour. Default 0: no limit.
	SignUpTotal int
	// Offices are networks in which many people share an address, and OfficePeople is how many do in each; see
	// throttle.Offices. Default: none.
	Offices      []netip.Prefix
	OfficePeople int
	// AnswerStep is the time that a refused sign-in takes, or a multiple of it under load, plus up to half of it at
	// random. Default 250 ms. It has to be longer than hashing a password takes, or the time reveals which
	// addresses have an account.
	AnswerStep time.Duration
	// SessionCache is how long Lookup may answer without asking PostgreSQL. Default 0: it always asks. A copy is
	// never kept for longer than the interval at which uses are written down, nor used while revocations may go
	// unheard.
	SessionCache time.Duration
	// PathConns and WorkConns are the most connections, besides those of the pool, for looking up sessions and for
	// background work. Default 2 each.
	PathConns, WorkConns int32
	// SessionsPerUser is how many sessions a user may have. A sign-in beyond that ends the sessions not used for
	// longest. Default 100.
	SessionsPerUser int
	// Listen configures the connection for LISTEN, which a pooler in transaction mode does not carry. Nil: as the
	// pool.
	Listen *pgx.ConnConfig
	// HashWorker returns a new command that runs password.Serve. Passwords are then hashed in processes of their own,
	// at a low priority. Nil: they are hashed in this process.
	HashWorker func() *exec.Cmd
	// Send sends a mail, or fails; after mail.ErrRefused it is not retried. Send may be called concurrently, and
	// again for the same mail if the outcome is unknown. Nil: there is no mail, and callers must not offer what
	// needs mail.
	Send func(context.Context, mail.Mail) error
	// SendWebhook tells the app of an event, or fails; after webhook.ErrGone it is not retried. It may be called
	// concurrently, and again for the same event. Nil: the app is told nothing.
	SendWebhook func(context.Context, webhook.Event) error
	// Providers are those that people can sign in with, in the order in which visitors see them.
	Providers []*provider.Provider
	// Elsewhere says which cookies of the system before count. Zero: none.
	Elsewhere session.Elsewhere
	// Fallback asks the system before whether a password is right, where only that can say. It fails with ErrUnknownThere
	// if not, and with another error if nobody can say. Nil: there is none.
	Fallback func(ctx context.Context, email string, p secret.Password) (OldUser, error)
	// Breached reports whether a password is known from a breach. It fails if nobody can say; the password is then taken,
	// and the log has a line. Nil: nobody looks.
	Breached func(context.Context, secret.Password) (bool, error)
	// Captcha is what strangers have to solve.
	Captcha Captcha
	// UsernamesChosen lets users choose their usernames. Otherwise only operators give them.
	UsernamesChosen bool
	// ReservedUsernames are names that users cannot choose, besides those that nobody can.
	ReservedUsernames []string
	// PasswordsOff refuses everything that takes a password. Hashes stay where they are.
	PasswordsOff bool
	// KeepProviderTokens keeps the tokens with which the app may call a provider. It needs Keys.
	KeepProviderTokens bool
	// Verify is what users have to do about their address. Default VerifyOff; the other values need Send.
	Verify Verify
	// TrustBrowser is how long users may trust a browser, in which they need no second factor then. Whoever has such a
	// browser needs their password alone. Default 0: never.
	TrustBrowser time.Duration
	// NotifySignIns mails users about sign-ins with a browser that is new to their account.
	NotifySignIns bool
	// AuditRetention is how long decisions about people are kept in the table audit_event. Default 0: none are
	// written there.
	AuditRetention time.Duration
	// Keys encrypt values that have to be readable again. The zero value has no keys; callers must not offer what
	// needs one.
	Keys seal.Keys
	// Assertion is what the app is told in a signed token, if its Issuer is set; it needs Keys, and OpenAssertions. Of its
	// other fields the Store sets all but Audience and Bind.
	Assertion assertion.Options
	// FactorsOff keeps users from adding authenticator apps and passkeys. Whoever has one is still asked for it, and
	// signs in by it.
	FactorsOff bool
	// TokensForever lets users make API tokens that never end, and TokensAAL2 lets those count as a second factor that
	// were made in a session with a fresh one.
	TokensForever, TokensAAL2 bool
	// CheckTokenRules says what is wrong with the rules to which an API token is narrowed. Nil: none can be.
	CheckTokenRules func(string) error
	// Actor is who works with this Store, for audit lines, as in "ada@host". It is empty in a gate, where visitors
	// act, who are identified by their network address.
	Actor string
	// Log receives one line for each decision about a person, and faults. Default: slog.Default().
	Log *slog.Logger
	// Watch receives panics in the background. Zero: slog.Default() does.
	Watch upkeep.Watch
	// Metrics registers the Store's counters. Nil: they are not exported.
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

func (s *Store) offices() throttle.Offices {
	return throttle.Offices{Networks: s.o.Offices, People: s.o.OfficePeople}
}

// Store does the deeds on accounts, and looks sessions up with the Reader in it. It is safe for concurrent use.
type Store struct {
	*session.Reader
	sessions *session.Maker
	db       *database.DB
	o        Options
	hashes   *password.Queue
	workers  *password.Processes // nil: this process hashes
	recipes  recipes
	asking   *share.Admission // admission to Options.Fallback
	inLine   lines            // of those who may have to ask it, by address
	outbox   *mail.Outbox
	webhooks *webhook.Outbox
	trail    *audit.Trail
	keyring  *assertion.Keyring
	exports  *exports
	metrics  metrics
	site     *passkey.Site // nil: there are no passkeys
	// puzzleKey signs the puzzles of Options.Captcha.
	puzzleKey puzzleKey
	// hold delays an answer until the next step. It is a field so that tests can count the steps.
	hold func(ctx context.Context, began time.Time, step time.Duration)
}

// New returns a Store on a migrated database. The pool serves pages, and stays the caller's; for other work the
// Store has pools of its own with the same configuration. The caller calls Close when done.
func New(db *pgxpool.Pool, o Options) *Store {
	o = o.withDefaults()
	s := &Store{o: o, hold: hold, exports: newExports(), metrics: newMetrics(o.Metrics, o.Providers),
		site: passkey.NewSite(o.PublicURL, o.SiteName), hashes: password.NewQueue(),
		asking: share.NewAdmission(fallbackAtOnce)}
	s.db = database.New(db, database.Options{PathConns: o.PathConns, WorkConns: o.WorkConns,
		GoAhead: password.Slots() + exportTurns, Log: o.Log, Watch: o.Watch, Metrics: o.Metrics})
	s.keyring = s.newKeyring()
	s.Reader = session.NewReader(s.db,
		session.Options{Idle: o.SessionIdle, Lifetime: o.SessionLifetime, Cache: o.SessionCache,
			PerUser: o.SessionsPerUser, ConfirmedOnly: o.Verify == VerifyRequired,
			RoleProviders: origins(roleProviders(o.Providers)), Elsewhere: o.Elsewhere,
			TokensForever: o.TokensForever, TokensAAL2: o.TokensAAL2, WrongToken: s.wrongToken,
			Listen: o.Listen, Log: o.Log,
			Aside: s.asserts() && !o.Assertion.Bind, Everybody: s.keyring.Wake,
			Watch: o.Watch, Metrics: o.Metrics})
	s.sessions = session.NewMaker(s.Reader)
	s.sessions.Demand = s.demand
	s.outbox = mail.NewOutbox(s.db, mail.Options{Send: o.Send, Log: o.Log, Watch: o.Watch, Metrics: o.Metrics})
	s.webhooks = webhook.NewOutbox(s.db, webhook.Options{Send: o.SendWebhook, Log: o.Log, Watch: o.Watch,
		Metrics: o.Metrics})
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

// Close ends the Store's background work and writes down what is pending.
func (s *Store) Close() {
	s.Reader.Close()
	s.trail.Close()
	if s.workers != nil {
		s.workers.Close()
	}
	s.db.Close()
}

// Ping reports whether PostgreSQL answers within two seconds. A temporary refusal of a connection is an answer.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// OnPath runs f on a connection of the share that looks up sessions. It is for short questions about the gate
// itself.
func (s *Store) OnPath(ctx context.Context, f func(*pgx.Conn) error) error {
	return s.db.OnPath(ctx, f)
}

// Outbox returns the state of the mail to be sent. It fails with database.ErrUnavailable.
func (s *Store) Outbox(ctx context.Context) (mail.State, error) { return s.outbox.State(ctx) }
