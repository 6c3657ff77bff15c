// Package importer brings the people of another system over: their ids, passwords, linked accounts and sessions. One
// file a source says how that system keeps them; the rest decides what becomes of each person, and writes it.
//
// An import can run beside serving gates, and again at any time. It writes a person as a whole or not at all, and
// never over what was changed here: of each field it keeps a digest of what it wrote last, and a value here that is
// another one is a conflict, which is reported.
package importer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/factor"
	"github.com/gatepost/gatepost/auth/secret"
)

// Options tunes Run.
type Options struct {
	// Rules are what an account here has to keep to.
	Rules Rules
	// DryRun changes nothing. Everything is decided and reported as if it did.
	DryRun bool
	// DropSecondFactors brings over people whose second factor cannot be brought over without it. Otherwise they stay
	// where they are: a password alone would let others in.
	DropSecondFactors bool
	// DropPasswords brings over people whose hash no gate can verify, without it. They choose a new password by mail.
	// Otherwise they stay where they are.
	DropPasswords bool
	// Webhooks has the app told of each person who is made or changed. Otherwise an import tells it nothing.
	Webhooks bool
	// Report is called for each person who was changed or could not be taken, and for each field that was kept. It may
	// be nil. An error of its own ends the import.
	Report func(Line) error
	// Progress is called with how many people were read so far, and how many there are about. It may be nil.
	Progress func(read, about int64)
}

// Rules are the rules for accounts, which package auth has.
type Rules struct {
	// Email returns the one spelling of an address, and fails for what is none.
	Email func(typed string) (string, error)
	// Name returns a name as it is kept, and fails for what cannot be one.
	Name func(typed string) (string, error)
	// Username returns a username as it is kept, and fails for what cannot be one, or cannot be chosen.
	Username func(typed string, chosen bool) (string, error)
	// Image fails for what cannot be the address of a picture. None is one.
	Image func(string) error
	// Roles joins roles, and fails if one is none.
	Roles func([]string) (string, error)
	// SetPassword gives a locked user a hash, or none if it is empty, and ends what whoever knew the one before could
	// have begun.
	SetPassword func(ctx context.Context, tx pgx.Tx, userID, hash string) error
	// Seals is whether the key of an authenticator app can be kept.
	Seals bool
	// HasFactor reports whether a user has a second factor here.
	HasFactor func(ctx context.Context, tx pgx.Tx, userID string) (bool, error)
	// AddFactor gives a locked user who has none an authenticator app, and recovery codes with these hashes
	// (password.HashSet). If they were here before, it ends their sessions, which lack it.
	AddFactor func(ctx context.Context, tx pgx.Tx, userID string, key factor.Key, codes []string, before bool) error
	// PasskeyDomain returns the domain that a passkey works for here, or why it does not (FitsDomain).
	PasskeyDomain func(said string) (string, error)
	// AddPasskey gives a locked user a passkey, or says why not. If they were here before, without a second factor, it
	// ends their sessions, which lack it.
	AddPasskey func(ctx context.Context, tx pgx.Tx, userID string, k Passkey, before bool) (obstacle, err error)
	// Provider returns the name that the settings have for the provider with an issuer; empty: they have none.
	Provider func(issuer string) string
}

// Counts are how many people an import met, by what became of them.
type Counts struct {
	Read, Created, Changed, Unchanged, Deleted, Refused int64
	// Conflicts are fields, not people.
	Conflicts int64
	// SecondFactors are people with a second factor, whatever became of them.
	SecondFactors int64
	// SecondFactorsBrought are those of them whose authenticator app was brought over by this run.
	SecondFactorsBrought int64
	// Passkeys are those that were brought over by this run.
	Passkeys int64
	// Barred are people with a second factor who were here with their password alone, which was taken from them.
	Barred int64
	// Sessions are those that were brought over, and Ended those that are gone at the source.
	Sessions, Ended int64
}

