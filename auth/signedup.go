package auth

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/secret"
)

// signedUpFor is how long a browser stands for whoever signed up in it, so that a mailed link confirms the address
// there without the password. It is as long as a sign-in stands for who is in front of the browser (FreshFor): mail
// comes within minutes, and whoever comes later types the password they chose.
const signedUpFor = FreshFor

// noteSignUp remembers who signed up in a browser. Nobody has signed in there yet, so that no session could tell.
func noteSignUp(ctx context.Context, tx pgx.Tx, userID string, browser secret.Token) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO gatepost.signup_browser (place, user_id, expires_at) VALUES ($1, $2, now() + $3::interval)`,
		browserPlace(browser), userID, signedUpFor)
	return err
}

// forgetSignUp is for when somebody signs in, up or out in a browser: whoever comes next may be another person.
func forgetSignUp(ctx context.Context, tx pgx.Tx, browser secret.Token) error {
	_, err := tx.Exec(ctx, `DELETE FROM gatepost.signup_browser WHERE place = $1`, browserPlace(browser))
	return err
}

// signedUpWith says whether a user whose address is to be confirmed signed up in a browser a moment ago. It is the
// user's age that counts.
func signedUpWith(ctx context.Context, tx pgx.Tx, userID string, browser secret.Token) (Known, error) {
	if browser == "" {
		return Stranger, nil
	}
	var lately bool
	err := tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM gatepost.signup_browser b JOIN gatepost."user" u ON u.id = b.user_id
		    WHERE b.user_id = $1 AND b.place = $2 AND b.expires_at > now() AND NOT u.email_verified AND u.created_at > now() - $3::interval)`,
		userID, browserPlace(browser), signedUpFor).Scan(&lately)
	if lately {
		return ByBrowser, err
	}
	return Stranger, err
}

// leaveBrowser is forgetSignUp for whoever signs out.
func (s *Store) leaveBrowser(ctx context.Context, browser secret.Token) error {
	if browser == "" {
		return nil
	}
	return s.db.Transact(ctx, "leave the browser", func(ctx context.Context, tx pgx.Tx) error {
		return forgetSignUp(ctx, tx, browser)
	})
}
