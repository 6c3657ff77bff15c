package auth

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/factor"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/seal"
)

// codeCheck is an attempt at a code of a second factor.
type codeCheck struct {
	event, userID string
	typed         string
	client        secret.Client
	presented     secret.Token
	// counted counts the attempt once it is admitted, before the code is looked at. Nil: nothing more counts it.
	counted func(context.Context) error
	// finish does what the right code is for, in the transaction that uses it up.
	finish func(context.Context, pgx.Tx, codeProof) error
}

// codeProof is a right code.
type codeProof struct {
	method session.Method
	at     time.Time
	both   bool // it proves the first factor as well
	door   throttle.Door
	email  string
}

func (p codeProof) details() audit.Details {
	return audit.Details{{Name: "method", Value: string(p.method)}}
}

// checkCode is the only check of a code, so that every use of one is throttled. The lock on the user makes attempts
// wait for each other: of many at once, only as many are looked at as the limits allow.
func (s *Store) checkCode(ctx context.Context, k codeCheck) error {
	typed := factor.Read(k.typed)
	switch {
	case k.typed == "":
		return InputError{{"code", Missing, 0}}
	case typed == (factor.Typed{}):
		return InputError{{"code", Malformed, 0}}
	}
	var p codeProof
	err := s.db.Transact(ctx, k.event, func(ctx context.Context, tx pgx.Tx) (err error) {
		p, err = s.admitCode(ctx, tx, k)
		return err
	})
	if err == nil && k.counted != nil {
		err = k.counted(ctx)
	}
	if err != nil {
		return err
	}
	hash := ""
	if typed.Recovery != "" {
		if hash, err = s.hashRecovery(ctx, k.userID, p.email, typed.Recovery); err != nil {
			return err
		}
	}
	var verdict error
	// A client that hangs up is counted too.
	err = s.db.Transact(context.WithoutCancel(ctx), k.event, func(ctx context.Context, tx pgx.Tx) error {
		verdict, err = s.judgeCode(ctx, tx, k, typed, hash)
		return err
	})
	if err != nil {
		return err
	}
	return verdict
}

// admitCode finds the door of an attempt, and fails with a *throttle.Error while that has to wait.
func (s *Store) admitCode(ctx context.Context, tx pgx.Tx, k codeCheck) (p codeProof, err error) {
	err = tx.QueryRow(ctx, `SELECT email FROM gatepost."user" WHERE id = $1`, k.userID).Scan(&p.email)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, ErrNoFactor
	}
	if err == nil {
		p.door, err = throttle.DoorTo(ctx, tx, k.userID, k.client)
	}
	if err != nil {
		return p, err
	}
	return p, throttle.FactorDoors(k.userID, k.client, s.offices()).Check(ctx, tx, p.door)
}

// judgeCode looks at a code. A verdict against it is no error, so that what was counted is written.
func (s *Store) judgeCode(ctx context.Context, tx pgx.Tx, k codeCheck, typed factor.Typed,
	hash string) (verdict, err error) {
	if _, err := database.LockUser(ctx, tx, k.userID, k.presented); err != nil {
		return nil, err
	}
	p, err := s.admitCode(ctx, tx, k)
	if err != nil {
		return nil, err
	}
	d := throttle.FactorDoors(k.userID, k.client, s.offices())
	if typed.Recovery != "" {
		p.method = session.Recovery
		verdict, err = s.judgeRecovery(ctx, tx, k, hash, &p)
	} else {
		p.method = session.OTP
		verdict, err = s.judgeApp(ctx, tx, k, typed.App, &p)
	}
	switch {
	case err != nil:
		return nil, err
	case errors.Is(verdict, ErrWrongCode):
		return verdict, s.countWrongCode(ctx, tx, k, d, p.door)
	case verdict != nil:
		return verdict, nil
	}
	if err := d.ForgiveDoor(ctx, tx, p.door); err != nil {
		return nil, err
	}
	return nil, k.finish(ctx, tx, p)
}

// judgeApp looks at a code of an app, and uses it up if it is right.
func (s *Store) judgeApp(ctx context.Context, tx pgx.Tx, k codeCheck, code string, p *codeProof) (verdict, err error) {
	var sealed []byte
	var failures int
	err = tx.QueryRow(ctx, `SELECT secret, failures, clock_timestamp() FROM gatepost.totp WHERE user_id = $1`, k.userID).
		Scan(&sealed, &failures, &p.at)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return withoutApp(ctx, tx, k.userID)
	case err != nil:
		return nil, err
	case failures >= throttle.AccountLimit && p.door == throttle.AnyDoor:
		return ErrFactorLocked, nil
	}
	key, err := s.o.Keys.Open(seal.TOTPSecret, k.userID, sealed)
	if err != nil {
		s.o.Log.LogAttrs(ctx, slog.LevelError, "the key of an authenticator app cannot be read",
			slog.String("user", k.userID), slog.String("err", err.Error()))
		return ErrFactorUnreadable, nil
	}
	step, right := factor.Key(key).Match(code, factor.Step(p.at))
	if !right {
		return ErrWrongCode, nil
	}
	tag, err := tx.Exec(ctx, `
		UPDATE gatepost.totp SET last_step = $2, failures = 0, used_at = now() WHERE user_id = $1 AND last_step < $2`,
		k.userID, step)
	if err == nil && tag.RowsAffected() == 0 {
		return ErrUsedCode, nil
	}
	return nil, err
}

// withoutApp is the verdict on a code of an app that a user does not have: wrong, if they have another factor.
func withoutApp(ctx context.Context, tx pgx.Tx, userID string) (verdict, err error) {
	has, err := hasFactor(ctx, tx, userID)
	if err != nil {
		return nil, err
	}
	if !has {
		return ErrNoFactor, nil
	}
	return ErrWrongCode, nil
}

// judgeRecovery uses up a recovery code, if it is right, and mails the user. It also unlocks the app.
func (s *Store) judgeRecovery(ctx context.Context, tx pgx.Tx, k codeCheck, hash string,
	p *codeProof) (verdict, err error) {
	left, used, err := useRecovery(ctx, tx, k.userID, hash)
	if err != nil {
		return nil, err
	}
	if !used {
		return ErrWrongCode, nil
	}
	has, err := hasFactor(ctx, tx, k.userID)
	if err == nil && !has {
		return ErrNoFactor, nil
	}
	if err == nil {
		_, err = tx.Exec(ctx, `UPDATE gatepost.totp SET failures = 0 WHERE user_id = $1`, k.userID)
	}
	if err == nil {
		p.at, err = clock(ctx, tx)
	}
	if err != nil {
		return nil, err
	}
	l := mail.NewLetter(mail.RecoveryUsed, k.userID, p.email, k.client)
	l.Facts.Left = left
	return nil, s.outbox.Post(ctx, tx, l)
}

// countWrongCode counts a wrong code of a locked user.
func (s *Store) countWrongCode(ctx context.Context, tx pgx.Tx, k codeCheck, d throttle.Doors,
	door throttle.Door) error {
	b := &pgx.Batch{}
	b.Queue(`UPDATE gatepost.totp SET failures = least(greatest(failures, 0), 1000000) + 1 WHERE user_id = $1`, k.userID)
	d.CountFailure(b, door, k.userID, k.client)
	return tx.SendBatch(ctx, b).Close()
}
