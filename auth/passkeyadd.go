package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/factor"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/passkey"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// PasskeyAnswer is what a browser answers to AskForPasskey.
type PasskeyAnswer struct {
	Body   []byte       // JSON, of navigator.credentials
	Key    secret.Token // of PasskeyAsked
	Client secret.Client
}

// Added is a passkey that was added.
type Added struct {
	Issued
	Passkey Passkey
	// Codes are the recovery codes that come with a first factor. They are shown once. Empty: the user has some.
	Codes []factor.RecoveryCode
}

// MayAddPasskey fails as AskForPasskey does if the user of a session may not add a passkey.
func (s *Store) MayAddPasskey(ctx context.Context, t secret.Token) error {
	if !s.PasskeysAddable() {
		return ErrPasskeysOff
	}
	return s.db.Transact(ctx, "may a passkey be added", func(ctx context.Context, tx pgx.Tx) error {
		o, err := s.Own(ctx, tx, t)
		if err != nil {
			return err
		}
		list, err := passkeysOf(ctx, tx, o.UserID)
		if err != nil {
			return err
		}
		return s.mayAddPasskey(ctx, tx, o, len(list))
	})
}

func (s *Store) mayAddPasskey(ctx context.Context, tx pgx.Tx, o session.Own, have int) error {
	if !s.PasskeysAddable() {
		return ErrPasskeysOff
	}
	if err := s.mayEnrol(ctx, tx, o); err != nil {
		return err
	}
	if have >= PasskeysMost {
		return ErrManyPasskeys
	}
	return nil
}

// AddPasskey gives the user of a session the passkey that their browser has made; name may be empty. It signs in from
// now on, and is asked for after a password if there is no other second factor. The session presented is replaced by a
// new one, and half sign-ins and the trust in browsers end. With a first factor every other session ends, and the user
// gets recovery codes. The user is mailed. It fails with ErrPasskeysOff, session.ErrNoSession, ErrNoCeremony,
// ErrBadPasskey, ErrStaleFactor, ErrUnverified, ErrManyPasskeys, ErrPasskeyTaken, ErrUnsurePasskey (the user has no
// other way in), InputError (field "name"), *throttle.Error, share.ErrBusy, share.ErrCrowded or
// database.ErrUnavailable.
func (s *Store) AddPasskey(ctx context.Context, t secret.Token, a PasskeyAnswer, name string) (added Added, err error) {
	p, err := s.newPasskey(ctx, t, a, name)
	if err != nil {
		s.ask(ctx, "add-passkey", "", a.Client, err)
		return Added{}, err
	}
	set, err := s.setForPasskey(ctx, t)
	if err != nil {
		return Added{}, err
	}
	d := factorDeed{event: "add-passkey", token: t, client: a.Client, kind: mail.PasskeyOn, adds: true}
	var had bool
	d.allowed = func(ctx context.Context, tx pgx.Tx, o session.Own) (err error) {
		if !s.PasskeysAddable() {
			return ErrPasskeysOff
		}
		if had, err = hasFactor(ctx, tx, o.UserID); err == nil {
			err = atOwnLevel(ctx, tx, o)
		}
		if err != nil {
			return err
		}
		if s.outbox.Sends() && !o.Confirmed {
			return ErrUnverified
		}
		return nil
	}
	d.others = func() bool { return !had }
	d.do = func(ctx context.Context, tx pgx.Tx, o session.Own) (session.Proof, error) {
		if err := s.insertPasskey(ctx, tx, o.UserID, &p); err != nil {
			return session.Proof{}, err
		}
		if only, err := s.lacksWayIn(ctx, tx, o.UserID); err != nil || only { // it is to be the only one, and cannot
			return session.Proof{}, cmp.Or(err, ErrUnsurePasskey)
		}
		if set.hashes != nil {
			if err := set.store(ctx, tx, o.UserID); err != nil {
				return session.Proof{}, err
			}
		}
		if had {
			return o.Proof, nil
		}
		return o.Proof.And(p.method(), p.Since), nil
	}
	if added.Issued, err = s.changeFactors(ctx, d); err != nil {
		return Added{}, err
	}
	added.Passkey, added.Codes = p, set.codes
	return added, nil
}

// newPasskey checks what the browser has made.
func (s *Store) newPasskey(ctx context.Context, t secret.Token, a PasskeyAnswer, name string) (p Passkey, err error) {
	if p.Name, err = canonicalName(name); err != nil {
		return p, err
	}
	created, err := passkey.ReadCreated(a.Body)
	if err != nil {
		return p, fmt.Errorf("%w: %w", ErrBadPasskey, err)
	}
	o, err := s.own(ctx, t)
	if err != nil {
		return p, err
	}
	c, err := s.takeCeremony(ctx, created.Challenge(), a.Key)
	if err != nil {
		return p, err
	}
	if c.purpose != PasskeyToAdd || c.userID != o.UserID || c.session != o.ID {
		return p, ErrNoCeremony
	}
	var handle []byte
	err = s.db.Transact(ctx, "find a handle", func(ctx context.Context, tx pgx.Tx) error {
		handle, err = handleOf(ctx, tx, o.UserID)
		return err
	})
	if err != nil {
		return p, err
	}
	if p.key, err = s.site.Check(c.rpID, handle, created); err != nil {
		return p, fmt.Errorf("%w: %w", ErrBadPasskey, err)
	}
	p.ID, p.rpID, p.Synced, p.Alone = secret.NewID(), c.rpID, p.key.BackedUp, p.key.Verified
	p.Name = cmp.Or(p.Name, p.key.Model())
	return p, nil
}

