package auth

import (
	"cmp"
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
	"github.com/gatepost/gatepost/internal/captcha"
)

// NewUser is a user to be made.
type NewUser struct {
	Email    string // as typed
	Name     string // as typed, may be empty
	Username string // as typed; empty: none. Where users do not choose theirs, SignUp and AcceptInvitation ignore it.
	Image    string // address of a picture, may be empty; see Profile
	Password secret.Password
	Roles    []string // empty: DefaultRole. SignUp ignores it: users cannot give themselves a role.
	// Verified says that the operator knows that the address is the user's. Everybody else ignores it.
	Verified bool
	keyed    bool // they get a passkey, and no password
	service  bool // it is a service account
}

// DefaultRole is the role of users who were given no other.
const DefaultRole = "user"

// issuerCredential is the issuer of accounts that hold a password.
const issuerCredential = "local:credential"

// SignUp makes a user and signs them in. It fails with InputError (field "email", problem Taken for the address of
// another user, Foreign for a domain that is not allowed; field "username", Taken or Reserved), ErrSignUpClosed,
// *throttle.Error, captcha.ErrMissing, captcha.ErrWrong, captcha.ErrUnavailable, share.ErrBusy, share.ErrCrowded or
// database.ErrUnavailable.
//
// For a Client who is Trapped it makes nobody, and its answer is that of a success.
//
// With VerifyRequired a successful sign-up returns ErrUnverified, and Issued holds only the token of the browser.
// If the address belongs to another user, that user gets a mail instead; the answer and the time it takes are the
// same.
func (s *Store) SignUp(ctx context.Context, u NewUser, remember bool, presented secret.Token,
	client secret.Client) (Issued, error) {
	began := time.Now()
	issued, userID, err := s.signUp(ctx, u, remember, presented, client)
	s.metrics.signUps.WithLabelValues(result(err)).Inc()
	if errors.Is(err, errTrapped) {
		s.audit(ctx, "sign-up", "", client, err)
		if s.o.Verify == VerifyRequired {
			s.hold(ctx, began, s.o.AnswerStep)
		}
		return s.asIfSignedUp(remember)
	}
	if errors.Is(err, ErrUnverified) {
		s.trail.Wrote(ctx, audit.Event{Name: "sign-up", Result: result(err), UserID: userID, Client: client})
		s.hold(ctx, began, s.o.AnswerStep)
		return issued, err
	}
	s.audit(ctx, "sign-up", userID, client, cmp.Or(err, issued.half()))
	return issued, err
}

func (s *Store) signUp(ctx context.Context, u NewUser, remember bool, presented secret.Token,
	client secret.Client) (Issued, string, error) {
	row, err := s.checkSignUp(u)
	if err != nil {
		return Issued{}, "", err
	}
	if err := s.hashes.Admit(ctx); err != nil {
		return Issued{}, "", err
	}
	limits := throttle.SignUps(client.Addr, s.o.SignUpLimit, s.o.SignUpTotal, s.offices())
	if err := limits.Admit(ctx, s.db); err != nil {
		return Issued{}, "", err
	}
	if err := s.checkHuman(ctx, captcha.SignUp, client); err != nil {
		return Issued{}, "", err
	}
	if err := s.checkBreached(ctx, u.Password); err != nil {
		return Issued{}, "", err
	}
	row.hash, err = s.hashSignUp(ctx, row, u.Password, limits)
	if err == nil { // here, as all that a sign-up may be refused for, and its time, would tell
		err = s.trapped(captcha.SignUp, client)
	}
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
		s.sessions.Done(presented, issued.Made)
	}
	return issued, row.id, err
}

