package database

import (
	"context"
	"fmt"
	"strings"
)

// sweepBatch keeps the transactions of a sweep short, so that they do not hold rows for long.
const sweepBatch = 1000

// Sweep deletes rows of a table in batches, and returns how many it deleted. doomed begins with the table's name
// and selects the rows, as in "session WHERE expires_at < now() ORDER BY expires_at". Locked rows are left for the
// next sweep. Sweep fails as Unavailable does.
func (d *DB) Sweep(ctx context.Context, doomed string) (total int64, err error) {
	table, _, _ := strings.Cut(doomed, " ")
	for {
		// A ctid identifies a row within one partition only, and an operator may have partitioned the table.
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
