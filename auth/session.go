package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/share"
)

// Session is one signed-in browser. It holds no secret: neither the token nor its hash.
type Session struct {
	ID        string
	User      User
	ExpiresAt time.Time // moves with use
	// The rest is filled in by Describe, not on every request.
	CreatedAt, UpdatedAt time.Time
	IPAddress, UserAgent string

	// For Hold: the session is valid at least until then, as far as is known since this generation of the cache.
	until      time.Time
	generation uint64
}

// Lengths of time that are not settings.
const (
	// notRemembered is the idle limit of a session whose cookie the browser forgets when it closes.
	notRemembered = 24 * time.Hour
	// FreshFor is how long after a sign-in, or after Confirm, a session may do what ErrStale refuses. Later it takes
	// the password again, so that a browser left open, or a stolen cookie, does less harm (ASVS 5.0, 7.5.1 and 7.5.2).
	FreshFor = 10 * time.Minute
)

// alive is what makes a session valid, in PostgreSQL's time. Besides the row's own expiry, a limit that the operator
// has lowered since counts at once. $2 idle limit, $3 lifetime.
const alive = `s.expires_at > now()
	AND s.created_at > now() - $3::interval
	AND s.last_used_at > now() - least($2::interval, s.idle_seconds * interval '1 second')
	AND u.disabled_at IS NULL AND u.id <> '' AND u.email <> ''`

// createdAt and lastUsedAt are those of a session, as far as they have been: to what lies ahead, as infinity, no time
// can be added.
const (
	createdAt  = `least(s.created_at, now())`
	lastUsedAt = `least(s.last_used_at, now())`
)

// isFresh says that a session was made within a time; one that says it is yet to be made was not.
func isFresh(within string) string {
	return `s.created_at BETWEEN now() - ` + within + `::interval AND now() + ` + within + `::interval`
}

// endsAt is when a session ends however it is used. $3 lifetime.
const endsAt = `least(s.expires_at, ` + createdAt + ` + $3::interval)`

// Lookup says whose session a token is, and counts as use of it. While every revocation is heard of, the answer may be
// up to Options.SessionCache old, but never older than a revocation by this Store, or than a second where others
// revoked. It fails with ErrNoSession, with share.ErrCrowded when too many look-ups of the client's network wait, or
// with database.ErrUnavailable when PostgreSQL does not answer: at once while an outage is known, within 5 seconds otherwise.
func (s *Store) Lookup(ctx context.Context, t secret.Token) (Session, error) {
	return s.LookupFor(ctx, share.Client(ctx), t)
}

// LookupFor is Lookup for a client that the context does not name.
func (s *Store) LookupFor(ctx context.Context, client netip.Addr, t secret.Token) (Session, error) {
	return s.lookup(ctx, client, t, true)
}

// Glance is LookupFor for who can go on without an answer: while look-ups are known to take too long it fails at once.
func (s *Store) Glance(ctx context.Context, client netip.Addr, t secret.Token) (Session, error) {
	return s.lookup(ctx, client, t, false)
}

func (s *Store) lookup(ctx context.Context, client netip.Addr, t secret.Token, patient bool) (Session, error) {
	if t == "" {
		return Session{}, ErrNoSession
	}
	hash, generation := t.Sum(), s.cache.generation.Load()
	if s.listener.sure() && !s.db.Doubtful() {
		if v, ok := s.cache.get(hash); ok {
			s.metrics.cached.Inc()
			v.generation = generation
			return v, nil
		}
	}
	if !patient && s.stalled.Load() {
		return Session{}, fmt.Errorf("look up session: %w: %w", database.ErrUnavailable, errSlow)
	}
	leave, err := s.asking.Enter(client)
	if err != nil {
		return Session{}, fmt.Errorf("look up session: %w", err)
	}
	defer leave()
	began := time.Now()
	found, err := s.lookups.find(ctx, hash.String())
	if err != nil {
		s.stall(err)
		return Session{}, s.db.Unavailable("look up session", err)
	}
	s.metrics.asked.Inc()
	if found == nil {
		return Session{}, ErrNoSession
	}
	if found.due {
		s.slides.add(found.session.ID)
	}
	v := found.session
	v.until, v.generation = began.Add(found.left), generation
	s.cache.put(hash, v, found.left, began, generation)
	return v, nil
}

