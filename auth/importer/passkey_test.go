package importer_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/importer"
	"github.com/gatepost/gatepost/auth/passkey"
	"github.com/gatepost/gatepost/auth/passkey/passkeytest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/seal"
)

// keyedWorld is factorWorld at a site that has passkeys, with Better Auth's table of them.
func keyedWorld(t *testing.T) *world {
	t.Helper()
	w := factorWorld(t)
	w.atSite(t, "https://app.example.com")
	w.old(t, `CREATE TABLE passkey (id text, name text, "publicKey" text NOT NULL, "userId" text NOT NULL,
	    "credentialID" text NOT NULL, counter integer NOT NULL, "deviceType" text NOT NULL, "backedUp" boolean NOT NULL,
	    transports text, "createdAt" timestamptz, aaguid text)`)
	return w
}

func (w *world) atSite(t *testing.T, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	ks, err := seal.Parse(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	w.store = auth.New(w.here, auth.Options{Log: slog.New(slog.DiscardHandler), PublicURL: u, Keys: ks,
		AnswerStep: time.Millisecond})
	t.Cleanup(w.store.Close)
}

// registers gives Ada a passkey at the source, as Better Auth keeps it.
func (w *world) registers(t *testing.T, name string) *passkeytest.Authenticator {
	t.Helper()
	a := passkeytest.New("https://app.example.com")
	site := passkey.NewSite(&url.URL{Scheme: "https", Host: "app.example.com"}, "")
	handle := []byte("what Better Auth says, once")
	c, err := passkey.ReadCreated(a.Create(t, site.Creation("app.example.com", passkey.User{Handle: handle},
		make([]byte, 32), nil, "", false)))
	if err != nil {
		t.Fatal(err)
	}
	k, err := site.Check("app.example.com", handle, c)
	if err != nil {
		t.Fatal(err)
	}
	w.old(t, `INSERT INTO passkey VALUES ('`+name+`', '`+name+`', '`+base64.StdEncoding.EncodeToString(k.PublicKey)+`',
	    'Ada1', '`+base64.RawURLEncoding.EncodeToString(k.ID)+`', 0, 'singleDevice', false, 'internal,elsewhere',
	    '2024-03-04Z', '00000000-0000-0000-0000-000000000000')`)
	return a
}

// enters reports whether a passkey signs in alone.
func (w *world) enters(t *testing.T, a *passkeytest.Authenticator) bool {
	t.Helper()
	asked, err := w.store.AskForPasskey(t.Context(), auth.PasskeyAsk{For: auth.PasskeyToSignIn})
	if err != nil {
		t.Fatal(err)
	}
	issued, err := w.store.SignInByPasskey(t.Context(), auth.PasskeySignIn{PasskeyAnswer: auth.PasskeyAnswer{
		Body: a.Get(t, asked.Options), Key: asked.Key}})
	return err == nil && issued.Session != ""
}

// A passkey of Better Auth signs in here, alone or after the password, which alone opens nothing. Sessions of before
// are not brought over beside it, and another run changes nothing.
func TestPasskeysAreBroughtOver(t *testing.T) {
	t.Parallel()
	w := keyedWorld(t)
	a := w.registers(t, "Blue key")
	w.run(t, w.betterAuth(), func(o *importer.Options) { o.DryRun = true })
	counts, told := w.run(t, w.betterAuth())
	same(t, "told", told, "created Ada1:")
	if want := (importer.Counts{Read: 1, Created: 1, Passkeys: 1}); counts != want {
		t.Errorf("%+v, want %+v", counts, want)
	}
	var got string
	err := w.here.QueryRow(t.Context(), `SELECT concat_ws('|', rp_id, name, transports, created_at = '2024-03-04Z',
	    handle IS NULL, verified) FROM gatepost.passkey`).Scan(&got)
	if want := "app.example.com|Blue key|internal|t|t|f"; err != nil || got != want {
		t.Errorf("the row has %s, want %s (%v)", got, want, err)
	}
	if what, _ := w.password(t); what != "second step" {
		t.Errorf("the password opens %s", what)
	}
	if !w.enters(t, a) {
		t.Error("it does not sign in")
	}
	if counts, told := w.run(t, w.betterAuth()); counts.Unchanged != 1 || counts.Any() || len(told) > 0 {
		t.Errorf("again: %+v %v", counts, told)
	}
	if n := w.count(t, "imported_session WHERE ended_at IS NULL"); n > 0 {
		t.Errorf("%d sessions stand for a second factor", n)
	}
}

// A second run adds passkeys to whoever came without them, also beside an app that comes with them, and ends what their
// password alone has opened. One that they removed here does not come back.
func TestASecondRunAddsPasskeys(t *testing.T) {
	t.Parallel()
	for name, enrol := range map[string]bool{"alone": false, "beside an app": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := keyedWorld(t)
			w.run(t, w.withSecrets())
			_, issued := w.password(t)
			a := w.registers(t, "Blue key")
			if enrol {
				w.enrolled(t, sealedKey, sealedCodes)
			}
			counts, told := w.run(t, w.withSecrets())
			same(t, "told", told, "changed Ada1:")
			if counts.Passkeys != 1 || enrol != (counts.SecondFactorsBrought == 1) || !w.enters(t, a) {
				t.Errorf("%+v", counts)
			}
			if _, err := w.store.Lookup(t.Context(), issued.Session); err == nil {
				t.Error("a session that lacks the factor lives on")
			}
			if enrol && !w.takes(t, appCode(oldKey)) {
				t.Error("the app does not open")
			}
			if err := w.store.ResetFactors(t.Context(), "Ada1"); err != nil {
				t.Fatal(err)
			}
			b := w.registers(t, "Another")
			if counts, told := w.run(t, w.withSecrets()); counts.Passkeys != 1 || w.enters(t, a) || !w.enters(t, b) {
				t.Errorf("after a reset: %+v %v", counts, told)
			}
		})
	}
}

