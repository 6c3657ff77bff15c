package database

import "strings"

// The first and the last moment that are read. PostgreSQL knows infinity and years that neither Go nor JSON have, and
// an operator may have written one. The first is not Go's zero time, which means that there is none.
const (
	firstMoment = `timestamptz '0001-01-02 00:00:00+00'`
	lastMoment  = `timestamptz '9999-12-31 00:00:00+00'`
)

// Readable is the SQL of a moment that Go can read, where the column holds any. Null stays null.
func Readable(column string) string {
	return `CASE WHEN ` + column + ` IS NOT NULL THEN least(greatest(` + column + `, ` + firstMoment +
		`), ` + lastMoment + `) END`
}

// UTC is readable without a zone, as in UTC.
func UTC(column string) string { return `(` + Readable(column) + `) AT TIME ZONE 'UTC'` }

const longest = 512 // bytes of a header value; longer ones are cut

// Clean makes what somebody typed fit for a text column: PostgreSQL takes neither NUL nor invalid UTF-8.
func Clean(s string) string { return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "") }

// Storable is Clean for a header value, which may be endless: 512 bytes of it are kept.
func Storable(s string) string {
	s = Clean(s)
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "")
	}
	return s
}
