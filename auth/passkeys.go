package auth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/passkey"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
)

// PasskeysMost is how many passkeys a user may have.
const PasskeysMost = 50

// Passkey is a passkey of a user.
type Passkey struct {
	ID     string // of its row
	Name   string // that the user gave it, or its authenticator has; may be empty
	Since  time.Time
	Used   time.Time // zero: never
	Synced bool      // it is on several devices of the user, or in their backup
	// Alone says that it can sign in without a password: its authenticator has told who the person is.
	Alone bool
	// Copied is when its counter last went back, so that there may be a copy of it; zero: never.
	Copied time.Time
	key    passkey.Key
	rpID   string
}

// CredentialID is what browsers call the passkey.
func (p Passkey) CredentialID() []byte { return p.key.ID }

// PublicKey is its public key, in COSE.
func (p Passkey) PublicKey() []byte { return p.key.PublicKey }

// Count is how many signatures the authenticator has made, if it counts them.
func (p Passkey) Count() uint32 { return p.key.Count }

// Eligible says that the passkey may be on several devices.
func (p Passkey) Eligible() bool { return p.key.Eligible }

// Transports are the ways to its authenticator, as browsers call them.
func (p Passkey) Transports() []string { return p.key.Transports }

// AAGUID is the model of its authenticator, as that says itself; may be empty.
func (p Passkey) AAGUID() string { return p.key.AAGUID }

// method is how a proof by the passkey is called.
func (p Passkey) method() session.Method {
	if p.key.Eligible {
		return session.SoftwareKey
	}
	return session.HardwareKey
}

// PasskeysOffered reports whether users can have passkeys at this site.
func (s *Store) PasskeysOffered() bool { return s.site != nil }

// PasskeysAddable reports whether users can add passkeys: the site can have them, and the operator does not keep users
// from adding factors (Options.FactorsOff).
func (s *Store) PasskeysAddable() bool { return s.site != nil && !s.o.FactorsOff }

// PasskeysFit reports whether browsers make passkeys for a site of a public URL.
func PasskeysFit(public *url.URL) bool { return passkey.NewSite(public, "") != nil }

// Passkeys returns the passkeys of the user of a session, the oldest first. It fails with session.ErrNoSession or
// database.ErrUnavailable.
func (s *Store) Passkeys(ctx context.Context, t secret.Token) (list []Passkey, err error) {
	err = s.db.Transact(ctx, "list passkeys", func(ctx context.Context, tx pgx.Tx) error {
		o, err := s.Seen(ctx, tx, t)
		if err == nil {
			list, err = passkeysOf(ctx, tx, o.UserID)
		}
		return err
	})
	return list, err
}

// PasskeysImported is Passkeys for a session of the system before, which is looked up as session.Reader.LookupImported
// does. It returns the id of the user, too.
func (s *Store) PasskeysImported(ctx context.Context, as session.Asking, i session.Imported) (userID string,
	list []Passkey, err error) {
	v, err := s.LookupImported(ctx, as, i)
	if err != nil {
		return "", nil, err
	}
	err = s.db.Transact(ctx, "list passkeys", func(ctx context.Context, tx pgx.Tx) error {
		list, err = passkeysOf(ctx, tx, v.User.ID)
		return err
	})
	return v.User.ID, list, err
}

// passkeyColumns are those for scanPasskey.
var passkeyColumns = `p.id, p.name, ` + database.Readable("p.created_at") + `,
    ` + database.Readable("p.used_at") + `, p.credential_id, p.handle, p.public_key,
    least(greatest(p.sign_count, 0), 4294967295), p.verified, p.backup_eligible, p.backed_up, p.transports, p.aaguid,
    p.rp_id, ` + database.Readable("p.cloned_at")

func scanPasskey(row pgx.CollectableRow) (p Passkey, err error) {
	var used, copied *time.Time
	var count int64
	var transports string
	k := &p.key
	err = row.Scan(&p.ID, &p.Name, &p.Since, &used, &k.ID, &k.Handle, &k.PublicKey, &count, &k.Verified, &k.Eligible,
		&k.BackedUp, &transports, &k.AAGUID, &p.rpID, &copied)
	k.Count = uint32(count) //nolint:gosec // bounded by the query
	p.Synced, p.Alone = k.BackedUp, k.Verified
	k.Transports = strings.FieldsFunc(transports, func(r rune) bool { return r == ',' })
	if used != nil {
		p.Used = *used
	}
	if copied != nil {
		p.Copied = *copied
	}
	return p, err
}

// passkeysOf returns the passkeys of a user. An operator may have written any number.
func passkeysOf(ctx context.Context, tx pgx.Tx, userID string) ([]Passkey, error) {
	rows, _ := tx.Query(ctx, `SELECT `+passkeyColumns+` FROM gatepost.passkey p WHERE p.user_id = $1
		ORDER BY p.created_at, p.id LIMIT 100`, userID) // CollectRows reports an error
	return pgx.CollectRows(rows, scanPasskey)
}

// keysFor are the passkeys that a browser is told of, for a domain.
func keysFor(list []Passkey, rpID string) (keys []passkey.Key) {
	for _, p := range list {
		if p.rpID == rpID {
			keys = append(keys, p.key)
		}
	}
	return keys
}