// setForPasskey makes the recovery codes of a user who has none.
func (s *Store) setForPasskey(ctx context.Context, t secret.Token) (set recoverySet, err error) {
	var left int
	o, err := s.own(ctx, t)
	if err == nil {
		err = s.db.Repeat(ctx, "count recovery codes", func(ctx context.Context) error {
			return s.db.Pages.QueryRow(ctx, `SELECT count(*) FROM gatepost.recovery_code WHERE user_id = $1`, o.UserID).
				Scan(&left)
		})
	}
	if err != nil || left > 0 {
		return recoverySet{}, err
	}
	return s.newSetOf(ctx, o.UserID, o.Email)
}

// insertPasskey stores a passkey of a locked user, and sets when. It fails with ErrManyPasskeys, ErrPasskeyTaken, or
// ErrNoCeremony if the passkeys of the site are of another domain, as the first ones may be by now. The transaction
// can go on after each of these errors.
func (s *Store) insertPasskey(ctx context.Context, tx pgx.Tx, userID string, p *Passkey) error {
	var have int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM gatepost.passkey WHERE user_id = $1`, userID).
		Scan(&have); err != nil {
		return err
	}
	if have >= PasskeysMost {
		return ErrManyPasskeys
	}
	if own, err := settledDomain(ctx, tx); err != nil || s.site.Fits(own) && own != p.rpID {
		return cmp.Or(err, ErrNoCeremony)
	}
	k := p.key
	err := tx.QueryRow(ctx, `
		INSERT INTO gatepost.passkey (id, user_id, rp_id, credential_id, handle, public_key, name, sign_count, verified,
		    backup_eligible, backed_up, transports, aaguid)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT (credential_id) DO NOTHING RETURNING created_at`,
		p.ID, userID, p.rpID, k.ID, k.Handle, k.PublicKey, p.Name, int64(k.Count), k.Verified, k.Eligible, k.BackedUp,
		strings.Join(k.Transports, ","), k.AAGUID).Scan(&p.Since)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrPasskeyTaken
	}
	return err
}

// RemovePasskey removes a passkey of the user of a session. The second factor has to be proved in this session no
// longer than session.FreshFor ago. Every other session ends, and the user is mailed. The recovery codes go with the
// last factor. It fails with session.ErrNoSession, ErrNoPasskey, ErrStaleFactor, ErrLastWayIn or
// database.ErrUnavailable.
func (s *Store) RemovePasskey(ctx context.Context, t secret.Token, id string, c secret.Client) (Issued, error) {
	issued, err := s.changeFactors(ctx, factorDeed{event: "remove-passkey", token: t, client: c, kind: mail.PasskeyOff,
		allowed: freshFactor,
		do: func(ctx context.Context, tx pgx.Tx, o session.Own) (session.Proof, error) {
			tag, err := tx.Exec(ctx, `DELETE FROM gatepost.passkey WHERE id = $1 AND user_id = $2`,
				database.Storable(id), o.UserID)
			if err == nil && tag.RowsAffected() == 0 {
				err = ErrNoPasskey
			}
			if err == nil {
				err = s.staysOpen(ctx, tx, o.UserID)
			}
			if err != nil {
				return session.Proof{}, err
			}
			return afterRemoval(ctx, tx, o)
		}})
	if errors.Is(err, ErrNoFactor) {
		err = ErrNoPasskey
	}
	return issued, err
}

// staysOpen fails with ErrLastWayIn if a user has no way to sign in any more.
func (s *Store) staysOpen(ctx context.Context, tx pgx.Tx, userID string) error {
	alone, err := s.canEnterAlone(ctx, tx, userID)
	if err != nil || alone {
		return err
	}
	var left int
	err = tx.QueryRow(ctx, `SELECT count(*) FROM gatepost.account a WHERE user_id = $1 AND `+s.opens("a"), userID).
		Scan(&left)
	if err == nil && left == 0 {
		err = ErrLastWayIn
	}
	return err
}

// afterRemoval is the proof of a session after a factor was removed. With the last one go the recovery codes.
func afterRemoval(ctx context.Context, tx pgx.Tx, o session.Own) (session.Proof, error) {
	has, err := hasFactor(ctx, tx, o.UserID)
	if err != nil || has {
		return o.Proof, err
	}
	_, err = dropFactors(ctx, tx, o.UserID)
	return o.Proof.First(), err
}
