package session

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/share"
)

// Asking says for whom a session is looked up, and how.
type Asking struct {
	// Client is whose look-ups have a share together.
	Client netip.Addr
	// Hasty is for callers that can go on without an answer: it fails at once while look-ups are known to be slow.
	Hasty bool
	// Passive is no use of the session: it ends as if nobody had asked.
	Passive bool
}

// Lookup returns the session of a token, and counts as a use of it. While revocations are heard, the answer may be
// up to Options.Cache old, but never older than a revocation by this gate, and at most a second older than a
// revocation elsewhere. Lookup fails with ErrNoSession, with share.ErrCrowded when too many look-ups of the
// client's network wait, or with database.ErrUnavailable when PostgreSQL does not answer: at once during a known
// outage, otherwise within 5 seconds.
func (r *Reader) Lookup(ctx context.Context, t secret.Token) (Session, error) {
	return r.LookupAs(ctx, Asking{Client: share.Client(ctx)}, t)
}

// LookupAs is Lookup for a client that the context does not name.
func (r *Reader) LookupAs(ctx context.Context, as Asking, t secret.Token) (v Session, err error) {
	err = r.LookupInto(ctx, as, t, &v)
	return v, err
}

// LookupInto is LookupAs that fills in v. A Session is large: with a copy of it in each call, the stack of a request
// was twice as large, and each connection has one.
func (r *Reader) LookupInto(ctx context.Context, as Asking, t secret.Token, v *Session) error {
	if t == "" {
		return ErrNoSession
	}
	return r.look(ctx, as, t.Sum(), r.lookups.find, v)
}

// look finds what is known under a hash, in the cache or by asking.
func (r *Reader) look(ctx context.Context, as Asking, hash secret.TokenHash,
	find func(context.Context, string) (*found, error), v *Session) error {
	if r.kept(as, hash, v) {
		return nil
	}
	return r.ask(ctx, as, hash, find, v)
}

// kept finds what is known under a hash in the cache, while that can be trusted.
func (r *Reader) kept(as Asking, hash secret.TokenHash, v *Session) bool {
	generation := r.cache.generation.Load()
	if !r.listener.sure() || r.db.Doubtful() || !r.cache.read(hash, v) {
		return false
	}
	r.metrics.cached.Inc()
	if v.due && !as.Passive {
		r.used(v, as.Client)
		r.cache.noted(hash)
	}
	v.generation = generation
	return true
}

// ask finds by a query what is under a hash, and keeps it.
func (r *Reader) ask(ctx context.Context, as Asking, hash secret.TokenHash,
	find func(context.Context, string) (*found, error), v *Session) error {
	generation := r.cache.generation.Load()
	if as.Hasty && r.stalled.Load() {
		return fmt.Errorf("look up session: %w: %w", database.ErrUnavailable, errSlow)
	}
	leave, err := r.asking.Enter(as.Client)
	if err != nil {
		return fmt.Errorf("look up session: %w", err)
	}
	defer leave()
	began := time.Now()
	found, err := find(ctx, hash.String())
	if err != nil {
		r.stall(err)
		return r.db.Unavailable("look up session", err)
	}
	r.metrics.asked.Inc()
	if found == nil {
		return ErrNoSession
	}
	*v = found.session
	if v.due && !as.Passive {
		r.used(v, as.Client)
		v.due = false
	}
	if v.Grant == nil { // an API token proves nobody
		// From before the query, so that a proof never counts as fresher than it is.
		v.ActiveAt = began.Add(-found.age)
	}
	v.until, v.generation = began.Add(found.left), generation
	if r.o.Aside && r.cache.maxAge > 0 {
		v.Aside = new(atomic.Value)
	}
	r.cache.put(hash, *v, found.left, began, generation)
	return nil
}

// used notes that a use is to be written down.
func (r *Reader) used(v *Session, by netip.Addr) {
	if v.Grant != nil {
		r.tokenUses.add(v.Grant.ID, by)
		return
	}
	r.slides.add(v.ID)
}

