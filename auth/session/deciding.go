package session

import (
	"fmt"
	"strings"
)

// decider is a table whose rows decide whether a session is valid, or are part of the answer of Lookup.
type decider struct {
	table string // in SQL
	// columns are those whose change makes a copy of a session wrong. Triggers announce the change.
	columns []string
	// forward are columns that may grow without making a copy wrong. held is the SQL condition under which they
	// only grew, for the new row n and the old row o.
	forward []string
	held    string
	// triggers are all that have to exist and be enabled, so that every change of the table is announced. teller is
	// the function of those that compare rows; whose is the column with the user's id, and while is a condition on
	// the old row, or empty.
	triggers             []string
	teller, whose, while string
}

// deciders lists the tables that decide about sessions. A column that Lookup reads and that is missing here would
// be trusted for as long as a copy is kept; TestWhatDecidesIsTold compares the two. A new column needs a migration
// with the output of tellSQL.
var deciders = []decider{
	{table: `gatepost.session`, columns: []string{"token", "user_id", "methods", "proved_at", "second_at",
		"account_id", "last_token", "last_until", "last_methods", "last_proved_at", "last_second_at"},
		forward: []string{"created_at", "expires_at", "last_used_at", "idle_seconds"},
		// Writing down a use moves the expiry. Under a lowered idle limit it brings the expiry forward.
		held: `n.created_at >= o.created_at
            AND (n.expires_at >= o.expires_at AND n.last_used_at >= o.last_used_at
                AND n.idle_seconds >= o.idle_seconds
                OR n.last_used_at > o.last_used_at
                AND n.expires_at >= n.last_used_at + n.idle_seconds * interval '1 second')`,
		triggers: []string{"session_gone", "session_cut", "session_emptied"},
		teller:   "session_cut", whose: "user_id", while: " AND o.expires_at > now()"},
	{table: `gatepost."user"`, columns: []string{"name", "email", "email_verified", "username", "username_chosen",
		"role", "disabled_at"},
		triggers: []string{"user_changed", "user_disabled"}, teller: "user_changed", whose: "id"},
	{table: `gatepost.account`, columns: []string{"user_id", "provider_id", "issuer", "password", "claim_roles",
		"claim_roles_until"},
		triggers: []string{"password_changed", "claims_gone", "claims_made"}, teller: "password_changed",
		whose: "user_id"},
	{table: `gatepost.imported_session`, columns: []string{"token", "source", "user_id", "expires_at", "created_at",
		"imported_at", "replaced_at", "ended_at"},
		triggers: []string{"imported_session_gone", "imported_session_cut", "imported_session_emptied"},
		teller:   "imported_session_cut", whose: "user_id", while: " AND o.expires_at > now()"},
	{table: `gatepost.api_token`, columns: []string{"token", "user_id", "rules", "roles", "level", "expires_at"},
		forward: []string{"used_at"}, held: `(o.used_at IS NULL OR n.used_at >= o.used_at)`,
		triggers: []string{"api_token_gone", "api_token_cut", "api_token_emptied"},
		teller:   "api_token_cut", whose: "user_id"},
}

// untold is the SQL condition under which the change of a row is not announced: each deciding column is unchanged.
func (d decider) untold() string {
	each := []string{"n.id = o.id"}
	for _, column := range d.columns {
		each = append(each, fmt.Sprintf("n.%s IS NOT DISTINCT FROM o.%[1]s", column))
	}
	if d.held != "" {
		each = append(each, d.held)
	}
	return strings.Join(each, "\n            AND ")
}

// tellSQL returns the body of the teller.
func (d decider) tellSQL() string {
	return `
BEGIN
    PERFORM gatepost.tell(ARRAY(
        SELECT DISTINCT o.` + d.whose + ` FROM old_rows o
        LEFT JOIN new_rows n ON ` + d.untold() + `
        WHERE n.id IS NULL` + d.while + ` LIMIT 101));
    RETURN NULL;
END `
}

// triggersThere returns the SQL that counts the announcing triggers that exist and are enabled, and how many there
// must be.
func triggersThere() (sql string, all int) {
	var tables, names []string
	for _, d := range deciders {
		tables = append(tables, "'"+d.table+"'::regclass")
		for _, name := range d.triggers {
			names = append(names, "'"+name+"'")
		}
	}
	return `SELECT count(*) FROM pg_trigger WHERE tgrelid IN (` + strings.Join(tables, ", ") + `)
	    AND tgenabled IN ('O', 'A')
	    AND tgname IN (` + strings.Join(names, ", ") + `)`, len(names)
}