// Whole reports whether everybody was brought over as the source has them.
func (c Counts) Whole() bool { return c.Refused == 0 && c.Conflicts == 0 }

// errRunning is about an import beside another one, into the same gate.
var errRunning = errors.New("another import runs: wait until it ends, then run this one again")

// Any reports whether anything was changed here.
func (c Counts) Any() bool { return c.Created+c.Changed+c.Barred+c.Sessions+c.Ended > 0 }

// errNobody is about a source that keeps sessions and has no users: it is hardly the right one, and Run ends nobody's
// session because of it.
var errNobody = errors.New("the source has the right tables and no users: nothing was changed here; is it the right " +
	"database and schema?")

// batch is how many people a source gives at once, which are written in one transaction.
const batch = 200

// Run brings everybody over that the source has. It returns what it has done up to then even if it fails: those people
// are here, and the next Run goes on with the others. Its error is the source's, one that another import runs or may
// run, or that the source has nobody, or nobody of those who came from there, database.ErrUnavailable, a
// *database.RefusedError or that of Options.Report.
func Run(ctx context.Context, db *database.DB, from Source, o Options) (Counts, error) {
	r := &run{db: db, from: from, o: o, name: from.Name()}
	err := r.alone(ctx, func() error {
		if err := r.findSources(ctx); err != nil {
			return err
		}
		if err := r.recognise(ctx); err != nil {
			return err
		}
		if err := r.remark(); err != nil {
			return err
		}
		err := from.People(ctx, func(some []Person, about int64) error {
			err := r.take(ctx, some)
			if err == nil && o.Progress != nil {
				o.Progress(r.counts.Read, about)
			}
			return err
		})
		if err == nil {
			err = r.stillAlone(ctx)
		}
		if err == nil {
			err = r.exchange(ctx)
		}
		if err == nil {
			err = r.tellMissed()
		}
		switch {
		case err != nil || !from.Ordered():
			return err
		case r.counts.Read == 0:
			return errNobody
		}
		return r.endAfter(ctx)
	})
	return r.counts, err
}

