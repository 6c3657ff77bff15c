package session

import "strings"

// Origin is what tells the identities of a configured provider: rows of account of its name and its issuer. A row of
// its name alone may be of an issuer that had the name before, and is somebody else's word.
type Origin struct {
	Provider string // its name
	// Issuer is that of the identities. With Several, theirs begin with it, and Except is none of them.
	Issuer  string
	Several bool
	Except  string
}

// Known returns the SQL condition that a row of account is of one of the origins. It has no parameters, as the
// statement of each look-up contains it.
func Known(row string, list []Origin) string {
	return either(list, func(o Origin) string {
		return row + ".provider_id = " + quoted(o.Provider) + " AND " + o.issued(row)
	})
}

// Issued is Known for a row of any name: whoever comes by its issuer is known by it, whatever the provider was called
// when they last came.
func Issued(row string, list []Origin) string {
	return either(list, func(o Origin) string { return o.issued(row) })
}

func either(list []Origin, condition func(Origin) string) string {
	each := []string{"false"}
	for _, o := range list {
		each = append(each, condition(o))
	}
	return "(" + strings.Join(each, " OR ") + ")"
}

func (o Origin) issued(row string) string {
	if !o.Several {
		return row + ".issuer = " + quoted(o.Issuer)
	}
	return "starts_with(" + row + ".issuer, " + quoted(o.Issuer) + ") AND " + row + ".issuer <> " + quoted(o.Except)
}

// quoted is a text in SQL, whatever standard_conforming_strings says.
func quoted(s string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// ClaimedRoles selects, for the user u of a statement, the roles that the origins claimed at the last sign-in.
func ClaimedRoles(list []Origin) string { return countClaims(claimedRoles, list) }

// countClaims puts the condition of the claims that count into a statement.
func countClaims(sql string, list []Origin) string {
	return strings.ReplaceAll(sql, claimsCount, Known("a", list))
}
