package importer_test

import (
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/importer"
)

// Where a file says two things of one field or of one user, one of them may be a ban: nobody comes of it.
func TestWhatAFileSaysTwice(t *testing.T) {
	t.Parallel()
	const clerk = "id,primary_email_address,password_digest,password_hasher\n1,a@example.com,,\n"
	const auth0 = `{"user_id":"auth0|1","email":"a@example.com"`
	json := func(s string) importer.Source { return importer.JSON{File: file(t, s)} }
	withAPI := func(s string) importer.Source { return importer.Clerk{File: file(t, clerk), API: file(t, s)} }
	for name, c := range map[string]struct {
		from importer.Source
		told string // what is said; empty: they come
	}{
		"a column": {importer.CSV{File: file(t, "id,email,disabled,disabled\n1,a@example.com,true,\n")},
			`has the column "disabled" twice`},
		"a column of Clerk's": {importer.Clerk{WithoutAPI: true, File: file(t, strings.Replace(clerk, "password_digest,",
			"id,password_digest,", 1))}, `has the column "id" twice`},
		"a field": {json(`{"id":"1","email":"a@example.com","disabled":true,"disabled":false}`),
			"the field disabled twice"},
		"a field in two cases": {json(`{"id":"1","email":"a@example.com","Disabled":true,"disabled":false}`),
			"the field disabled twice"},
		"a field of an account": {json(`{"id":"1","email":"a@example.com","accounts":[` +
			`{"provider":"github","subject":"1","Subject":"2"}]}`),
			"the field subject twice"},
		"a field of Auth0's": {importer.Auth0{File: file(t, auth0+`,"blocked":true,"Blocked":false}`)},
			"the field blocked twice"},
		"a field that nobody reads": {importer.Auth0{File: file(t, auth0+`,"user_metadata":{"blocked":true,"Blocked":1}}`)},
			""},
		"a hash of a dump": {importer.Auth0{File: file(t, auth0+"}"),
			Hashes: file(t, `{"_id":"1","passwordHash":"x","passwordhash":"y"}`)},
			"what the dump has of them has the field passwordHash twice"},
		"two hashes of one": {importer.Auth0{File: file(t, auth0+"}"), Hashes: file(t, `{"_id":"1","passwordHash":"x"}`+"\n"+
			`{"_id":{"$oid":"1"},"passwordHash":"y"}`)}, "what the dump has of them is there twice"},
		"two users of the API": {withAPI(`{"id":"1","banned":true}` + "\n" + `{"id":"1"}` + "\n" +
			`{"id":"1","banned":true}`),
			"what the file of the API has of them is there twice"},
		"two ids of the API": {withAPI(`{"id":"1","ID":"2","banned":true}`), "line 1: has the field id twice"},
		"a ban of the API": {withAPI(`{"id":"1","banned":true,"banned":false}`),
			"has the field banned twice"},
		"pages that overlap":     {withAPI(`[{"id":"1"},{"id":"2"}][{"id":"2"},{"id":"1"}]`), ""},
		"a case of its own each": {json(`{"ID":"1","Email":"a@example.com"}`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, ``)
			all := w.says(t, c.from)
			here := len(w.users(t)) > 0
			if here != (c.told == "") || !strings.Contains(all, c.told) {
				t.Errorf("somebody came: %t; told %q, want %q", here, all, c.told)
			}
		})
	}
}