// Changed forgets what is known of the sessions of a user, or of everybody.
func (r *Reader) Changed(userID string) {
	if userID == everybody {
		r.cache.clear()
		if r.o.Everybody != nil {
			r.o.Everybody()
		}
	} else {
		r.cache.dropUser(userID)
	}
	r.holds.suspectUser(userID)
}

// selectSessions selects valid sessions. $2 to $4 are the idle limit, the lifetime and slideEvery.
var selectSessions = selectAs(`s.token`, `s.methods`, readableProof, readableSecond, ``)

// selectRaised selects them for those who present the token before the last proof, with what was proved then.
var selectRaised = selectAs(`s.last_token`, `s.last_methods`,
	database.Readable(`coalesce(s.last_proved_at, s.created_at)`),
	`coalesce(`+database.Readable(`s.last_second_at`)+`, `+noTime+`)`,
	`, least(s.last_until, now() + interval '`+lastFor+`')`)

// selectAs selects sessions by a token, with a proof. more are times besides which end them for it, after a comma.
func selectAs(token, methods, proved, second, more string) string {
	return `
	SELECT ` + token + `, s.id, ` + endsAt + `, s.last_used_at < now() - $4::interval,
	       least(extract(epoch FROM least(` + endsAt + `, ` + lastUsedAt + ` + least($2::interval,
	           s.idle_seconds * interval '1 second')` + more + `) - now()), ` + rolesLast + `)::float8,
	       u.id, ` + nameRead + `, u.email, u.email_verified, ` + usernameRead + `, ` + rolesRead + `,
	       coalesce(` + methods + `, ''), ` + proved + `, ` + second + `, ` + ageOf(proved, second) + `
	FROM gatepost.session s JOIN gatepost."user" u ON u.id = s.user_id
	`
}

// selectByTokens selects the sessions of the token hashes $1, which may be those before the last proof.
func (r *Reader) selectByTokens() string {
	return r.withClaims(selectSessions) + `WHERE s.token = ANY ($1) AND ` + r.alive + `
	UNION ALL ` + r.withClaims(selectRaised) + `WHERE s.last_token = ANY ($1) AND s.last_until > now() AND ` + r.alive
}

// findSessions asks PostgreSQL which of the token hashes belong to valid sessions. It does not use the context of a
// caller, because a caller may leave.
func (r *Reader) findSessions(tokens []string) (list []found, err error) {
	ctx, cancel := context.WithTimeout(r.ctx, database.Timeout)
	defer cancel()
	err = r.db.Retry(ctx, r.db.Path, func() error {
		rows, err := r.db.Path.Query(ctx, r.lookupSQL, tokens, r.o.Idle, r.o.Lifetime, r.slideEvery())
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, scanFound)
		return err
	})
	return list, err
}

func scanFound(row pgx.CollectableRow) (found, error) {
	var f found
	var roles, methods string
	var left, age float64
	v := &f.session
	err := row.Scan(&f.token, &v.ID, &v.ExpiresAt, &v.due, &left, &v.User.ID, &v.User.Name, &v.User.Email,
		&v.User.EmailVerified, &v.User.Username, &v.User.UsernameChosen, &roles, &methods, &v.Proof.At,
		&v.Proof.SecondAt, &age)
	v.User.Roles, v.Proof.Methods = SplitList(roles), methodsOf(methods)
	f.left, f.age = time.Duration(left*float64(time.Second)), time.Duration(age*float64(time.Second))
	return f, err
}

const probeEvery = 200 * time.Millisecond

// stall notes that a look-up took too long, and retries in the background until one succeeds. Until then what is
// Hasty fails at once.
func (r *Reader) stall(err error) {
	if !errors.Is(err, context.DeadlineExceeded) || r.stalled.Swap(true) {
		return
	}
	go r.o.Watch.Run(r.ctx, "try look-ups", func(ctx context.Context) {
		for ctx.Err() == nil {
			if _, err := r.findSessions([]string{}); err == nil {
				break
			}
			database.Wait(ctx, probeEvery)
		}
		r.stalled.Store(false)
	})
}
