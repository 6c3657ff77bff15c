package importer

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
)

// newSessions returns those who have sessions that may count and are not here yet, or that end later by now.
func newSessions(ctx context.Context, tx pgx.Tx, known []*plan) (arriving []*plan, err error) {
	var tokens []string
	for _, p := range known {
		for _, s := range p.counting() {
			tokens = append(tokens, s.Token)
		}
	}
	if len(tokens) == 0 {
		return nil, nil
	}
	rows, err := tx.Query(ctx, `
		SELECT token, `+database.Readable(`expires_at`)+` FROM gatepost.imported_session WHERE token = ANY ($1)`, tokens)
	if err != nil {
		return nil, err
	}
	here := map[string]time.Time{}
	var token string
	var until time.Time
	_, err = pgx.ForEachRow(rows, []any{&token, &until}, func() error { here[token] = until; return nil })
	for _, p := range known {
		if slices.ContainsFunc(p.counting(), func(s Session) bool { return here[s.Token].Before(s.Expires) }) {
			arriving = append(arriving, p)
		}
	}
	return arriving, err
}

// counting are the sessions of a person that may count here: none beside a second factor, which they would stand for.
func (p *plan) counting() []Session {
	if p.record.closed || p.Disabled || p.hasFactor() {
		return nil
	}
	return p.Sessions
}

// bringSessions brings over sessions of locked users, and returns how many are new. One that was used at the source
// meanwhile, and ends later therefore, does so here, too. One that has ended here has its row, which stays for as long
// as the session would, so that it does not come back; one of a user whose sessions have all ended here neither.
func (r *run) bringSessions(ctx context.Context, tx pgx.Tx, plans []*plan) (fresh int64, err error) {
	var tokens, newIDs, users, addresses, agents []string
	var created, expires []time.Time
	for _, p := range plans {
		for _, s := range p.counting() {
			tokens, newIDs, users = append(tokens, s.Token), append(newIDs, secret.NewID()), append(users, p.record.userID)
			addresses, agents = append(addresses, s.Address), append(agents, database.Storable(s.UserAgent))
			created, expires = append(created, s.Created), append(expires, s.Expires)
		}
	}
	if len(tokens) == 0 {
		return 0, nil
	}
	err = tx.QueryRow(ctx, `
		WITH brought AS (
		INSERT INTO gatepost.imported_session AS here
		    (token, id, source, user_id, ip_address, user_agent, created_at, expires_at)
		SELECT token, new.id, $1, new.user_id, nullif(address, ''), nullif(agent, ''), least(created, now()), expires
		FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[])
		    AS new (token, id, user_id, address, agent, created, expires)
		JOIN gatepost."user" u ON u.id = new.user_id AND u.disabled_at IS NULL
		JOIN gatepost.import_record r ON r.user_id = u.id AND r.source = $1 AND r.closed_at IS NULL
		WHERE expires > now()
		ON CONFLICT (token) DO UPDATE SET expires_at = excluded.expires_at, imported_at =
		    CASE WHEN here.ended_at IS NULL AND here.replaced_at IS NULL THEN now() ELSE here.imported_at END
		    WHERE here.user_id = excluded.user_id AND here.source = excluded.source
		    AND here.expires_at < excluded.expires_at
		RETURNING xmax = 0 AS fresh)
		SELECT count(*) FILTER (WHERE fresh) FROM brought`,
		r.name, tokens, newIDs, users, addresses, agents, created, expires).Scan(&fresh)
	return fresh, err
}

// endBetween ends the sessions that are gone at the source, of the people in a batch and of those who would stand
// before them.
func (r *run) endBetween(ctx context.Context, people []Person) error {
	alive := []string{} // not nil, which would be null
	for _, p := range people {
		for _, s := range p.Sessions {
			if !p.hasFactor() { // one that was added there meanwhile asks for more than its session proves
				alive = append(alive, s.Token)
			}
		}
	}
	from, to := r.last, people[len(people)-1].ID
	r.last = to
	return r.end(ctx, `r.source_id > $2 AND r.source_id <= $3 AND s.token <> ALL ($4)`, from, to, alive)
}

// endAfter ends the sessions of those who would stand after the last person of the source.
func (r *run) endAfter(ctx context.Context) error { return r.end(ctx, `r.source_id > $2`, r.last) }

func (r *run) end(ctx context.Context, which string, args ...any) error {
	var ended int64
	err := r.inTx(ctx, r.db.Patiently, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE gatepost.imported_session s SET ended_at = now() FROM gatepost.import_record r
			WHERE r.source = $1 AND s.source = $1 AND r.user_id = s.user_id AND s.ended_at IS NULL AND s.expires_at > now()
			    AND `+which, append([]any{r.name}, args...)...)
		ended = tag.RowsAffected()
		return err
	})
	if err == nil {
		r.counts.Ended += ended
	}
	return err
}
