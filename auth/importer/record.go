package importer

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// record is what earlier imports know of a person.
type record struct {
	userID string            // empty: they were deleted here
	wrote  map[string]string // digests by field
	closed bool              // no session of the source is taken any more
	// bySignIn is whether they came by a sign-in, and by no import yet.
	bySignIn bool
}

// isOf reports whether a hash is the one that an import wrote, in whatever form it is here now.
func (r *record) isOf(hash string) bool {
	d := digest(passwordField, hash)
	return d == r.wrote[passwordField] || d == r.wrote[wrappedField]
}

// Fallback is the source under which people are remembered who came by a sign-in that the system before answered. An
// import of theirs takes them for its own (adopt).
const Fallback = "fallback"

// WroteBySignIn is what a record says of somebody who came by a sign-in. Their hash is of a password of the source,
// which has given none.
func WroteBySignIn(email string, verified bool, name, hash string) string {
	p := plan{Person: Person{Email: email, Verified: verified, Name: name}, roles: "user"}
	wrote := digests(p.values())
	wrote[wrappedField] = digest(passwordField, hash)
	return asJSON(wrote)
}

// remember gives each plan its record. Without one of this source, it is that of somebody who was deleted here,
// whatever source they came from, or who came by a sign-in.
func (r *run) remember(ctx context.Context, tx pgx.Tx, plans []*plan) error {
	rows, err := tx.Query(ctx, `
		SELECT source_id, coalesce(user_id, ''), coalesce(wrote, '{}'), closed_at IS NOT NULL, source <> $1
		FROM gatepost.import_record WHERE source = ANY ($3) AND source_id = ANY ($2)
		    AND (source IN ($1, $4) OR user_id IS NULL)
		ORDER BY source = $1, user_id NULLS LAST`, r.name, ids(plans), r.sources, Fallback)
	if err != nil {
		return err
	}
	records := map[string]*record{}
	var id string
	var one record
	_, err = pgx.ForEachRow(rows, []any{&id, &one.userID, &one.wrote, &one.closed, &one.bySignIn}, func() error {
		records[id] = new(one) // the last of an id is the one that counts
		one.wrote = nil
		return nil
	})
	for _, p := range plans {
		p.record = records[p.ID]
		p.recall()
	}
	return err
}

// findSources reads which sources people came from so far. No other import adds one meanwhile.
func (r *run) findSources(ctx context.Context) error {
	rows, err := r.db.Work.Query(ctx, `SELECT DISTINCT source FROM gatepost.import_record`)
	if err != nil {
		return r.db.Unavailable("import", err)
	}
	r.sources, err = pgx.CollectRows(rows, pgx.RowTo[string])
	r.sources = append(r.sources, r.name, Fallback)
	return r.db.Unavailable("import", err)
}

// adopt makes locked users who came by a sign-in those of this source, if the source has them with the address that
// they have here. The same id with another address may be somebody else's.
func (r *run) adopt(ctx context.Context, tx pgx.Tx, plans []*plan) error {
	var newcomers []*plan
	var emails []string
	for _, p := range plans {
		if email, err := r.o.Rules.Email(p.Email); err == nil && p.record.bySignIn {
			newcomers, emails = append(newcomers, p), append(emails, email)
		}
	}
	if len(newcomers) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `
		UPDATE gatepost.import_record r SET source = $1, updated_at = now()
		FROM unnest($2::text[], $3::text[]) AS w (id, email), gatepost."user" u
		WHERE r.source = $4 AND r.source_id = w.id AND u.id = r.user_id AND u.email = w.email`,
		r.name, ids(newcomers), emails, Fallback)
	return err
}

func ids(plans []*plan) []string {
	list := make([]string, len(plans))
	for i, p := range plans {
		list[i] = p.ID
	}
	return list
}

// owners are who has what already: the users of ids, of addresses and of accounts at providers.
type owners struct {
	ids        map[string]bool
	addresses  map[string]holder
	identities map[[2]string]holder
	usernames  map[string]string // by name: the user who has or had it; empty: somebody who is gone, or another record
}

// holder is who has an address, or an account at a provider; no user: another record, in a dry run. Whoever may still
// undo a change from it holds it, too, and does so whatever becomes of the address that they have now.
type holder struct {
	user string
	undo bool
}

func (h holder) String() string {
	if h.user == "" {
		return "another record"
	}
	return "the user " + h.user + " here"
}

// find reads who has what the plans would write.
func find(ctx context.Context, tx pgx.Tx, plans []*plan) (o owners, err error) {
	o = owners{map[string]bool{}, map[string]holder{}, map[[2]string]holder{}, map[string]string{}}
	var emails, names, issuers, subjects []string
	for _, p := range plans {
		emails, names = append(emails, p.Email), append(names, p.Username)
		for _, i := range p.Identities {
			issuers, subjects = append(issuers, i.Issuer), append(subjects, i.Subject)
		}
	}
	b := &pgx.Batch{}
	b.Queue(`SELECT id FROM gatepost."user" WHERE id = ANY ($1)`, ids(plans)).Query(func(rows pgx.Rows) error {
		var id string
		_, err := pgx.ForEachRow(rows, []any{&id}, func() error { o.ids[id] = true; return nil })
		return err
	})
	var name string
	var had *string
	b.Queue(`
		SELECT w.name, t.user_id FROM gatepost.username_taken t
		JOIN unnest($1::text[]) AS w (name) ON t.hash = encode(sha256(convert_to(w.name, 'UTF8')), 'hex')`,
		names).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&name, &had}, func() error {
			if o.usernames[name] = ""; had != nil {
				o.usernames[name] = *had
			}
			return nil
		})
		return err
	})
	var key [2]string
	var owner string
	var undo bool
	b.Queue(`
		SELECT user_id, email, true FROM gatepost.verification WHERE email = ANY ($1) AND claims AND expires_at > now()
		UNION ALL SELECT user_id, email, true FROM gatepost.outbox WHERE email = ANY ($1)
		    AND facts @> '{"claims": true}' AND expires_at > now()
		UNION ALL SELECT id, email, false FROM gatepost."user" WHERE email = ANY ($1)`,
		emails).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&owner, &key[0], &undo}, func() error {
			if before, met := o.addresses[key[0]]; !met || before.undo {
				o.addresses[key[0]] = holder{owner, undo}
			}
			return nil
		})
		return err
	})
	b.Queue(`
		SELECT issuer, account_id, user_id FROM gatepost.account a
		JOIN unnest($1::text[], $2::text[]) AS w (issuer, account_id) USING (issuer, account_id)`,
		issuers, subjects).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&key[0], &key[1], &owner}, func() error {
			o.identities[key] = holder{user: owner}
			return nil
		})
		return err
	})
	return o, tx.SendBatch(ctx, b).Close()
}

// clash returns why a new person cannot be made beside those who are here; empty: they can, and o has them now.
func (o owners) clash(p *plan) (fault string) {
	if o.ids[p.ID] {
		return "has the id of a user here who did not come from there"
	}
	if has, taken := o.addresses[p.Email]; taken {
		return "has the address of " + has.String()
	}
	for _, i := range p.Identities {
		if has, taken := o.identities[i.key()]; taken {
			return "has the " + i.Provider + " account of " + has.String()
		}
	}
	o.ids[p.ID], o.addresses[p.Email] = true, holder{user: p.ID}
	for _, i := range p.Identities {
		o.identities[i.key()] = holder{user: p.ID}
	}
	return ""
}
