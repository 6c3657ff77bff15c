package auth

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/internal/seal"
)

// seal encrypts a value for a row, in the transaction that writes the row, and notes the key used. It fails with
// seal.ErrNoKey.
func (s *Store) seal(ctx context.Context, tx pgx.Tx, c seal.Column, row string, value []byte) ([]byte, error) {
	sealed, err := s.o.Keys.Seal(c, row, value)
	if err != nil {
		return nil, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO gatepost.encryption_key (id) VALUES ($1) ON CONFLICT DO NOTHING`,
		s.o.Keys.IDs()[0])
	return sealed, err
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
