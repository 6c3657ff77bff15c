package session

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/secret"
)

// Own is what is known of the user who presents a session.
type Own struct {
	ID                  string // of the session; it grants nothing
	UserID, Name, Email string
	Confirmed           bool // the address is confirmed
	Fresh               bool // the user was proved no longer than FreshFor ago, by either factor
	// SecondFresh is Fresh for a second factor. Whoever has none is never fresh in it.
	SecondFresh bool
	Proof       Proof
	HasPassword bool
	// Before says that the session was presented by the token before its last proof. Own finds none by it, and Seen does.
	Before bool
	// Remembered reports whether the session's idle limit is longer than that of sessions that are not remembered.
	// It is always false where Options.Idle is no longer than that.
	Remembered bool
}

// querier is a transaction or a pool.
type querier interface {
	QueryRow(context.Context, string, ...any) pgx.Row
}

// Own returns the user of a session, in a transaction or from a pool. It fails with ErrNoSession.
func (r *Reader) Own(ctx context.Context, from querier, t secret.Token) (Own, error) {
	return r.own(ctx, from, t, `s.token = $1`)
}

// Seen is Own for what only reads, and tells no secret: it also takes the token before the last proof while that goes
// on, as a request under way or another tab presents it. Nothing counts as proved by that one.
func (r *Reader) Seen(ctx context.Context, from querier, t secret.Token) (Own, error) {
	o, err := r.own(ctx, from, t, presents)
	if o.Before {
		o.Fresh, o.SecondFresh, o.Proof = false, false, Proof{}
	}
	return o, err
}

// own finds a session by a condition of the token hash $1.
func (r *Reader) own(ctx context.Context, from querier, t secret.Token, by string) (o Own, err error) {
	if t == "" {
		return Own{}, ErrNoSession
	}
	var methods string
	err = from.QueryRow(ctx, `
		SELECT s.id, u.id, `+nameRead+`, u.email, u.email_verified, `+isFresh("$4")+`,
		    s.idle_seconds * interval '1 second' > $5, coalesce(s.methods, ''), `+readableProof+`,
		    `+readableSecond+`, `+isSecondFresh("$4")+`,
		    EXISTS (SELECT FROM gatepost.account a WHERE a.user_id = u.id AND a.provider_id = 'credential'
		        AND a.password <> ''), s.token <> $1
		FROM gatepost.session s JOIN gatepost."user" u ON u.id = s.user_id
		WHERE `+by+` AND `+r.alive, t.Hash(), r.o.Idle, r.o.Lifetime, FreshFor, notRemembered).
		Scan(&o.ID, &o.UserID, &o.Name, &o.Email, &o.Confirmed, &o.Fresh, &o.Remembered, &methods,
			&o.Proof.At, &o.Proof.SecondAt, &o.SecondFresh, &o.HasPassword, &o.Before)
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
			WHERE `+presents+` AND `+r.alive, t.Hash(), r.o.Idle, r.o.Lifetime))
		return err
	})
	return v, err
}
