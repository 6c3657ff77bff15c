package throttle

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/secret"
)

// NoteSignUp remembers for the duration d who signed up in a browser. The user has no session there yet that could
// tell.
func NoteSignUp(ctx context.Context, tx pgx.Tx, userID string, browser secret.Token, d time.Duration) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO gatepost.signup_browser (place, user_id, expires_at) VALUES ($1, $2, now() + $3::interval)`,
		BrowserPlace(browser), userID, d)
	return err
}

// ForgetSignUp forgets who signed up in a browser, after a sign-in, sign-up or sign-out there: the next visitor may
// be another person.
func ForgetSignUp(ctx context.Context, tx pgx.Tx, browser secret.Token) error {
	_, err := tx.Exec(ctx, `DELETE FROM gatepost.signup_browser WHERE place = $1`, BrowserPlace(browser))
	return err
}

// SignedUp reports whether a user with an unconfirmed address signed up in a browser within lately. The age of the
// user counts.
func SignedUp(ctx context.Context, tx pgx.Tx, userID string, browser secret.Token,
	lately time.Duration) (yes bool, err error) {
	if browser == "" {
		return false, nil
	}
	err = tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM gatepost.signup_browser b JOIN gatepost."user" u ON u.id = b.user_id
		    WHERE b.user_id = $1 AND b.place = $2 AND b.expires_at > now() AND NOT u.email_verified
		        AND u.created_at > now() - $3::interval)`,
		userID, BrowserPlace(browser), lately).Scan(&yes)
	return yes, err
}
