package auth

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
)

// The errors of a user who chooses a username.
var (
	// ErrUsernamesGiven means that only operators give usernames.
	ErrUsernamesGiven = errors.New("usernames are given by the operator")
	// ErrHasUsername means that the user has one, which apps go by: only an operator changes it.
	ErrHasUsername = errors.New("the user has a username already")
)

// SetUsername gives a user a username for the operator, also a reserved one, or takes it away if it is empty. The next
// request of each of their sessions sees it. It fails with InputError (field "username", Taken if another user has or
// had it) or ErrNoUser.
func (s *Store) SetUsername(ctx context.Context, id, typed string) (err error) {
	name := ""
	if typed != "" {
		if name, err = CanonicalUsername(typed); err != nil {
			return err
		}
	}
	return s.change(ctx, "set-username", id, func(ctx context.Context, tx pgx.Tx) (audit.Details, error) {
		var before string
		err := tx.QueryRow(ctx, `SELECT coalesce(username, '') FROM gatepost."user" WHERE id = $1`, id).Scan(&before)
		if err != nil {
			return nil, err
		}
		_, err = tx.Exec(ctx, `
			UPDATE gatepost."user" SET username = nullif($2, ''), username_chosen = false, updated_at = now()
			WHERE id = $1`, id, name)
		return audit.Details{{Name: "username", Value: orNone(before) + " → " + orNone(name)}}, takenOr(err)
	})
}

// ChooseUsername gives the user of a session the username that they choose, once. It fails with session.ErrNoSession,
// ErrUsernamesGiven, ErrHasUsername, InputError (field "username"), *throttle.Error or database.ErrUnavailable.
func (s *Store) ChooseUsername(ctx context.Context, t secret.Token, typed string, c secret.Client) error {
	o, err := s.chooseUsername(ctx, t, typed, c)
	if err == nil {
		s.Changed(o.UserID)
	}
	s.audit(ctx, "choose-username", o.UserID, c, err)
	return err
}

func (s *Store) chooseUsername(ctx context.Context, t secret.Token, typed string, c secret.Client) (o session.Own,
	err error) {
	if !s.o.UsernamesChosen {
		return o, ErrUsernamesGiven
	}
	name, err := s.chosenUsername(typed)
	if err != nil {
		return o, err
	}
	err = s.db.Repeat(ctx, "choose a username", func(ctx context.Context) (err error) {
		o, err = s.Own(ctx, s.db.Pages, t)
		return err
	})
	if err != nil {
		return o, err
	}
	limits := throttle.Usernames(o.UserID) // each try tells whether a name is taken
	if err := limits.Admit(ctx, s.db); err != nil {
		return o, err
	}
	if err := s.db.Batch(ctx, "count a username", limits.Count); err != nil {
		return o, err
	}
	return o, s.db.Transact(ctx, "choose a username", func(ctx context.Context, tx pgx.Tx) error {
		if _, err := database.LockUser(ctx, tx, o.UserID, ""); err != nil {
			return err
		}
		if _, err := s.Own(ctx, tx, t); err != nil {
			return err
		}
		if took, err := takeUsername(ctx, tx, o.UserID, name); err != nil {
			return err
		} else if !took {
			return ErrHasUsername
		}
		return s.trail.Write(ctx, tx, audit.Event{Name: "choose-username", UserID: o.UserID, SessionID: o.ID, Client: c})
	})
}

// takeUsername gives a locked user without a username the one that they have chosen, and reports whether it did. A
// trigger takes the name for good.
func takeUsername(ctx context.Context, tx pgx.Tx, userID, name string) (took bool, err error) {
	tag, err := tx.Exec(ctx, `
		UPDATE gatepost."user" SET username = $2, username_chosen = true, updated_at = now()
		WHERE id = $1 AND username IS NULL`, userID, name)
	return tag.RowsAffected() > 0, takenOr(err)
}

// forgetStrangersName takes the username away that whoever had a locked account before its address was confirmed may
// have chosen. The owner of the address may choose it again, as it is taken by them.
func forgetStrangersName(ctx context.Context, tx pgx.Tx, userID string) error {
	_, err := tx.Exec(ctx, `
		UPDATE gatepost."user" SET username = NULL, username_chosen = false
		WHERE id = $1 AND username_chosen AND NOT email_verified`, userID)
	return err
}

// checkNameFree fails if a username is taken, whoever has it, or had.
func (s *Store) checkNameFree(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	return s.db.Transact(ctx, "check username", func(ctx context.Context, tx pgx.Tx) error {
		var taken bool
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM gatepost.username_taken WHERE hash = $1)`,
			usernameHash(name)).Scan(&taken)
		if err == nil && taken {
			return errNameTaken
		}
		return err
	})
}

var errNameTaken = InputError{{"username", Taken, 0}}

// holdUsername takes a name as a sign-up would whose address turned out to have an account, so that the name does not
// tell that it has. The owner of the address may choose it.
func holdUsername(ctx context.Context, tx pgx.Tx, name, email string) error {
	if name == "" {
		return nil
	}
	tag, err := tx.Exec(ctx, `
		INSERT INTO gatepost.username_taken (hash, user_id)
		VALUES ($1, (SELECT id FROM gatepost."user" WHERE email = $2)) ON CONFLICT (hash) DO NOTHING`,
		usernameHash(name), email)
	if err == nil && tag.RowsAffected() == 0 {
		return errNameTaken
	}
	return err
}
