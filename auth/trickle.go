package auth

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/importer"
	"github.com/gatepost/gatepost/auth/password"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/share"
)

// OldUser is somebody whom the system before knows by this password.
type OldUser struct {
	ID            string // there
	Email         string
	EmailVerified bool
	Name          string
}

// ErrUnknownThere means that the system before refuses an address or its password.
var ErrUnknownThere = errors.New("the system before refuses the password")

// fallbackAtOnce is how many sign-ins may ask the system before at once. Networks share it.
const fallbackAtOnce = 64

// trickle runs a sign-in, and before it brings somebody over whose password only the system before can check: nobody
// here has their address, or they were imported without a password. A wrong password is counted by the sign-in, as any
// other. It fails as the sign-in does, with share.ErrCrowded or share.ErrBusy, or with database.ErrUnavailable if the
// system before says nothing.
//
// Sign-ins with one address go one after the other then: those that came together would all be let through to guess at
// the system before, and counted too late.
func (s *Store) trickle(ctx context.Context, c Credentials, signIn func() error) error {
	if s.o.Fallback == nil {
		return signIn()
	}
	_, theirs, err := s.theirs(ctx, c)
	if err != nil {
		return err
	}
	if !theirs {
		return signIn()
	}
	leave, err := s.inLine.enter(ctx, c.Email)
	if err != nil {
		return err
	}
	defer leave()
	if err := s.fetch(ctx, c); err != nil {
		return err
	}
	return signIn()
}

// fetch brings somebody over if the system before knows their password.
func (s *Store) fetch(ctx context.Context, c Credentials) error {
	userID, theirs, err := s.theirs(ctx, c) // again: those ahead in the line may have changed it
	if err != nil || !theirs {
		return err
	}
	old, err := s.askFallback(ctx, c)
	switch {
	case errors.Is(err, ErrUnknownThere):
		return nil
	case err != nil:
		return err
	}
	if email, err := CanonicalEmail(old.Email); err != nil || email != c.Email {
		s.o.Log.WarnContext(ctx, "somebody was not brought over: the system before answers with another address")
		return nil
	}
	if !secret.ValidID(old.ID) {
		s.o.Log.WarnContext(ctx, "somebody was not brought over", "err", "their id is none that a header can carry")
		return nil
	}
	return s.bring(ctx, userID, old, c)
}

// askFallback asks the system before. It holds no connection meanwhile.
func (s *Store) askFallback(ctx context.Context, c Credentials) (OldUser, error) {
	leave, err := s.asking.Enter(share.Client(ctx))
	if err != nil {
		return OldUser{}, err
	}
	defer leave()
	share.Pause(ctx)
	began := time.Now()
	old, err := s.o.Fallback(ctx, c.Email, c.Password)
	if err != nil && !errors.Is(err, ErrUnknownThere) {
		return old, fallbackError{err}
	}
	s.recipes.note(time.Since(began)) // how long a refusal takes must not tell who is here already
	return old, err
}

// fallbackError is database.ErrUnavailable for the system before, in words of its own.
type fallbackError struct{ cause error }

func (e fallbackError) Error() string {
	return "nobody can be brought over, as the system before does not answer as it should: " + e.cause.Error()
}

func (e fallbackError) Unwrap() []error { return []error{database.ErrUnavailable, e.cause} }

// errDeletedHere means that somebody was brought over once and deleted here, which is final.
var errDeletedHere = errors.New("they were deleted here")

// theirs reports whether the system before has to be asked about an address, and who has it here. It fails with a
// *throttle.Error while the door of the attempt has to wait.
func (s *Store) theirs(ctx context.Context, c Credentials) (userID string, yes bool, err error) {
	if _, err := s.admit(ctx, c.Email, c.Client, throttle.DoorsOf(c.Email, c.Client, s.offices())); err != nil {
		return "", false, err
	}
	err = s.db.Again(ctx, func(ctx context.Context) error {
		err := s.db.Pages.QueryRow(ctx, theirsSQL, c.Email).Scan(&userID, &yes)
		if errors.Is(err, pgx.ErrNoRows) {
			userID, yes = "", true
			return nil
		}
		return err
	})
	return userID, yes, s.db.Unavailable("find user", err)
}

