package session

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// tokenUses gathers the API tokens whose use has to be written down, so that no request waits for the write.
type tokenUses struct {
	write   func(ids, clients []string)
	watch   upkeep.Watch
	mu      sync.Mutex
	pending map[string]netip.Addr // the client by the id of the token
}

// add notes a use. The first pending one schedules the write.
func (u *tokenUses) add(id string, by netip.Addr) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.pending == nil {
		u.pending = map[string]netip.Addr{}
		time.AfterFunc(slideDelay, u.watch.Guard("write down the use of API tokens", u.flush))
	}
	if len(u.pending) < slideBatch {
		u.pending[id] = by
	}
}

// flush writes the pending uses.
func (u *tokenUses) flush() {
	u.mu.Lock()
	pending := u.pending
	u.pending = nil
	u.mu.Unlock()
	var ids, clients []string
	for id, by := range pending {
		client := ""
		if by.IsValid() {
			client = by.String()
		}
		ids, clients = append(ids, id), append(clients, client)
	}
	if len(ids) > 0 {
		u.write(ids, clients)
	}
}

// writeTokenUses writes the last use of API tokens. A failure costs their users one interval, so it is only logged.
func (r *Reader) writeTokenUses(ids, clients []string) {
	ctx, cancel := context.WithTimeout(context.Background(), database.Timeout)
	defer cancel()
	_, err := r.db.Work.Exec(ctx, `
		UPDATE gatepost.api_token t SET used_at = now(), used_from = used.client
		FROM unnest($1::text[], $2::text[]) AS used (id, client)
		WHERE t.id = used.id AND t.id IN (
		    SELECT id FROM gatepost.api_token WHERE id = ANY ($1)
		        AND coalesce(used_at < now() - `+tokenNoted+`, true)
		    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)`, ids, clients)
	if err != nil {
		r.o.Log.WarnContext(ctx, "the use of API tokens was not written down", "tokens", len(ids), "err", err)
	}
}
