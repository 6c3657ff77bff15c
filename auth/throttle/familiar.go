package throttle

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/share"
)

// Door is how the place of an attempt relates to the account. While strangers guess and AnyDoor stays shut for
// longer and longer, the familiar doors have counters of their own.
type Door int

// The doors of an account.
const (
	AnyDoor     Door = iota // a place where the account never signed in
	NetworkDoor             // a network where the account signed in
	BrowserDoor             // a browser in which the account signed in
)

// doorNames are the names of the doors in keys.
var doorNames = map[Door]string{AnyDoor: "any", NetworkDoor: "network", BrowserDoor: "browser"}

const (
	// FamiliarFor is how long a place stays familiar after the last sign-in there.
	FamiliarFor = 180 * 24 * time.Hour
	// familiarMost is how many places an account keeps, the latest ones.
	familiarMost = 20
)

// BrowserPlace and NetworkPlace return the place as stored in the table familiar.
func BrowserPlace(t secret.Token) []byte  { return keyOf("browser", t.Hash()) }
func NetworkPlace(c secret.Client) []byte { return keyOf("network", share.Narrowest(c.Addr)) }

// placeOf returns the place for a door.
func placeOf(d Door, c secret.Client) []byte {
	if d == BrowserDoor {
		return BrowserPlace(c.Browser)
	}
	return NetworkPlace(c)
}

// Befriend makes the place of a sign-in familiar to the user, and returns the browser's new token. The token is new
// each time, so that a token planted in a user's browser becomes worthless. Other users of this browser keep their
// familiarity.
func Befriend(ctx context.Context, tx pgx.Tx, userID string, c secret.Client) (secret.Token, error) {
	t, err := RenewBrowser(ctx, tx, c)
	if err != nil {
		return "", err
	}
	b := &pgx.Batch{}
	for _, place := range [][]byte{BrowserPlace(t), NetworkPlace(c)} {
		b.Queue(`
			INSERT INTO gatepost.familiar (user_id, place, expires_at) VALUES ($1, $2, now() + $3::interval)
			ON CONFLICT (user_id, place) DO UPDATE SET failures = 0,
			    expires_at = excluded.expires_at`, userID, place, FamiliarFor)
	}
	b.Queue(`
		DELETE FROM gatepost.familiar WHERE user_id = $1 AND place IN (
		    SELECT place FROM gatepost.familiar WHERE user_id = $1
		    ORDER BY expires_at DESC OFFSET $2 FOR UPDATE SKIP LOCKED)`, userID, familiarMost)
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return "", fmt.Errorf("note a familiar place: %w", err)
	}
	return t, nil
}

// Familiar reports whether the user has signed in with the browser of a client before.
func Familiar(ctx context.Context, tx pgx.Tx, userID string, c secret.Client) (yes bool, err error) {
	err = tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM gatepost.familiar WHERE user_id = $1 AND place = $2 AND expires_at > now())`,
		userID, BrowserPlace(c.Browser)).Scan(&yes)
	return yes, err
}

// DoorTo returns the door of a user's account that a client stands at.
func DoorTo(ctx context.Context, tx pgx.Tx, userID string, c secret.Client) (d Door, err error) {
	err = tx.QueryRow(ctx, `
		SELECT CASE WHEN EXISTS (SELECT FROM gatepost.familiar WHERE user_id = $1 AND place = $2) THEN 2
		            WHEN EXISTS (SELECT FROM gatepost.familiar WHERE user_id = $1 AND place = $3) THEN 1 ELSE 0 END`,
		userID, BrowserPlace(c.Browser), NetworkPlace(c)).Scan(&d)
	return d, err
}

// RenewBrowser gives the browser a new token, for all users who signed in there. Sign-ups there are forgotten.
func RenewBrowser(ctx context.Context, tx pgx.Tx, c secret.Client) (secret.Token, error) {
	t := secret.NewToken()
	if c.Browser == "" {
		return t, nil
	}
	// In a fixed order, because other users of the browser may do the same.
	_, err := tx.Exec(ctx, `
		WITH shared AS MATERIALIZED (SELECT user_id FROM gatepost.familiar WHERE place = $1 ORDER BY user_id FOR UPDATE)
		UPDATE gatepost.familiar f SET place = $2 FROM shared s WHERE f.user_id = s.user_id AND f.place = $1`,
		BrowserPlace(c.Browser), BrowserPlace(t))
	if err == nil {
		err = ForgetSignUp(ctx, tx, c.Browser)
	}
	return t, err
}

// countUnfamiliar counts a wrong password from a familiar place. Too many make the place unfamiliar.
func countUnfamiliar(b *pgx.Batch, userID string, place []byte) {
	b.Queue(`UPDATE gatepost.familiar SET failures = least(greatest(failures, 0), 1000000) + 1 WHERE user_id = $1
	    AND place = $2`, userID, place)
	b.Queue(`DELETE FROM gatepost.familiar WHERE user_id = $1 AND place = $2 AND failures >= $3`,
		userID, place, placeLimit)
}

// StartAnew forgets the failed attempts at a user's account, and every familiar place except that of a sign-in,
// whose new browser token is given.
func StartAnew(ctx context.Context, tx pgx.Tx, userID string, browser secret.Token, c secret.Client) error {
	_, err := tx.Exec(ctx, `
		WITH forgiven AS (DELETE FROM gatepost.throttle WHERE user_id = $1)
		DELETE FROM gatepost.familiar WHERE user_id = $1 AND place <> ALL ($2)`,
		userID, [][]byte{BrowserPlace(browser), NetworkPlace(c)})
	return err
}

// Sweep deletes expired rows, and rows for unknown addresses beyond bogusRows. It returns how many it deleted.
func Sweep(ctx context.Context, db *database.DB) (total int64, err error) {
	for _, doomed := range []string{
		`familiar WHERE expires_at < now() ORDER BY expires_at`,
		`signup_browser WHERE expires_at < now() ORDER BY expires_at`,
		`throttle WHERE expires_at < now() ORDER BY expires_at`,
		// The limit is found first, because rows skipped by OFFSET would be locked too.
		fmt.Sprintf(`throttle WHERE bogus AND expires_at < (
		    SELECT expires_at FROM gatepost.throttle WHERE bogus ORDER BY expires_at DESC OFFSET %d LIMIT 1)
		        ORDER BY expires_at`, bogusRows-1),
	} {
		n, err := db.Sweep(ctx, doomed)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}
