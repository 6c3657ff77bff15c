package importer

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
)

// bringSessions brings over the sessions of people who are here, and returns how many are new. One that has ended here
// has its row, and does not come back; one of a user whose password was changed here neither.
func (r *run) bringSessions(ctx context.Context, tx pgx.Tx, plans []*plan) (int64, error) {
	var tokens, newIDs, users, addresses, agents []string
	var created, expires []time.Time
	for _, p := range plans {
		if p.record.closed || p.Disabled || p.SecondFactor {
			continue
		}
		for _, s := range p.Sessions {
			tokens, newIDs, users = append(tokens, s.Token), append(newIDs, secret.NewID()), append(users, p.record.userID)
			addresses, agents = append(addresses, s.Address), append(agents, database.Storable(s.UserAgent))
			created, expires = append(created, s.Created), append(expires, s.Expires)
		}
	}
	fresh, err := lockFresh(ctx, tx, tokens, users)
	if err != nil || !fresh {
		return 0, err
	}
	tag, err := tx.Exec(ctx, `
		INSERT INTO gatepost.imported_session (token, id, source, user_id, ip_address, user_agent, created_at, expires_at)
		SELECT token, new.id, $1, new.user_id, nullif(address, ''), nullif(agent, ''), least(created, now()), expires
		FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[])
		    AS new (token, id, user_id, address, agent, created, expires)
		JOIN gatepost."user" u ON u.id = new.user_id AND u.disabled_at IS NULL
		JOIN gatepost.import_record r ON r.user_id = u.id AND r.source = $1 AND r.closed_at IS NULL
		WHERE expires > now()
		ON CONFLICT (token) DO NOTHING`, r.name, tokens, newIDs, users, addresses, agents, created, expires)
	return tag.RowsAffected(), err
}

// lockFresh locks the users of sessions that are not here yet, so that an end of all their sessions comes before or
// after, and reports whether there are any.
func lockFresh(ctx context.Context, tx pgx.Tx, tokens, users []string) (fresh bool, err error) {
	if len(tokens) == 0 {
		return false, nil
	}
	tag, err := tx.Exec(ctx, `
		SELECT FROM gatepost."user" WHERE id IN (
		    SELECT user_id FROM unnest($1::text[], $2::text[]) AS new (token, user_id)
		    WHERE NOT EXISTS (SELECT FROM gatepost.imported_session s WHERE s.token = new.token))
		ORDER BY id FOR NO KEY UPDATE`, tokens, users)
	return tag.RowsAffected() > 0, err
}

// endBetween ends the sessions that are gone at the source, of the people in a batch and of those who would stand
// before them.
func (r *run) endBetween(ctx context.Context, people []Person) error {
	alive := []string{} // not nil, which would be null
	for _, p := range people {
		for _, s := range p.Sessions {
			alive = append(alive, s.Token)
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
	err := r.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
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
