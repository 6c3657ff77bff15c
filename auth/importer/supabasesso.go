package importer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// errBesideAnother is why a user of single sign-on is not brought over who shares an address.
var errBesideAnother = errors.New("signs in by single sign-on (SSO), and somebody who does not has the same address " +
	"there, and keeps it: two people are never merged")

// apart tells the users of single sign-on from those who may have the same address: Supabase has it unique among the
// others alone, as the server of a company may say any address. So it does not count as confirmed, and a password of
// theirs opens nothing, as it does not there. They come with the account at their company's server or not at all: a
// mail would let them in past it.
func (s Supabase) apart(ctx context.Context, r *reader, people byID) error {
	u := r.tables["users"]
	sso := u.columns["is_sso_user"]
	if sso == "" {
		return nil
	}
	email, there := u.columns["email"], ``
	if deleted := u.columns["deleted_at"]; deleted != "" {
		there = ` AND o.` + deleted + ` IS NULL`
	}
	rows, err := r.tx.Query(ctx, `
		SELECT `+u.text("u", "id")+`, EXISTS (SELECT FROM `+u.name+` o
		    WHERE NOT o.`+sso+` AND o.`+email+` = u.`+email+there+`)
		FROM `+u.name+` u WHERE u.`+sso+` AND u.`+u.columns["id"]+`::text = ANY ($1)`, people.ids())
	if err != nil {
		return err
	}
	var user string
	var shared bool
	_, err = pgx.ForEachRow(rows, []any{&user, &shared}, func() error {
		p := people[user]
		p.Verified, p.Password, p.Unknown = false, "", nil
		switch {
		case shared:
			p.fail(errBesideAnother)
		case len(p.Identities) == 0:
			p.fail(p.unknownSSO())
		}
		return nil
	})
	return err
}

// unknownSSO is why somebody is not brought over whose company's server is not known here.
func (p *Person) unknownSSO() error {
	if len(p.providers) == 0 {
		return errors.New("signs in by single sign-on (SSO), and has no account of it there")
	}
	return fmt.Errorf("signs in by single sign-on (SSO) at %s: say whose accounts these are with --issuer %s=https://…",
		strings.Join(p.providers, ", "), p.providers[0])
}
