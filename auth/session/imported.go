package session

import (
	"context"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
)

// replacedFor is how long the session of another system goes on to count after the browser got one of the gate's:
// for requests under way, and for other tabs.
const replacedFor = time.Minute

// aliveImported is the SQL condition of a session of another system that counts. It ends by its own expiry or by the
// limits here, whichever is first; as its uses are not written down, the idle limit counts from the import. $2 is the
// idle limit, $3 the lifetime, $4 when all of them end, $5 replacedFor.
const aliveImported = `s.ended_at IS NULL AND now() < $4::timestamptz AND s.expires_at > now()
	AND s.created_at > now() - $3::interval AND s.imported_at > now() - $2::interval
	AND (s.replaced_at IS NULL OR s.replaced_at > now() - $5::interval)
	AND u.disabled_at IS NULL AND u.id <> '' AND u.email <> ''`

// importedEnds is when it ends, whatever happens.
const importedEnds = `least(s.expires_at, least(s.created_at, now()) + $3::interval, least(s.imported_at, now())
	+ $2::interval, $4::timestamptz)`

// sweptImported is the SQL condition of a row that is not needed any more. One that has ended here, or was replaced, is
// all that keeps an import from bringing the session back, which its user may have made last longer at the source. So
// it stays for as long after its expiry as sessions of other systems can count (GATEPOST_IMPORT_UNTIL).
const sweptImported = `expires_at < now() AND (ended_at IS NULL AND replaced_at IS NULL
	OR expires_at < now() - interval '90 days')`

// selectImported selects sessions of other systems as selectSessions does those of the gate. Their proof
// is as old as they are, and its method is not known here.
var selectImported = `
	SELECT s.source || ':' || s.token, s.id, ` + importedEnds + `, false,
	       least(extract(epoch FROM least(` + importedEnds + `, s.replaced_at + $5::interval) - now()),
	           ` + rolesLast + `)::float8,
	       u.id, ` + nameRead + `, u.email, u.email_verified, ` + usernameRead + `, ` + rolesRead + `,
	       '` + string(brought) + `',
	       ` + database.Readable(`s.created_at`) + `, ` + noTime + `,
	       ` + ageOf(database.Readable(`s.created_at`), noTime) + `
	FROM gatepost.imported_session s JOIN gatepost."user" u ON u.id = s.user_id
	`

// Imported returns the session of another system that the cookies of a request present.
//
// A browser that has a cookie of the gate's, or had one, is past that: an old cookie in it may be a neighbour's, who
// wants the visitor to work in another account than their own.
func (r *Reader) Imported(h http.Header, c Cookie) Imported {
	if !r.o.Elsewhere.Any() {
		return Imported{}
	}
	if _, ours := c.Read(h); ours || c.moved(h) {
		return Imported{}
	}
	return r.o.Elsewhere.read(h)
}

// Claims reports whether a cookie said anything that may be a session.
func (i Imported) Claims() bool { return i.source != "" }

// key is what its row is found by.
func (i Imported) key() string { return i.source + ":" + i.hash }

// LookupImported is LookupAs for a session of another system. It extends nothing, and writes nothing, except that a
// ticket gets its row when it is first seen.
func (r *Reader) LookupImported(ctx context.Context, as Asking, i Imported) (v Session, err error) {
	if !i.Claims() {
		return Session{}, ErrNoSession
	}
	key := i.key()
	// In memory it stands under a hash of its own, so that no token of the gate's can lead to it.
	err = r.look(ctx, as, secret.Token("imported "+key).Sum(),
		func(ctx context.Context, _ string) (*found, error) {
			f, err := r.elsewhere.find(ctx, key)
			if err != nil || f != nil || i.ticket == (ticket{}) {
				return f, err
			}
			if err := r.admitTicket(i); err != nil {
				return nil, err
			}
			return r.elsewhere.find(ctx, key)
		}, &v)
	return v, err
}

// findImported asks PostgreSQL which of the keys, "source:hash", belong to sessions that count.
func (r *Reader) findImported(keys []string) (list []found, err error) {
	ctx, cancel := context.WithTimeout(r.ctx, database.Timeout)
	defer cancel()
	err = r.db.Retry(ctx, r.db.Path, func() error {
		rows, err := r.db.Path.Query(ctx, r.importedSQL(), r.importedArgs(keys)...)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, scanFound)
		return err
	})
	return list, err
}

func (r *Reader) importedSQL() string {
	return r.withClaims(selectImported) + `
	    WHERE s.token = ANY (ARRAY(SELECT split_part(k, ':', 2) FROM unnest($1::text[]) k))
	    AND s.source || ':' || s.token = ANY ($1) AND ` + r.aliveImported()
}

func (r *Reader) aliveImported() string {
	if r.o.ConfirmedOnly {
		return aliveImported + ` AND u.email_verified`
	}
	return aliveImported
}

func (r *Reader) importedArgs(first any) []any {
	return []any{first, r.o.Idle, r.o.Lifetime, r.o.Elsewhere.Until, replacedFor}
}

// ticketAge is how long ago the user of a ticket was proved, at least: too long for what needs a fresh proof. Auth.js
// makes a new ticket at each use, so the time that it says is not that of the sign-in.
const ticketAge = 6 * FreshFor

// admitTicket makes the row of a ticket whose user was imported, unless all sessions of theirs have ended here. The
// locks have it see an end of all sessions that is under way. It waits for them beside the look-ups, not among them.
func (r *Reader) admitTicket(i Imported) error {
	ctx, cancel := context.WithTimeout(r.ctx, database.Timeout)
	defer cancel()
	return r.db.Background(ctx, "admit a ticket", func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO gatepost.imported_session (token, id, source, user_id, created_at, expires_at)
			SELECT $1, $2, $8, r.user_id, least($5::timestamptz, now() - $7::interval), $6
			FROM gatepost.import_record r JOIN gatepost."user" u ON u.id = r.user_id
			WHERE r.source = $3 AND r.source_id = $4 AND r.closed_at IS NULL AND u.disabled_at IS NULL
			    AND $6::timestamptz > now()
			FOR NO KEY UPDATE OF u, r
			ON CONFLICT (token) DO NOTHING`, i.hash, secret.NewID(), fromAuthJS, database.Storable(i.user), i.made, i.expire,
			ticketAge, fromTicket)
		return err
	})
}

// findImportedByID is findByID for sessions of other systems.
func (r *Reader) findImportedByID(ctx context.Context, ids []string) ([]found, error) {
	if !r.o.Elsewhere.Any() {
		return nil, nil
	}
	rows, err := r.db.Path.Query(ctx, r.withClaims(selectImported)+`WHERE s.id = ANY ($1) AND `+r.aliveImported(),
		r.importedArgs(ids)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanFound)
}
