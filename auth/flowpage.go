package auth

import (
	"context"

	"github.com/jackc/pgx/v5"
)

const (
	// flowNextMost is the longest page to come back to that a flow keeps, in bytes: as long as the gate accepts addresses.
	// Who asks for a longer one comes home.
	flowNextMost = 60 << 10
	// flowNextShort is how long a page may be that every flow keeps, in bytes. Of longer ones each network and the widest
	// around it have as many as a tenth of the flows that they may have; all together a twentieth, which is 60 MB.
	flowNextShort = 4096
)

// boundPages has the oldest flows come home of whoever has too many with a long page to come back to. The flows go on.
func (n begunBy) boundPages(ctx context.Context, tx pgx.Tx) error {
	const (
		long = `octet_length(next) > $2`
		home = `UPDATE gatepost.provider_flow SET next = '' WHERE state IN (SELECT state FROM gatepost.provider_flow WHERE `
	)
	b := &pgx.Batch{}
	b.Queue(home+long+` AND network = $1 ORDER BY created_at DESC, state OFFSET $3 FOR UPDATE SKIP LOCKED)`,
		n.narrow, flowNextShort, n.most/10)
	b.Queue(home+long+` AND wide = $1 ORDER BY created_at DESC, state OFFSET $3 FOR UPDATE SKIP LOCKED)`,
		n.wide, flowNextShort, begunPerWide/10)
	b.Queue(home+`(SELECT count(*) FROM gatepost.provider_flow WHERE `+long+`) > $1 AND `+long+` AND wide = (
		        SELECT wide FROM gatepost.provider_flow WHERE `+long+` GROUP BY wide ORDER BY count(*) DESC, wide LIMIT 1)
		    ORDER BY created_at, state LIMIT 1 FOR UPDATE SKIP LOCKED)`, begunMost/20, flowNextShort)
	return tx.SendBatch(ctx, b).Close()
}
