package migrations

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3/database"
)

// The book of what was applied is kept in two tables. A gate from before there were two looks into gooseTable only, and
// does not start when it finds a version there that it does not know. So what it can live with is written into the
// other one, where a later gate asks for the oldest version that may run. The names are in our own schema: the app may
// use goose itself, on its default table.
const (
	gooseTable = "gatepost.goose_db_version"
	bookTable  = "gatepost.migration"
	// lastInGoose is the last version that such a gate knows.
	lastInGoose = 9
)

// book is what both tables say.
type book struct {
	goose map[int64]bool
	later map[int64]int64 // version → the oldest that may run since
}

func (b book) has(version int64) bool {
	_, later := b.later[version]
	return later || b.goose[version]
}

// admits says whether a gate that knows versions up to the newest may run on the tables.
func (b book) admits(newest int64) error {
	for v := range b.goose {
		if _, later := b.later[v]; v > newest && !later { // nobody said that others may go on
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
	return fmt.Errorf("the database was migrated by a newer Gatepost to where a gate has to know version %d of the tables, and this one "+
		"knows versions up to %d: run that newer Gatepost, or restore the backup made before the upgrade", needed, newest)
}

func readBook(ctx context.Context, conn *pgx.Conn) (book, error) {
	b := book{map[int64]bool{}, map[int64]int64{}}
	var goose, later bool
	err := conn.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL, to_regclass($2) IS NOT NULL", gooseTable, bookTable).Scan(&goose, &later)
	if err != nil {
		return b, err
	}
	var version, oldest int64
	if goose {
		rows, _ := conn.Query(ctx, "SELECT version_id FROM "+gooseTable+" WHERE is_applied AND version_id > 0") // the error comes again
		_, err = pgx.ForEachRow(rows, []any{&version}, func() error { b.goose[version] = true; return nil })
	}
	if later && err == nil {
		rows, _ := conn.Query(ctx, "SELECT version, oldest FROM "+bookTable)
		_, err = pgx.ForEachRow(rows, []any{&version, &oldest}, func() error { b.later[version] = oldest; return nil })
	}
	return b, err
}

// pen has goose write into the book. What it does not say itself is as goose does it.
type pen struct {
	database.Store
	oldest int64
}

func (p pen) TableExists(ctx context.Context, db database.DBTxConn) (exists bool, err error) {
	err = db.QueryRowContext(ctx, "SELECT to_regclass($1) IS NOT NULL", gooseTable).Scan(&exists)
	return exists, err
}

func (p pen) GetMigration(ctx context.Context, db database.DBTxConn, version int64) (*database.GetMigrationResult, error) {
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

func (p pen) Insert(ctx context.Context, db database.DBTxConn, req database.InsertRequest) error {
	if req.Version <= lastInGoose {
		return p.Store.Insert(ctx, db, req)
	}
	_, err := db.ExecContext(ctx, "INSERT INTO "+bookTable+" (version, oldest) VALUES ($1, $2) ON CONFLICT DO NOTHING", req.Version, p.oldest)
	if p.oldest > lastInGoose { // where gates look that do not know of the other table
		err = errors.Join(err, p.Store.Insert(ctx, db, req))
	}
	return err
}