// No import takes a passkey away or changes one, whatever the source says by now.
func TestNoImportWeakensAPasskey(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change string
		told   []string
	}{
		"it is gone there": {`DELETE FROM passkey`, []string{`conflict Ada1: second factor the passkey "Blue key" is gone ` +
			`there: it stays here until its user removes it (gatepost user reset-factors removes all)`}},
		"it has no key any more there": {`UPDATE passkey SET "publicKey" = 'AAAA'`, []string{`note Ada1:  the passkey ` +
			`"Blue key" is left out: its id or its public key is none that a browser uses`}},
		"it is another device's by now": {`UPDATE passkey SET counter = 9, "deviceType" = 'multiDevice', name = 'Mine'`, nil},
		"there is no table any more":    {`DROP TABLE passkey`, []string{missed("passkeys")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := keyedWorld(t)
			a := w.registers(t, "Blue key")
			w.run(t, w.betterAuth())
			w.old(t, c.change)
			_, told := w.run(t, w.betterAuth(), func(o *importer.Options) { o.DropSecondFactors = true })
			same(t, "told", told, c.told...)
			if what, _ := w.password(t); what != "second step" || !w.enters(t, a) {
				t.Errorf("the password opens %s, or the passkey nothing", what)
			}
		})
	}
}

// A passkey that no browser would use here is named and left out, at each run, and not asked for after a password.
func TestPasskeysThatAreLeftOut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		site, domain, change string
		says                 string
	}{
		"another domain": {"https://app.example.com", "old.example", "", `it was made for "old.example", and works there ` +
			`and below only, not at app.example.com`},
		"a domain below": {"https://example.com", "app.example.com", "", `it was made for "app.example.com"`},
		"no domain here": {"https://192.0.2.1", "", "", "which needs a domain and https"},
		"no key": {"https://app.example.com", "", `UPDATE passkey SET "publicKey" = 'AAAA'`,
			"is none that a browser"},
		"a key that is text": {"https://app.example.com", "", `UPDATE passkey SET "publicKey" = '§'`,
			"is none that a browser"},
		"a huge key": {"https://app.example.com", "", `UPDATE passkey SET "publicKey" = repeat('A', 100000)`,
			"is none that a browser"},
		"a huge id": {"https://app.example.com", "", `UPDATE passkey SET "credentialID" = repeat('A', 3000)`,
			"is none that a browser"},
		"no id": {"https://app.example.com", "", `UPDATE passkey SET "credentialID" = ''`, "is none that a browser"},
		"other passkeys here": {"https://app.example.com", "", `INSERT INTO gatepost."user" (id, name, email)
		    VALUES ('eve', '', 'eve@example.com');
		    INSERT INTO gatepost.passkey (id, user_id, rp_id, credential_id, public_key)
		    VALUES ('e', 'eve', 'example.com', 'e', '')`, `it was made for "app.example.com", and those that are here for`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := keyedWorld(t)
			w.atSite(t, c.site)
			w.registers(t, "Blue key")
			if c.change != "" {
				w.old(t, c.change)
			}
			before := w.count(t, "passkey")
			from := w.betterAuth()
			from.PasskeyDomain = c.domain
			for _, first := range []string{"created Ada1:", ""} {
				counts, told := w.run(t, from)
				if first != "" && !slices.Contains(told, first) || counts.Passkeys > 0 || !counts.Whole() ||
					!strings.Contains(strings.Join(told, "\n"), `note Ada1:  the passkey "Blue key" is left out: `) ||
					!strings.Contains(strings.Join(told, "\n"), c.says) {
					t.Errorf("%+v %v", counts, told)
				}
			}
			if what, _ := w.password(t); what != "session" || w.count(t, "passkey") != before {
				t.Errorf("the password opens %s", what)
			}
		})
	}
}

