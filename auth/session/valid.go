package session

import "github.com/gatepost/gatepost/auth/database"

// alive is the SQL condition of a valid session, in PostgreSQL's time. Besides the row's own expiry, limits that
// the operator has lowered since apply at once. $2 is the idle limit, $3 the lifetime.
const alive = `s.expires_at > now()
	AND s.created_at > now() - $3::interval
	AND s.last_used_at > now() - least($2::interval, s.idle_seconds * interval '1 second')
	AND u.disabled_at IS NULL AND u.id <> '' AND u.email <> ''`

// createdAt and lastUsedAt are the times of a session, capped at now: no interval can be added to a time such as
// infinity.
const (
	createdAt  = `least(s.created_at, now())`
	lastUsedAt = `least(s.last_used_at, now())`
)

// provedAt is when the user of a session was proved. Older gates did not store it; they made sessions at the proof.
const provedAt = `coalesce(s.proved_at, s.created_at)`

// readableProof is provedAt in the range that Go can read.
var readableProof = database.Readable(provedAt)

// isFresh returns the SQL condition that the user of a session was proved within a duration. A proof in the future
// counts only if it is no further away than that.
func isFresh(within string) string {
	return provedAt + ` BETWEEN now() - ` + within + `::interval AND now() + ` + within + `::interval`
}

// endsAt is when a session ends however it is used. $3 is the lifetime.
const endsAt = `least(s.expires_at, ` + createdAt + ` + $3::interval)`

// Texts that are read for a user's own page and for each request are cut to these lengths. Users type less. An
// operator may write more, and no request should wait for its transfer.
const (
	nameRead      = `left(u.name, 255)`
	addressRead   = `left(coalesce(s.ip_address, ''), 255)`
	userAgentRead = `left(coalesce(s.user_agent, ''), 512)`
)
