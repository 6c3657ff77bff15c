package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/internal/seal"
)

const (
	// anewBatch is how many values one transaction seals anew: it holds their rows for some milliseconds.
	anewBatch = 200
	// anewPasses is how often values are tried that others hold, and anewRest the time between two tries.
	anewPasses = 5
	anewRest   = 500 * time.Millisecond
)

// countSealed counts the values that are sealed with the first key already, by column, and returns about how many
// others there are.
func (s *Store) countSealed(ctx context.Context, r *Rotation) (about int64, err error) {
	head, err := seal.Head(r.Key)
	if err != nil {
		return 0, err
	}
	for _, c := range seal.Columns {
		n, others := Rotated{Column: c}, int64(0)
		err := s.db.Work.QueryRow(ctx, fmt.Sprintf(`
			SELECT count(*) FILTER (WHERE substring(%[1]s FROM 1 FOR $1) = $2),
			    count(*) FILTER (WHERE substring(%[1]s FROM 1 FOR $1) <> $2)
			FROM gatepost.%[2]s WHERE %[1]s IS NOT NULL`, c.Name, c.Table), len(head), head).Scan(&n.Already, &others)
		if err != nil {
			return 0, s.db.Unavailable("change keys", err)
		}
		r.Columns = append(r.Columns, n)
		about += others
	}
	return about, nil
}

// sealAnew seals the values of all columns anew, and counts. progress is called with how many were read so far.
func (s *Store) sealAnew(ctx context.Context, list []Rotated, progress func(read int64)) error {
	var read int64
	for i := range list {
		for pass := range anewPasses {
			if pass > 0 && !database.Wait(ctx, anewRest) {
				return ctx.Err()
			}
			err := s.passOver(ctx, &list[i], func(more int) {
				if pass == 0 { // those of later ones were read before
					read += int64(more)
				}
				progress(read)
			})
			if err != nil {
				return err
			}
			if list[i].Held == 0 {
				break
			}
		}
	}
	return nil
}

// passOver tries each value of a column once that is not sealed with the first key. Held, NoKey and Damaged are then
// those of this pass.
func (s *Store) passOver(ctx context.Context, r *Rotated, read func(more int)) error {
	r.Held, r.NoKey, r.Damaged = 0, 0, 0
	for last := ""; ; {
		list, err := s.sealedOtherwise(ctx, r.Column, last)
		if err != nil || len(list) == 0 {
			return err
		}
		last = list[len(list)-1].row
		var anew resealed
		for _, v := range list {
			value, err := s.o.Keys.Open(r.Column, v.row, v.sealed)
			switch {
			case errors.Is(err, seal.ErrOtherKey):
				r.NoKey++
				continue
			case err != nil:
				r.Damaged++
				continue
			}
			if err := anew.add(s.o.Keys, r.Column, v, value); err != nil {
				return err
			}
		}
		n, err := s.writeAnew(ctx, r.Column, anew)
		if err != nil {
			return err
		}
		r.Anew += n
		r.Held += int64(len(anew.rows)) - n
		read(len(list))
	}
}

// sealedValue is a value as it stands in its row.
type sealedValue struct {
	row    string
	sealed []byte
}

// resealed are values of a column, as they were read and as they are to be. Its lists are of the same length.
type resealed struct {
	rows     []string
	was, now [][]byte
}

func (n *resealed) add(ks seal.Keys, c seal.Column, v sealedValue, value []byte) error {
	now, err := ks.Seal(c, v.row, value)
	n.rows, n.was, n.now = append(n.rows, v.row), append(n.was, v.sealed), append(n.now, now)
	return err
}

// sealedOtherwise returns the next values that are not sealed with the first key, in the order of their rows.
func (s *Store) sealedOtherwise(ctx context.Context, c seal.Column, last string) ([]sealedValue, error) {
	head, err := seal.Head(s.o.Keys.IDs()[0])
	if err != nil {
		return nil, err
	}
	rows, _ := s.db.Work.Query(ctx, fmt.Sprintf(`
		SELECT %[1]s, %[2]s FROM gatepost.%[3]s WHERE %[1]s > $1 AND substring(%[2]s FROM 1 FOR $2) <> $3
		ORDER BY %[1]s LIMIT $4`, c.Row, c.Name, c.Table), last, len(head), head, anewBatch)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (v sealedValue, err error) {
		return v, row.Scan(&v.row, &v.sealed)
	}) // reports an error of Query
	return list, s.db.Unavailable("change keys", err)
}

// writeAnew writes values whose rows still have what was read and are held by nobody, and returns how many. It makes
// and ends no session, and locks rows of several users: it waits for none of them, so that nobody waits in a circle.
// The note of the key, which it may have to wait for, comes first.
func (s *Store) writeAnew(ctx context.Context, c seal.Column, anew resealed) (n int64, err error) {
	if len(anew.rows) == 0 {
		return 0, nil
	}
	err = s.db.Background(ctx, "change keys", func(ctx context.Context, tx pgx.Tx) error {
		if err := s.noteKey(ctx, tx); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, fmt.Sprintf(`
			WITH free AS MATERIALIZED (
			    SELECT t.%[1]s AS id FROM gatepost.%[3]s t
			    JOIN unnest($1::text[], $2::bytea[]) AS was (id, value) ON was.id = t.%[1]s AND was.value = t.%[2]s
			    WHERE t.%[1]s = ANY ($1::text[])
			    FOR NO KEY UPDATE OF t SKIP LOCKED)
			UPDATE gatepost.%[3]s t SET %[2]s = anew.value
			FROM free JOIN unnest($1::text[], $3::bytea[]) AS anew (id, value) ON anew.id = free.id
			WHERE t.%[1]s = free.id`, c.Row, c.Name, c.Table), anew.rows, anew.was, anew.now)
		n = tag.RowsAffected()
		return err
	})
	return n, err
}