// changed forgets what is known of a user's sessions, or of everybody's.
func (s *Store) changed(userID string) {
	if userID == everybody {
		s.cache.clear()
	} else {
		s.cache.dropUser(userID)
	}
	s.holds.suspectUser(userID)
}

// ofSession runs what begins by finding the session of a token, and may be repeated; no row means that there is none.
func (s *Store) ofSession(ctx context.Context, doing string, t secret.Token, run func(context.Context) error) error {
	if t == "" {
		return ErrNoSession
	}
	err := database.Twice(ctx, func() error { return s.db.Again(ctx, run) })
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNoSession
	}
	if err != nil {
		return s.db.Unavailable(doing, err)
	}
	return nil
}

// describedColumns are what scanDescribed reads. The image, which may be large, is that of the session $1 alone.
var describedColumns = `s.id, ` + endsAt + `, ` + database.Readable(`s.created_at`) + `, ` + database.Readable(`s.updated_at`) + `, ` + addressRead + `, ` + userAgentRead + `,
	u.id, ` + nameRead + `, u.email, u.email_verified, CASE WHEN s.token = $1 THEN coalesce(u.image, '') ELSE '' END, u.role,
	` + database.Readable(`u.created_at`) + `, ` + database.Readable(`u.updated_at`)

// scanDescribed reads a session, and into more what was selected besides.
func scanDescribed(row pgx.Row, more ...any) (Session, error) {
	var v Session
	var roles string
	u := &v.User
	err := row.Scan(append([]any{&v.ID, &v.ExpiresAt, &v.CreatedAt, &v.UpdatedAt, &v.IPAddress, &v.UserAgent,
		&u.ID, &u.Name, &u.Email, &u.EmailVerified, &u.Image, &roles, &u.CreatedAt, &u.UpdatedAt}, more...)...)
	if err != nil {
		return Session{}, err
	}
	u.Roles = splitRoles(roles)
	return v, nil
}

// Describe is Lookup with everything a user may see of the session.
func (s *Store) Describe(ctx context.Context, t secret.Token) (Session, error) {
	var v Session
	err := s.ofSession(ctx, "describe session", t, func(ctx context.Context) (err error) {
		v, err = scanDescribed(s.db.Pages.QueryRow(ctx, `SELECT `+describedColumns+`
			FROM gatepost.session s JOIN gatepost."user" u ON u.id = s.user_id
			WHERE s.token = $1 AND `+s.alive, t.Hash(), s.o.SessionIdle, s.o.SessionLifetime))
		return err
	})
	return v, err
}

// newSession is what insertSession writes.
type newSession struct {
	userID    string
	remember  bool
	client    secret.Client
	presented secret.Token // ends, whoever's it was: a sign-in never continues a session (ASVS 5.0, 7.2.4)
}

// insertSession ends the presented session and makes the new one, inside the caller's transaction, which has locked the
// users of both.
func (s *Store) insertSession(ctx context.Context, tx pgx.Tx, n newSession) (secret.Token, error) {
	if n.presented != "" {
		if _, err := tx.Exec(ctx, `DELETE FROM gatepost.session WHERE token = $1`, n.presented.Hash()); err != nil {
			return "", fmt.Errorf("end the session presented: %w", err)
		}
	}
	idle := s.o.SessionIdle
	if !n.remember {
		idle = min(idle, notRemembered)
	}
	var address *string
	if n.client.Addr.IsValid() {
		a := n.client.Addr.String()
		address = &a
	}
	t := secret.NewToken()
	_, err := tx.Exec(ctx, `
		INSERT INTO gatepost.session (id, token, user_id, idle_seconds, expires_at, ip_address, user_agent)
		VALUES ($1, $2, $3, ceil(extract(epoch FROM $4::interval)), now() + least($4::interval, $5::interval), $6, $7)`,
		secret.NewID(), t.Hash(), n.userID, idle, s.o.SessionLifetime, address, database.Storable(n.client.UserAgent))
	if err != nil {
		return "", fmt.Errorf("insert session: %w", err)
	}
	return t, nil
}

