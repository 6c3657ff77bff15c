package auth

import (
	"cmp"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
)

// Confirm has the user of a session prove their password again and gives the session a new token. The session is fresh
// then (session.FreshFor). The token presented goes on for a minute as it was. Confirm is throttled as a sign-in is. A
// user without a password proves nothing here, and needs a fresh session. Whoever has a second factor proves that one
// (ProveFactor): their password alone makes no session fresher. It fails with session.ErrNoSession, session.ErrStale,
// ErrStaleFactor for a user whose second factor was not proved in the session a short while ago, InputError (field
// "password"), ErrBadCredentials, *throttle.Error, share.ErrBusy or database.ErrUnavailable.
func (s *Store) Confirm(ctx context.Context, t secret.Token, p secret.Password, c secret.Client) (Issued, error) {
	return s.perform(ctx, deed{event: "confirm", token: t, field: "password", password: p, client: c,
		may:    freshSecond,
		check:  func(string) error { return nil },
		finish: s.raise})
}

// ChangePassword replaces the password of a session's user. Every session of the user ends, so that a stolen one dies,
// and the user gets a new one, remembered if the one presented was. Failed attempts and familiar places are forgotten,
// as by SetPassword. The new session is no fresher where the user has a second factor, and keeps its level; one in
// which that was not proved has to prove it first. It fails with session.ErrNoSession, InputError (fields "current" and
// "password"; Unchanged when the two are the same), ErrBadCredentials when current is wrong, *throttle.Error,
// share.ErrBusy or database.ErrUnavailable. A failure has changed nothing, except that after database.ErrUnavailable it
// may have.
func (s *Store) ChangePassword(ctx context.Context, t secret.Token, current, chosen secret.Password,
	c secret.Client) (Issued, error) {
	return s.perform(ctx, deed{event: "change-password", token: t, field: "current", password: current,
		chosen: chosen, client: c, all: true,
		check: func(email string) error { return s.checkNewPassword(chosen, email) },
		finish: func(ctx context.Context, tx pgx.Tx, o session.Own, n session.New) (_ Issued, err error) {
			if n.Proof, err = goesOn(ctx, tx, o, n.Proof); err != nil {
				return Issued{}, err
			}
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

// DeleteAccount deletes the user of a session and all data kept about them; their sessions end everywhere. It cannot be
// undone, so it takes the password, however fresh the session is, after the second factor of whoever has one. A user
// without a password needs a fresh session. It fails with session.ErrNoSession, session.ErrStale, ErrStaleFactor,
// InputError (field "password"), ErrBadCredentials, *throttle.Error, share.ErrBusy or database.ErrUnavailable. A
// failure has deleted nothing, except that after database.ErrUnavailable it may have.
func (s *Store) DeleteAccount(ctx context.Context, t secret.Token, p secret.Password, c secret.Client) error {
	_, err := s.perform(ctx, deed{event: "delete-account", token: t, field: "password", password: p, client: c, all: true,
		may:   freshSecond,
		check: func(string) error { return nil },
		finish: func(ctx context.Context, tx pgx.Tx, _ session.Own, n session.New) (Issued, error) {
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

// deed is an action of a user on their own account that requires their password again. Users who have none, or may
// not use it, need a fresh session instead.
type deed struct {
	event    string
	token    secret.Token
	field    string // of the password
	password secret.Password
	client   secret.Client
	chosen   secret.Password // the new password; empty: the password stays
	all      bool            // end every session of the user; else the one presented goes on
	// may judges the session, before the password is looked at and again in the transaction. Nil: any session will do.
	may judgeOwn
	// check validates the input, given the user's address, before anything is hashed.
	check func(email string) error
	// finish runs in the transaction that has proved the user, and has ended the sessions. It makes the new session, or
	// raises the one presented, of which it gets what there was.
	finish func(context.Context, pgx.Tx, session.Own, session.New) (Issued, error)
}

// perform carries out a deed, and only if the session is still valid in its transaction: a revocation while the
// password is hashed still takes effect. A password is throttled as at a sign-in. Who has none needs a fresh session.
func (s *Store) perform(ctx context.Context, d deed) (Issued, error) {
	var issued Issued
	o, err := s.judged(ctx, d.token, d.may)
	finish := func(ctx context.Context, tx pgx.Tx, userID string, proof session.Proof) (err error) {
		issued, err = s.finishDeed(ctx, tx, d, session.New{UserID: userID, Proof: proof, Client: d.client})
		return err
	}
	if err == nil && (!o.HasPassword || s.o.PasswordsOff) {
		err = s.performFresh(ctx, d, o, finish)
		s.audit(ctx, d.event, o.UserID, d.client, err)
	} else {
		err = s.attempt(ctx, d.event, d.client, &issued, func() (string, error) {
			if err != nil {
				return o.UserID, err
			}
			return o.UserID, s.performByPassword(ctx, d, o, finish)
		})
	}
	if err != nil {
		return Issued{}, err
	}
	s.Changed(o.UserID)
	s.outbox.Kick()
	return issued, nil
}

func (s *Store) performByPassword(ctx context.Context, d deed, o session.Own,
	finish func(context.Context, pgx.Tx, string, session.Proof) error) error {
	faults := checkTyped(d.field, d.password)
	var more InputError
	if err := d.check(o.Email); err != nil && !errors.As(err, &more) {
		return err
	}
	if err := append(faults, more...).orNil(); err != nil {
		return err
	}
	if d.chosen != "" {
		if err := s.checkBreached(ctx, d.chosen); err != nil {
			return err
		}
	}
	c := Credentials{Email: o.Email, Password: d.password, Client: d.client}
	_, err := s.prove(ctx, c, d.chosen, func(ctx context.Context, tx pgx.Tx, a candidate) error {
		return finish(ctx, tx, a.userID, session.Proved(session.Password))
	})
	return err
}

// performFresh carries out a deed of a user without a password. The new session is no fresher than the old one.
func (s *Store) performFresh(ctx context.Context, d deed, o session.Own,
	finish func(context.Context, pgx.Tx, string, session.Proof) error) error {
	if d.chosen != "" {
		return ErrBadCredentials // there is none to be replaced
	}
	if err := d.check(o.Email); err != nil {
		return err
	}
	return s.db.Transact(ctx, d.event, func(ctx context.Context, tx pgx.Tx) error {
		if now, err := s.Own(ctx, tx, d.token); err != nil || !now.Fresh { // a refusal only reads
			return cmp.Or(err, session.ErrStale)
		}
		if _, err := database.LockUser(ctx, tx, o.UserID, d.token); err != nil {
			return err
		}
		now, err := s.Own(ctx, tx, d.token)
		if err != nil || !now.Fresh {
			return cmp.Or(err, session.ErrStale)
		}
		return finish(ctx, tx, o.UserID, now.Proof)
	})
}

// finishDeed does the deed of a locked user, if the session may still do it, after it has ended all sessions of the
// user if it does so. What a provider knows of the session goes on to the new one.
func (s *Store) finishDeed(ctx context.Context, tx pgx.Tx, d deed, n session.New) (issued Issued, err error) {
	o, err := s.Own(ctx, tx, d.token)
	if err == nil && o.UserID != n.UserID {
		err = session.ErrNoSession
	}
	if err == nil && d.may != nil {
		err = d.may(ctx, tx, o)
	}
	if err != nil {
		return Issued{}, err
	}
	n.Remember = o.Remembered
	if d.all {
		if n.Via, err = s.viaOf(ctx, tx, d.token); err != nil {
			return Issued{}, err
		}
		if err := s.sessions.EndPresented(ctx, tx, n.UserID, d.token, true); err != nil {
			return Issued{}, err
		}
	} else {
		n.Presented = d.token
	}
	if issued, err = d.finish(ctx, tx, o, n); err != nil {
		return Issued{}, err
	}
	return issued, s.recordIn(ctx, tx, d.event, n.UserID, issued, d.client)
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
