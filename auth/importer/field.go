package importer

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// writeField writes what the source says of one field of a locked user. What ends with a change here ends with one
// there, too: sessions with a password, mailed links with an address.
func (p *plan) writeField(ctx context.Context, tx pgx.Tx, field string, rules Rules) error {
	id := p.record.userID
	run := func(sql string, args ...any) error {
		_, err := tx.Exec(ctx, sql, append([]any{id}, args...)...)
		return err
	}
	switch field {
	case addressField:
		return run(`
			WITH void AS (DELETE FROM gatepost.verification WHERE user_id = $1 AND identifier NOT LIKE 'undo-change-email:%'),
			     unsent AS (DELETE FROM gatepost.outbox WHERE user_id = $1
			         AND kind IN ('verify', 'reset', 'change', 'connect', 'prove'))
			UPDATE gatepost."user" SET email = $2, email_verified = $3, updated_at = now() WHERE id = $1`,
			p.Email, p.Verified)
	case nameField:
		return run(`UPDATE gatepost."user" SET name = $2, updated_at = now() WHERE id = $1`, p.Name)
	case usernameField:
		return run(`
			UPDATE gatepost."user" SET username = nullif($2, ''), username_chosen = $3, updated_at = now() WHERE id = $1`,
			p.Username, p.Username != "" && !p.UsernameGiven)
	case imageField:
		return run(`UPDATE gatepost."user" SET image = nullif($2, ''), updated_at = now() WHERE id = $1`, p.Image)
	case rolesField:
		return run(`UPDATE gatepost."user" SET role = $2, updated_at = now() WHERE id = $1`, p.roles)
	case disabledField:
		return run(`
			UPDATE gatepost."user" SET disabled_at = CASE WHEN $2 THEN coalesce(disabled_at, now()) END,
			    disabled_until = $3, updated_at = now() WHERE id = $1`, p.Disabled, at(p.Until))
	case passwordField:
		if err := noteRecipes(ctx, tx, []string{p.Password}); err != nil {
			return err
		}
		err := run(`UPDATE gatepost.imported_session SET ended_at = now() WHERE user_id = $1 AND ended_at IS NULL`)
		if err != nil {
			return err
		}
		return rules.SetPassword(ctx, tx, id, p.Password)
	}
	return p.writeIdentity(ctx, tx, field)
}

// writeIdentity adds an account at a provider, or removes it with the sessions that it made.
func (p *plan) writeIdentity(ctx context.Context, tx pgx.Tx, field string) error {
	if p.fields[field] != "" {
		i := p.identity(field)
		return insertWaysIn(ctx, tx, []accountRow{{p.record.userID, i.Issuer, i.Provider, i.Subject, "", i.Created}})
	}
	rows, err := tx.Query(ctx, `
		SELECT id, issuer, account_id FROM gatepost.account WHERE user_id = $1 AND provider_id <> 'credential'`,
		p.record.userID)
	if err != nil {
		return err
	}
	var id, gone string
	var i Identity
	_, err = pgx.ForEachRow(rows, []any{&id, &i.Issuer, &i.Subject}, func() error {
		if i.field() == field {
			gone = id
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		WITH ended AS (DELETE FROM gatepost.session WHERE account_id = $1 AND user_id = $2)
		DELETE FROM gatepost.account WHERE id = $1`, gone, p.record.userID)
	return err
}
