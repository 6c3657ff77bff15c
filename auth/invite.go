package auth

import (
	"cmp"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// Invitation is an operator's offer of an account to a person who has none.
type Invitation struct {
	Email    string   // as typed
	Roles    []string // empty: DefaultRole
	Language string   // of the mail; empty: the first configured one
}

// Invite mails an invitation. It voids an earlier one to the same address. It fails with InputError (field "email",
// Taken when the address has an account; field "role") or database.ErrUnavailable.
func (s *Store) Invite(ctx context.Context, i Invitation) error {
	return s.invite(ctx, i, func(ctx context.Context, tx pgx.Tx, email, roles string) error {
		return s.outbox.Post(ctx, tx, mail.Letter{Kind: mail.Invite, To: email, Language: i.Language,
			Facts: mail.Facts{Role: roles}})
	})
}

// InvitationLink is Invite without a mail. It returns the token of the link, for the operator to hand over.
func (s *Store) InvitationLink(ctx context.Context, i Invitation) (t secret.Token, err error) {
	err = s.invite(ctx, i, func(ctx context.Context, tx pgx.Tx, email, roles string) error {
		if _, err := tx.Exec(ctx, `DELETE FROM gatepost.outbox WHERE email = $1 AND kind = 'invite'`,
			email); err != nil {
			return err
		}
		t, err = mail.Link{Purpose: mail.ForInvite, Email: email, Role: roles}.HandOver(ctx, tx)
		return err
	})
	return t, err
}

func (s *Store) invite(ctx context.Context, i Invitation, offer func(ctx context.Context, tx pgx.Tx, email,
	roles string) error) error {
	email, err := CanonicalEmail(i.Email)
	if err != nil {
		return err
	}
	roles, err := canonicalRoles(i.Roles)
	if err != nil {
		return err
	}
	details := audit.Details{{Value: email}, {Name: "roles", Value: orNone(cmp.Or(roles, DefaultRole))}}
	err = s.db.Transact(ctx, "invite", func(ctx context.Context, tx pgx.Tx) error {
		owner, err := ownerOf(ctx, tx, email, "")
		if err != nil {
			return err
		}
		if owner != "" {
			return InputError{{"email", Taken, 0}}
		}
		if err := offer(ctx, tx, email, roles); err != nil {
			return err
		}
		return s.record(ctx, tx, "invite", "", secret.Client{}, details...)
	})
	s.outbox.Kick()
	s.audit(ctx, "invite", "", secret.Client{}, err, details...)
	return err
}

// AcceptInvitation makes the invited user, whether sign-up is open or not, and signs them in. Their address and
// roles are those of the invitation, and the address is confirmed. If another person has signed up with the address
// and not confirmed it, their sessions and password end, and the account goes to the invited user. It fails with
// ErrBadLink, InputError, share.ErrBusy or database.ErrUnavailable.
func (s *Store) AcceptInvitation(ctx context.Context, t secret.Token, u NewUser, remember bool, presented secret.Token,
	c secret.Client) (Issued, error) {
	issued, userID, err := s.acceptInvitation(ctx, t, u, remember, presented, c)
	s.metrics.signUps.WithLabelValues(result(err)).Inc()
	s.audit(ctx, "accept-invitation", userID, c, cmp.Or(err, issued.half()))
	return issued, err
}

func (s *Store) acceptInvitation(ctx context.Context, t secret.Token, u NewUser, remember bool, presented secret.Token,
	c secret.Client) (Issued, string, error) {
	if s.o.PasswordsOff {
		return Issued{}, "", ErrPasswordsOff
	}
	l, err := s.linkFor(ctx, t, isFor(mail.ForInvite))
	if err != nil {
		return Issued{}, "", err
	}
	u.Email, u.Roles = l.Email, l.Roles
	row, err := s.checkNewUser(u, true)
	if err != nil {
		return Issued{}, "", err
	}
	row.verified = true
	if row.hash, err = s.hashNew(ctx, u.Password); err != nil {
		return Issued{}, "", err
	}
	ctx = context.WithoutCancel(ctx) // once the hash is made the link is spent, even if the client hangs up
	var issued Issued
	accept := func(ctx context.Context, tx pgx.Tx) (err error) {
		if err := spend(ctx, tx, t, l, isFor(mail.ForInvite)); err != nil {
			return err
		}
		if err := forgive(ctx, tx, row.id, row.email); err != nil {
			return err
		}
		issued, err = s.issue(ctx, tx, session.New{UserID: row.id,
			Proof: session.Proved(session.Link, session.Password), Remember: remember, Client: c, Presented: presented})
		if err != nil {
			return err
		}
		return s.recordIn(ctx, tx, "accept-invitation", row.id, issued, c)
	}
	squatted, err := s.unconfirmed(ctx, row.email)
	switch {
	case err != nil:
	case squatted == "":
		err = s.insertUser(ctx, row, presented, accept)
	default:
		row.id = squatted
		err = s.db.Transact(ctx, "accept invitation", func(ctx context.Context, tx pgx.Tx) error {
			if err := s.replaceSquatter(ctx, tx, row, presented); err != nil {
				return err
			}
			return accept(ctx, tx)
		})
		s.Changed(squatted)
	}
	if err != nil {
		return Issued{}, "", err
	}
	s.sessions.Done(presented, issued.Made)
	return issued, row.id, nil
}

// unconfirmed returns the enabled user who has an address and has not confirmed it. It is empty if there is none.
func (s *Store) unconfirmed(ctx context.Context, email string) (userID string, err error) {
	err = s.db.Transact(ctx, "find user", func(ctx context.Context, tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `SELECT id FROM gatepost."user" WHERE email = $1 AND NOT email_verified
		    AND disabled_at IS NULL`, email).Scan(&userID)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	return userID, err
}

// replaceSquatter gives the invited user an account whose address was never confirmed.
func (s *Store) replaceSquatter(ctx context.Context, tx pgx.Tx, row userRow, presented secret.Token) error {
	if _, err := database.LockUser(ctx, tx, row.id, presented); err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, `
		UPDATE gatepost."user" SET role = $2, name = $3, updated_at = now()
		WHERE id = $1 AND email = $4 AND NOT email_verified AND disabled_at IS NULL`,
		row.id, row.roles, row.name, row.email)
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 { // the address was confirmed, or the user disabled, meanwhile
		return InputError{{"email", Taken, 0}}
	}
	if err := s.putOut(ctx, tx, Link{userID: row.id, Email: row.email, mailed: true}, row.hash); err != nil {
		return err
	}
	if row.username == "" {
		return nil
	}
	_, err = takeUsername(ctx, tx, row.id, row.username) // one that an operator gave stays
	return err
}