// A thousand passkeys are fifty, and one of somebody else here stays theirs.
func TestManyPasskeysAndSomebodyElses(t *testing.T) {
	t.Parallel()
	w := keyedWorld(t)
	a := w.registers(t, "Blue key")
	w.run(t, w.betterAuth())
	w.old(t, `INSERT INTO "user" VALUES ('Eve', 'Eve', 'eve@example.com', true);
	    INSERT INTO passkey SELECT 'x', 'Mine', "publicKey", 'Eve', "credentialID", 0, 'singleDevice', false, '',
	    '2020-01-01Z' FROM passkey;
	    INSERT INTO passkey SELECT 'x', '', "publicKey", 'Eve', 'AAA' || (i + 10000), 0, 'multiDevice', true, '', now()
	    FROM passkey, generate_series(1, 1000) i WHERE name = 'Mine'`)
	counts, told := w.run(t, w.betterAuth())
	same(t, "told", told, `conflict Eve: second factor the passkey "Mine" is one of the user Ada1 here`, "created Eve:",
		"note Eve:  has more than 50 passkeys: the others are left out")
	if counts.Passkeys != 49 || !w.enters(t, a) {
		t.Errorf("%+v", counts)
	}
}

// Whoever proves an address that the source had not confirmed is nobody who made its passkeys: these opened the account
// to a stranger. An app beside them stays, as it opens nothing alone.
func TestAProvedMailboxEndsPasskeysThatWereBroughtOver(t *testing.T) {
	t.Parallel()
	for name, unconfirmed := range map[string]bool{"unconfirmed": true, "confirmed": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := keyedWorld(t)
			a := w.registers(t, "Blue key")
			w.enrolled(t, sealedKey, sealedCodes)
			if unconfirmed {
				w.old(t, `UPDATE "user" SET "emailVerified" = false`)
			}
			w.run(t, w.withSecrets())
			link, err := w.store.ResetLink(t.Context(), "Ada1")
			if err != nil {
				t.Fatal(err)
			}
			w.now(t, `UPDATE gatepost.verification SET mailed = true`)
			if _, err := w.store.ResetPassword(t.Context(), link, "a new password by mail", secret.Client{}); err != nil {
				t.Fatal(err)
			}
			if w.count(t, "totp") != 1 || w.enters(t, a) != !unconfirmed {
				t.Error("the app is gone, or the passkey is not what it should be")
			}
		})
	}
}

