package auth

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
)

// ErrOtherUser means that the visitor is signed in as another user than the one the link belongs to.
var ErrOtherUser = errors.New("the link is another user's")

// RequestEmailChange mails a link to the address that the user of a session wants to have. Nothing changes until they
// open it. An address that is already used gets another mail, and the answer is the same. Like Confirm it takes the
// password, after the second factor of whoever has one, and gives the session a new token. It fails with
// session.ErrNoSession, ErrStaleFactor, InputError (fields "email" and "password"; Unchanged for the current address),
// ErrBadCredentials, *throttle.Error, share.ErrBusy or database.ErrUnavailable.
func (s *Store) RequestEmailChange(ctx context.Context, t secret.Token, p secret.Password, email string,
	c secret.Client) (Issued, error) {
	issued, err := s.perform(ctx, deed{event: "request-email-change", token: t, field: "password", password: p, client: c,
		may: freshSecond,
		check: func(current string) (err error) {
			var faults InputError
			email, err = s.canonicalOpen(email)
			errors.As(err, &faults)
			if email == current {
				faults.add("email", Unchanged, 0)
			}
			return faults.orNil()
		},
		finish: func(ctx context.Context, tx pgx.Tx, o session.Own, n session.New) (Issued, error) {
			if err := throttle.MailRequests(c.Addr, s.offices()).Take(ctx, tx); err != nil {
				return Issued{}, err
			}
			if err := s.askNewAddress(ctx, tx, n.UserID, email, c); err != nil {
				return Issued{}, err
			}
			return s.raise(ctx, tx, o, n)
		}})
	s.outbox.Kick()
	return issued, err
}

// askNewAddress replaces an earlier request of the user, whether or not the address is used by another user.
func (s *Store) askNewAddress(ctx context.Context, tx pgx.Tx, userID, email string, c secret.Client) error {
	b := &pgx.Batch{}
	b.Queue(`DELETE FROM gatepost.outbox WHERE user_id = $1 AND kind = 'change'`, userID)
	b.Queue(`DELETE FROM gatepost.verification WHERE user_id = $1 AND identifier LIKE 'change-email:%'`, userID)
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return err
	}
	l := mail.NewLetter(mail.Change, userID, email, c)
	owner, err := ownerOf(ctx, tx, email, userID)
	if err == nil && owner != "" {
		l.Kind, l.UserID = mail.Exists, owner
	}
	if err == nil {
		_, err = s.postLimited(ctx, tx, l)
	}
	return err
}

// ownerOf returns the user who has an address, or who had it as a confirmed address until a recent change and may
// still undo that. It is empty when no user except self has a claim.
func ownerOf(ctx context.Context, tx pgx.Tx, email, self string) (userID string, err error) {
	err = tx.QueryRow(ctx, `
		SELECT owner FROM (
		    SELECT id AS owner FROM gatepost."user" WHERE email = $1
		    UNION ALL SELECT user_id FROM gatepost.verification WHERE email = $1 AND claims AND expires_at > now()
		    UNION ALL SELECT user_id FROM gatepost.outbox WHERE email = $1 AND facts @> '{"claims": true}'
		        AND expires_at > now()
		) claims WHERE owner <> $2 LIMIT 1`, email, self).Scan(&userID)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return userID, err
}

// moveTo gives a user a confirmed address, and ends the claims that wait for a proof of theirs: the address may come
// back. It checks afterwards that the address is free, so that no concurrent change is missed.
func (s *Store) moveTo(ctx context.Context, tx pgx.Tx, userID, email string) error {
	_, err := tx.Exec(ctx, `
		UPDATE gatepost."user" SET email = $2, email_verified = true, updated_at = now()
		WHERE id = $1 AND (email <> $2 OR NOT email_verified)`, userID, email)
	if err != nil {
		return takenOr(err)
	}
	_, err = tx.Exec(ctx, `DELETE FROM gatepost.provider_flow WHERE user_id = $1 AND identity IS NOT NULL`, userID)
	if err != nil {
		return err
	}
	return isFree(ctx, tx, email, userID)
}

// ConfirmEmail gives the user of a session the address the link was sent to. It needs both session and link: the
// reader of the mail may not be the user who asked, and would give a stranger their address. The old address gets a
// mail with a link to undo the change. ConfirmEmail fails with ErrBadLink, session.ErrNoSession, ErrOtherUser,
// InputError (field "email": Taken) or database.ErrUnavailable.
func (s *Store) ConfirmEmail(ctx context.Context, t, session secret.Token, c secret.Client) error {
	l, err := s.linkFor(ctx, t, isFor(mail.ForChange))
	if err == nil {
		err = s.db.Transact(ctx, "change e-mail", func(ctx context.Context, tx pgx.Tx) error {
			if err := spend(ctx, tx, t, l, isFor(mail.ForChange)); err != nil {
				return err
			}
			if err := s.checkSession(ctx, tx, session, l.userID); err != nil {
				return err
			}
			if err := s.changeAddress(ctx, tx, l, session, c); err != nil {
				return err
			}
			return s.record(ctx, tx, "change-email", l.userID, c)
		})
	}
	if err == nil {
		s.Changed(l.userID)
		s.outbox.Kick()
	}
	s.audit(ctx, "change-email", l.userID, c, err)
	return err
}

