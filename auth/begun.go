package auth

import (
	"context"
	"net/netip"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/internal/share"
)

// The most rows of what strangers begin, sign-ins at providers and challenges to passkeys, that are under way: from one
// client's network, from the widest network around it, and in total. Beyond them the oldest of the network end, or the
// oldest of the network that has most.
const (
	begunPerNetwork = 200
	begunPerWide    = 2_000
	begunMost       = 20_000
)

// begunBy is the network whose share such a row counts for.
type begunBy struct {
	narrow, wide string
	most         int
}

func networkOf(client netip.Addr) begunBy {
	n := begunBy{share.Narrowest(client), share.Narrowest(client), begunPerNetwork}
	if share.Inner(client) { // a proxy that forwards for everybody, perhaps
		n.most = begunPerWide
	}
	if networks := share.Networks(client); len(networks) > 0 {
		n.wide = networks[0].String()
	}
	return n
}

// bound ends the oldest rows of a table, whose key is given, of whoever has too many. Rows that somebody else is ending
// are left to them.
func (n begunBy) bound(ctx context.Context, tx pgx.Tx, table, key string) error {
	table = "gatepost." + table
	oldest := `DELETE FROM ` + table + ` WHERE ` + key + ` IN (SELECT ` + key + ` FROM ` + table + ` WHERE `
	b := &pgx.Batch{}
	b.Queue(oldest+`network = $1 ORDER BY created_at DESC, `+key+` OFFSET $2 FOR UPDATE SKIP LOCKED)`,
		n.narrow, n.most)
	b.Queue(oldest+`wide = $1 ORDER BY created_at DESC, `+key+` OFFSET $2 FOR UPDATE SKIP LOCKED)`, n.wide,
		begunPerWide)
	b.Queue(oldest+`(SELECT count(*) FROM `+table+`) > $1 AND wide = (
		        SELECT wide FROM `+table+` GROUP BY wide ORDER BY count(*) DESC, wide LIMIT 1)
		    ORDER BY created_at, `+key+` LIMIT 1 FOR UPDATE SKIP LOCKED)`, begunMost)
	return tx.SendBatch(ctx, b).Close()
}
