package auth

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
)

// Confirm has the user of a session prove their password again and gives them a new session. The session presented
// ends. The new one is fresh (session.FreshFor), and remembered if the old one was. Confirm is throttled as a
// sign-in is. It fails with session.ErrNoSession, InputError (field "password"), ErrBadCredentials,
// *throttle.Error, share.ErrBusy or database.ErrUnavailable. The old token stays valid unless Confirm succeeds.
func (s *Store) Confirm(ctx context.Context, t secret.Token, p secret.Password, c secret.Client) (Issued, error) {
	return s.perform(ctx, deed{event: "confirm", token: t, password: p, client: c,
		check:  func(string) error { return checkTyped("password", p).orNil() },
		finish: s.issue})
}

// ChangePassword replaces the password of a session's user. Every session of the user ends, so that a stolen one
// dies, and the user gets a new one, remembered if the one presented was. Failed attempts and familiar places are
// forgotten, as by SetPassword. It fails with session.ErrNoSession, InputError (fields "current" and "password";
// Unchanged when the two are the same), ErrBadCredentials when current is wrong, *throttle.Error, share.ErrBusy or
// database.ErrUnavailable. A failure has changed nothing, except that after database.ErrUnavailable it may have.
func (s *Store) ChangePassword(ctx context.Context, t secret.Token, current, chosen secret.Password,
	c secret.Client) (Issued, error) {
	return s.perform(ctx, deed{event: "change-password", token: t, password: current,
		chosen: chosen, client: c, all: true,
		check: func(email string) error {
			faults := checkTyped("current", current)
			var more InputError
			errors.As(s.checkNewPassword(chosen, email), &more)
			return append(faults, more...).orNil()
		},
		finish: func(ctx context.Context, tx pgx.Tx, n session.New) (Issued, error) {
			if err := mail.Void(ctx, tx, n.UserID); err != nil {
				return Issued{}, err
			}
			if err := s.tellOfPassword(ctx, tx, n.UserID, c); err != nil {
				return Issued{}, err
			}
			return s.startAnew(ctx, tx, n)
		}})
}

// tellOfPassword mails the user about a new password. The mail is limited, because a stranger may have signed up
// with the address.
func (s *Store) tellOfPassword(ctx context.Context, tx pgx.Tx, userID string, c secret.Client) error {
	l := mail.NewLetter(mail.Password, userID, "", c)
	if err := tx.QueryRow(ctx, `SELECT email FROM gatepost."user" WHERE id = $1`, userID).Scan(&l.To); err != nil {
		return err
	}
	_, err := s.postLimited(ctx, tx, l)
	return err
}

// DeleteAccount deletes the user of a session and all data kept about them; their sessions end everywhere. It
// cannot be undone, so it always takes the password, however fresh the session is. It fails with
// session.ErrNoSession, InputError (field "password"), ErrBadCredentials, *throttle.Error, share.ErrBusy or
// database.ErrUnavailable. A failure has deleted nothing, except that after database.ErrUnavailable it may have.
func (s *Store) DeleteAccount(ctx context.Context, t secret.Token, p secret.Password, c secret.Client) error {
	_, err := s.perform(ctx, deed{event: "delete-account", token: t, password: p, client: c, all: true,
		check: func(string) error { return checkTyped("password", p).orNil() },
		finish: func(ctx context.Context, tx pgx.Tx, n session.New) (Issued, error) {
			if err := s.sayFarewell(ctx, tx, n.UserID, c); err != nil {
				return Issued{}, err
			}
			_, err := tx.Exec(ctx, `
				WITH forgotten AS (DELETE FROM gatepost.throttle WHERE user_id = $1)
				DELETE FROM gatepost."user" WHERE id = $1`, n.UserID)
			return Issued{}, err
		}})
	return err
}

// sayFarewell mails that the account is deleted to the user's address, and to every former address with a valid
// link to undo a change of address.
func (s *Store) sayFarewell(ctx context.Context, tx pgx.Tx, userID string, c secret.Client) error {
	rows, _ := tx.Query(ctx, `
		SELECT email FROM gatepost."user" WHERE id = $1
		UNION SELECT email FROM gatepost.verification WHERE user_id = $1 AND identifier LIKE 'undo-change-email:%'
		    AND email <> '' AND expires_at > now()
		UNION SELECT email FROM gatepost.outbox WHERE user_id = $1
		    AND kind = 'changed'`, userID) // a query error is reported by CollectRows
	addresses, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, to := range addresses {
		if err := s.outbox.Post(ctx, tx, mail.NewLetter(mail.Deleted, "", to, c)); err != nil {
			return err
		}
	}
	return nil
}

// deed is an action of a user on their own account that requires their password again.
type deed struct {
	event    string
	token    secret.Token
	password secret.Password
	client   secret.Client
	chosen   secret.Password // the new password; empty: the password stays
	all      bool            // end every session of the user, not only the one presented
	// check validates the input, given the user's address, before anything is hashed.
	check func(email string) error
	// finish runs in the transaction that has ended the sessions. It makes the new session.
	finish func(context.Context, pgx.Tx, session.New) (Issued, error)
}

// perform carries out a deed, throttled as a sign-in is, and only if the session is still valid in its transaction:
// a revocation while the password is hashed still takes effect.
func (s *Store) perform(ctx context.Context, d deed) (Issued, error) {
	var issued Issued
	err := s.attempt(ctx, d.event, d.client, func() (string, error) {
		o, err := s.own(ctx, d.token)
		if err != nil {
			return "", err
		}
		if err := d.check(o.Email); err != nil {
			return o.UserID, err
		}
		c := Credentials{Email: o.Email, Password: d.password, Client: d.client}
		_, err = s.prove(ctx, c, d.chosen, func(ctx context.Context, tx pgx.Tx, a candidate) (err error) {
			if err := s.sessions.EndPresented(ctx, tx, a.userID, d.token, d.all); err != nil {
				return err
			}
			issued, err = d.finish(ctx, tx, session.New{UserID: a.userID, Proof: session.Proved(session.Password),
				Remember: o.Remembered, Client: d.client})
			if err != nil {
				return err
			}
			return s.recordIn(ctx, tx, d.event, a.userID, issued, d.client)
		})
		if err == nil {
			s.Changed(o.UserID)
			s.outbox.Kick()
		}
		return o.UserID, err
	})
	if err != nil {
		return Issued{}, err
	}
	return issued, nil
}

// own returns the user of a session whose password has to be proved.
func (s *Store) own(ctx context.Context, t secret.Token) (o session.Own, err error) {
	err = s.db.Repeat(ctx, "find session", func(ctx context.Context) error {
		o, err = s.Own(ctx, s.db.Pages, t)
		return err
	})
	return o, err
}

// startAnew makes the session that follows a new password, and forgets the failed attempts and every familiar place
// except this one. The places come last: Befriend locks rows that other users of the browser share, who may do the
// same.
func (s *Store) startAnew(ctx context.Context, tx pgx.Tx, n session.New) (Issued, error) {
	issued, err := s.issue(ctx, tx, n)
	if err != nil {
		return Issued{}, err
	}
	return issued, throttle.StartAnew(ctx, tx, n.UserID, issued.Browser, n.Client)
}
