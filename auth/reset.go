package auth

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/captcha"
)

// errSuppressed means that a mail was dropped for its limits. Only the log learns of it.
var errSuppressed = errors.New("the address has had enough mail for now")

// RequestReset mails a link with which the user of an address can choose a new password. It gives the same answer,
// after the same time (Options.AnswerStep), whether the user exists, may sign in, or has had too many mails. It
// fails with InputError, *throttle.Error when the network asks too often, captcha.ErrMissing, captcha.ErrWrong,
// captcha.ErrUnavailable, share.ErrBusy, share.ErrCrowded or database.ErrUnavailable.
func (s *Store) RequestReset(ctx context.Context, email string, c secret.Client) error {
	if s.o.PasswordsOff {
		s.audit(ctx, "request-reset", "", c, ErrPasswordsOff)
		return ErrPasswordsOff
	}
	return s.requestByAddress(ctx, "request-reset", mail.Reset, email, c)
}

// requestByAddress mails a link to whoever has an address, and answers everybody the same.
func (s *Store) requestByAddress(ctx context.Context, event string, kind mail.Kind, email string,
	c secret.Client) error {
	began := time.Now()
	userID, err := s.postByAddress(ctx, event, kind, email, c)
	s.audit(ctx, event, userID, c, err)
	if errors.Is(err, ErrNoUser) || errors.Is(err, errSuppressed) || errors.Is(err, errTrapped) {
		err = nil
	}
	s.hold(ctx, began, s.o.AnswerStep)
	return err
}

// postByAddress posts no link to confirm an address that is confirmed.
func (s *Store) postByAddress(ctx context.Context, event string, kind mail.Kind, email string,
	c secret.Client) (userID string, err error) {
	if email, err = knownEmail(email); err != nil {
		return "", err
	}
	// Refused requests do not begin a transaction.
	if err := throttle.MailRequests(c.Addr, s.offices()).Admit(ctx, s.db); err != nil {
		return "", err
	}
	if err := s.checkHuman(ctx, captcha.Mail, c); err != nil {
		return "", err
	}
	err = s.db.Transact(ctx, event, func(ctx context.Context, tx pgx.Tx) error {
		return throttle.MailRequests(c.Addr, s.offices()).Take(ctx, tx)
	})
	if err == nil {
		err = s.trapped(captcha.Mail, c)
	}
	if err != nil {
		return "", err
	}
	err = s.db.Transact(ctx, event, func(ctx context.Context, tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `SELECT id FROM gatepost."user" WHERE email = $1 AND disabled_at IS NULL
		    AND ($2 OR NOT email_verified)`, email, kind != mail.Verify).Scan(&userID)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNoUser
		}
		if err != nil {
			return err
		}
		l := mail.NewLetter(kind, userID, email, c)
		l.Facts.Next = nextOf(c)
		posted, err := s.postLimited(ctx, tx, l)
		if err == nil && !posted {
			return errSuppressed
		}
		if err != nil {
			return err
		}
		return s.record(ctx, tx, event, userID, c)
	})
	s.outbox.Kick()
	return userID, err
}

// ResetLink returns the token of a link as in RequestReset, for an operator to hand over. It fails with ErrNoUser
// when the user is unknown or disabled, or with database.ErrUnavailable.
func (s *Store) ResetLink(ctx context.Context, userID string) (secret.Token, error) {
	var t secret.Token
	err := s.db.Transact(ctx, "make a link", func(ctx context.Context, tx pgx.Tx) error {
		if _, err := database.LockUser(ctx, tx, userID, ""); err != nil {
			return err
		}
		var email string
		err := tx.QueryRow(ctx, `SELECT email FROM gatepost."user" WHERE id = $1 AND disabled_at IS NULL`,
			userID).Scan(&email)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNoUser
		}
		if err == nil && secret.IsServiceAddress(email) {
			return ErrService
		}
		if err == nil { // a waiting mail would replace this link
			_, err = tx.Exec(ctx, `DELETE FROM gatepost.outbox WHERE user_id = $1 AND kind = 'reset'`, userID)
		}
		if err == nil {
			t, err = mail.Link{Purpose: mail.ForReset, Email: email, UserID: userID}.HandOver(ctx, tx)
		}
		if err == nil {
			err = s.record(ctx, tx, "reset-link", userID, secret.Client{})
		}
		return err
	})
	s.audit(ctx, "reset-link", userID, secret.Client{}, err)
	return t, err
}

