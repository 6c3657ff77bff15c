package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
)

// Credentials are one attempt to sign in.
type Credentials struct {
	Email     string // as typed
	Password  Password
	Remember  bool   // keep the session when the browser closes
	Presented Token  // the session this browser had, which ends; empty: none
	Client    Client // where it came from
}

// Issued are the secrets a sign-in gives to the browser.
type Issued struct {
	Session Token
	Browser Token // by which the browser is known again; see Client.Browser
}

// candidate is the account an attempt is made at.
type candidate struct {
	userID   string // empty: nobody has this address
	hash     string // a dummy when there is no password
	disabled bool
	locked   bool // accountLimit is reached: only familiar places get in
	door     door
	place    []byte // of a familiar door
}

// errLocked is a right password that came from a strange place after too many wrong ones. Only the log learns of it.
var errLocked = fmt.Errorf("the password is locked: %w", ErrBadCredentials)

// SignIn checks a password and makes a new session. It fails with InputError, ErrBadCredentials, *ThrottledError,
// ErrBusy or ErrUnavailable; an unknown address, a wrong password, a disabled user and a locked password take the same
// work and get the same answer, after the same time (Options.AnswerStep).
func (s *Store) SignIn(ctx context.Context, c Credentials) (Issued, error) {
	began := time.Now()
	issued, userID, err := s.signIn(ctx, c)
	s.metrics.signIns.WithLabelValues(result(err)).Inc()
	s.audit(ctx, "sign-in", userID, c.Client, err)
	settle(ctx, began, s.o.AnswerStep, err)
	return issued, err
}

func (s *Store) signIn(ctx context.Context, c Credentials) (Issued, string, error) {
	email, err := checkSignIn(c)
	if err != nil {
		return Issued{}, "", err
	}
	if err := s.hashes.room(ctx); err != nil {
		return Issued{}, "", err
	}
	d := doorsOf(email, c.Client)
	a, err := s.admit(ctx, email, c.Client, d)
	if err != nil {
		return Issued{}, a.userID, err
	}
	var renewed string
	err = s.hashes.turn(ctx, func(derive deriver) (err error) {
		// Asked again: those who waited in the queue before this attempt may have used up what was free.
		if a, err = s.admit(ctx, email, c.Client, d); err != nil {
			return err
		}
		if err := a.judge(verify(c.Password, a.hash, derive)); err != nil {
			return errors.Join(err, s.countFailure(ctx, a, d))
		}
		if outdated(a.hash) {
			renewed = hash(c.Password, derive)
		}
		return nil
	})
	if err != nil {
		return Issued{}, a.userID, err
	}
	issued, err := s.startSession(ctx, a, renewed, d, c)
	return issued, a.userID, err
}

// judge says whether the account may be entered, given whether the password is right.
func (a candidate) judge(right bool) error {
	switch {
	case !right || a.userID == "" || a.disabled:
		return ErrBadCredentials
	case a.locked && a.door == anyDoor:
		return errLocked
	}
	return nil
}

func checkSignIn(c Credentials) (string, error) {
	email, err := CanonicalEmail(c.Email)
	var faults InputError
	errors.As(err, &faults)
	switch {
	case c.Password == "":
		faults.add("password", Missing, 0)
	case len(c.Password) > maxPasswordBytes:
		faults.add("password", TooLong, maxPasswordLength)
	case !c.Password.hashable():
		faults.add("password", Malformed, 0)
	}
	return email, faults.orNil()
}

// admit finds the account and the door the attempt comes through, in one round trip, and fails with a ThrottledError when
// that door has to wait. The candidate is whom an attempt would be at, even then.
func (s *Store) admit(ctx context.Context, email string, c Client, d doors) (candidate, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	var a candidate
	var w waits
	err := s.again(ctx, func() (err error) {
		b := &pgx.Batch{}
		b.Queue(`
			SELECT u.id, coalesce(a.password, $2), u.disabled_at IS NOT NULL, coalesce(a.failed_attempts, 0) >= $3,
			       CASE WHEN EXISTS (SELECT FROM gatepost.familiar f WHERE f.user_id = u.id AND f.place = $4) THEN 2
			            WHEN EXISTS (SELECT FROM gatepost.familiar f WHERE f.user_id = u.id AND f.place = $5) THEN 1
			            ELSE 0 END
			FROM gatepost."user" u
			LEFT JOIN gatepost.account a ON a.user_id = u.id AND a.provider_id = 'credential'
			WHERE u.email = $1`, email, dummyHash, accountLimit, browserPlace(c.Browser), networkPlace(c))
		b.Queue(waitsSQL, d.all())
		results := s.db.SendBatch(ctx, b)
		defer func() { err = errors.Join(err, results.Close()) }()
		a = candidate{hash: dummyHash}
		err = results.QueryRow().Scan(&a.userID, &a.hash, &a.disabled, &a.locked, &a.door)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		rows, err := results.Query()
		if err != nil {
			return err
		}
		w, err = collectWaits(rows)
		return err
	})
	if err != nil {
		return candidate{}, s.unavailable("find user", err)
	}
	if a.door != anyDoor {
		a.place = placeOf(a.door, c)
	}
	return a, w.check(d.through(a.door)...)
}

