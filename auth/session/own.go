package session

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
)

// Own is what is known of the user who presents a session.
type Own struct {
	ID                  string // of the session; it grants nothing
	UserID, Name, Email string
	Confirmed           bool // the address is confirmed
	Fresh               bool // the user was proved no longer than FreshFor ago
	Proof               Proof
	HasPassword         bool
	// Remembered reports whether the session's idle limit is longer than that of sessions that are not remembered.
	// It is always false where Options.Idle is no longer than that.
	Remembered bool
}

// Own returns the user of a session, in a transaction or from a pool. It fails with ErrNoSession.
func (r *Reader) Own(ctx context.Context, from interface {
	QueryRow(context.Context, string, ...any) pgx.Row
}, t secret.Token) (o Own, err error) {
	if t == "" {
		return Own{}, ErrNoSession
	}
	var methods string
	err = from.QueryRow(ctx, `
		SELECT s.id, u.id, `+nameRead+`, u.email, u.email_verified, `+isFresh("$4")+`,
		    s.idle_seconds * interval '1 second' > $5, coalesce(s.methods, ''), `+readableProof+`,
		    EXISTS (SELECT FROM gatepost.account a WHERE a.user_id = u.id AND a.provider_id = 'credential'
		        AND a.password <> '')
		FROM gatepost.session s JOIN gatepost."user" u ON u.id = s.user_id
		WHERE s.token = $1 AND `+r.alive, t.Hash(), r.o.Idle, r.o.Lifetime, FreshFor, notRemembered).
		Scan(&o.ID, &o.UserID, &o.Name, &o.Email, &o.Confirmed, &o.Fresh, &o.Remembered, &methods,
			&o.Proof.At, &o.HasPassword)
	o.Proof.Methods = methodsOf(methods)
	return o, orNoSession(err)
}

// orNoSession turns pgx.ErrNoRows into ErrNoSession.
func orNoSession(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNoSession
	}
	return err
}

// describedColumns are the columns for scanDescribed. The image, which may be large, is read for the session $1
// only.
var describedColumns = `s.id, ` + endsAt + `, ` + database.Readable(`s.created_at`) + `, ` +
	database.Readable(`s.updated_at`) + `, ` + addressRead + `, ` + userAgentRead + `,
	u.id, ` + nameRead + `, u.email, u.email_verified, CASE WHEN s.token = $1 THEN coalesce(u.image, '')
	    ELSE '' END, ` + rolesRead + `,
	` + database.Readable(`u.created_at`) + `, ` + database.Readable(`u.updated_at`)

// scanDescribed reads a session, and the additional columns into more.
func scanDescribed(row pgx.Row, more ...any) (Session, error) {
	var v Session
	var roles string
	u := &v.User
	err := row.Scan(append([]any{&v.ID, &v.ExpiresAt, &v.CreatedAt, &v.UpdatedAt, &v.IPAddress, &v.UserAgent,
		&u.ID, &u.Name, &u.Email, &u.EmailVerified, &u.Image, &roles, &u.CreatedAt, &u.UpdatedAt}, more...)...)
	if err != nil {
		return Session{}, err
	}
	u.Roles = SplitList(roles)
	return v, nil
}

// ofToken runs a repeatable query for the session of a token. pgx.ErrNoRows becomes ErrNoSession.
func (r *Reader) ofToken(ctx context.Context, doing string, t secret.Token, run func(context.Context) error) error {
	if t == "" {
		return ErrNoSession
	}
	return r.db.Repeat(ctx, doing, func(ctx context.Context) error { return orNoSession(run(ctx)) })
}

// Describe is Lookup with everything a user may see of the session.
func (r *Reader) Describe(ctx context.Context, t secret.Token) (Session, error) {
	var v Session
	err := r.ofToken(ctx, "describe session", t, func(ctx context.Context) (err error) {
		v, err = scanDescribed(r.db.Pages.QueryRow(ctx, `SELECT `+r.withClaims(describedColumns)+`
			FROM gatepost.session s JOIN gatepost."user" u ON u.id = s.user_id
			WHERE s.token = $1 AND `+r.alive, t.Hash(), r.o.Idle, r.o.Lifetime))
		return err
	})
	return v, err
}

// OwnSession is one of a user's sessions as they may see it; it holds no secret.
type OwnSession struct {
	ID                   string // for EndSession; it grants nothing
	CreatedAt, ExpiresAt time.Time
	UpdatedAt            time.Time
	// Unused is how long ago the session was last used, by PostgreSQL's clock. A use is written down once a minute
	// at most.
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

// Account describes a session, its user, and all valid sessions of the user: the asking session first, then by last
// use, at most 100. It fails with ErrNoSession or database.ErrUnavailable.
func (r *Reader) Account(ctx context.Context, t secret.Token) (Account, error) {
	var a Account
	err := r.ofToken(ctx, "describe account", t, func(ctx context.Context) error {
		// One statement: between two, the session could end.
		rows, err := r.db.Pages.Query(ctx, `SELECT `+r.withClaims(describedColumns)+`,
			    s.token = $1, now() - greatest(`+lastUsedAt+`, now() - $2::interval)
			FROM gatepost.session s JOIN gatepost."user" u ON u.id = s.user_id
			WHERE s.user_id = (SELECT user_id FROM gatepost.session WHERE token = $1) AND `+r.alive+`
			ORDER BY s.token = $1 DESC, s.last_used_at DESC, s.id LIMIT $4`,
			t.Hash(), r.o.Idle, r.o.Lifetime, ownSessionsMost)
		if err != nil {
			return err
		}
		a, err = collectAccount(rows)
		return err
	})
	return a, err
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