// What an export writes, an import makes again: who has a passkey and nothing else comes with it, or not at all.
func TestPasskeysGoOutAndIn(t *testing.T) {
	t.Parallel()
	w := keyedWorld(t)
	a := w.registers(t, "Blue key")
	w.run(t, w.betterAuth())
	if !w.enters(t, a) { // and has told who the person is
		t.Fatal("it does not sign in")
	}
	var lines strings.Builder
	if err := w.store.ExportAll(t.Context(), false, false, func(e importer.Exported) error {
		return json.NewEncoder(&lines).Encode(e)
	}); err != nil {
		t.Fatal(err)
	}
	there := &world{}
	there.store, there.here = authtest.NewStore(t)
	there.atSite(t, "https://app.example.com")
	counts, told := there.run(t, importer.JSON{File: file(t, lines.String())})
	if counts.Created != 1 || counts.Passkeys != 1 || !there.enters(t, a) {
		t.Errorf("%+v %v in\n%s", counts, told, lines.String())
	}
	if what, _ := there.password(t); what != "second step" {
		t.Errorf("the password opens %s", what)
	}
	var alone bool
	err := there.here.QueryRow(t.Context(), `SELECT verified FROM gatepost.passkey`).Scan(&alone)
	if err != nil || !alone {
		t.Errorf("that it signs in alone is forgotten: %v", err)
	}
	elsewhere := &world{}
	elsewhere.store, elsewhere.here = authtest.NewStore(t)
	elsewhere.atSite(t, "https://new.example")
	counts, told = elsewhere.run(t, importer.JSON{File: file(t, lines.String())})
	if counts.Created != 0 || counts.Refused != 1 {
		t.Errorf("at another domain: %+v %v", counts, told)
	}
	for _, bad := range []string{`"domain":"app.example.com","credential_id":"%%%"`,
		`"domain":"app.example.com","credential_id":"AAAA","public_key":"AAAA"`} {
		counts, told := elsewhere.run(t, importer.JSON{File: file(t,
			`{"id":"x","email":"x@example.com","second_factor":true,"passkeys":[{`+bad+`}]}`)})
		if counts.Refused != 1 {
			t.Errorf("%s: %+v %v", bad, counts, told)
		}
	}
}

// Whatever else a second import brings over, or another source says of the same user, the password alone opens nothing.
func TestASecondImportOpensNothingMore(t *testing.T) {
	t.Parallel()
	w := keyedWorld(t)
	w.old(t, `UPDATE account SET password = '$2y$04$mIJxfrCaEI3GukZe11CiXublhEFanu5.ododkll1WphfSp6pn4zIu'
	    WHERE password IS NOT NULL`)
	a := w.registers(t, "Blue key")
	w.enrolled(t, sealedKey, sealedCodes)
	w.run(t, w.withSecrets())
	drop := func(o *importer.Options) { o.DropSecondFactors, o.DropPasswords = true, true }
	w.old(t, `UPDATE account SET password = '`+betterAuthHash+`' WHERE password IS NOT NULL;
	    UPDATE "user" SET "twoFactorEnabled" = false, name = 'Eve'; DELETE FROM "twoFactor"; DELETE FROM passkey`)
	if counts, told := w.run(t, w.withSecrets(), drop); counts.Changed != 1 || counts.Conflicts != 2 {
		t.Errorf("%+v %v", counts, told)
	}
	line := `{"id":"Ada1","email":"ada@example.com","email_verified":true,"second_factor":false,"passkeys":[],` +
		`"password":"` + betterAuthHash + `"}`
	if counts, told := w.run(t, importer.JSON{File: file(t, line)}, drop); counts.Refused != 1 {
		t.Errorf("another source: %+v %v", counts, told)
	}
	if what, _ := w.password(t); what != "second step" {
		t.Errorf("the new password opens %s", what)
	}
	if !w.takes(t, appCode(oldKey)) || !w.takes(t, "aB3dE-fG7hI") || !w.enters(t, a) {
		t.Error("a factor opens no more")
	}
}