// theirsSQL selects who has the address $1, and whether they were imported and have no password.
const theirsSQL = `
	SELECT u.id, EXISTS (SELECT FROM gatepost.import_record r WHERE r.user_id = u.id)
	    AND NOT EXISTS (SELECT FROM gatepost.account a WHERE a.user_id = u.id AND a.provider_id = 'credential'
	        AND a.password <> '')
	FROM gatepost."user" u WHERE u.email = $1`

// bring writes somebody whom the system before knows: a new user, or the password of one who was imported.
func (s *Store) bring(ctx context.Context, userID string, old OldUser, c Credentials) error {
	var hash string
	err := s.hashTurn(ctx, func(_ context.Context, crypt password.Crypt) error {
		hash = password.Hash(c.Password, crypt)
		return nil
	})
	if err != nil {
		return err
	}
	if userID != "" {
		return s.bringPassword(ctx, userID, old.ID, hash, c)
	}
	name, err := canonicalName(old.Name)
	if err != nil {
		name = ""
	}
	row := userRow{id: old.ID, email: c.Email, name: name, roles: "user", hash: hash, verified: old.EmailVerified}
	err = s.insertUser(ctx, row, "", func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO gatepost.import_record (source, source_id, user_id, wrote)
			SELECT $1::text, $2::text, $2::text, $3::text::jsonb
			WHERE NOT EXISTS (SELECT FROM gatepost.import_record WHERE source_id = $2 AND user_id IS NULL)`,
			importer.Fallback, old.ID, importer.WroteBySignIn(c.Email, old.EmailVerified, name, hash))
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return errDeletedHere
		}
		return s.record(ctx, tx, "import", old.ID, c.Client)
	})
	var refused *database.RefusedError
	if errors.Is(err, errDeletedHere) || errors.As(err, new(InputError)) || errors.As(err, &refused) && refused.Rule {
		// Somebody else was faster, or has that id here: the sign-in finds out.
		s.o.Log.WarnContext(ctx, "somebody was not brought over", "err", err)
		return nil
	}
	if err == nil {
		s.audit(ctx, "import", old.ID, c.Client, nil)
	}
	return err
}

// errOtherThere means that the address belongs to another account of the system before than to the one that was
// imported. Whoever opened that one has proved nothing about the user here.
var errOtherThere = errors.New("the system before answers with another id than the one that the user came with")

// bringPassword gives a user who was imported without a password the one that the system before knows, if it is that
// of the same account there: systems have several accounts with one address, which anybody may have typed.
func (s *Store) bringPassword(ctx context.Context, userID, oldID, hash string, c Credentials) error {
	err := s.db.Transact(ctx, "bring a password over", func(ctx context.Context, tx pgx.Tx) error {
		if _, err := database.LockUser(ctx, tx, userID, ""); err != nil {
			return err
		}
		var same string
		var yes bool
		if err := tx.QueryRow(ctx, theirsSQL, c.Email).Scan(&same, &yes); err != nil || !yes || same != userID {
			return orNoRows(err)
		}
		if err := cameFrom(ctx, tx, userID, oldID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			WITH changed AS (
			    UPDATE gatepost.account SET password = $2, updated_at = now()
			    WHERE user_id = $1 AND provider_id = 'credential' RETURNING id)
			INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id, password)
			SELECT $3, $4, 'credential', $1, $1, $2 WHERE NOT EXISTS (SELECT FROM changed)`,
			userID, hash, secret.NewID(), issuerCredential)
		if err != nil {
			return err
		}
		// It is a password of the source, which has given no hash: a later one from there is no conflict.
		if err := importer.Rehashed(ctx, tx, userID, "", hash); err != nil {
			return err
		}
		return s.record(ctx, tx, "import", userID, c.Client)
	})
	if errors.Is(err, errOtherThere) { // the sign-in goes on as with any wrong password
		s.o.Log.WarnContext(ctx, "somebody was not brought over", "err", err)
		return nil
	}
	return err
}

// cameFrom fails with errOtherThere unless a locked user was imported with that id.
func cameFrom(ctx context.Context, tx pgx.Tx, userID, oldID string) error {
	var same bool
	err := tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM gatepost.import_record WHERE user_id = $1 AND source_id = $2)`,
		userID, oldID).Scan(&same)
	if err == nil && !same {
		err = errOtherThere
	}
	return err
}

func orNoRows(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}
