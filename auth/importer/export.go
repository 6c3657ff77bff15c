package importer

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
)

// Export calls f with every user, by id, as they were at one moment, with their hashes; and with their sessions if
// asked for; and at the end the names of people who are gone, in an Exported without an id. A JSON source reads the
// same again. An error of f ends it and is returned.
func Export(ctx context.Context, db *database.DB, sessions bool, f func(Exported) error) error {
	tx, err := db.Work.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return db.Unavailable("export", err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // it has written nothing
	for last := ""; ; {
		list, err := exportAfter(ctx, tx, last, sessions)
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
func exportAfter(ctx context.Context, tx pgx.Tx, last string, sessions bool) ([]Exported, error) {
	rows, err := tx.Query(ctx, `
		SELECT id, email, email_verified, name, coalesce(username, ''), username IS NOT NULL AND NOT username_chosen,
		    coalesce(image, ''), role, `+database.Readable(`created_at`)+`,
		    disabled_at IS NOT NULL, CASE WHEN disabled_at IS NOT NULL THEN `+database.Readable(`disabled_until`)+` END
		FROM gatepost."user" WHERE id > $1 ORDER BY id LIMIT $2`, last, batch)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Exported, error) {
		var e Exported
		var roles string
		var until *time.Time
		err := row.Scan(&e.ID, &e.Email, &e.EmailVerified, &e.Name, &e.Username, &e.UsernameGiven, &e.Image, &roles,
			&e.CreatedAt, &e.Disabled, &until)
		e.Roles, e.DisabledUntil = splitRoles(roles), orZero(until).UTC()
		e.CreatedAt, e.Accounts = e.CreatedAt.UTC(), []ExportedAccount{}
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
	if err := exportNames(ctx, tx, ids, byID); err != nil {
		return nil, err
	}
	if sessions {
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
