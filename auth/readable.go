package auth

// The first and the last moment that are read. PostgreSQL knows infinity and years that neither Go nor JSON have, and
// an operator may have written one. The first is not Go's zero time, which means that there is none.
const (
	firstMoment = `timestamptz '0001-01-02 00:00:00+00'`
	lastMoment  = `timestamptz '9999-12-31 00:00:00+00'`
)

// readable is the SQL of a moment that Go can read, where the column holds any. Null stays null.
func readable(column string) string {
	return `CASE WHEN ` + column + ` IS NOT NULL THEN least(greatest(` + column + `, ` + firstMoment + `), ` + lastMoment + `) END`
}

// The longest texts that are read of what a user's own page shows and of what goes along with each request. Users type
// less; an operator may write more, and nobody is to wait for it to be carried over.
const (
	nameRead      = `left(u.name, 255)`
	addressRead   = `left(coalesce(s.ip_address, ''), 255)`
	userAgentRead = `left(coalesce(s.user_agent, ''), 512)`
)

// utc is readable without a zone, as in UTC.
func utc(column string) string { return `(` + readable(column) + `) AT TIME ZONE 'UTC'` }