// hashSignUp counts a sign-up and hashes its password, unless the address or the username is taken.
func (s *Store) hashSignUp(ctx context.Context, row userRow, chosen secret.Password,
	limits throttle.Limits) (hash string, err error) {
	err = s.hashTurn(ctx, func(ctx context.Context, derive password.Crypt) error {
		if err := limits.Admit(ctx, s.db); err != nil { // as in prove
			return err
		}
		if err := s.db.Batch(ctx, "count a sign-up", limits.Count); err != nil {
			return err
		}
		if err := s.checkNameFree(ctx, row.username); err != nil {
			return err
		}
		if s.o.Verify != VerifyRequired { // else hash regardless, so that the time does not tell
			if err := s.checkFree(ctx, row.email); err != nil {
				return err
			}
		}
		hash = password.Hash(chosen, derive)
		return nil
	})
	return hash, err
}

// checkSignUp is checkNewUser for visitors, who cannot give themselves a role, where they may sign up with a password.
func (s *Store) checkSignUp(u NewUser) (userRow, error) {
	switch {
	case s.o.PasswordsOff:
		return userRow{}, ErrPasswordsOff
	case s.o.SignUpClosed:
		return userRow{}, ErrSignUpClosed
	}
	u.Roles = nil
	row, err := s.checkNewUser(u, true)
	if err == nil {
		_, err = s.canonicalOpen(row.email)
	}
	return row, err
}

// signUpUnseen makes a user whose address is unconfirmed, or mails the user who has the address. No place becomes
// familiar before the address is confirmed: the separate counter of a familiar place would reveal that the address
// was free.
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
			if err := holdUsername(ctx, tx, row.username, row.email); err != nil {
				return err
			}
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

// recordUnseen writes the audit event of an unconfirmed sign-up. It is the same whether the address was free or
// not.
func (s *Store) recordUnseen(ctx context.Context, tx pgx.Tx, userID string, c secret.Client) error {
	return s.trail.Write(ctx, tx, audit.Event{Name: "sign-up", Result: result(ErrUnverified),
		UserID: userID, Client: c})
}

// askToVerify mails a new user the link to confirm their address, unless Verify is off.
func (s *Store) askToVerify(ctx context.Context, tx pgx.Tx, userID, email string, c secret.Client) error {
	if s.o.Verify == VerifyOff {
		return nil
	}
	l := mail.NewLetter(mail.Verify, userID, email, c)
	l.Facts.Next = nextOf(c)
	_, err := s.postLimited(ctx, tx, l)
	return err
}

// nextOf returns the page that a link leads back to, unless it is too long to be kept: a cut address would be another.
func nextOf(c secret.Client) string {
	if c.Next != database.Storable(c.Next) {
		return ""
	}
	return c.Next
}

// tellOwner mails the user of an address that a visitor tried to sign up with it. A user who has not confirmed it
// yet gets the confirmation link again.
func (s *Store) tellOwner(ctx context.Context, tx pgx.Tx, email string, c secret.Client) (userID string, err error) {
	kind := mail.Exists
	if userID, err = ownerOf(ctx, tx, email, ""); err != nil || userID == "" {
		return "", err
	}
	err = tx.QueryRow(ctx, `
		SELECT CASE WHEN email = $2 AND NOT email_verified AND disabled_at IS NULL THEN 'verify' ELSE 'exists' END
		FROM gatepost."user" WHERE id = $1`, userID, email).Scan(&kind)
	if errors.Is(err, pgx.ErrNoRows) { // the user was deleted meanwhile
		return "", nil
	}
	if err == nil {
		_, err = s.postLimited(ctx, tx, mail.NewLetter(kind, userID, email, c))
	}
	return userID, err
}

// isTaken reports whether the address has an account already.
func isTaken(err error) bool {
	var input InputError
	return errors.As(err, &input) && slices.Contains(input, FieldError{"email", Taken, 0})
}

