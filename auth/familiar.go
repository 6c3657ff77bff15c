package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/share"
)

// door is how an attempt stands to the account it is made at. While strangers guess, and their door stays shut for longer
// and longer, the familiar ones have counts of their own.
type door int

const (
	anyDoor     door = iota // a place where the account never signed in
	networkDoor             // a network where it did
	browserDoor             // a browser in which it did
)

// doorNames are for keys.
var doorNames = map[door]string{anyDoor: "any", networkDoor: "network", browserDoor: "browser"}

const (
	// familiarFor is how long a place stays familiar after the last sign-in there.
	familiarFor = 180 * 24 * time.Hour
	// familiarMost is how many places an account keeps: the latest ones.
	familiarMost = 20
)

func browserPlace(t secret.Token) []byte  { return hashKey("browser", t.Hash()) }
func networkPlace(c secret.Client) []byte { return hashKey("network", share.Narrowest(c.Addr)) }

// placeOf is the row of a door.
func placeOf(d door, c secret.Client) []byte {
	if d == browserDoor {
		return browserPlace(c.Browser)
	}
	return networkPlace(c)
}

// befriend makes the place of a sign-in a familiar one of the user, and returns the browser's new token. It is new each
// time, so that a token planted in somebody's browser is worth nothing afterwards; whoever else used this browser keeps it.
func befriend(ctx context.Context, tx pgx.Tx, userID string, c secret.Client) (secret.Token, error) {
	t, err := renewBrowser(ctx, tx, c)
	if err != nil {
		return "", err
	}
	b := &pgx.Batch{}
	for _, place := range [][]byte{browserPlace(t), networkPlace(c)} {
		b.Queue(`
			INSERT INTO gatepost.familiar (user_id, place, expires_at) VALUES ($1, $2, now() + $3::interval)
			ON CONFLICT (user_id, place) DO UPDATE SET failures = 0, expires_at = excluded.expires_at`, userID, place, familiarFor)
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

// renewBrowser gives the browser a new token to be known by, for all who signed in there. Who signed up there is
// forgotten.
func renewBrowser(ctx context.Context, tx pgx.Tx, c secret.Client) (secret.Token, error) {
	t := secret.NewToken()
	if c.Browser == "" {
		return t, nil
	}
	// In one order: others who signed in there may be doing the same.
	_, err := tx.Exec(ctx, `
		WITH shared AS MATERIALIZED (SELECT user_id FROM gatepost.familiar WHERE place = $1 ORDER BY user_id FOR UPDATE)
		UPDATE gatepost.familiar f SET place = $2 FROM shared s WHERE f.user_id = s.user_id AND f.place = $1`,
		browserPlace(c.Browser), browserPlace(t))
	if err == nil {
		err = forgetSignUp(ctx, tx, c.Browser)
	}
	return t, err
}

// queueUnfamiliar counts a wrong password from a familiar place, which too many make a strange one.
func queueUnfamiliar(b *pgx.Batch, a candidate) {
	b.Queue(`UPDATE gatepost.familiar SET failures = least(greatest(failures, 0), 1000000) + 1 WHERE user_id = $1 AND place = $2`, a.userID, a.place)
	b.Queue(`DELETE FROM gatepost.familiar WHERE user_id = $1 AND place = $2 AND failures >= $3`, a.userID, a.place, placeLimit)
}