func (s *Store) changeAddress(ctx context.Context, tx pgx.Tx, l Link, t secret.Token, c secret.Client) error {
	left := mail.NewLetter(mail.Changed, l.userID, "", c)
	err := tx.QueryRow(ctx, `SELECT email, email_verified FROM gatepost."user" WHERE id = $1`,
		l.userID).Scan(&left.To, &left.Facts.Claims)
	if err != nil {
		return err
	}
	if err := s.moveTo(ctx, tx, l.userID, l.Email); err != nil {
		return err
	}
	if !left.Facts.Claims { // nobody had confirmed the old address
		if _, err := s.proveMailbox(ctx, tx, l.userID, wayIn{session: t}, c); err != nil {
			return err
		}
	}
	if err := mail.Void(ctx, tx, l.userID); err != nil {
		return err
	}
	back, err := voidLaterUndos(ctx, tx, l.userID, l.Email)
	if err != nil {
		return err
	}
	if back { // the address given up is newer than the one restored, and cannot be restored
		left.Kind, left.Facts.Claims = mail.Left, false
	}
	moved := mail.NewLetter(mail.Moved, l.userID, l.Email, c)
	left.Facts.Email, moved.Facts.Email = l.Email, l.Email
	return s.outbox.Post(ctx, tx, left, moved)
}

// voidLaterUndos voids the links that restore the given address, or any address the user had after it. It reports
// whether there was a link that restores the given address.
func voidLaterUndos(ctx context.Context, tx pgx.Tx, userID, email string) (back bool, err error) {
	var since *time.Time
	err = tx.QueryRow(ctx, `
		SELECT `+database.Readable(`min(created_at)`)+` FROM (
		    SELECT created_at FROM gatepost.verification WHERE user_id = $1 AND email = $2
		        AND identifier LIKE 'undo-change-email:%' AND expires_at > now()
		    UNION ALL SELECT created_at FROM gatepost.outbox WHERE user_id = $1 AND email = $2 AND kind = 'changed'
		) undos`, userID, email).Scan(&since)
	if err != nil || since == nil {
		return false, err
	}
	return true, voidUndosSince(ctx, tx, userID, *since)
}

func voidUndosSince(ctx context.Context, tx pgx.Tx, userID string, since time.Time) error {
	b := &pgx.Batch{}
	b.Queue(`DELETE FROM gatepost.outbox WHERE user_id = $1 AND kind IN ('changed', 'moved') AND created_at >= $2`,
		userID, since)
	b.Queue(`DELETE FROM gatepost.verification WHERE user_id = $1 AND identifier LIKE 'undo-change-email:%'
	    AND created_at >= $2`, userID, since)
	return tx.SendBatch(ctx, b).Close()
}

// checkSession fails with session.ErrNoSession or ErrOtherUser unless the session belongs to the user.
func (s *Store) checkSession(ctx context.Context, tx pgx.Tx, t secret.Token, userID string) error {
	o, err := s.Own(ctx, tx, t)
	if err == nil && o.UserID != userID {
		return ErrOtherUser
	}
	return err
}

// UndoEmailChange restores the address the link was sent to. In everything else it is ResetPassword, because
// whoever changed the address knew the password. Of several changes the earliest is undone; links that undo later
// ones stop working. The address that the account had until now gets a mail.
func (s *Store) UndoEmailChange(ctx context.Context, t secret.Token, p secret.Password,
	c secret.Client) (browser secret.Token, err error) {
	return s.takeOver(ctx, "undo-email-change", t, p, c, isFor(mail.ForUndo),
		func(ctx context.Context, tx pgx.Tx, l Link, before string) error {
			if err := voidUndosSince(ctx, tx, l.userID, l.created); err != nil {
				return err
			}
			letters := []mail.Letter{mail.NewLetter(mail.Password, l.userID, l.Email, c)}
			if before != l.Email {
				left := mail.NewLetter(mail.Left, l.userID, before, c)
				left.Facts.Email = l.Email
				letters = append(letters, left)
			}
			return s.outbox.Post(ctx, tx, letters...)
		})
}
