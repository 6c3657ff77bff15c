package session

import "github.com/gatepost/gatepost/auth/database"

// alive is what makes a session valid, in PostgreSQL's time. Besides the row's own expiry, a limit that the operator
// has lowered since counts at once. $2 idle limit, $3 lifetime.
const alive = `s.expires_at > now()
	AND s.created_at > now() - $3::interval
	AND s.last_used_at > now() - least($2::interval, s.idle_seconds * interval '1 second')
	AND u.disabled_at IS NULL AND u.id <> '' AND u.email <> ''`

// createdAt and lastUsedAt are those of a session, as far as they have been: to what lies ahead, as infinity, no time
// can be added.
const (
	createdAt  = `least(s.created_at, now())`
	lastUsedAt = `least(s.last_used_at, now())`
)

// provedAt is when the user of a session was proved. Gates from before wrote none down, and made it at the proof.
const provedAt = `coalesce(s.proved_at, s.created_at)`

// readableProof is provedAt as Go can read it.
var readableProof = database.Readable(provedAt)

// isFresh says that the user of a session was proved within a time; a proof that is yet to come was none.
func isFresh(within string) string {
	return provedAt + ` BETWEEN now() - ` + within + `::interval AND now() + ` + within + `::interval`
}

// endsAt is when a session ends however it is used. $3 lifetime.
const endsAt = `least(s.expires_at, ` + createdAt + ` + $3::interval)`

// The longest texts that are read of what a user's own page shows and of what goes along with each request. Users type
// less; an operator may write more, and nobody is to wait for it to be carried over.
const (
	nameRead      = `left(u.name, 255)`
	addressRead   = `left(coalesce(s.ip_address, ''), 255)`
	userAgentRead = `left(coalesce(s.user_agent, ''), 512)`
)
