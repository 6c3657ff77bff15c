package importer

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/factor"
)

// ExportOptions say what an export has besides the users.
type ExportOptions struct {
	Sessions bool
	// Open returns the key of an authenticator app, which is encrypted; an export has those that it opens. Nil: no key
	// is exported, and of each user only whether they have a second factor.
	Open func(userID string, sealed []byte) (factor.Key, error)
}

// hasFactorSQL is whether the user u has a second factor, as the rules of an import have it (Rules.HasFactor).
const hasFactorSQL = `(EXISTS (SELECT FROM gatepost.totp t WHERE t.user_id = u.id)
    OR EXISTS (SELECT FROM gatepost.passkey k WHERE k.user_id = u.id))`

// Export calls f with every user, by id, as they were at one moment, with their hashes, and with what the options ask
// for; and at the end the names of people who are gone, in an Exported without an id. A JSON source reads the
// same again. An error of f ends it and is returned.
func Export(ctx context.Context, db *database.DB, o ExportOptions, f func(Exported) error) error {
	tx, err := db.Work.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return db.Unavailable("export", err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // it has written nothing
	for last := ""; ; {
		list, err := exportAfter(ctx, tx, last, o)
		if err != nil {
			return db.Unavailable("export", err)
		}
		for _, e := range list {
			if err := f(e); err != nil {
				return err
			}
		}
		if len(list) < batch {
			return exportGone(ctx, tx, f)
		}
		last = list[len(list)-1].ID
	}
}

// exportAfter reads some users whose ids come after one.
func exportAfter(ctx context.Context, tx pgx.Tx, last string, o ExportOptions) ([]Exported, error) {
	rows, err := tx.Query(ctx, `
		SELECT id, email, email_verified, name, coalesce(username, ''), username IS NOT NULL AND NOT username_chosen,
		    coalesce(image, ''), role, `+database.Readable(`created_at`)+`,
		    disabled_at IS NOT NULL, CASE WHEN disabled_at IS NOT NULL THEN `+database.Readable(`disabled_until`)+` END,
		    `+hasFactorSQL+`, (SELECT t.secret FROM gatepost.totp t WHERE t.user_id = u.id)
		FROM gatepost."user" u WHERE id > $1 ORDER BY id LIMIT $2`, last, batch)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Exported, error) {
		var e Exported
		var roles string
		var until *time.Time
		var sealed []byte
		err := row.Scan(&e.ID, &e.Email, &e.EmailVerified, &e.Name, &e.Username, &e.UsernameGiven, &e.Image, &roles,
			&e.CreatedAt, &e.Disabled, &until, &e.SecondFactor, &sealed)
		if sealed != nil && o.Open != nil {
			if key, err := o.Open(e.ID, sealed); err == nil { // else they have a second factor, and no key
				e.TOTPSecret = key.Base32()
			}
		}
		e.Roles, e.DisabledUntil = splitRoles(roles), orZero(until).UTC()
		e.CreatedAt, e.Accounts = e.CreatedAt.UTC(), []ExportedAccount{}
		e.Passkeys = []ExportedPasskey{}
		if e.Roles == nil {
			e.Roles = []string{}
		}
		return e, err
	})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	byID, ids := map[string]*Exported{}, make([]string, len(list))
	for i := range list {
		byID[list[i].ID], ids[i] = &list[i], list[i].ID
	}
	if err := exportAccounts(ctx, tx, ids, byID); err != nil {
		return nil, err
	}
	if err := exportPasskeys(ctx, tx, ids, byID); err != nil {
		return nil, err
	}
	if err := exportNames(ctx, tx, ids, byID); err != nil {
		return nil, err
	}
	if o.Sessions {
		err = exportSessions(ctx, tx, ids, byID)
	}
	return list, err
}

func exportAccounts(ctx context.Context, tx pgx.Tx, ids []string, byID map[string]*Exported) error {
	rows, err := tx.Query(ctx, `
		SELECT user_id, provider_id, issuer, account_id, coalesce(password, ''), `+database.Readable(`created_at`)+`
		FROM gatepost.account WHERE user_id = ANY ($1) ORDER BY user_id, created_at, id`, ids)
	if err != nil {
		return err
	}
	var user, hash string
	var a ExportedAccount
	_, err = pgx.ForEachRow(rows, []any{&user, &a.Provider, &a.Issuer, &a.Subject, &hash, &a.CreatedAt}, func() error {
		if a.Provider == credentialProvider {
			byID[user].Password = hash
			return nil
		}
		a.CreatedAt = a.CreatedAt.UTC()
		byID[user].Accounts = append(byID[user].Accounts, a)
		return nil
	})
	return err
}

func exportSessions(ctx context.Context, tx pgx.Tx, ids []string, byID map[string]*Exported) error {
	rows, err := tx.Query(ctx, `
		SELECT user_id, token, `+database.Readable(`created_at`)+`, `+database.Readable(`expires_at`)+`
		FROM gatepost.session WHERE user_id = ANY ($1) AND expires_at > now() ORDER BY user_id, created_at, id`, ids)
	if err != nil {
		return err
	}
	var user string
	var s ExportedSession
	_, err = pgx.ForEachRow(rows, []any{&user, &s.Token, &s.CreatedAt, &s.ExpiresAt}, func() error {
		s.CreatedAt, s.ExpiresAt = s.CreatedAt.UTC(), s.ExpiresAt.UTC()
		byID[user].Sessions = append(byID[user].Sessions, s)
		return nil
	})
	return err
}
