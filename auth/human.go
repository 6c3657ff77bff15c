package auth

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/captcha"
	"github.com/gatepost/gatepost/internal/share"
)

// Captcha is what strangers have to solve (secret.Client.Solution) before they may sign up, have mail sent to an
// address that they type, or sign in where that has failed often. The zero value asks for nothing.
type Captcha struct {
	// Work asks for a proof of work, in the protocol of ALTCHA.
	Work bool
	// Service asks for the solution of a service. Nil: none is asked.
	Service *captcha.Service
	// After is how many failed sign-ins of an address in a row, or of a network in an hour, make the next ones ask. 0: all
	// ask.
	After int
}

func (c Captcha) on() bool { return c.Work || c.Service != nil }

// errTrapped means that a field was filled in that people do not see. The visitor gets the answer of a success.
var errTrapped = errors.New("a field was filled in that people do not see")

// trapped fails with errTrapped for whoever filled in what people do not see.
func (s *Store) trapped(p captcha.Purpose, c secret.Client) error {
	if !c.Trapped {
		return nil
	}
	s.metrics.challenges.WithLabelValues(string(p), result(errTrapped)).Inc()
	return errTrapped
}

// asIfSignedUp is what a sign-up gives, and worth nothing.
func (s *Store) asIfSignedUp(remember bool) (Issued, error) {
	if s.o.Verify == VerifyRequired {
		return Issued{Browser: secret.NewToken()}, ErrUnverified
	}
	return Issued{Made: session.Made{Session: secret.NewToken()}, Browser: secret.NewToken(), Remember: remember}, nil
}

// checkHuman uses a solution up, where one is asked for. It fails with captcha.ErrMissing, captcha.ErrWrong,
// captcha.ErrUnavailable, share.ErrBusy, share.ErrCrowded or database.ErrUnavailable. Where the service cannot say, a
// sign-in goes on: the throttles still hold, and nobody would get in for as long as the service is away.
func (s *Store) checkHuman(ctx context.Context, p captcha.Purpose, c secret.Client) error {
	if !s.o.Captcha.on() {
		return nil
	}
	err := s.solved(ctx, p, c)
	s.metrics.challenges.WithLabelValues(string(p), result(err)).Inc()
	if errors.Is(err, captcha.ErrWrong) {
		s.o.Log.DebugContext(ctx, "a solution to the challenge for bots was refused", "for", string(p), "err", err)
	}
	if errors.Is(err, captcha.ErrUnavailable) {
		s.o.Log.LogAttrs(ctx, slog.LevelWarn, "a solution to the challenge for bots could not be checked",
			slog.String("for", string(p)), slog.Bool("goes_on", p == captcha.SignIn), slog.String("err", err.Error()))
		if p == captcha.SignIn {
			return nil
		}
	}
	return err
}

func (s *Store) solved(ctx context.Context, p captcha.Purpose, c secret.Client) error {
	if service := s.o.Captcha.Service; service != nil {
		err := service.Check(ctx, c.Solution, p)
		if p == captcha.SignIn && errors.Is(err, captcha.ErrMissing) && !service.Up(ctx) {
			err = captcha.ErrUnavailable // their page has not got its script either
		}
		return err
	}
	key, err := s.puzzleKey.of(ctx, s)
	if err != nil {
		return err
	}
	id, err := captcha.CheckWork(key, c.Solution, p, time.Now())
	if err != nil {
		return err
	}
	return s.db.Transact(ctx, "use up a solution", func(ctx context.Context, tx pgx.Tx) error {
		first, err := throttle.First(ctx, tx, "solution", id, 2*captcha.ValidFor) // clocks of gates may differ
		if err == nil && !first {
			return captcha.ErrWrong
		}
		return err
	})
}

// Puzzle returns a puzzle whose solution is asked for. It fails with database.ErrUnavailable.
func (s *Store) Puzzle(ctx context.Context, p captcha.Purpose) (captcha.Puzzle, error) {
	key, err := s.puzzleKey.of(ctx, s)
	if err != nil {
		return captcha.Puzzle{}, err
	}
	return captcha.NewPuzzle(key, p, time.Now()), nil
}

// puzzleKey is the key that signs puzzles. All gates have it from the database, where the first of them has put it.
type puzzleKey struct{ known atomic.Pointer[[]byte] }

func (k *puzzleKey) of(ctx context.Context, s *Store) ([]byte, error) {
	if known := k.known.Load(); known != nil {
		return *known, nil
	}
	var key []byte
	err := s.db.Transact(ctx, "find the key of puzzles", func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO gatepost.puzzle_key (key) VALUES ($1) ON CONFLICT DO NOTHING`,
			[]byte(secret.NewToken()))
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT key FROM gatepost.puzzle_key`).Scan(&key)
	})
	if err == nil {
		k.known.Store(&key)
	}
	return key, err
}

// failures are the failed sign-ins of a network that make the next ones ask.
func (s *Store) failures(c secret.Client) throttle.Limits {
	if !s.o.Captcha.on() {
		return nil
	}
	return throttle.FailedSignIns(c.Addr, s.o.Captcha.After, s.offices())
}

// failing reports whether sign-ins fail often at a door, so that the next one needs a solution.
func (s *Store) failing(ctx context.Context, c secret.Client, d throttle.Doors, which throttle.Door) (bool, error) {
	switch o := s.o.Captcha; {
	case !o.on():
		return false, nil
	case o.After <= 0:
		return true, nil
	}
	return d.FailOften(ctx, s.db, which, s.o.Captcha.After, s.failures(c))
}

// AsksAtSignIn reports whether a sign-in with an address, as typed, now needs a solution. It is for the page: SignIn
// decides.
func (s *Store) AsksAtSignIn(ctx context.Context, typed string, c secret.Client) bool {
	if !s.o.Captcha.on() || s.o.PasswordsOff {
		return false
	}
	email, _ := knownEmail(typed) // without one it is the network that counts
	a, _ := s.admit(ctx, email, c, throttle.DoorsOf(email, c, s.offices()))
	return a.failing
}

// checkHumanAtSignIn is checkHuman for a sign-in, where that has failed often. unasked says that it has not yet. An
// attempt that has to wait is refused before.
func (s *Store) checkHumanAtSignIn(ctx context.Context, c Credentials) (unasked bool, err error) {
	if !s.o.Captcha.on() {
		return false, nil
	}
	if err := s.hashes.Admit(share.ForAccount(ctx, c.Email)); err != nil {
		return false, err
	}
	a, err := s.admit(ctx, c.Email, c.Client, throttle.DoorsOf(c.Email, c.Client, s.offices()))
	if err != nil || !a.failing {
		return true, err
	}
	return false, s.checkHuman(ctx, captcha.SignIn, c.Client)
}
