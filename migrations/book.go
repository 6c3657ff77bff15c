package migrations

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3/database"
)

// The book of applied migrations is kept in two tables. A gate from before bookTable reads gooseTable only, and
// does not start when it finds an unknown version there. So versions that such a gate can run with are recorded in
// bookTable only, with the oldest version that may run. Both are in the gate's own schema, as the app may use goose
// on its default table.
const (
	gooseTable = "gatepost.goose_db_version"
	bookTable  = "gatepost.migration"
	// lastInGoose is the last version that such a gate knows.
	lastInGoose = 9
)

// book is the content of both tables.
type book struct {
	goose map[int64]bool
	later map[int64]int64 // version → the oldest version that may run since
}

func (b book) has(version int64) bool {
	_, later := b.later[version]
	return later || b.goose[version]
}

// admits fails when a gate that knows versions up to newest must not run on the tables.
func (b book) admits(newest int64) error {
	for v := range b.goose {
		if _, later := b.later[v]; v > newest && !later { // no entry admits older gates
			return errTooOld(v, newest)
		}
	}
	for _, oldest := range b.later {
		if oldest > newest {
			return errTooOld(oldest, newest)
		}
	}
	return nil
}

func errTooOld(needed, newest int64) error {
	return fmt.Errorf("the database was migrated by a newer Gatepost to where a gate has to know version %d of the "+
		"tables, and this one "+
		"knows versions up to %d: run that newer Gatepost, or restore the backup made before the upgrade", needed,
		newest)
}

func readBook(ctx context.Context, conn *pgx.Conn) (book, error) {
	b := book{map[int64]bool{}, map[int64]int64{}}
	var goose, later bool
	err := conn.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL, to_regclass($2) IS NOT NULL", gooseTable,
		bookTable).Scan(&goose, &later)
	if err != nil {
		return b, err
	}
	var version, oldest int64
	if goose {
		// ForEachRow returns the error again.
		rows, _ := conn.Query(ctx, "SELECT version_id FROM "+gooseTable+" WHERE is_applied AND version_id > 0")
		_, err = pgx.ForEachRow(rows, []any{&version}, func() error { b.goose[version] = true; return nil })
	}
	if later && err == nil {
		rows, _ := conn.Query(ctx, "SELECT version, oldest FROM "+bookTable)
		_, err = pgx.ForEachRow(rows, []any{&version, &oldest}, func() error { b.later[version] = oldest; return nil })
	}
	return b, err
}

// pen makes goose record versions in the book. Methods that it does not have are goose's.
type pen struct {
	database.Store
	oldest int64
}

// TableExists reports whether the book exists.
func (p pen) TableExists(ctx context.Context, db database.DBTxConn) (exists bool, err error) {
	err = db.QueryRowContext(ctx, "SELECT to_regclass($1) IS NOT NULL", gooseTable).Scan(&exists)
	return exists, err
}

// GetMigration finds a version in either table.
func (p pen) GetMigration(ctx context.Context, db database.DBTxConn, version int64) (*database.GetMigrationResult,
	error) {
	var later bool
	err := db.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM "+bookTable+" WHERE version = $1)", version).Scan(&later)
	if err != nil {
		return nil, err
	}
	if later {
		return &database.GetMigrationResult{IsApplied: true}, nil
	}
	return p.Store.GetMigration(ctx, db, version)
}

// Insert records a version.
func (p pen) Insert(ctx context.Context, db database.DBTxConn, req database.InsertRequest) error {
	if req.Version <= lastInGoose {
		return p.Store.Insert(ctx, db, req)
	}
	_, err := db.ExecContext(ctx, "INSERT INTO "+bookTable+" (version, oldest) VALUES ($1, $2) ON CONFLICT DO NOTHING",
		req.Version, p.oldest)
	if p.oldest > lastInGoose { // gates that do not know bookTable must find it
		err = errors.Join(err, p.Store.Insert(ctx, db, req))
	}
	return err
}