// startSession writes the sign-in down, unless the user or the password changed while it was checked.
func (s *Store) startSession(ctx context.Context, a candidate, renewed string, d doors, c Credentials) (Issued, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	var issued Issued
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if err := recheck(ctx, tx, a, renewed); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM gatepost.throttle WHERE key = $1`, d.account[a.door]); err != nil {
			return err
		}
		var err error
		issued, err = s.issue(ctx, tx, newSession{a.userID, c.Remember, c.Client, c.Presented})
		return err
	})
	if errors.Is(err, ErrBadCredentials) {
		return Issued{}, err
	}
	if err != nil {
		return Issued{}, s.unavailable("sign in", err)
	}
	s.ended(c.Presented)
	return issued, nil
}

// ended forgets the session that a sign-in has replaced.
func (s *Store) ended(presented Token) {
	if presented != "" {
		s.cache.drop(presented.sum())
	}
}

// issue makes the session, and the place it is made in a familiar one.
func (s *Store) issue(ctx context.Context, tx pgx.Tx, n newSession) (Issued, error) {
	t, err := s.insertSession(ctx, tx, n)
	if err != nil {
		return Issued{}, err
	}
	browser, err := befriend(ctx, tx, n.userID, n.client)
	return Issued{t, browser}, err
}

// recheck locks the account as it was found, and ends the run of wrong passwords.
func recheck(ctx context.Context, tx pgx.Tx, a candidate, renewed string) error {
	tag, err := tx.Exec(ctx, `
		SELECT FROM gatepost."user" u JOIN gatepost.account a ON a.user_id = u.id
		WHERE u.id = $1 AND u.disabled_at IS NULL AND a.provider_id = 'credential' AND a.password = $2
		FOR NO KEY UPDATE OF a FOR SHARE OF u`, a.userID, a.hash)
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		return ErrBadCredentials
	}
	_, err = tx.Exec(ctx, `
		UPDATE gatepost.account SET failed_attempts = 0, password = coalesce(nullif($2, ''), password),
		    updated_at = CASE WHEN $2 = '' THEN updated_at ELSE now() END
		WHERE user_id = $1 AND provider_id = 'credential' AND (failed_attempts > 0 OR $2 <> '')`, a.userID, renewed)
	return err
}

// audit writes the one line about a decision on a person. What strangers typed stays out of it: an address field
// holds a password now and then.
func (s *Store) audit(ctx context.Context, event, userID string, c Client, err error) {
	attrs := []slog.Attr{slog.String("event", event), slog.String("result", result(err))}
	if userID != "" {
		attrs = append(attrs, slog.String("user", userID))
	}
	if c.Addr.IsValid() {
		attrs = append(attrs, slog.String("client", c.Addr.String()))
	}
	if c.RequestID != "" {
		attrs = append(attrs, slog.String("request_id", c.RequestID))
	}
	s.o.Log.LogAttrs(ctx, slog.LevelInfo, "audit", attrs...)
}

// result is the one word for an outcome, in the audit log and in the metrics.
func result(err error) string {
	var throttled *ThrottledError
	var input InputError
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrUnavailable):
		return "unavailable"
	case errors.Is(err, errLocked):
		return "locked"
	case errors.Is(err, ErrBadCredentials):
		return "bad_credentials"
	case errors.As(err, &throttled):
		return "throttled"
	case errors.Is(err, ErrBusy):
		return "busy"
	case errors.Is(err, ErrSignUpClosed):
		return "closed"
	case errors.As(err, &input):
		return "bad_input"
	case errors.Is(err, context.Canceled):
		return "canceled"
	}
	return "error"
}
