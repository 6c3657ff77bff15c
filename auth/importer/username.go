package importer

import (
	"context"
	"regexp"
	"slices"

	"github.com/jackc/pgx/v5"
)

// nameTaken is why a username is not written.
const nameTaken = "is another user's here, or was one's: it is not given again"

// name has a new person come without a username that is not free, which is told. Otherwise it is theirs in o.
func (o owners) name(p *plan) []Line {
	if p.Username == "" {
		return nil
	}
	if _, taken := o.usernames[p.Username]; taken {
		p.Username = ""
		delete(p.fields, usernameField)
		return []Line{p.line(resultKept, usernameField, nameTaken)}
	}
	o.usernames[p.Username] = p.ID
	return nil
}

// hashed is what a hash of a name looks like.
var hashed = regexp.MustCompile(`^[0-9a-f]{64}$`)

// takeNames takes names for a user who had them, or for nobody, unless they are taken.
func takeNames(ctx context.Context, tx pgx.Tx, hashes []string, userID string) error {
	if len(hashes) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO gatepost.username_taken (hash, user_id) SELECT unnest($1::text[]), nullif($2, '')
		ON CONFLICT (hash) DO NOTHING`, hashes, userID)
	return err
}

// gone reports whether a Person is names of people who are gone, and nobody.
func (p *Person) gone() bool {
	return p.ID == "" && p.Email == "" && p.Err == nil && len(p.UsernamesTaken) > 0
}

// takeGone takes the names of people who are gone, and returns the others.
func (r *run) takeGone(ctx context.Context, people []Person) (others []Person, err error) {
	var hashes []string
	for _, p := range people {
		if p.gone() {
			hashes = append(hashes, p.UsernamesTaken...)
		} else {
			others = append(others, p)
		}
	}
	if len(hashes) == 0 {
		return others, nil
	}
	return others, r.inTx(ctx, r.db.Patiently, func(ctx context.Context, tx pgx.Tx) error {
		return takeNames(ctx, tx, hashes, "")
	})
}

// exportNames adds the hashes of the names that users had before.
func exportNames(ctx context.Context, tx pgx.Tx, ids []string, byID map[string]*Exported) error {
	rows, err := tx.Query(ctx, `
		SELECT t.user_id, t.hash FROM gatepost.username_taken t JOIN gatepost."user" u ON u.id = t.user_id
		WHERE t.user_id = ANY ($1) AND t.hash IS DISTINCT FROM encode(sha256(convert_to(u.username, 'UTF8')), 'hex')
		ORDER BY t.hash`, ids)
	if err != nil {
		return err
	}
	var user, hash string
	_, err = pgx.ForEachRow(rows, []any{&user, &hash}, func() error {
		byID[user].UsernamesTaken = append(byID[user].UsernamesTaken, hash)
		return nil
	})
	return err
}

// exportGone calls f with the hashes of the names of people who are gone, some at a time.
func exportGone(ctx context.Context, tx pgx.Tx, f func(Exported) error) error {
	for last := ""; ; {
		rows, err := tx.Query(ctx, `
			SELECT hash FROM gatepost.username_taken WHERE user_id IS NULL AND hash > $1 ORDER BY hash LIMIT $2`, last, batch)
		if err != nil {
			return err
		}
		hashes, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(hashes) == 0 {
			return err
		}
		if err := f(Exported{UsernamesTaken: slices.Clone(hashes)}); err != nil {
			return err
		}
		last = hashes[len(hashes)-1]
	}
}
