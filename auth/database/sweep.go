package database

import (
	"context"
	"fmt"
	"strings"
)

// sweepBatch keeps the transactions of a sweep short: they never hold rows that somebody waits for.
const sweepBatch = 1000

// Sweep deletes rows of a table, some at a time, and returns how many those were. doomed begins with the table's name
// and picks them, as in "session WHERE expires_at < now() ORDER BY expires_at". Rows that somebody holds are left for
// the next time. It fails as Unavailable does.
func (d *DB) Sweep(ctx context.Context, doomed string) (total int64, err error) {
	table, _, _ := strings.Cut(doomed, " ")
	for {
		// A ctid names a row within one partition only, and an operator may have made some.
		tag, err := d.Work.Exec(ctx, fmt.Sprintf(`
			WITH doomed AS MATERIALIZED (SELECT tableoid, ctid FROM gatepost.%s LIMIT %d FOR UPDATE SKIP LOCKED)
			DELETE FROM gatepost.%s t USING doomed d WHERE t.ctid = d.ctid
			    AND t.tableoid = d.tableoid`, doomed, sweepBatch, table))
		if err != nil {
			return total, d.Unavailable("sweep "+table, err)
		}
		total += tag.RowsAffected()
		if tag.RowsAffected() < sweepBatch {
			return total, nil
		}
	}
}
