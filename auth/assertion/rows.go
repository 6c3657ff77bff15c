package assertion

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/internal/seal"
)

// rowsMost bounds how many rows are read. There are three at most, unless somebody has written more.
const rowsMost = 100

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// farthest is the greatest distance of a time from now, in seconds. Longer ones are no time.Duration.
const farthest = `1e9`

// read returns the keys of the rows. What is no key of a gate's making is left out, as if it were not there: it harms
// nobody, and nobody who can write rows can have a key of theirs published.
func (k *Keyring) read(ctx context.Context, from querier) (list []dated, err error) {
	rows, _ := from.Query(ctx, `
		SELECT id, private, least(greatest(extract(epoch FROM `+database.Readable(`active_from`)+` - now()),
		    -`+farthest+`), `+farthest+`)::float8
		FROM gatepost.assertion_key WHERE length(id) = 43 AND octet_length(private) < 1024
		ORDER BY active_from DESC, id LIMIT $1`, rowsMost)
	var id string
	var sealed []byte
	var activeIn float64
	_, err = pgx.ForEachRow(rows, []any{&id, &sealed, &activeIn}, func() error { // reports an error of Query
		d := dated{id: id, activeIn: time.Duration(activeIn * float64(time.Second))}
		private, err := k.o.Keys.Open(seal.AssertionKey, id, sealed)
		if err == nil {
			d.key, err = readKey(id, private)
		}
		if err == nil || errors.Is(err, seal.ErrOtherKey) || errors.Is(err, seal.ErrNoKey) {
			list = append(list, d)
		} else {
			k.o.Log.DebugContext(ctx, "a row of assertion_key is no key", "id", id, "err", err)
		}
		return nil
	})
	return list, err
}

// advance does what has to be done with the rows, after change, and returns what is there then. A lock lets one gate at
// a time do so, and another then finds it done. change may be nil.
func (k *Keyring) advance(ctx context.Context, change func(context.Context, pgx.Tx, []dated) error) (
	rows []dated, err error) {
	err = k.db.Background(ctx, "change the keys of the assertion", func(ctx context.Context, tx pgx.Tx) error {
		// It does not hinder who reads.
		if _, err := tx.Exec(ctx, `LOCK TABLE gatepost.assertion_key IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		if rows, err = k.read(ctx, tx); err != nil {
			return err
		}
		if change != nil {
			if err := change(ctx, tx, rows); err != nil {
				return err
			}
			if rows, err = k.read(ctx, tx); err != nil {
				return err
			}
		}
		if err := k.apply(ctx, tx, next(rows)); err != nil {
			return err
		}
		rows, err = k.read(ctx, tx)
		return err
	})
	return rows, err
}

func (k *Keyring) apply(ctx context.Context, tx pgx.Tx, s step) error {
	if s.make {
		if _, err := k.insert(ctx, tx, s.in); err != nil {
			return err
		}
	}
	if len(s.drop) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `DELETE FROM gatepost.assertion_key WHERE id = ANY ($1)`, s.drop)
	return err
}

// insert makes a key that signs in some time.
func (k *Keyring) insert(ctx context.Context, tx pgx.Tx, in time.Duration) (id string, err error) {
	made, private, err := newKey()
	if err != nil {
		return "", err
	}
	sealed, err := k.o.Seal(ctx, tx, made.id, private)
	if err != nil {
		return "", err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO gatepost.assertion_key (id, private, active_from) VALUES ($1, $2, now() + $3::interval)`,
		made.id, sealed, in)
	return made.id, err
}