// A passkey that comes over beside an app is a change of factors: browsers are trusted no longer.
func TestAPasskeyThatComesOverEndsTheTrustInBrowsers(t *testing.T) {
	t.Parallel()
	w := keyedWorld(t)
	w.enrolled(t, sealedKey, sealedCodes)
	w.run(t, w.withSecrets())
	w.now(t, `INSERT INTO gatepost.trusted_browser (id, user_id, token, user_agent, expires_at)
		SELECT 'x', id, sha256('x'), '', now() + interval '1 day' FROM gatepost."user"`)
	if n := w.count(t, "trusted_browser"); n == 0 {
		t.Fatal("no browser is trusted")
	}
	w.registers(t, "Blue key")
	w.run(t, w.withSecrets())
	if n := w.count(t, "trusted_browser"); n > 0 {
		t.Errorf("%d browsers are trusted on", n)
	}
}

// The first passkeys of a site may be those that come over, and of a domain above it: browsers are asked for that one
// from then on.
func TestPasskeysOfADomainAboveAreBroughtOver(t *testing.T) {
	t.Parallel()
	w := keyedWorld(t)
	a := w.registers(t, "Blue key")
	from := w.betterAuth()
	from.PasskeyDomain = "example.com"
	if counts, told := w.run(t, from); counts.Passkeys != 1 || !counts.Whole() {
		t.Errorf("%+v %v", counts, told)
	}
	a.RPID = "example.com"
	if !w.enters(t, a) {
		t.Error("it does not sign in")
	}
}

// What somebody here adds while an import is about to write is theirs, and the import goes on.
func TestAPasskeyThatIsAddedHereMeanwhile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ first, domain, id, says string }{
		"the same one": {`SELECT`, "app.example.com", "", `conflict Ada1: second factor the passkey "Blue key" is one of ` +
			`the user eve here`},
		"one of another domain": {`SELECT pg_advisory_xact_lock(hashtextextended('gatepost first passkey', 0))`,
			"example.com", "e", `conflict Ada1: second factor the passkey "Blue key" was made for "app.example.com", and ` +
				`those that are here by now for another domain`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := keyedWorld(t)
			a := w.registers(t, "Blue key")
			w.now(t, `INSERT INTO gatepost."user" (id, name, email) VALUES ('eve', '', 'eve@example.com')`)
			tx, err := w.here.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback(t.Context()) //nolint:errcheck // it is committed, or the test fails
			id := a.ID
			if c.id != "" {
				id = []byte(c.id)
			}
			for _, sql := range []string{c.first,
				`INSERT INTO gatepost.passkey (id, user_id, rp_id, credential_id, public_key)
				    VALUES ('e', 'eve', '` + c.domain + `', '\x` + hex.EncodeToString(id) + `', '')`} {
				if _, err := tx.Exec(t.Context(), sql); err != nil {
					t.Fatal(err)
				}
			}
			told := make(chan []string)
			go func() {
				_, lines := w.run(t, w.betterAuth())
				told <- lines
			}()
			w.waitsForALock(t)
			if err := tx.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			same(t, "told", <-told, c.says, "created Ada1:")
			if n := w.count(t, "passkey"); n != 1 {
				t.Errorf("there are %d passkeys", n)
			}
		})
	}
}
