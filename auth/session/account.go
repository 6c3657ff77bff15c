package session

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
)

// describedColumns are the columns for scanDescribed. The image, which may be large, is read for the session $1
// only.
var describedColumns = `s.id, ` + endsAt + `, ` + database.Readable(`s.created_at`) + `, ` +
	database.Readable(`s.updated_at`) + `, ` + addressRead + `, ` + userAgentRead + `,
	u.id, ` + nameRead + `, u.email, u.email_verified, ` + usernameRead + `,
	CASE WHEN ` + presents + ` THEN coalesce(u.image, '') ELSE '' END, ` + rolesRead + `,
	` + database.Readable(`u.created_at`) + `, ` + database.Readable(`u.updated_at`) + `, ` + hasFactor

// hasFactor is whether a sign-in of the user takes a second factor.
const hasFactor = `EXISTS (SELECT FROM gatepost.totp f WHERE f.user_id = u.id)`

// scanDescribed reads a session, and the additional columns into more.
func scanDescribed(row pgx.Row, more ...any) (Session, error) {
	var v Session
	var roles string
	u := &v.User
	err := row.Scan(append([]any{&v.ID, &v.ExpiresAt, &v.CreatedAt, &v.UpdatedAt, &v.IPAddress, &v.UserAgent,
		&u.ID, &u.Name, &u.Email, &u.EmailVerified, &u.Username, &u.UsernameChosen, &u.Image, &roles,
		&u.CreatedAt, &u.UpdatedAt, &u.SecondFactor}, more...)...)
	if err != nil {
		return Session{}, err
	}
	u.Roles = SplitList(roles)
	return v, nil
}

// OwnSession is one of a user's sessions as they may see it; it holds no secret.
type OwnSession struct {
	ID                   string // for EndSession; it grants nothing
	CreatedAt, ExpiresAt time.Time
	UpdatedAt            time.Time
	// Unused is how long ago the session was last used, by PostgreSQL's clock. A use is written down once a minute
	// at most, and of a session of another system never: it is that of the sign-in.
	Unused               time.Duration
	IPAddress, UserAgent string // of the sign-in; a browser can claim any UserAgent
	Current              bool   // the session that asks
}

// Account is what a user may see of themselves.
type Account struct {
	Session  Session // as from Describe
	Sessions []OwnSession
}

// ownSessionsMost bounds the list. A user with more sessions cannot keep track of them anyway.
const ownSessionsMost = 100

// ofToken and ofEither are the SQL of the user whose session asks. $1 is the hash of its token, and of a session of
// another system its key, "source:hash", which no hash of the gate's looks like.
const (
	ofToken  = `(SELECT s.user_id FROM gatepost.session s WHERE ` + presents + ` LIMIT 1)`
	ofEither = `(SELECT s.user_id FROM gatepost.session s WHERE ` + presents + ` UNION ALL
	    SELECT user_id FROM gatepost.imported_session WHERE token = split_part($1, ':', 2)
	    AND source || ':' || token = $1 LIMIT 1)`
)

// ownImported selects sessions of other systems beside those of describedColumns. One that was replaced is not among
// them, unless it asks: its browser has one of the gate's.
var ownImported = `
	UNION ALL SELECT s.id, ` + importedEnds + `, ` + database.Readable(`s.created_at`) + `, ` +
	database.Readable(`s.imported_at`) + `, ` + addressRead + `, ` + userAgentRead + `, u.id, ` + nameRead + `, u.email,
	    u.email_verified, ` + usernameRead + `,
	    CASE WHEN s.source || ':' || s.token = $1 THEN coalesce(u.image, '') ELSE '' END,
	    ` + rolesRead + `, ` + database.Readable(`u.created_at`) + `, ` +
	database.Readable(`u.updated_at`) + `, ` + hasFactor + `, s.source || ':' || s.token = $1,
	    now() - least(s.created_at, now())
	FROM gatepost.imported_session s JOIN gatepost."user" u ON u.id = s.user_id
	WHERE s.user_id = ` + ofEither + ` AND (s.replaced_at IS NULL OR s.source || ':' || s.token = $1) AND `

// Account describes a session, its user, and all valid sessions of the user: the asking session first, then by last
// use, at most 100. It fails with ErrNoSession or database.ErrUnavailable.
func (r *Reader) Account(ctx context.Context, t secret.Token) (Account, error) {
	if t == "" {
		return Account{}, ErrNoSession
	}
	return r.account(ctx, t.Hash())
}

// AccountImported is Account for a session of another system. As LookupImported it extends nothing.
func (r *Reader) AccountImported(ctx context.Context, as Asking, i Imported) (Account, error) {
	if _, err := r.LookupImported(ctx, as, i); err != nil { // which gives a ticket its row
		return Account{}, err
	}
	return r.account(ctx, i.key())
}

func (r *Reader) account(ctx context.Context, asking string) (a Account, err error) {
	sql, args := r.ownSQL(asking)
	err = r.db.Repeat(ctx, "describe account", func(ctx context.Context) error {
		// One statement: between two, the session could end.
		rows, err := r.db.Pages.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		a, err = collectAccount(rows)
		return orNoSession(err)
	})
	return a, err
}

func (r *Reader) ownSQL(asking string) (sql string, args []any) {
	who := ofToken
	if r.o.Elsewhere.Any() {
		who = ofEither
	}
	sql = `SELECT ` + describedColumns + `,
		    coalesce(` + presents + `, false) AS current, now() - greatest(` + lastUsedAt + `, now() - $2::interval) AS unused
		FROM gatepost.session s JOIN gatepost."user" u ON u.id = s.user_id
		WHERE s.user_id = ` + who + ` AND ` + r.alive
	args = []any{asking, r.o.Idle, r.o.Lifetime}
	if r.o.Elsewhere.Any() {
		sql += ownImported + r.aliveImported()
		args = r.importedArgs(asking)
	}
	return r.withClaims(sql) + ` ORDER BY current DESC, unused, 1 LIMIT ` + strconv.Itoa(ownSessionsMost), args
}

// collectAccount fails with pgx.ErrNoRows unless the rows include the asking session: without it the caller sees
// nothing.
func collectAccount(rows pgx.Rows) (Account, error) {
	var a Account
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (OwnSession, error) {
		var own OwnSession
		v, err := scanDescribed(row, &own.Current, &own.Unused)
		own.ID, own.CreatedAt, own.ExpiresAt, own.UpdatedAt, own.IPAddress, own.UserAgent = v.ID, v.CreatedAt,
			v.ExpiresAt, v.UpdatedAt, v.IPAddress, v.UserAgent
		own.Unused = max(0, own.Unused)
		if own.Current {
			a.Session = v
		}
		return own, err
	})
	if err != nil {
		return Account{}, err
	}
	if !slices.ContainsFunc(list, func(own OwnSession) bool { return own.Current }) {
		return Account{}, pgx.ErrNoRows
	}
	a.Sessions = list
	return a, nil
}
