package auth

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// detail names the provider in an audit event.
func (v visit) detail() audit.Detail { return audit.Detail{Name: "provider", Value: v.p.Spec().Name} }

// keep is the way in that a visit comes by.
func (v visit) keep() wayIn { return wayIn{issuer: v.id.Issuer, subject: v.id.Subject} }

// insertIdentity writes the row of an identity. Claims follow in noteClaims.
func insertIdentity(ctx context.Context, tx pgx.Tx, v visit, userID string) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id) VALUES ($1, $2, $3, $4, $5)`,
		secret.NewID(), v.id.Issuer, v.p.Spec().Name, v.id.Subject, userID)
	return err
}

// noteClaims writes down what the provider said of a locked user: roles, which replace those of the last sign-in, and
// a name and a picture, which never replace what the user chose here; the scopes that it granted; and the name of the
// provider, which the operator may have changed since. It returns the id of the row.
func (s *Store) noteClaims(ctx context.Context, tx pgx.Tx, v visit, userID string) (accountID string, err error) {
	name, image := claimedName(v), claimedImage(v)
	var beforeName, beforeImage string
	err = tx.QueryRow(ctx, `
		WITH before AS (
		    SELECT id, coalesce(claimed_name, '') AS name, coalesce(claimed_image, '') AS image
		    FROM gatepost.account WHERE issuer = $1 AND account_id = $2 AND user_id = $3)
		UPDATE gatepost.account a SET login = $4, claimed_name = $5, claimed_image = $6, claim_roles = nullif($7, ''),
		    claim_roles_until = CASE WHEN $7 <> '' THEN now() + nullif($8::interval, interval '0') END,
		    provider_id = $9, scope = nullif($10, ''), updated_at = now()
		FROM before WHERE a.id = before.id RETURNING a.id, before.name, before.image`,
		v.id.Issuer, v.id.Subject, userID, database.Storable(v.id.Login), name, image, claimedRoles(v),
		v.p.Spec().RolesMaxAge, v.p.Spec().Name, strings.Join(v.id.Scopes, ",")).Scan(&accountID, &beforeName, &beforeImage)
	if errors.Is(err, pgx.ErrNoRows) { // it was disconnected meanwhile
		return "", errMoved
	}
	if err != nil {
		return "", err
	}
	_, err = tx.Exec(ctx, `
		UPDATE gatepost."user" SET name = CASE WHEN name IN ('', $2) AND $3 <> '' THEN $3 ELSE name END,
		    image = CASE WHEN coalesce(image, '') IN ('', $4) AND $5 <> '' THEN $5 ELSE image END, updated_at = now()
		WHERE id = $1 AND (name IN ('', $2) AND $3 NOT IN ('', name)
		    OR coalesce(image, '') IN ('', $4) AND $5 NOT IN ('', coalesce(image, '')))`,
		userID, beforeName, name, beforeImage, image)
	return accountID, err
}

// claimedName is the name that a provider gives, if it can be one here.
func claimedName(v visit) string {
	name, err := canonicalName(v.id.Name)
	if err != nil {
		return ""
	}
	return name
}

// imageMost bounds the address of a picture, in bytes.
const imageMost = 2048

func claimedImage(v visit) string {
	if image := v.id.Picture; len(image) <= imageMost && strings.HasPrefix(image, "https://") &&
		image == database.Storable(image) {
		return image
	}
	return ""
}

func claimedRoles(v visit) string {
	roles := slices.DeleteFunc(slices.Clone(v.id.Roles), func(r string) bool { return !session.ValidRole(r) })
	slices.Sort(roles)
	return strings.Join(slices.Compact(roles), ",")
}

// wayIn is a row of account that outlives the first proof of a mailbox: an identity, the row by which a session was
// made, the password, or what was made together with the user.
type wayIn struct {
	issuer, subject string
	session         secret.Token
	password, first bool
}

// proveMailbox confirms the address of a locked user for the first time. Up to now anybody may have made and used
// the account, so everything that was made before goes: passwords and other ways in, sessions, half sign-ins, links,
// mail that waits, and familiar places. Id and roles stay, and so does the way in by which the mailbox was proved.
// took reports that there was another way in: then the name, the picture and a username that was chosen go too, as
// they may be a stranger's. The caller makes the new session.
func (s *Store) proveMailbox(ctx context.Context, tx pgx.Tx, userID string, keep wayIn, c secret.Client) (took bool,
	err error) {
	if err := dropStrangersFactors(ctx, tx, userID, keep.session); err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, `
		UPDATE gatepost."user" SET email_verified = true, updated_at = now() WHERE id = $1 AND NOT email_verified`,
		userID)
	if err != nil {
		return false, err
	}
	gone, err := tx.Exec(ctx, `
		DELETE FROM gatepost.account a WHERE user_id = $1 AND NOT (issuer = $2 AND account_id = $3)
		    AND NOT ($4 AND provider_id = 'credential')
		    AND NOT ($5 AND created_at = (SELECT created_at FROM gatepost."user" WHERE id = $1))
		    AND NOT EXISTS (SELECT FROM gatepost.session s WHERE s.token = $6 AND s.user_id = $1
		        AND CASE WHEN s.account_id IS NULL THEN a.provider_id = 'credential' ELSE s.account_id = a.id END)`,
		userID, keep.issuer, keep.subject, keep.password, keep.first, keep.session.Hash())
	if err != nil {
		return false, err
	}
	b := &pgx.Batch{}
	b.Queue(`DELETE FROM gatepost.session WHERE user_id = $1 AND token <> $2 AND `+session.Because("revoked"), userID,
		keep.session.Hash())
	b.Queue(`DELETE FROM gatepost.challenge WHERE user_id = $1`, userID)
	b.Queue(`DELETE FROM gatepost.trusted_browser WHERE user_id = $1`, userID)
	b.Queue(`DELETE FROM gatepost.api_token WHERE user_id = $1`, userID)
	b.Queue(`DELETE FROM gatepost.throttle WHERE user_id = $1`, userID)
	b.Queue(`DELETE FROM gatepost.familiar WHERE user_id = $1`, userID)
	b.Queue(`DELETE FROM gatepost.signup_browser WHERE user_id = $1`, userID)
	b.Queue(`DELETE FROM gatepost.provider_flow WHERE user_id = $1`, userID)
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return false, err
	}
	if _, err := session.CloseImported(ctx, tx, userID); err != nil {
		return false, err
	}
	if err := mail.Void(ctx, tx, userID); err != nil || gone.RowsAffected() == 0 {
		return false, err
	}
	_, err = tx.Exec(ctx, `
		UPDATE gatepost."user" SET name = '', image = NULL, username_chosen = false,
		    username = CASE WHEN NOT username_chosen THEN username END
		WHERE id = $1`, userID)
	if err != nil {
		return true, err
	}
	if err := s.outbox.Post(ctx, tx, mail.NewLetter(mail.Taken, userID, "", c)); err != nil {
		return true, err
	}
	return true, s.record(ctx, tx, "take-over", userID, c)
}
