package session

import (
	"fmt"
	"strings"
)

// decider is a table whose rows decide whether a session is valid, or are a part of what Lookup answers.
type decider struct {
	table, alias string // in SQL; the alias is that of selectSessions
	// columns make a copy of a session wrong when they change. Triggers tell of it.
	columns []string
	// forward are columns that may grow without a copy becoming wrong, and held is the condition in SQL under which
	// they have, of the row n that was the row o.
	forward []string
	held    string
	// triggers are all that have to be there, and enabled, for whatever happens to the table to be told.
	triggers []string
}

// deciders are what decides about sessions. A column that Lookup reads and that is not here would be believed for as
// long as a copy is kept; TestWhatDecidesIsTold compares the two. A new one needs a migration with what tellSQL makes
// then.
var deciders = []decider{
	{table: `gatepost.session`, alias: "s", columns: []string{"token", "user_id", "methods", "proved_at"},
		forward: []string{"created_at", "expires_at", "last_used_at", "idle_seconds"},
		// A use that is written down moves the expiry, and under a lowered idle limit brings it forward.
		held: `n.created_at >= o.created_at
            AND (n.expires_at >= o.expires_at AND n.last_used_at >= o.last_used_at
                AND n.idle_seconds >= o.idle_seconds
                OR n.last_used_at > o.last_used_at
                AND n.expires_at >= n.last_used_at + n.idle_seconds * interval '1 second')`,
		triggers: []string{"session_gone", "session_cut", "session_emptied"}},
	{table: `gatepost."user"`, alias: "u", columns: []string{"name", "email", "email_verified", "role", "disabled_at"},
		triggers: []string{"user_changed", "user_disabled"}},
	{table: `gatepost.account`, columns: []string{"password"}, triggers: []string{"password_changed"}},
}

// untold is the condition under which the change of a row is told to nobody: each deciding column is as it was.
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

// tellSQL is the body of the trigger function that tells of changed rows. whose is the column with the user's id, and
// while a condition on the row as it was, which may be empty.
func (d decider) tellSQL(whose, while string) string {
	return `
BEGIN
    PERFORM gatepost.tell(ARRAY(
        SELECT DISTINCT o.` + whose + ` FROM old_rows o
        LEFT JOIN new_rows n ON ` + d.untold() + `
        WHERE n.id IS NULL` + while + ` LIMIT 101));
    RETURN NULL;
END `
}

// tellers are the bodies of the trigger functions that the list makes, by name.
func tellers() map[string]string {
	return map[string]string{
		"session_cut":      deciders[0].tellSQL("user_id", " AND o.expires_at > now()"),
		"user_changed":     deciders[1].tellSQL("id", ""),
		"password_changed": deciders[2].tellSQL("user_id", ""),
	}
}

// triggersThere is the SQL of how many of the triggers that tell are there and enabled, and how many have to be.
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