// makeRoom ends the sessions of a user beyond what they may have with a new one: those not used for longest. It returns
// whose they were, empty for none. The caller has the user's row locked.
func (s *Store) makeRoom(ctx context.Context, tx pgx.Tx, userID string, made secret.Token) (crowdedOut string, err error) {
	tag, err := tx.Exec(ctx, `
		DELETE FROM gatepost.session WHERE id IN (
		    SELECT id FROM gatepost.session WHERE user_id = $1 AND token <> $2 ORDER BY last_used_at DESC, id OFFSET $3)`,
		userID, made.Hash(), s.o.SessionsPerUser-1)
	if err != nil {
		return "", fmt.Errorf("make room for a session: %w", err)
	}
	if tag.RowsAffected() > 0 {
		crowdedOut = userID
	}
	return crowdedOut, nil
}

// SignOut ends a session, and forgets who signed up in the browser. A token without a session is no error: the visitor
// is signed out either way.
func (s *Store) SignOut(ctx context.Context, t secret.Token, c secret.Client) error {
	err := s.endSession(ctx, t, c)
	return cmp.Or(err, s.leaveBrowser(ctx, c.Browser)) // which is done even if the session could not be ended
}

// leaveBrowser forgets who signed up in a browser.
func (s *Store) leaveBrowser(ctx context.Context, browser secret.Token) error {
	if browser == "" {
		return nil
	}
	return s.db.Transact(ctx, "leave the browser", func(ctx context.Context, tx pgx.Tx) error {
		return throttle.ForgetSignUp(ctx, tx, browser)
	})
}

func (s *Store) endSession(ctx context.Context, t secret.Token, c secret.Client) error {
	if t == "" {
		return nil
	}
	var userID string
	err := s.db.Transact(ctx, "sign out", func(ctx context.Context, tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `DELETE FROM gatepost.session WHERE token = $1 RETURNING user_id`, t.Hash()).Scan(&userID)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil || userID == "" { // it is gone, or may be, and there may be a copy
		if kept, ok := s.cache.get(t.Sum()); ok {
			s.changed(kept.User.ID)
		}
		return err
	}
	s.changed(userID)
	s.audit(ctx, "sign-out", userID, c, nil)
	return nil
}

// Sweep deletes what has expired, and rows of the throttle for made-up names beyond what is kept. It returns how many
// rows those were.
func (s *Store) Sweep(ctx context.Context) (int64, error) {
	total, err := s.outbox.Sweep(ctx)
	if err != nil {
		return total, err
	}
	for _, doomed := range []string{
		`session WHERE expires_at < now() ORDER BY expires_at`,
		`verification WHERE expires_at < now() ORDER BY expires_at`,
	} {
		n, err := s.db.Sweep(ctx, doomed)
		total += n
		if err != nil {
			return total, err
		}
	}
	for _, sweep := range []func(context.Context) (int64, error){s.trail.Sweep,
		func(ctx context.Context) (int64, error) { return throttle.Sweep(ctx, s.db) }} {
		n, err := sweep(ctx)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// sweepEvery is how often Run sweeps.
const sweepEvery = 5 * time.Minute

// Run does the Store's regular work until the context ends: it listens for revocations, ends what outlives its session,
// sends mail and sweeps. Without it nothing is cached, and no mail leaves.
func (s *Store) Run(ctx context.Context) {
	var work sync.WaitGroup
	work.Go(func() { s.o.Watch.Run(ctx, "listen for revocations", s.listener.run) })
	work.Go(func() { s.o.Watch.Run(ctx, "end what outlives its session", s.watchHolds) })
	work.Go(func() { s.o.Watch.Run(ctx, "sweep", s.sweepRegularly) })
	work.Go(func() { s.o.Watch.Run(ctx, "write audit events", s.trail.Run) })
	work.Go(func() { s.o.Watch.Run(ctx, "send mail", s.outbox.Run) })
	work.Wait()
}

func (s *Store) sweepRegularly(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if n, err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.o.Log.WarnContext(ctx, "expired sessions were not swept", "err", err)
		} else if n > 0 {
			s.o.Log.DebugContext(ctx, "swept expired rows", "rows", n)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// The longest texts that are read of what a user's own page shows and of what goes along with each request. Users type
// less; an operator may write more, and nobody is to wait for it to be carried over.
const (
	nameRead      = `left(u.name, 255)`
	addressRead   = `left(coalesce(s.ip_address, ''), 255)`
	userAgentRead = `left(coalesce(s.user_agent, ''), 512)`
)
