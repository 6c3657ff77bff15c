package auth

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/importer"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
)

// dropped are factors that were removed, with whatever was left of recovery codes.
type dropped struct{ app, passkeys bool }

// kinds are the mails that tell of it.
func (d dropped) kinds() (list []mail.Kind) {
	if d.app {
		list = append(list, mail.FactorOff)
	}
	if d.passkeys {
		list = append(list, mail.PasskeyOff)
	}
	return list
}

// dropFactors removes the factors of a locked user, and what is left of their recovery codes. Their API tokens stand
// for no second factor any more.
func dropFactors(ctx context.Context, tx pgx.Tx, userID string) (d dropped, err error) {
	app, err := tx.Exec(ctx, `DELETE FROM gatepost.totp WHERE user_id = $1`, userID)
	if err != nil {
		return d, err
	}
	passkeys, err := tx.Exec(ctx, `DELETE FROM gatepost.passkey WHERE user_id = $1`, userID)
	if err != nil {
		return d, err
	}
	b := &pgx.Batch{}
	b.Queue(`DELETE FROM gatepost.totp_pending WHERE user_id = $1`, userID)
	b.Queue(`DELETE FROM gatepost.passkey_challenge WHERE user_id = $1`, userID)
	b.Queue(`DELETE FROM gatepost.recovery_code WHERE user_id = $1`, userID)
	b.Queue(`DELETE FROM gatepost.trusted_browser WHERE user_id = $1`, userID)
	b.Queue(`UPDATE gatepost.api_token SET level = 1 WHERE user_id = $1 AND level <> 1`, userID)
	return dropped{app.RowsAffected() > 0, passkeys.RowsAffected() > 0}, tx.SendBatch(ctx, b).Close()
}

// dropStrangersFactors removes the factors of an account whose address is about to be proved for the first time, as
// anybody may have made them. It runs while the address is not confirmed yet. A factor that was proved in the session
// kept is that of whoever proves the address, and an app that an import brought over is that of whoever was the user
// before: a mail does not switch it off. Passkeys go all the same, as each opens the account alone.
func dropStrangersFactors(ctx context.Context, tx pgx.Tx, userID string, kept secret.Token) error {
	brought, err := importer.FactorBrought(ctx, tx, userID)
	if err != nil {
		return err
	}
	var theirs bool
	err = tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM gatepost."user" WHERE id = $1 AND NOT email_verified)
		    AND NOT EXISTS (SELECT FROM gatepost.session s
		        WHERE s.token = $2 AND s.user_id = $1 AND s.second_at IS NOT NULL)`,
		userID, kept.Hash()).Scan(&theirs)
	if err != nil || !theirs {
		return err
	}
	if brought {
		_, err = tx.Exec(ctx, `DELETE FROM gatepost.passkey WHERE user_id = $1`, userID)
		return err
	}
	_, err = dropFactors(ctx, tx, userID)
	return err
}

// dropFactorsSince removes what a locked user was given of second factors at a time or later, and leaves what was there
// before. Recovery codes without a factor are of no use, so that they go with the last one.
func dropFactorsSince(ctx context.Context, tx pgx.Tx, userID string, since time.Time) error {
	b := &pgx.Batch{}
	for _, table := range []string{"totp", "passkey", "recovery_code"} {
		b.Queue(`DELETE FROM gatepost.`+table+` WHERE user_id = $1 AND created_at >= $2`, userID, since)
	}
	b.Queue(`DELETE FROM gatepost.totp_pending WHERE user_id = $1`, userID)
	b.Queue(`DELETE FROM gatepost.passkey_challenge WHERE user_id = $1`, userID)
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return err
	}
	has, err := hasFactor(ctx, tx, userID)
	if err != nil || has {
		return err
	}
	_, err = dropFactors(ctx, tx, userID)
	return err
}