// alone runs f while no other import runs, which would take the people of this one for somebody else's. The lock is a
// transaction's, which poolers keep on one connection; one that is idle holds up nothing else.
func (r *run) alone(ctx context.Context, f func() error) error {
	tx, err := r.db.Work.Begin(ctx)
	if err != nil {
		return r.db.Unavailable("import", err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // it has written nothing
	var first bool
	err = tx.QueryRow(ctx, `
		SELECT pg_try_advisory_xact_lock(hashtextextended('gatepost import', 0))
		FROM set_config('idle_in_transaction_session_timeout', '0', true)`).Scan(&first)
	switch {
	case err != nil:
		return r.db.Unavailable("import", err)
	case !first:
		return errRunning
	}
	r.lock = tx
	return f()
}

// errLockLost is about an import beside which another one could begin.
var errLockLost = errors.New("the connection that keeps a second import out was lost")

// stillAlone fails once the lock of alone is lost, as its connection has ended: what lies between does that to some
// that are idle.
func (r *run) stillAlone(ctx context.Context) error {
	_, err := r.lock.Exec(ctx, `SELECT`)
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", errLockLost, err)
}

// remark reports what the source has to say about itself.
func (r *run) remark() error {
	if from, ok := r.from.(remarker); ok {
		return r.say(from.remarks())
	}
	return nil
}

// run is one import under way.
type run struct {
	db     *database.DB
	from   Source
	o      Options
	name   string
	counts Counts
	// sources are all that people came from so far, and this one.
	sources []string
	last    string // the id of the last person, if the source is ordered
	// ids and addresses are those that were met in an unordered source, by which a second one of the same is known.
	ids, addresses seen
	// waiting are those whose address somebody else had when their turn came.
	waiting  []*plan
	lock     pgx.Tx // of alone
	factors  int64  // how many were brought over by the transaction under way
	passkeys int64  // and how many passkeys
	held     int    // how many stay as they are because others hold their rows
	// missed are fields that stay as they are because the source says nothing of them any more.
	missed map[string]bool
	would  foreseen
}

// heldMost is how many people an import leaves as others hold their rows. Where more are held, the whole table may be,
// and each further one would be waited for in vain.
const heldMost = 20

// take brings one batch over. If PostgreSQL refuses it as a whole, because somebody signed up meanwhile, a rule of
// the operator's refuses one person or another transaction holds their row, each is tried alone.
func (r *run) take(ctx context.Context, people []Person) error {
	people, err := r.takeGone(ctx, people)
	if err != nil {
		return err
	}
	if len(people) == 0 {
		return nil
	}
	if err := r.stillAlone(ctx); err != nil {
		return err
	}
	r.counts.Read += int64(len(people))
	for i := range people {
		people[i].keepFitting(r.o.Rules)
	}
	plans := r.first(people)
	if err := r.hashCodes(ctx, plans); err != nil {
		return err
	}
	lines, err := r.write(ctx, plans, r.db.Background) // others may wait for all of these people: not for long
	if obstacle(err) != "" {
		lines, err = r.each(ctx, plans)
	}
	if told := r.say(lines); err != nil || told != nil { // of some who were written before it failed, too
		return cmp.Or(err, told)
	}
	// The last id is a bound in the database here: one that cannot be an id here is of nobody.
	some := slices.DeleteFunc(people, func(p Person) bool { return !secret.ValidID(p.ID) })
	if r.from.Ordered() && len(some) > 0 {
		return r.endBetween(ctx, some)
	}
	return nil
}

// obstacle returns why something was not written that is no reason to end the import; empty: for none.
func obstacle(err error) string {
	var refused *database.RefusedError
	switch {
	case errors.As(err, &refused) && refused.Rule:
		return refused.Error()
	case database.Held(err):
		return "another transaction holds a row of this user: once it has ended, run the import again"
	}
	return ""
}

// each writes people one by one. One whom PostgreSQL refuses is reported.
func (r *run) each(ctx context.Context, plans []*plan) (all []Line, err error) {
	for _, p := range plans {
		lines, err := r.write(ctx, []*plan{p}, r.db.Patiently)
		if database.Held(err) {
			r.held++
		}
		if reason := obstacle(err); reason != "" && r.held <= heldMost {
			lines, err = []Line{p.line(resultRefused, "", reason)}, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, lines...)
	}
	return all, nil
}

// errDry ends a transaction whose outcome is known and not wanted.
var errDry = errors.New("a dry run")

// transact runs a function in a transaction: database.DB's Background or Patiently.
type transact func(ctx context.Context, doing string, f func(context.Context, pgx.Tx) error) error

// hush keeps the app from being told of each person by a webhook, unless it is wanted: an import is of many, whom the
// app mostly knows.
func (r *run) hush(ctx context.Context, tx pgx.Tx) error {
	if r.o.Webhooks {
		return nil
	}
	_, err := tx.Exec(ctx, `SET LOCAL gatepost.webhooks = 'off'`)
	return err
}

// inTx runs f in a transaction, which a dry run takes back.
func (r *run) inTx(ctx context.Context, transact transact, f func(context.Context, pgx.Tx) error) error {
	err := transact(ctx, "import", func(ctx context.Context, tx pgx.Tx) error {
		err := r.hush(ctx, tx)
		if err == nil {
			err = f(ctx, tx)
		}
		if err == nil && r.o.DryRun {
			return errDry
		}
		return err
	})
	if errors.Is(err, errDry) {
		return nil
	}
	return err
}

// say counts what was done, all of it, and then reports it.
func (r *run) say(lines []Line) error {
	for _, l := range lines {
		r.counts.add(l)
	}
	for _, l := range lines {
		if r.o.Report == nil || l.Result == resultUnchanged {
			continue
		}
		if err := r.o.Report(l); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	return nil
}
