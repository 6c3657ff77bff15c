package auth

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/password"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
)

// NewUser is a person to be made.
type NewUser struct {
	Email    string // as typed
	Name     string // as typed, may be empty
	Password secret.Password
	Roles    []string // empty: DefaultRole. SignUp ignores it: nobody gives themselves a role.
}

// DefaultRole is what every user has who was given no other.
const DefaultRole = "user"

// issuerCredential is the issuer of accounts that hold a password, as the original design names it.
const issuerCredential = "local:credential"

// SignUp makes a user and signs them in. It fails with InputError (field "email", problem Taken, when the address has a
// user, Foreign when its domain is not let in), ErrSignUpClosed, *throttle.Error, share.ErrBusy or
// database.ErrUnavailable.
//
// Where addresses have to be verified it fails with ErrUnverified when all is well, and the Issued holds only by what
// the browser is known again. An address that has a user then gets a mail that says so, and the answer, and the time it
// takes, are the same.
func (s *Store) SignUp(ctx context.Context, u NewUser, remember bool, presented secret.Token,
	client secret.Client) (Issued, error) {
	began := time.Now()
	issued, userID, err := s.signUp(ctx, u, remember, presented, client)
	s.metrics.signUps.WithLabelValues(result(err)).Inc()
	if errors.Is(err, ErrUnverified) {
		s.trail.Wrote(ctx, audit.Event{Name: "sign-up", Result: result(err), UserID: userID, Client: client})
	} else {
		s.audit(ctx, "sign-up", userID, client, err)
	}
	if errors.Is(err, ErrUnverified) {
		s.hold(ctx, began, s.o.AnswerStep)
	}
	return issued, err
}

func (s *Store) signUp(ctx context.Context, u NewUser, remember bool, presented secret.Token,
	client secret.Client) (Issued, string, error) {
	if s.o.SignUpClosed {
		return Issued{}, "", ErrSignUpClosed
	}
	u.Roles = nil
	row, err := s.checkNewUser(u)
	if err == nil {
		_, err = s.canonicalOpen(row.email)
	}
	if err != nil {
		return Issued{}, "", err
	}
	if err := s.hashes.Admit(ctx); err != nil {
		return Issued{}, "", err
	}
	limits := throttle.SignUps(client.Addr, s.o.SignUpLimit, s.o.SignUpTotal)
	if err := limits.Admit(ctx, s.db); err != nil {
		return Issued{}, "", err
	}
	err = s.hashTurn(ctx, func(ctx context.Context, derive password.Deriver) error {
		if err := limits.Admit(ctx, s.db); err != nil { // as in signIn
			return err
		}
		if err := s.db.Batch(ctx, "count a sign-up", limits.Count); err != nil {
			return err
		}
		if s.o.Verify != VerifyRequired { // else it is hashed all the same, so that the time does not tell
			if err := s.checkFree(ctx, row.email); err != nil {
				return err
			}
		}
		row.hash = password.Hash(u.Password, derive)
		return nil
	})
	if err != nil {
		return Issued{}, "", err
	}
	defer s.outbox.Kick()
	if s.o.Verify == VerifyRequired {
		return s.signUpUnseen(ctx, row, client)
	}
	var issued Issued
	err = s.insertUser(ctx, row, presented, func(ctx context.Context, tx pgx.Tx) (err error) {
		if err := s.askToVerify(ctx, tx, row.id, row.email, client); err != nil {
			return err
		}
		issued, err = s.issue(ctx, tx, session.New{UserID: row.id, Proof: session.Proved(session.Password),
			Remember: remember, Client: client, Presented: presented})
		if err != nil {
			return err
		}
		return s.recordIn(ctx, tx, "sign-up", row.id, issued, client)
	})
	if err == nil {
		s.sessions.Done(presented, issued.made)
	}
	return issued, row.id, err
}

// signUpUnseen makes a user who has yet to show that the address is theirs, or tells the user who has it. No place
// becomes familiar before the address is confirmed: by a count of its own it would tell that the address was free.
func (s *Store) signUpUnseen(ctx context.Context, row userRow, c secret.Client) (Issued, string, error) {
	var issued Issued
	err := s.db.InOneTurn(ctx, "sign up", func(ctx context.Context) error {
		err := s.insertUser(ctx, row, "", func(ctx context.Context, tx pgx.Tx) (err error) {
			if err := s.askToVerify(ctx, tx, row.id, row.email, c); err != nil {
				return err
			}
			if issued.Browser, err = throttle.RenewBrowser(ctx, tx, c); err != nil {
				return err
			}
			if err := throttle.NoteSignUp(ctx, tx, row.id, issued.Browser, signedUpFor); err != nil {
				return err
			}
			return s.recordUnseen(ctx, tx, row.id, c)
		})
		if !isTaken(err) {
			return err
		}
		row.id = ""
		return s.db.Transact(ctx, "sign up", func(ctx context.Context, tx pgx.Tx) (err error) {
			if row.id, err = s.tellOwner(ctx, tx, row.email, c); err == nil {
				issued.Browser, err = throttle.RenewBrowser(ctx, tx, c)
			}
			if err == nil {
				err = s.recordUnseen(ctx, tx, row.id, c)
			}
			return err
		})
	})
	if err == nil {
		err = ErrUnverified
	}
	return issued, row.id, err
}

