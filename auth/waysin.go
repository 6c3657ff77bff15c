package auth

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

var (
	// ErrLastWayIn means that the user would have no way to sign in any more.
	ErrLastWayIn = errors.New("this is the last way in")
	// ErrPasswordsOff means that the operator has turned passwords off.
	ErrPasswordsOff = errors.New("passwords are off")
)

// WayIn is a way for a user to sign in.
type WayIn struct {
	ID       string // of its row
	Provider string // its name; empty: the password
	Label    string // how people call the provider; empty: it is not configured any more, or the password
	Login    string // how the user is called there; may be empty
	Since    time.Time
}

// WaysIn returns the ways in of the user of a session, the oldest first. Passwords that are off are none. It fails
// with session.ErrNoSession or database.ErrUnavailable.
func (s *Store) WaysIn(ctx context.Context, t secret.Token) (list []WayIn, err error) {
	err = s.db.Transact(ctx, "list ways in", func(ctx context.Context, tx pgx.Tx) error {
		o, err := s.Own(ctx, tx, t)
		if err != nil {
			return err
		}
		rows, _ := tx.Query(ctx, `
			SELECT id, CASE WHEN provider_id = 'credential' THEN '' ELSE provider_id END, coalesce(login, ''),
			    `+database.Readable("created_at")+`
			FROM gatepost.account WHERE user_id = $1 AND (provider_id <> 'credential' AND provider_id <> $2
			    OR provider_id = 'credential' AND password <> '' AND NOT $3)
			ORDER BY created_at, id LIMIT 100`, o.UserID, superseded, s.o.PasswordsOff) // CollectRows reports an error
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (w WayIn, err error) {
			err = row.Scan(&w.ID, &w.Provider, &w.Login, &w.Since)
			if p, unknown := s.provider(w.Provider); unknown == nil {
				w.Label = p.Label()
			}
			return w, err
		})
		return err
	})
	return list, err
}

// superseded is the provider_id of passwords that another one has replaced.
const superseded = "credential-superseded"

// linkToSession connects an identity to the account of the session in which the flow began. The session must still
// be that one: otherwise somebody's finished sign-in would end up in another's account (RFC 9700, section 4.7).
func (s *Store) linkToSession(ctx context.Context, v visit, done *Finished) error {
	if v.presented == "" || v.presented.Hash() != v.flow.session {
		return session.ErrNoSession
	}
	err := s.db.Transact(ctx, "connect an identity", func(ctx context.Context, tx pgx.Tx) error {
		if _, err := database.LockUser(ctx, tx, v.flow.userID, v.presented); err != nil {
			return err
		}
		if err := s.checkSession(ctx, tx, v.presented, v.flow.userID); err != nil {
			return err
		}
		l := local{userID: v.flow.userID}
		err := tx.QueryRow(ctx, `SELECT email, email_verified FROM gatepost."user" WHERE id = $1`, l.userID).
			Scan(&l.email, &l.verified)
		if err != nil {
			return err
		}
		var linked bool
		if err := tx.QueryRow(ctx, `
			SELECT EXISTS (SELECT FROM gatepost.account WHERE issuer = $1 AND account_id = $2 AND user_id = $3)`,
			v.id.Issuer, v.id.Subject, l.userID).Scan(&linked); err != nil || linked {
			return err
		}
		if err := s.connect(ctx, tx, v, l); err != nil {
			return movedOr(err)
		}
		_, err = s.noteClaims(ctx, tx, v, l.userID)
		return err
	})
	if errors.Is(err, errMoved) { // the identity is another user's
		err = ErrLinkedElsewhere
	}
	s.outbox.Kick()
	if err == nil {
		s.Changed(v.flow.userID)
	}
	return err
}

// confirmBy proves the user of a session again, by a provider that says how long ago it proved them, and gives them a
// new session.
func (s *Store) confirmBy(ctx context.Context, v visit, done *Finished) error {
	if v.presented == "" || v.presented.Hash() != v.flow.session {
		return session.ErrNoSession
	}
	owner, err := s.ownerOfIdentity(ctx, v)
	if err != nil {
		return err
	}
	if owner != v.flow.userID {
		return ErrOtherUser
	}
	return s.renew(ctx, v.presented, session.Proof{Methods: []session.Method{session.Provider}, At: v.id.AuthTime},
		string(ToConfirm), v.client, done)
}

// renew ends a session that is still valid and gives its user a new one, with a new proof.
func (s *Store) renew(ctx context.Context, t secret.Token, proof session.Proof, event string, c secret.Client,
	done *Finished) error {
	o, err := s.own(ctx, t)
	if err != nil {
		return err
	}
	err = s.db.Transact(ctx, event, func(ctx context.Context, tx pgx.Tx) (err error) {
		if _, err := database.LockUser(ctx, tx, o.UserID, t); err != nil {
			return err
		}
		via, err := s.viaOf(ctx, tx, t)
		if err != nil {
			return err
		}
		if err := s.sessions.EndPresented(ctx, tx, o.UserID, t, false); err != nil {
			return err
		}
		done.Issued, err = s.issue(ctx, tx, session.New{UserID: o.UserID, Proof: proof, Remember: o.Remembered,
			Client: c, Via: via})
		if err != nil {
			return err
		}
		return s.recordIn(ctx, tx, event, o.UserID, done.Issued, c)
	})
	if err == nil {
		s.Changed(o.UserID)
	}
	return err
}

