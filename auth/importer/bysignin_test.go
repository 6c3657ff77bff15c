package importer_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/importer"
	"github.com/gatepost/gatepost/auth/secret"
)

// Who came by a sign-in that the system before answered belongs to the import from there: it changes them as those
// whom it made itself.
func TestWhoCameByASignIn(t *testing.T) {
	t.Parallel()
	const md5 = `,"hasher":"md5","password":"88e4ddd2402d92d50e1879d6ecd9ffd4"`
	for name, c := range map[string]struct {
		now, line string // what is done here, and what the source says besides the id
		told      string
		user      string // none: they are as they were
		kept      bool   // the password that they came with is here
	}{
		"nothing new": {``, `"email":"ada@example.com","name":"Ada"`, "", "", true},
		"a role and a ban": {``, `"email":"ada@example.com","name":"Ada","roles":["admin"],"disabled":true`,
			"changed auth0|1line 1:", "auth0|1|ada@example.com|t|Ada|admin|disabled|", true},
		"a name that was changed here, too": {`UPDATE gatepost."user" SET name = 'Countess'`,
			`"email":"ada@example.com","name":"Ada L."`,
			"conflict auth0|1line 1: name was changed here, too: what is here stays",
			"auth0|1|ada@example.com|t|Countess|user|", true},
		"a hash": {``, `"email":"ada@example.com","name":"Ada"` + md5, "changed auth0|1line 1:", "", false},
		"a second factor": {``, `"email":"ADA@example.com","name":"Ada","second_factor":true`,
			"barred auth0|1line 1: password no longer lets them in here, as they have a second factor there now; they " +
				"choose a new one by mail", "", false},
		"somebody else": {``, `"email":"eve@example.com"`, "refused auth0|1line 1:  has the id of a user here who came " +
			"by a sign-in and has another address", "", true},
		"a deletion here": {`DELETE FROM gatepost."user"`, `"email":"ada@example.com"`,
			"deleted auth0|1line 1:  was deleted here, and stays so", "gone", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{}
			w.store, w.here = authtest.NewStore(t, func(o *auth.Options) {
				o.Fallback = func(_ context.Context, email string, _ secret.Password) (auth.OldUser, error) {
					return auth.OldUser{ID: "auth0|1", Email: email, EmailVerified: true, Name: "Ada"}, nil
				}
			})
			if !w.opens(t, "ada@example.com", "correct horse battery staple") {
				t.Fatal("nobody came")
			}
			before := w.users(t)[0]
			w.now(t, c.now)
			from := importer.JSON{File: file(t, `{"id":"auth0|1","email_verified":true,`+c.line+"}\n")}
			_, dry := w.run(t, from, func(o *importer.Options) { o.DryRun = true })
			_, told := w.run(t, from)
			for what, lines := range map[string][]string{"an import": told, "a dry run": dry} {
				if first := slices.Concat(lines, []string{""})[0]; first != c.told {
					t.Errorf("%s told %q", what, lines)
				}
			}
			users := strings.Join(w.users(t), "\n")
			if c.user == "gone" && users != "" || c.user != "gone" && c.user != "" && !strings.HasPrefix(users, c.user) ||
				c.told == "" && users != before {
				t.Errorf("now: %s", users)
			}
			if strings.Contains(users, "=$argon2id$") != c.kept {
				t.Errorf("the password is kept %t: %s", !c.kept, users)
			}
			if _, again := w.run(t, from); slices.Contains(again, "changed auth0|1line 1:") {
				t.Errorf("again it told %v", again)
			}
		})
	}
}

// A deletion here is final, whatever name the source of the next import has.
func TestADeletionCountsForEverySource(t *testing.T) {
	t.Parallel()
	w := betterAuthWorld(t)
	w.run(t, w.betterAuth())
	w.now(t, `DELETE FROM gatepost."user"`)
	from := importer.JSON{File: file(t, `{"id":"Ada1","email":"ada@example.com"}`+"\n")}
	counts, told := w.run(t, from)
	same(t, "told", told, "deleted Ada1line 1:  was deleted here, and stays so")
	if counts.Deleted != 1 || len(w.users(t)) > 0 {
		t.Errorf("%+v %v", counts, w.users(t))
	}
}
