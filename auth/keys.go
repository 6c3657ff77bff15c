package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/internal/seal"
)

// seal encrypts a value for a row, in the transaction that writes the row, and notes the key used. It fails with
// seal.ErrNoKey, and for a column that no change of keys would reach.
func (s *Store) seal(ctx context.Context, tx pgx.Tx, c seal.Column, row string, value []byte) ([]byte, error) {
	if !slices.Contains(seal.Columns, c) {
		return nil, fmt.Errorf("%s.%s is not in seal.Columns", c.Table, c.Name)
	}
	sealed, err := s.o.Keys.Seal(c, row, value)
	if err != nil {
		return nil, err
	}
	return sealed, s.noteKey(ctx, tx)
}

// noteKey notes that the first key is used, and keeps the note from being deleted before the transaction ends: a
// change of keys then waits, and sees what is written meanwhile.
func (s *Store) noteKey(ctx context.Context, tx pgx.Tx) error {
	id := s.o.Keys.IDs()[0]
	for {
		b := &pgx.Batch{}
		b.Queue(`INSERT INTO gatepost.encryption_key (id) VALUES ($1) ON CONFLICT DO NOTHING`, id)
		b.Queue(`SELECT id FROM gatepost.encryption_key WHERE id = $1 FOR KEY SHARE`, id).QueryRow(
			func(row pgx.Row) error { return row.Scan(&id) })
		err := tx.SendBatch(ctx, b).Close()
		if !errors.Is(err, pgx.ErrNoRows) { // else it was deleted between the two
			return err
		}
	}
}

// CheckKeys fails if a value was encrypted with a key that the Store does not have. It also fails with
// database.ErrUnavailable.
func (s *Store) CheckKeys(ctx context.Context) error {
	return s.db.Repeat(ctx, "read the keys in use", func(ctx context.Context) error {
		return CheckKeys(ctx, s.db.Pages, s.o.Keys)
	})
}

// CheckKeys fails if a value in a migrated database was encrypted with a key that is not in keys: a gate without
// that key would lose users' data row by row.
func CheckKeys(ctx context.Context, db *pgxpool.Pool, keys seal.Keys) error {
	rows, err := db.Query(ctx, `SELECT id FROM gatepost.encryption_key ORDER BY since, id`)
	if err != nil {
		return err
	}
	missing, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	here := keys.IDs()
	missing = slices.DeleteFunc(missing, func(id string) bool { return slices.Contains(here, id) })
	if len(missing) > 0 {
		return fmt.Errorf("the database holds what was encrypted with a key that is not here (%s): put it behind "+
			"the others in GATEPOST_ENCRYPTION_KEY; what a lost key encrypted is lost", strings.Join(missing, ", "))
	}
	return nil
}