// RequestProof mails a link with which the user of a session proves themselves again, in the browser of the session.
// Their address has to be confirmed: else the link would prove nothing. It fails with session.ErrNoSession,
// ErrUnverified or database.ErrUnavailable.
func (s *Store) RequestProof(ctx context.Context, t secret.Token, c secret.Client) error {
	var userID string
	err := s.db.Transact(ctx, "request a proof", func(ctx context.Context, tx pgx.Tx) error {
		o, err := s.Own(ctx, tx, t)
		if userID = o.UserID; err != nil {
			return err
		}
		if !o.Confirmed {
			return ErrUnverified
		}
		_, err = s.postLimited(ctx, tx, mail.NewLetter(mail.Prove, o.UserID, o.Email, c))
		return err
	})
	s.outbox.Kick()
	s.ask(ctx, "request-proof", userID, c, err)
	return err
}

// ProveByLink proves the user of a session with a link of RequestProof, opened in the browser of the session, and
// gives them a new session, which is fresh. It fails with ErrBadLink, session.ErrNoSession, ErrOtherUser or
// database.ErrUnavailable.
func (s *Store) ProveByLink(ctx context.Context, link, t secret.Token, c secret.Client) (Issued, error) {
	var done Finished
	l, err := s.linkFor(ctx, link, isFor(mail.ForProve))
	if err == nil {
		err = s.db.Transact(ctx, "spend a link", func(ctx context.Context, tx pgx.Tx) error {
			if _, err := database.LockUser(ctx, tx, l.userID, t); err != nil {
				return err
			}
			if err := s.checkSession(ctx, tx, t, l.userID); err != nil {
				return err
			}
			return spend(ctx, tx, link, l, isFor(mail.ForProve))
		})
	}
	if err == nil {
		err = s.renew(ctx, t, session.Proved(session.Link), string(ToConfirm), c, &done)
	}
	s.audit(ctx, string(ToConfirm), l.userID, c, err)
	return done.Issued, err
}

// Unlink removes a way in of the user of a session, unless it is the last, and ends the other sessions that were made
// by it. An id that is unknown, another user's or the password's changes nothing and is no error. It fails with
// session.ErrNoSession, session.ErrStale, ErrLastWayIn or database.ErrUnavailable.
func (s *Store) Unlink(ctx context.Context, t secret.Token, id string, c secret.Client) error {
	o, err := s.own(ctx, t)
	if err == nil && !o.Fresh {
		err = session.ErrStale
	}
	if err == nil {
		err = s.db.Transact(ctx, "disconnect an identity", func(ctx context.Context, tx pgx.Tx) error {
			if _, err := database.LockUser(ctx, tx, o.UserID, t); err != nil {
				return err
			}
			now, err := s.Own(ctx, tx, t)
			if err == nil && !now.Fresh {
				err = session.ErrStale
			}
			if err != nil {
				return err
			}
			return s.unlink(ctx, tx, o, t, database.Storable(id), c)
		})
	}
	s.outbox.Kick()
	if err == nil {
		s.Changed(o.UserID)
	}
	s.audit(ctx, "unlink-account", o.UserID, c, err)
	return err
}

func (s *Store) unlink(ctx context.Context, tx pgx.Tx, o session.Own, t secret.Token, id string,
	c secret.Client) error {
	var providerName string
	err := tx.QueryRow(ctx, `
		DELETE FROM gatepost.account WHERE id = $1 AND user_id = $2 AND provider_id NOT IN ('credential', $3)
		RETURNING provider_id`, id, o.UserID, superseded).Scan(&providerName)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	var left int
	err = tx.QueryRow(ctx, `SELECT count(*) FROM gatepost.account a WHERE user_id = $1 AND `+opens("a", "$2", "$3"),
		o.UserID, s.o.PasswordsOff, s.providerNames()).Scan(&left)
	if err != nil {
		return err
	}
	if left == 0 {
		return ErrLastWayIn
	}
	if _, err := tx.Exec(ctx, `DELETE FROM gatepost.session WHERE account_id = $1 AND user_id = $2 AND token <> $3`,
		id, o.UserID, t.Hash()); err != nil {
		return err
	}
	letter := mail.NewLetter(mail.Unlinked, o.UserID, o.Email, c)
	if letter.Facts.Provider = providerName; true {
		if p, unknown := s.provider(providerName); unknown == nil {
			letter.Facts.Provider = p.Label()
		}
	}
	if err := s.outbox.Post(ctx, tx, letter); err != nil {
		return err
	}
	return s.record(ctx, tx, "unlink-account", o.UserID, c, audit.Detail{Name: "provider", Value: providerName})
}

// opens is the SQL condition that a row of account is a way in: a password, unless those are off, or an identity at a
// provider that is configured.
func opens(row, passwordsOff, providers string) string {
	return `(` + row + `.provider_id = 'credential' AND ` + row + `.password <> '' AND NOT ` + passwordsOff + `
	    OR ` + row + `.provider_id = ANY (` + providers + `))`
}

func (s *Store) providerNames() []string {
	names := []string{} // not null
	for _, p := range s.o.Providers {
		names = append(names, p.Spec().Name)
	}
	return names
}

// UsersWithoutAWayIn counts the users who cannot sign in, as passwords are off or their provider is not configured.
// It fails with database.ErrUnavailable.
func (s *Store) UsersWithoutAWayIn(ctx context.Context) (n int64, err error) {
	err = s.db.Repeat(ctx, "count users without a way in", func(ctx context.Context) error {
		return s.db.Pages.QueryRow(ctx, `
			SELECT count(*) FROM gatepost."user" u WHERE disabled_at IS NULL AND NOT EXISTS (
			    SELECT FROM gatepost.account a WHERE a.user_id = u.id AND `+opens("a", "$1", "$2")+`)`,
			s.o.PasswordsOff, s.providerNames()).Scan(&n)
	})
	return n, err
}
