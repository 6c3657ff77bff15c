package session

import "regexp"

// Tellers are the bodies of the trigger functions that the list of deciding columns makes.
func Tellers() map[string]string {
	bodies := map[string]string{}
	for _, d := range deciders {
		bodies[d.teller] = d.tellSQL()
	}
	return bodies
}

// ReadByLookup are the columns that Lookup reads, as alias.column, and Deciding those of the list.
func ReadByLookup() map[string]bool {
	found := map[string]bool{}
	sql := selectSessions + alive + ` AND u.email_verified`
	for _, column := range regexp.MustCompile(`\b[su]\.\w+`).FindAllString(sql, -1) {
		found[column] = true
	}
	return found
}

// Deciding are the columns of the list of tables that Lookup reads.
func Deciding() map[string]bool {
	list := map[string]bool{}
	for _, d := range deciders {
		for _, column := range append(append([]string{"id"}, d.columns...), d.forward...) {
			if d.alias != "" {
				list[d.alias+"."+column] = true
			}
		}
	}
	return list
}
