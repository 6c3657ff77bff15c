package session

import "github.com/gatepost/gatepost/auth/database"

// alive is the SQL condition of a valid session, in PostgreSQL's time. Besides the row's own expiry, limits that
// the operator has lowered since apply at once. Where a provider gave roles for a time, the sessions that had them end
// when it is over, so that the provider is asked again. $2 is the idle limit, $3 the lifetime.
const alive = `s.expires_at > now()
	AND s.created_at > now() - $3::interval
	AND s.last_used_at > now() - least($2::interval, s.idle_seconds * interval '1 second')
	AND u.disabled_at IS NULL AND u.id <> '' AND u.email <> ''
	AND NOT EXISTS (SELECT FROM gatepost.account a
	    WHERE a.user_id = u.id AND ` + claimsCount + ` AND a.claim_roles <> '' AND a.claim_roles_until <= now()
	        AND (a.id = s.account_id OR ` + createdAt + ` < a.claim_roles_until))`

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

// readableSecond is when a second factor was proved in a session, and Go's zero time if none was.
var readableSecond = `coalesce(` + database.Readable(`s.second_at`) + `, ` + noTime + `)`

// noTime is Go's zero time, which means that there is none.
const noTime = `timestamptz '0001-01-01 00:00:00+00'`

// ageOf selects how many seconds ago a user was last proved, by the first or the second factor: a use of the session is
// no proof. A time in the future counts as far away as it is. At most about a century, which Go can count.
func ageOf(proved, second string) string {
	return `least(abs(extract(epoch FROM now() - greatest(` + proved + `, ` + second + `))), 3e9)::float8`
}

// lastFor is how long the token before a proof goes on, as an interval: for requests under way, and for other tabs.
const lastFor = `60 s`

// presents is the SQL condition of the session that the token hash $1 is of, or was before its last proof. What needs a
// level, or changes something, asks for s.token alone.
const presents = `(s.token = $1 OR s.last_token = $1 AND s.last_until > now())`

// isSecondFresh is isFresh for the second factor.
func isSecondFresh(within string) string {
	return `coalesce(s.second_at BETWEEN now() - ` + within + `::interval AND now() + ` + within + `::interval, false)`
}

// isFresh returns the SQL condition that the user of a session was proved within a duration, by the first or the second
// factor, as rules with an age ask it (ageOf). A proof in the future counts only if it is no further away than that.
func isFresh(within string) string {
	return `greatest(` + provedAt + `, s.second_at) BETWEEN now() - ` + within + `::interval AND now() + ` + within +
		`::interval`
}

// endsAt is when a session ends however it is used. $3 is the lifetime.
const endsAt = `least(s.expires_at, ` + createdAt + ` + $3::interval)`

// Texts that are read for a user's own page and for each request are cut to these lengths. Users type less. An
// operator may write more, and no request should wait for its transfer.
const (
	nameRead      = `left(u.name, 255)`
	addressRead   = `left(coalesce(s.ip_address, ''), 255)`
	userAgentRead = `left(coalesce(s.user_agent, ''), 512)`
	usernameRead  = `coalesce(u.username, ''), u.username_chosen`
)

// claimsCount is replaced by the SQL condition that the claims of an account count: its issuer gives roles today, by
// the provider of that name.
const claimsCount = "/* the claims count */"

// rolesRead selects the roles of a user: those of their row, and those that providers claimed at the last sign-in.
const rolesRead = `concat_ws(',', u.role, ` + claimedRoles + `)`

const claimedRoles = `(
	SELECT string_agg(a.claim_roles, ',') FROM gatepost.account a
	    WHERE a.user_id = u.id AND ` + claimsCount + `
	    AND a.claim_roles <> '' AND (a.claim_roles_until IS NULL OR a.claim_roles_until > now()))`

// rolesLast selects how many seconds the roles of a user last, at most a year.
const rolesLast = `coalesce((
	SELECT extract(epoch FROM min(a.claim_roles_until) - now()) FROM gatepost.account a
	    WHERE a.user_id = u.id AND ` + claimsCount + ` AND a.claim_roles <> ''
	    AND a.claim_roles_until BETWEEN now() AND now() + interval '1 year'), 31536000)`

// withClaims puts the condition of the claims that count into a statement.
func (r *Reader) withClaims(sql string) string { return countClaims(sql, r.o.RoleProviders) }
