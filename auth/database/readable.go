package database

import "strings"

// firstMoment and lastMoment bound the moments that are read. PostgreSQL has infinity and years that Go and JSON
// lack, and an operator may have written one. firstMoment is not Go's zero time, which means that there is none.
const (
	firstMoment = `timestamptz '0001-01-02 00:00:00+00'`
	lastMoment  = `timestamptz '9999-12-31 00:00:00+00'`
)

// Readable returns SQL that caps a time column to the range Go can read. Null stays null.
func Readable(column string) string {
	return `CASE WHEN ` + column + ` IS NOT NULL THEN least(greatest(` + column + `, ` + firstMoment +
		`), ` + lastMoment + `) END`
}

// UTC is Readable as a timestamp without a zone, in UTC.
func UTC(column string) string { return `(` + Readable(column) + `) AT TIME ZONE 'UTC'` }

const longest = 512 // bytes of a header value; longer ones are cut

// Clean makes a text fit for a text column: PostgreSQL accepts neither NUL nor invalid UTF-8.
func Clean(s string) string { return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "") }

// Storable is Clean for a header value of any length: it keeps 512 bytes.
func Storable(s string) string {
	s = Clean(s)
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "")
	}
	return s
}