// wasFirst reports whether a passkey is what proved somebody first, in half a sign-in. A passkey alone is half of one
// only if its counter went back in it.
func (p Passkey) wasFirst(first session.Proof) bool {
	return first.ByKey() && !p.Copied.IsZero() && !p.Copied.Before(first.At)
}

// othersThan are the passkeys that can be the second factor after a first one.
func othersThan(first session.Proof, list []Passkey) []Passkey {
	return slices.DeleteFunc(list, func(p Passkey) bool { return p.wasFirst(first) })
}

// passkeyBy finds a passkey by the id that its authenticator says. It fails with ErrNoPasskey.
func passkeyBy(ctx context.Context, tx pgx.Tx, credentialID []byte) (p Passkey, userID string, err error) {
	rows, _ := tx.Query(ctx, `SELECT `+passkeyColumns+`, p.user_id FROM gatepost.passkey p
		WHERE p.credential_id = $1`, credentialID) // CollectExactlyOneRow reports an error
	p, err = pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (Passkey, error) {
		return scanPasskey(withUser{row, &userID})
	})
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNoPasskey
	}
	return p, userID, err
}

// withUser is a row that ends with the id of the user.
type withUser struct {
	pgx.CollectableRow
	userID *string
}

// Scan implements pgx.CollectableRow.
func (w withUser) Scan(to ...any) error { return w.CollectableRow.Scan(append(to, w.userID)...) }

// canEnterAlone reports whether a user has a passkey that signs in without anything else.
func (s *Store) canEnterAlone(ctx context.Context, tx pgx.Tx, userID string) (yes bool, err error) {
	if s.site == nil {
		return false, nil
	}
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM gatepost.passkey p WHERE p.user_id = $1 AND p.verified)`,
		userID).Scan(&yes)
	return yes, err
}

// RenamePasskey gives a passkey of the user of a session another name; empty: none. It fails with
// session.ErrNoSession, InputError (field "name"), ErrNoPasskey, *throttle.Error or database.ErrUnavailable.
func (s *Store) RenamePasskey(ctx context.Context, t secret.Token, id, name string, c secret.Client) (p Passkey,
	err error) {
	const event = "rename-passkey"
	if name, err = canonicalName(name); err != nil {
		return Passkey{}, err
	}
	var o session.Own
	err = s.db.Transact(ctx, event, func(ctx context.Context, tx pgx.Tx) error {
		if o, err = s.Own(ctx, tx, t); err != nil {
			return err
		}
		if err := throttle.FactorChanges(o.UserID).Take(ctx, tx); err != nil {
			return err
		}
		rows, _ := tx.Query(ctx, `UPDATE gatepost.passkey p SET name = $3 WHERE p.id = $1 AND p.user_id = $2
			RETURNING `+passkeyColumns, database.Storable(id), o.UserID, name) // CollectExactlyOneRow reports an error
		p, err = pgx.CollectExactlyOneRow(rows, scanPasskey)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNoPasskey
		}
		if err != nil {
			return err
		}
		return s.record(ctx, tx, event, o.UserID, c)
	})
	s.auditChange(ctx, event, o.UserID, c, err)
	return p, err
}

// CheckPasskeys fails if a migrated database has passkeys that cannot be used at a public URL: they were made for
// another domain, and nothing brings them back to life there; or for two domains of which each would do, and browsers
// ask for one.
func CheckPasskeys(ctx context.Context, db *pgxpool.Pool, public *url.URL) error {
	rows, err := db.Query(ctx, `SELECT rp_id, count(*) FROM gatepost.passkey GROUP BY rp_id ORDER BY rp_id`)
	if err != nil {
		return err
	}
	site := passkey.NewSite(public, "")
	var rpID string
	var n, dead int
	var domains, alive []string
	_, err = pgx.ForEachRow(rows, []any{&rpID, &n}, func() error {
		if site.Fits(rpID) {
			alive = append(alive, fmt.Sprintf("%d for %q", n, rpID))
			return nil
		}
		dead += n
		domains = append(domains, fmt.Sprintf("%q", rpID))
		return nil
	})
	switch {
	case err != nil:
		return err
	case dead == 0 && len(alive) > 1:
		return fmt.Errorf("there are passkeys for more than one domain, %s, and browsers ask for those of one, so that the "+
			"others would not work: keep those of one domain, and delete the rows of the others from gatepost.passkey (their "+
			"column rp_id has the domain)", strings.Join(alive, " and "))
	case dead == 0:
		return nil
	}
	which := fmt.Sprintf("%d passkeys were", dead)
	if dead == 1 {
		which = "1 passkey was"
	}
	return fmt.Errorf("GATEPOST_PUBLIC_URL: %s made for %s, and would not work at %s, as they work at their domain and "+
		"below it: keep the address, or give them up and delete their rows from gatepost.passkey",
		which, strings.Join(domains, " and "), public.Host)
}

// CheckPasskeys is the function of this name, for the site of the Store.
func (s *Store) CheckPasskeys(ctx context.Context) error {
	return s.db.Repeat(ctx, "read the domains of passkeys", func(ctx context.Context) error {
		return CheckPasskeys(ctx, s.db.Pages, s.o.PublicURL)
	})
}