// CreateUser makes a user for the operator, without a session, whether sign-up is open or not.
func (s *Store) CreateUser(ctx context.Context, u NewUser) (session.User, error) {
	row, err := s.checkNewUser(u, false)
	if err != nil {
		return session.User{}, err
	}
	if err := cmp.Or(s.checkFree(ctx, row.email), s.checkNameFree(ctx, row.username)); err != nil {
		return session.User{}, err
	}
	if row.hash, err = s.hashNew(ctx, u.Password); err != nil {
		return session.User{}, err
	}
	row.verified = u.Verified
	details := audit.Details{{Name: "roles", Value: orNone(row.roles)}}
	if row.username != "" {
		details = append(details, audit.Detail{Name: "username", Value: row.username})
	}
	err = s.insertUser(ctx, row, "", func(ctx context.Context, tx pgx.Tx) error {
		return s.record(ctx, tx, "create-user", row.id, secret.Client{}, details...)
	})
	if err != nil {
		return session.User{}, err
	}
	s.audit(ctx, "create-user", row.id, secret.Client{}, nil, details...)
	return s.UserByID(ctx, row.id)
}

type userRow struct {
	id, email, name, username, image, roles, hash string
	verified, chosen                              bool // chosen: the user has chosen the username
}

// checkNewUser reports all faults at once. own says that the user fills the fields in, and not an operator.
func (s *Store) checkNewUser(u NewUser, own bool) (userRow, error) {
	var faults InputError
	note := func(err error) {
		var more InputError
		if errors.As(err, &more) {
			faults = append(faults, more...)
		}
	}
	email, err := CanonicalEmail(u.Email)
	if u.service {
		email, err = u.Email, nil // which only the operator gives
	}
	note(err)
	name, err := canonicalName(u.Name)
	note(err)
	if !u.keyed {
		note(s.checkNewPassword(u.Password, email))
	}
	username, err := s.newUsername(u.Username, own)
	note(err)
	note(checkImage(u.Image).orNil())
	if len(u.Roles) == 0 {
		u.Roles = []string{DefaultRole}
	}
	roles, err := canonicalRoles(u.Roles)
	note(err)
	return userRow{id: secret.NewID(), email: email, name: name, username: username, image: u.Image, roles: roles,
		chosen: own && username != ""}, faults.orNil()
}

// canonicalOpen is CanonicalEmail for addresses that visitors choose: it also checks Options.SignUpDomains.
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

// insertUser writes user and, with a hash, the account of the password, and runs more, in one transaction. The unique
// address decides a race. Other claims to the address are checked afterwards, so that no concurrent change of address
// is missed. presented is a session that more ends.
func (s *Store) insertUser(ctx context.Context, u userRow, presented secret.Token,
	more func(context.Context, pgx.Tx) error) error {
	return s.db.Transact(ctx, "insert user", func(ctx context.Context, tx pgx.Tx) error {
		if _, err := database.LockUser(ctx, tx, "", presented); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO gatepost."user" (id, email, name,
		    role, email_verified, image, username, username_chosen)
		    VALUES ($1, $2, $3, $4, $5, nullif($6, ''), nullif($7, ''), $8)`,
			u.id, u.email, u.name, u.roles, u.verified, u.image, u.username, u.chosen)
		if err != nil {
			return takenOr(err)
		}
		if err := isFree(ctx, tx, u.email, u.id); err != nil {
			return err
		}
		if u.hash != "" {
			_, err = tx.Exec(ctx, `
				INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id, password)
				VALUES ($1, $2, 'credential', $3, $3, $4)`, secret.NewID(), issuerCredential, u.id, u.hash)
			if err != nil {
				return err
			}
		}
		return more(ctx, tx)
	})
}

// takenOr turns a violation of the unique address or username into an InputError, and returns other errors unchanged.
func takenOr(err error) error {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) || pgErr.Code != "23505" {
		return err
	}
	switch pgErr.ConstraintName {
	case "user_email_key":
		return InputError{{"email", Taken, 0}}
	case "user_username_key": // also of the trigger username_given
		return errNameTaken
	}
	return err
}
