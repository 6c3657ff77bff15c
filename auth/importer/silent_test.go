package importer_test

import (
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/importer"
)

// What somebody loses by a file that lacks something, or is written otherwise than was meant, is said.
func TestNothingIsLostInSilence(t *testing.T) {
	t.Parallel()
	const noFactors = "no record has multifactor or mfa_factors"
	const auth0 = `{"user_id":"auth0|1","email":"a@example.com","multifactor":[]}`
	accounts := func(s string) importer.Source {
		return importer.CSV{File: file(t, "id,email,accounts\n1,a@example.com,\""+s+"\"\n")}
	}
	dumped := func(lines, dump string) importer.Source {
		return importer.Auth0{File: file(t, lines), Hashes: file(t, dump)}
	}
	for name, c := range map[string]struct {
		from        importer.Source
		told, never string
		here        int
	}{
		"accounts with commas":     {accounts("github:5,google:6"), "write google:1234 github:567", "", 0},
		"accounts with semicolons": {accounts("github:5;google:6"), "write google:1234 github:567", "", 0},
		"an account without an id": {accounts("github"), "write google:1234 github:567", "", 0},
		"accounts with spaces":     {accounts("github:5 google:urn:6"), "", "accounts", 1},
		"a dump of others": {dumped(auth0, `{"_id":"2","passwordHash":"x"}`), "is not in the dump with the hashes", noFactors,
			1},
		"a dump, and somebody of a provider": {dumped(strings.Replace(auth0, "auth0|1", "github|1", 1), `{"_id":"2"}`), "",
			"is not in the dump", 1},
		"an export without factors": {importer.Auth0{File: file(t, strings.Replace(auth0, `,"multifactor":[]`, "", 1))},
			noFactors, "the dump", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, ``)
			_, told := w.run(t, c.from)
			all := strings.Join(told, "\n")
			if !strings.Contains(all, c.told) || c.never != "" && strings.Contains(all, c.never) || len(w.users(t)) != c.here {
				t.Errorf("told %q, want %q and not %q; here are %v", all, c.told, c.never, w.users(t))
			}
		})
	}
}
