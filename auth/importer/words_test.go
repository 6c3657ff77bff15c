package importer_test

import (
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/importer"
)

// What is wrong with a file is said in words of the file, and with the cure where there is one.
func TestFaultsInWordsOfTheFile(t *testing.T) {
	t.Parallel()
	json := func(s string) importer.Source { return importer.JSON{File: file(t, s)} }
	csv := func(s string) importer.Source { return importer.CSV{File: file(t, s)} }
	wide := func(s string) string { return strings.Join(strings.Split(s, ""), "\x00") + "\x00" }
	const one = "id,email,roles\n1,a@example.com,editor\n"
	for name, c := range map[string]struct {
		from importer.Source
		told string
	}{
		"a number": {json(`{"id":42,"email":"a@example.com"}`), "has a JSON number in the field id, where a text belongs"},
		"a text": {json(`{"id":"1","email_verified":"yes"}`),
			"has a JSON string in the field email_verified, where true or false belongs"},
		"no list": {json(`{"id":"1","roles":"editor"}`),
			"has a JSON string in the field roles, where a list belongs"},
		"within": {json(`{"id":"1","accounts":[{"subject":7}]}`),
			"in the field accounts.subject, where a text belongs"},
		"no object":       {json(`7`), "there is a JSON number where an object belongs"},
		"no time":         {json(`{"id":"1","created_at":"yesterday"}`), "has a time that is none: "},
		"no JSON":         {json(`{"id":x}`), "it is no JSON at its byte 7"},
		"UTF-16":          {csv(wide(one)), "iconv -f UTF-16"},
		"UTF-16 in lines": {json(wide(`{"id":"1","email":"a@example.com"}`)), "iconv -f UTF-16"},
		"a lost end": {csv("id,email,name\n1,a@example.com,Ada\n2,b@example.com,\"" + strings.Repeat("x", 33<<20)),
			"after line 2: a record is longer than 32 MiB"},
		"an issuer": {json(`{"id":"1","email":"a@example.com","accounts":[{"provider":"corp","issuer":"corp",` +
			`"subject":"7"}]}`), "has an account at corp whose issuer is no address"},
		"sessions": {json(`{"id":"1","email":"a@example.com","sessions":[{}]}`),
			"sessions are not brought over from a file"},
		"semicolons": {csv(strings.ReplaceAll(one, ",", ";")), "write it with commas"},
		"tabs":       {csv(strings.ReplaceAll(one, ",", "\t")), "write it with commas"},
		"CR alone": {csv(strings.ReplaceAll(one, "\n", "\r")),
			`ends its lines with CR alone: convert it first, as with tr '\r' '\n'`},
		"an account by password": {json(`{"id":"1","email":"a@example.com","accounts":[{"provider":"Credential",` +
			`"issuer":"https://login.example.com","subject":"7"}]}`), "the account at credential is left out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, ``)
			all := w.says(t, c.from)
			if !strings.Contains(all, c.told) || strings.Contains(all, "Go ") ||
				strings.Contains(all, "SQLSTATE") {
				t.Errorf("told %q, want %q", all, c.told)
			}
		})
	}
}