// ResetPassword gives the user of a link the password they chose. It also accepts a link to confirm an address
// while it is Claimable. Every session of the user ends, their failed attempts and other links are forgotten, and
// the address counts as confirmed if the link was mailed there. ResetPassword signs nobody in; it returns the
// browser's new token. It fails with ErrBadLink, InputError (field "password"), share.ErrBusy or
// database.ErrUnavailable. A failure has changed nothing, except that after database.ErrUnavailable it may have.
func (s *Store) ResetPassword(ctx context.Context, t secret.Token, p secret.Password,
	c secret.Client) (browser secret.Token, err error) {
	return s.takeOver(ctx, "reset-password", t, p, c, Link.Resets,
		func(ctx context.Context, tx pgx.Tx, l Link, _ string) error {
			return s.outbox.Post(ctx, tx, mail.NewLetter(mail.Password, l.userID, l.Email, c))
		})
}

// takeOver lets the reader of an account's mail choose a password with a link, and ends all other access. more gets
// the address that the account had before.
func (s *Store) takeOver(ctx context.Context, event string, t secret.Token, p secret.Password, c secret.Client,
	allowed func(Link) bool,
	more func(ctx context.Context, tx pgx.Tx, l Link, before string) error) (browser secret.Token, err error) {
	l, err := s.linkFor(ctx, t, allowed)
	defer func() { s.audit(ctx, event, l.userID, c, err) }()
	if err != nil {
		return "", err
	}
	hashed, err := s.hashChosen(ctx, p, l)
	if err != nil {
		return "", err
	}
	ctx = context.WithoutCancel(ctx) // once the hash is made the link is spent, even if the client hangs up
	err = s.db.Transact(ctx, event, func(ctx context.Context, tx pgx.Tx) (err error) {
		if err := spend(ctx, tx, t, l, allowed); err != nil {
			return err
		}
		var before string
		if err := tx.QueryRow(ctx, `SELECT email FROM gatepost."user" WHERE id = $1`,
			l.userID).Scan(&before); err != nil {
			return err
		}
		if err := s.putOut(ctx, tx, l, hashed); err != nil {
			return err
		}
		if err := more(ctx, tx, l, before); err != nil {
			return err
		}
		if browser, err = throttle.Befriend(ctx, tx, l.userID, c); err != nil {
			return err
		}
		return s.record(ctx, tx, event, l.userID, c)
	})
	if err == nil {
		s.Changed(l.userID)
		s.outbox.Kick()
	}
	return browser, err
}

// hashChosen hashes the password that was chosen with a link. Where passwords are off, a change of address is undone
// without one, and nothing else.
func (s *Store) hashChosen(ctx context.Context, p secret.Password, l Link) (hashed string, err error) {
	if s.o.PasswordsOff {
		if l.Purpose != mail.ForUndo {
			return "", ErrPasswordsOff
		}
		return "", nil
	}
	if err := s.checkNewPassword(p, l.Email); err != nil {
		return "", err
	}
	return s.hashNew(ctx, p)
}

// putOut ends all access to an account, and gives it the new password, unless that is empty, and, for a mailed link,
// the address of the link. Ways in by a provider go if nobody had confirmed the address, or if they were made after
// the change that a link undoes; and with an address that nobody had confirmed a username goes that was chosen. Second
// factors go as ways in by a provider do (dropFactorsBy), and else stay: who reads the mail of an address has proved
// one factor.
func (s *Store) putOut(ctx context.Context, tx pgx.Tx, l Link, hashed string) error {
	if hashed == "" {
		if _, err := s.sessions.EndAll(ctx, tx, l.userID); err != nil {
			return err
		}
	} else if err := setPassword(ctx, tx, l.userID, hashed); err != nil {
		return err
	}
	if err := dropFactorsBy(ctx, tx, l); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `
		DELETE FROM gatepost.account WHERE user_id = $1 AND provider_id <> 'credential' AND (created_at >= $2
		    OR $3 AND EXISTS (SELECT FROM gatepost."user" WHERE id = $1 AND NOT email_verified))`,
		l.userID, undoneSince(l), l.mailed)
	if err != nil {
		return err
	}
	if err := dropTokensBy(ctx, tx, l); err != nil {
		return err
	}
	if err := mail.Void(ctx, tx, l.userID); err != nil || !l.mailed {
		return err
	}
	if err := forgive(ctx, tx, l.userID, l.Email); err != nil {
		return err
	}
	if err := forgetStrangersName(ctx, tx, l.userID); err != nil {
		return err
	}
	return s.moveTo(ctx, tx, l.userID, l.Email)
}

// dropFactorsBy removes the second factors that go with a link: those that a stranger may have made, and those that
// were made after a change that the link undoes.
func dropFactorsBy(ctx context.Context, tx pgx.Tx, l Link) (err error) {
	if l.mailed {
		err = dropStrangersFactors(ctx, tx, l.userID, "")
	}
	if since := undoneSince(l); err == nil && since != nil {
		err = dropFactorsSince(ctx, tx, l.userID, *since)
	}
	return err
}

// undoneSince is since when ways in go with a link: that of a change of address, or never.
func undoneSince(l Link) *time.Time {
	if l.Purpose != mail.ForUndo {
		return nil
	}
	return &l.created
}
