package session

import (
	"reflect"
	"strings"
)

// Tellers are the bodies of the trigger functions that the list of deciding columns makes.
func Tellers() map[string]string {
	bodies := map[string]string{}
	for _, d := range deciders {
		bodies[d.teller] = d.tellSQL()
	}
	return bodies
}

var oneProvider = []Origin{{Provider: "one", Issuer: "https://one.example"}}

// LookupSQL is the statement of a Reader with every option on, with values in the place of its parameters.
func LookupSQL() string {
	var o Options
	for _, field := range reflect.ValueOf(&o).Elem().Fields() {
		switch field.Kind() {
		case reflect.Bool:
			field.SetBool(true)
		case reflect.Slice:
			field.Set(reflect.ValueOf(oneProvider))
		}
	}
	r := NewReader(nil, o)
	defer r.Close()
	return strings.NewReplacer("$1", "'{}'::text[]", "$2", "'1 h'", "$3", "'1 h'", "$4", "'1 h'").Replace(r.lookupSQL)
}

// LookupImportedSQL is LookupSQL for sessions of the system before.
func LookupImportedSQL() string {
	r := NewReader(nil, Options{ConfirmedOnly: true, RoleProviders: oneProvider})
	defer r.Close()
	return strings.NewReplacer("$1", "'{}'::text[]", "$2", "'1 h'", "$3", "'1 h'", "$4", "'2100-01-01'", "$5", "'1 h'").
		Replace(r.importedSQL())
}

// Deciding are the columns of the list, as table.column. A teller compares the ids of rows beside them.
func Deciding() map[string]bool {
	list := map[string]bool{}
	for _, d := range deciders {
		for _, column := range append(append([]string{}, d.columns...), d.forward...) {
			list[d.table+"."+column] = true
		}
	}
	return list
}

// LookupTokenSQL is LookupSQL for API tokens.
func LookupTokenSQL() string {
	r := NewReader(nil, Options{ConfirmedOnly: true, RoleProviders: oneProvider, TokensForever: true})
	defer r.Close()
	return strings.NewReplacer("$1", "'{}'::text[]").Replace(r.tokenSQL + `WHERE t.token = ANY ($1) AND ` + r.tokenAlive)
}
