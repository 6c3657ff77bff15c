package auth

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// NewUser is a person to be made.
type NewUser struct {
	Email    string // as typed
	Name     string // as typed, may be empty
	Password Password
	Roles    []string // empty: DefaultRole. SignUp ignores it: nobody gives himself a role.
}

// DefaultRole is what every user has who was given no other.
const DefaultRole = "user"

// issuerCredential is the issuer of accounts that hold a password, as the original design names it.
const issuerCredential = "local:credential"

// SignUp makes a user and signs him in. It fails with InputError (field "email", problem Taken, when the address has a
// user), ErrSignUpClosed, *ThrottledError, ErrBusy or ErrUnavailable.
func (s *Store) SignUp(ctx context.Context, u NewUser, remember bool, presented Token, client Client) (Issued, error) {
	issued, userID, err := s.signUp(ctx, u, remember, presented, client)
	s.metrics.signUps.WithLabelValues(result(err)).Inc()
	s.audit(ctx, "sign-up", userID, client, err)
	return issued, err
}

func (s *Store) signUp(ctx context.Context, u NewUser, remember bool, presented Token, client Client) (Issued, string, error) {
	if s.o.SignUpClosed {
		return Issued{}, "", ErrSignUpClosed
	}
	u.Roles = nil
	row, err := s.checkNewUser(u)
	if err != nil {
		return Issued{}, "", err
	}
	if err := s.hashes.room(ctx); err != nil {
		return Issued{}, "", err
	}
	limits := s.signUpBuckets(client.Addr)
	if err := s.admitSignUp(ctx, limits); err != nil {
		return Issued{}, "", err
	}
	err = s.hashes.turn(ctx, func(derive deriver) error {
		if err := s.admitSignUp(ctx, limits); err != nil { // as in signIn
			return err
		}
		if err := s.countSignUp(ctx, limits); err != nil {
			return err
		}
		if err := s.checkFree(ctx, row.email); err != nil {
			return err
		}
		row.hash = hash(u.Password, derive)
		return nil
	})
	if err != nil {
		return Issued{}, "", err
	}
	var issued Issued
	err = s.insertUser(ctx, row, func(tx pgx.Tx) (err error) {
		issued, err = s.issue(ctx, tx, newSession{row.id, remember, client, presented})
		return err
	})
	if err == nil {
		s.ended(presented)
	}
	return issued, row.id, err
}

// CreateUser makes a user on the operator's word: whether sign-up is open or not, and without a session.
func (s *Store) CreateUser(ctx context.Context, u NewUser) (User, error) {
	row, err := s.checkNewUser(u)
	if err != nil {
		return User{}, err
	}
	if err := s.checkFree(ctx, row.email); err != nil {
		return User{}, err
	}
	err = s.hashes.turn(ctx, func(derive deriver) error { row.hash = hash(u.Password, derive); return nil })
	if err != nil {
		return User{}, err
	}
	if err := s.insertUser(ctx, row, nil); err != nil {
		return User{}, err
	}
	s.audit(ctx, "create-user", row.id, Client{}, nil)
	return s.FindUser(ctx, row.id)
}

type userRow struct{ id, email, name, roles, hash string }

// checkNewUser reports everything wrong at once.
func (s *Store) checkNewUser(u NewUser) (userRow, error) {
	var faults InputError
	note := func(err error) {
		var more InputError
		if errors.As(err, &more) {
			faults = append(faults, more...)
		}
	}
	email, err := CanonicalEmail(u.Email)
	note(err)
	name, err := canonicalName(u.Name)
	note(err)
	note(s.checkNewPassword(u.Password, email))
	if len(u.Roles) == 0 {
		u.Roles = []string{DefaultRole}
	}
	roles, err := canonicalRoles(u.Roles)
	note(err)
	return userRow{id: newID(), email: email, name: name, roles: roles}, faults.orNil()
}

func (s *Store) checkFree(ctx context.Context, email string) error {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	var taken bool
	err := s.again(ctx, func() error {
		return s.db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM gatepost."user" WHERE email = $1)`, email).Scan(&taken)
	})
	if err != nil {
		return s.unavailable("check e-mail", err)
	}
	if taken {
		return InputError{{"email", Taken, 0}}
	}
	return nil
}

// insertUser writes user, account and whatever more in one transaction. The unique address decides a race.
func (s *Store) insertUser(ctx context.Context, u userRow, more func(pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO gatepost."user" (id, email, name, role) VALUES ($1, $2, $3, $4)`,
			u.id, u.email, u.name, u.roles)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id, password)
			VALUES ($1, $2, 'credential', $3, $3, $4)`, newID(), issuerCredential, u.id, u.hash)
		if err != nil || more == nil {
			return err
		}
		return more(tx)
	})
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == "23505" && pgErr.ConstraintName == "user_email_key" {
		return InputError{{"email", Taken, 0}}
	}
	if err != nil {
		return s.unavailable("insert user", err)
	}
	return nil
}