// recordUnseen writes down a sign-up that is yet to be confirmed. Whether the address was free or not, it is the same.
func (s *Store) recordUnseen(ctx context.Context, tx pgx.Tx, userID string, c secret.Client) error {
	return s.trail.Write(ctx, tx, audit.Event{Name: "sign-up", Result: result(ErrUnverified),
		UserID: userID, Client: c})
}

// askToVerify mails a link to a new user.
func (s *Store) askToVerify(ctx context.Context, tx pgx.Tx, userID, email string, c secret.Client) error {
	if s.o.Verify == VerifyOff {
		return nil
	}
	l := mail.NewLetter(mail.Verify, userID, email, c)
	if c.Next == database.Storable(c.Next) { // half an address is another one
		l.Facts.Next = c.Next
	}
	_, err := s.postLimited(ctx, tx, l)
	return err
}

// tellOwner mails whoever has an address that somebody tried to sign up with it. Who has not confirmed it yet gets the
// link once more.
func (s *Store) tellOwner(ctx context.Context, tx pgx.Tx, email string, c secret.Client) (userID string, err error) {
	kind := mail.Exists
	if userID, err = ownerOf(ctx, tx, email, ""); err != nil || userID == "" {
		return "", err
	}
	err = tx.QueryRow(ctx, `
		SELECT CASE WHEN email = $2 AND NOT email_verified AND disabled_at IS NULL THEN 'verify' ELSE 'exists' END
		FROM gatepost."user" WHERE id = $1`, userID, email).Scan(&kind)
	if errors.Is(err, pgx.ErrNoRows) { // deleted a moment ago
		return "", nil
	}
	if err == nil {
		_, err = s.postLimited(ctx, tx, mail.NewLetter(kind, userID, email, c))
	}
	return userID, err
}

func isTaken(err error) bool {
	var input InputError
	return errors.As(err, &input) && slices.ContainsFunc(input, func(f FieldError) bool { return f.Problem == Taken })
}

// CreateUser makes a user on the operator's word: whether sign-up is open or not, and without a session.
func (s *Store) CreateUser(ctx context.Context, u NewUser) (session.User, error) {
	row, err := s.checkNewUser(u)
	if err != nil {
		return session.User{}, err
	}
	if err := s.checkFree(ctx, row.email); err != nil {
		return session.User{}, err
	}
	err = s.hashTurn(ctx, func(_ context.Context, derive password.Deriver) error {
		row.hash = password.Hash(u.Password, derive)
		return nil
	})
	if err != nil {
		return session.User{}, err
	}
	roles := audit.Detail{Name: "roles", Value: orNone(row.roles)}
	err = s.insertUser(ctx, row, "", func(ctx context.Context, tx pgx.Tx) error {
		return s.record(ctx, tx, "create-user", row.id, secret.Client{}, roles)
	})
	if err != nil {
		return session.User{}, err
	}
	s.audit(ctx, "create-user", row.id, secret.Client{}, nil, roles)
	return s.UserByID(ctx, row.id)
}

type userRow struct {
	id, email, name, roles, hash string
	verified                     bool
}

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
	return userRow{id: secret.NewID(), email: email, name: name, roles: roles}, faults.orNil()
}

// canonicalOpen is CanonicalEmail for addresses that people choose themselves: of the domains that are let in.
func (s *Store) canonicalOpen(typed string) (string, error) {
	email, err := CanonicalEmail(typed)
	if err != nil || len(s.o.SignUpDomains) == 0 {
		return email, err
	}
	if _, domain, _ := strings.Cut(email, "@"); !slices.Contains(s.o.SignUpDomains, domain) {
		return "", InputError{{"email", Foreign, 0}}
	}
	return email, nil
}

func (s *Store) checkFree(ctx context.Context, email string) error {
	return s.db.Transact(ctx, "check e-mail",
		func(ctx context.Context, tx pgx.Tx) error { return isFree(ctx, tx, email, "") })
}

func isFree(ctx context.Context, tx pgx.Tx, email, self string) error {
	owner, err := ownerOf(ctx, tx, email, self)
	if err == nil && owner != "" {
		return InputError{{"email", Taken, 0}}
	}
	return err
}

// insertUser writes user, account and whatever more in one transaction. The unique address decides a race; who else has
// a claim to it is asked afterwards, so that no change of address under way is missed. presented is a session that more
// ends.
func (s *Store) insertUser(ctx context.Context, u userRow, presented secret.Token,
	more func(context.Context, pgx.Tx) error) error {
	return s.db.Transact(ctx, "insert user", func(ctx context.Context, tx pgx.Tx) error {
		if _, err := database.LockUser(ctx, tx, "", presented); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO gatepost."user" (id, email, name,
		    role, email_verified) VALUES ($1, $2, $3, $4, $5)`,
			u.id, u.email, u.name, u.roles, u.verified)
		if err != nil {
			return takenOr(err)
		}
		if err := isFree(ctx, tx, u.email, u.id); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id, password)
			VALUES ($1, $2, 'credential', $3, $3, $4)`, secret.NewID(), issuerCredential, u.id, u.hash)
		if err != nil {
			return err
		}
		return more(ctx, tx)
	})
}

// takenOr is the InputError for a unique address that somebody has; anything else as it is.
func takenOr(err error) error {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == "23505" && pgErr.ConstraintName == "user_email_key" {
		return InputError{{"email", Taken, 0}}
	}
	return err
}
