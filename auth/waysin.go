package auth

import (
	"context"
	"errors"
	"strings"
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
	Provider string // its name, today's if its issuer has another now; empty: the password
	Label    string // how people call the provider; empty: its issuer is not configured any more, or the password
	Login    string // how the user is called there; may be empty
	Since    time.Time

	Subject string   // how the provider identifies the user; of the password, the user's id
	Scopes  []string // that the provider granted
	Updated time.Time
}

// WaysIn returns the ways in of the user of a session, the oldest first. Passwords that are off are none. It fails
// with session.ErrNoSession or database.ErrUnavailable.
func (s *Store) WaysIn(ctx context.Context, t secret.Token) (list []WayIn, err error) {
	err = s.db.Transact(ctx, "list ways in", func(ctx context.Context, tx pgx.Tx) error {
		o, err := s.Seen(ctx, tx, t)
		if err != nil {
			return err
		}
		list, err = s.waysOf(ctx, tx, o.UserID)
		return err
	})
	return list, err
}

// WaysInImported is WaysIn for a session of the system before, which is looked up as session.Reader.LookupImported
// does. It returns the id of the user, too.
func (s *Store) WaysInImported(ctx context.Context, as session.Asking, i session.Imported) (userID string, list []WayIn,
	err error) {
	v, err := s.LookupImported(ctx, as, i)
	if err != nil {
		return "", nil, err
	}
	err = s.db.Transact(ctx, "list ways in", func(ctx context.Context, tx pgx.Tx) error {
		list, err = s.waysOf(ctx, tx, v.User.ID)
		return err
	})
	return v.User.ID, list, err
}

func (s *Store) waysOf(ctx context.Context, tx pgx.Tx, userID string) ([]WayIn, error) {
	rows, _ := tx.Query(ctx, `
		SELECT id, CASE WHEN provider_id = 'credential' THEN '' ELSE provider_id END, issuer, coalesce(login, ''),
		    `+database.Readable("created_at")+`, account_id, coalesce(scope, ''), `+database.Readable("updated_at")+`
		FROM gatepost.account WHERE user_id = $1 AND (provider_id <> 'credential' AND provider_id <> $2
		    OR provider_id = 'credential' AND password <> '' AND NOT $3)
		ORDER BY created_at, id LIMIT 100`, userID, superseded, s.o.PasswordsOff) // CollectRows reports an error
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (w WayIn, err error) {
		var issuer, scope string
		err = row.Scan(&w.ID, &w.Provider, &issuer, &w.Login, &w.Since, &w.Subject, &scope, &w.Updated)
		w.Scopes = strings.FieldsFunc(scope, func(r rune) bool { return r == ',' || r == ' ' })
		if p := s.offered(w.Provider, issuer); p != nil && w.Provider != "" {
			w.Provider, w.Label = p.Spec().Name, p.Label()
		}
		return w, err
	})
}

// superseded is the provider_id of passwords that another one has replaced.
const superseded = "credential-superseded"

// Unlink removes a way in of the user of a session, unless it is the last, and ends the other sessions that were made
// by it. An id that is unknown, another user's or the password's changes nothing and is no error. It takes a recent
// proof of the user, by their second factor if they have one. It fails with session.ErrNoSession, session.ErrStale,
// ErrStaleFactor, ErrLastWayIn or database.ErrUnavailable.
func (s *Store) Unlink(ctx context.Context, t secret.Token, id string, c secret.Client) error {
	removed := false
	o, err := s.judged(ctx, t, mayChangeWaysIn)
	if err == nil {
		err = s.db.Transact(ctx, "disconnect an identity", func(ctx context.Context, tx pgx.Tx) error {
			if _, err := database.LockUser(ctx, tx, o.UserID, t); err != nil {
				return err
			}
			now, err := s.Own(ctx, tx, t)
			if err == nil {
				err = mayChangeWaysIn(ctx, tx, now)
			}
			if err != nil {
				return err
			}
			removed, err = s.unlink(ctx, tx, o, t, database.Storable(id), c)
			return err
		})
	}
	s.outbox.Kick()
	if err == nil && !removed {
		return nil
	}
	if err == nil {
		s.Changed(o.UserID)
	}
	s.audit(ctx, "unlink-account", o.UserID, c, err)
	return err
}

// unlink reports whether there was such a way in.
func (s *Store) unlink(ctx context.Context, tx pgx.Tx, o session.Own, t secret.Token, id string,
	c secret.Client) (removed bool, err error) {
	var providerName, issuer string
	err = tx.QueryRow(ctx, `
		DELETE FROM gatepost.account WHERE id = $1 AND user_id = $2 AND provider_id NOT IN ('credential', $3)
		RETURNING provider_id, issuer`, id, o.UserID, superseded).Scan(&providerName, &issuer)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := s.staysOpen(ctx, tx, o.UserID); err != nil {
		return false, err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM gatepost.session WHERE account_id = $1 AND user_id = $2 AND token <> $3
		AND `+session.Because("revoked"),
		id, o.UserID, t.Hash()); err != nil {
		return false, err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM gatepost.challenge WHERE account_id = $1 AND user_id = $2`, id,
		o.UserID); err != nil {
		return false, err
	}
	letter := mail.NewLetter(mail.Unlinked, o.UserID, o.Email, c)
	letter.Facts.Provider = providerName
	if p := s.offered(providerName, issuer); p != nil {
		letter.Facts.Provider = p.Label()
	}
	if err := s.outbox.Post(ctx, tx, letter); err != nil {
		return false, err
	}
	return true, s.record(ctx, tx, "unlink-account", o.UserID, c, audit.Detail{Name: "provider", Value: providerName})
}

// UsersWithoutAWayIn counts the users who cannot sign in, as passwords are off or their issuer is not configured.
// It fails with database.ErrUnavailable.
func (s *Store) UsersWithoutAWayIn(ctx context.Context) (n int64, err error) {
	err = s.db.Repeat(ctx, "count users without a way in", func(ctx context.Context) error {
		return s.db.Pages.QueryRow(ctx, `
			SELECT count(*) FROM gatepost."user" u WHERE disabled_at IS NULL AND NOT EXISTS (
			    SELECT FROM gatepost.account a WHERE a.user_id = u.id AND `+s.opens("a")+`) AND NOT EXISTS (
			    SELECT FROM gatepost.passkey p WHERE p.user_id = u.id AND p.verified AND $1)`, s.site != nil).Scan(&n)
	})
	return n, err
}
