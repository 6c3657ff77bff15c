package importer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/factor"
	"github.com/gatepost/gatepost/auth/importer"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/seal"
)

// What Better Auth 1.7.25 itself has encrypted with oldSecret: a key, also with a version of the secret, the codes
// aB3dE-fG7hI and Zz9Yy-Xx8Ww, and a key that is none.
const (
	oldSecret = "better-auth-secret-123456789-abcdefgh"
	oldKey    = "Zq3vX8kLm2NbT5wRy7PcD4fGh6JsA9eU"
	sealedKey = "f6fa055804e8b6da72426c48ecf0c56df96fdff759b457a3b419123de452637bd7751c34dc4a95aa8da132f1fce03f49" +
		"aefa7bc2b3dc919b179db1fb77dd2be1330289d7e49ebb54"
	versionedKey = "$ba$2$449fc64af4a216f27c8a181d132240465de59fbbed443f693fefe251e53bef00ce8343deb5a6b2643fa5962f3a" +
		"0429863588a049386aba1aa0c372f9117360923f09f4099d3c9afd"
	sealedCodes = "1cf44a3917e35550e724901cdb889d70df128af02a34574f2537e642b8682cd4f158bfde780065cc5ca10cb1a909c07cde" +
		"7fd3ac65c770912c224d9e7cbb1e9c8d6dfe955b"
	sealedShort = "b6dba70d19258555e151d044edc7a1321dcdb67799488e66b87210343d5ba9dec682c6d9b47789079a81341c5f"
)

// factorWorld is betterAuthWorld with a key of encryption here.
func factorWorld(t *testing.T) *world {
	t.Helper()
	w := betterAuthWorld(t)
	ks, err := seal.Parse(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	w.store = auth.New(w.here, auth.Options{Log: slog.New(slog.DiscardHandler), Keys: ks, AnswerStep: time.Millisecond})
	t.Cleanup(w.store.Close)
	w.old(t, `ALTER TABLE "twoFactor" ADD COLUMN "backupCodes" text`)
	return w
}

// enrolled gives Ada a second factor at the source.
func (w *world) enrolled(t *testing.T, key, codes string) {
	t.Helper()
	w.old(t, `UPDATE "user" SET "twoFactorEnabled" = true; DELETE FROM "twoFactor";
	    INSERT INTO "twoFactor" VALUES ('t', '`+key+`', 'Ada1', true, '`+codes+`')`)
}

func (w *world) withSecrets() importer.BetterAuth {
	b := w.betterAuth()
	b.Secrets = []string{"another", oldSecret}
	return b
}

// password is what the password of the source opens: "session", "second step" or "nothing".
func (w *world) password(t *testing.T) (what string, half auth.Issued) {
	t.Helper()
	issued, err := w.store.SignIn(t.Context(), auth.Credentials{Email: "ada@example.com",
		Password: "correct horse battery staple"})
	switch {
	case err != nil:
		return "nothing", issued
	case issued.Session != "":
		return "session", issued
	}
	return "second step", issued
}

// takes reports whether a code ends a sign-in.
func (w *world) takes(t *testing.T, code string) bool {
	t.Helper()
	what, half := w.password(t)
	if what != "second step" {
		t.Fatalf("the password opens %s", what)
	}
	issued, err := w.store.MeetSecondStep(t.Context(), auth.SecondStep{Challenge: half.Challenge, Code: code,
		Client: secret.Client{Browser: half.Browser}})
	return err == nil && issued.Session != ""
}

func appCode(key string) string { return factor.Key(key).Code(factor.Step(time.Now())) }

// Whoever has an authenticator app at the source has it here, with the recovery codes: each opens once, and the
// password alone opens nothing.
func TestAnAuthenticatorAppIsBroughtOver(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]string{"as usual": sealedKey, "with versions of the secret": versionedKey} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := factorWorld(t)
			w.enrolled(t, key, sealedCodes)
			counts, told := w.run(t, w.withSecrets())
			same(t, "told", told, "created Ada1:")
			if want := (importer.Counts{Read: 1, Created: 1, SecondFactors: 1, SecondFactorsBrought: 1}); counts != want {
				t.Errorf("%+v, want %+v", counts, want)
			}
			if w.takes(t, "AB3DE-FG7HI") { // letters of another case
				t.Error("a wrong recovery code is accepted")
			}
			for _, code := range []string{appCode(oldKey), " aB3dE fG7hI"} {
				if !w.takes(t, code) || w.takes(t, code) {
					t.Errorf("%s is not accepted once", code)
				}
			}
			if counts, told := w.run(t, w.withSecrets()); counts.Unchanged != 1 || counts.Any() || len(told) > 0 {
				t.Errorf("again: %+v %v", counts, told)
			}
			if w.takes(t, "aB3dE-fG7hI") || !w.takes(t, "Zz9Yy-Xx8Ww") {
				t.Error("another run brings used codes back, or takes the others away")
			}
		})
	}
}

// A second run gives a factor to whoever came without, was barred for it, or left it behind on request. It ends what
// their password alone has opened.
func TestASecondRunAddsFactors(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(*testing.T, *world){
		"who had none": func(t *testing.T, w *world) { w.run(t, w.betterAuth()) },
		"who was barred": func(t *testing.T, w *world) {
			w.run(t, w.betterAuth())
			w.enrolled(t, sealedKey, sealedCodes)
			if counts, _ := w.run(t, w.betterAuth()); counts.Barred != 1 {
				t.Fatalf("%+v", counts)
			}
		},
		"who came without on request": func(t *testing.T, w *world) {
			w.enrolled(t, sealedKey, sealedCodes)
			w.run(t, w.betterAuth(), func(o *importer.Options) { o.DropSecondFactors = true })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := factorWorld(t)
			before(t, w)
			_, issued := w.password(t)
			w.enrolled(t, sealedKey, sealedCodes)
			w.run(t, w.withSecrets(), func(o *importer.Options) { o.DryRun = true })
			counts, told := w.run(t, w.withSecrets())
			same(t, "told", told, "changed Ada1:")
			if counts.SecondFactorsBrought != 1 {
				t.Errorf("%+v", counts)
			}
			if _, err := w.store.Lookup(t.Context(), issued.Session); issued.Session != "" && err == nil {
				t.Error("a session that lacks the factor lives on")
			}
			if !w.takes(t, appCode(oldKey)) || !w.takes(t, "aB3dE-fG7hI") {
				t.Error("the factor does not open")
			}
		})
	}
}

// No import takes a factor away, puts another one in its place, or brings one back that was switched off here.
func TestNoImportWeakensAFactor(t *testing.T) {
	t.Parallel()
	const gone = "conflict Ada1: second factor is gone there: the one here stays (gatepost user reset-factors switches " +
		"it off)"
	const other = "conflict Ada1: second factor is another one there than here: what is here stays"
	drop := func(o *importer.Options) { o.DropSecondFactors = true }
	for name, c := range map[string]struct {
		then func(*testing.T, *world) []string
		told []string
	}{
		"it is gone there": {func(t *testing.T, w *world) []string {
			w.old(t, `UPDATE "user" SET "twoFactorEnabled" = false; DELETE FROM "twoFactor"`)
			_, told := w.run(t, w.withSecrets(), drop)
			return told
		}, []string{gone}},
		"another one is there": {func(t *testing.T, w *world) []string {
			w.now(t, `UPDATE gatepost.import_record SET wrote = wrote || '{"second factor": "of another key"}'`)
			_, told := w.run(t, w.withSecrets(), drop)
			return told
		}, []string{other}},
		"it cannot be read by now": {func(t *testing.T, w *world) []string {
			_, told := w.run(t, w.betterAuth(), drop)
			return told
		}, nil},
		"it is another kind by now": {func(t *testing.T, w *world) []string {
			w.old(t, `DELETE FROM "twoFactor"`)
			_, told := w.run(t, w.withSecrets())
			return told
		}, []string{"refused Ada1:  " + otherFactor}},
		"the source says nothing of it": {func(t *testing.T, w *world) []string {
			w.old(t, `DROP TABLE "twoFactor"; ALTER TABLE "user" DROP COLUMN "twoFactorEnabled"`)
			_, told := w.run(t, w.withSecrets())
			return told
		}, []string{missed("second factor")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := factorWorld(t)
			w.enrolled(t, sealedKey, sealedCodes)
			w.run(t, w.withSecrets())
			same(t, "told", slices.DeleteFunc(c.then(t, w), func(s string) bool { return s == "unchanged Ada1:" }), c.told...)
			if !w.takes(t, appCode(oldKey)) || !w.takes(t, "aB3dE-fG7hI") {
				t.Error("it does not open any more")
			}
		})
	}
	t.Run("it was switched off here", func(t *testing.T) {
		t.Parallel()
		w := factorWorld(t)
		w.enrolled(t, sealedKey, sealedCodes)
		w.run(t, w.withSecrets())
		if err := w.store.ResetFactors(t.Context(), "Ada1"); err != nil {
			t.Fatal(err)
		}
		if counts, told := w.run(t, w.withSecrets()); counts.Unchanged != 1 || len(told) > 0 {
			t.Errorf("%+v %v", counts, told)
		}
		if what, _ := w.password(t); what != "session" {
			t.Errorf("the password opens %s", what)
		}
	})
}

// Whoever set a factor up here keeps it, and their password, whatever the source has.
func TestAFactorOfThisPlaceStays(t *testing.T) {
	t.Parallel()
	w := factorWorld(t)
	w.run(t, w.betterAuth())
	_, issued := w.password(t)
	e, err := w.store.BeginApp(t.Context(), issued.Session)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.store.ConfirmApp(t.Context(), issued.Session, e.Key.Code(factor.Step(time.Now())),
		secret.Client{}); err != nil {
		t.Fatal(err)
	}
	w.enrolled(t, sealedKey, sealedCodes)
	_, told := w.run(t, w.betterAuth()) // which cannot read it
	if len(told) != 1 || !strings.HasPrefix(told[0], "refused Ada1:") {
		t.Errorf("without the secret: %v", told)
	}
	_, told = w.run(t, w.withSecrets())
	same(t, "with the secret", told,
		"conflict Ada1: second factor is another one there than here: what is here stays")
	if w.takes(t, appCode(oldKey)) || !w.takes(t, e.Key.Code(factor.Step(time.Now())+1)) {
		t.Error("another factor opens")
	}
}

// What cannot be read is told of each person. Nobody comes with their password alone for it.
func TestFactorsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := factorWorld(t)
	broken := sealedKey[:60] + "00" + sealedKey[62:]
	wrong := w.betterAuth()
	wrong.Secrets = []string{"x"}
	for name, c := range map[string]struct {
		key, codes string
		from       importer.BetterAuth
		says       string
	}{
		"no secret":         {sealedKey, sealedCodes, w.betterAuth(), "say --source-secret-file FILE"},
		"a wrong secret":    {sealedKey, sealedCodes, wrong, "with none of the secrets"},
		"a changed one":     {broken, sealedCodes, w.withSecrets(), "with none of the secrets"},
		"nothing encrypted": {"plain", sealedCodes, w.withSecrets(), "nothing that Better Auth encrypts"},
		"half a version":    {"$ba$2", sealedCodes, w.withSecrets(), "nothing that Better Auth encrypts"},
		"an empty one":      {"", sealedCodes, w.withSecrets(), "nothing that Better Auth encrypts"},
		"a short key":       {sealedShort, sealedCodes, w.withSecrets(), "another length"},
	} {
		w.enrolled(t, c.key, c.codes)
		if said := w.says(t, c.from); !strings.Contains(said, c.says) || len(w.users(t)) > 0 {
			t.Errorf("%s: it says %q, and has brought %v", name, said, w.users(t))
		}
	}
	w.enrolled(t, sealedKey, sealedCodes)
	w.old(t, `INSERT INTO "twoFactor" VALUES ('t2', '`+sealedKey+`', 'Ada1', true, '')`)
	if said := w.says(t, w.withSecrets()); !strings.Contains(said, "there are several") || len(w.users(t)) > 0 {
		t.Errorf("of two it says %q", said)
	}
	plain, here := authtest.NewStore(t) // without a key of encryption
	w.enrolled(t, sealedKey, sealedCodes)
	var said string
	counts, err := plain.Import(t.Context(), w.withSecrets(), importer.Options{Report: func(l importer.Line) error {
		said += l.Reason
		return nil
	}})
	var n int
	if scan := here.QueryRow(t.Context(), `SELECT count(*) FROM gatepost."user"`).Scan(&n); err != nil || scan != nil ||
		n != 0 || counts.Refused != 1 || !strings.Contains(said, "GATEPOST_ENCRYPTION_KEY") {
		t.Errorf("without a key: %+v, %q, %d users, %v %v", counts, said, n, err, scan)
	}
	w.enrolled(t, sealedKey, sealedShort)
	_, told := w.run(t, w.withSecrets())
	same(t, "of codes that are none", told, "created Ada1:",
		"note Ada1:  the recovery codes are left out: they cannot be read")
	if !w.takes(t, appCode(oldKey)) {
		t.Error("the app does not open")
	}
}

// A factor that was only begun there is none.
func TestAFactorThatWasBegun(t *testing.T) {
	t.Parallel()
	w := factorWorld(t)
	w.enrolled(t, sealedKey, sealedCodes)
	w.old(t, `ALTER TABLE "twoFactor" DROP COLUMN verified; UPDATE "user" SET "twoFactorEnabled" = false`)
	if counts, told := w.run(t, w.withSecrets()); counts.SecondFactors != 0 || counts.Created != 1 {
		t.Errorf("%+v %v", counts, told)
	}
	if what, _ := w.password(t); what != "session" {
		t.Errorf("the password opens %s", what)
	}
}

// A mail to an address that the source has not confirmed does not switch off the factor that came from there.
func TestAMailKeepsAFactorThatWasBroughtOver(t *testing.T) {
	t.Parallel()
	w := factorWorld(t)
	w.enrolled(t, sealedKey, sealedCodes)
	w.run(t, w.withSecrets())
	w.now(t, `UPDATE gatepost."user" SET email_verified = false`)
	link, err := w.store.ResetLink(t.Context(), "Ada1")
	if err != nil {
		t.Fatal(err)
	}
	w.now(t, `UPDATE gatepost.verification SET mailed = true`)
	const anew = "a new password by mail"
	if _, err := w.store.ResetPassword(t.Context(), link, anew, secret.Client{}); err != nil {
		t.Fatal(err)
	}
	if u, err := w.store.FindUser(t.Context(), "ada@example.com"); err != nil || !u.EmailVerified || !u.SecondFactor {
		t.Errorf("the user is %+v, %v", u, err)
	}
	issued, err := w.store.SignIn(t.Context(), auth.Credentials{Email: "ada@example.com", Password: anew})
	if err != nil || issued.Session != "" {
		t.Errorf("the new password opens a session: %v", err)
	}
}

// The files of other systems have keys as Base32.
func TestAppsInFiles(t *testing.T) {
	t.Parallel()
	base32 := factor.Key(oldKey).Base32()
	for name, from := range map[string]importer.Source{
		"csv": importer.CSV{File: file(t, "id,email,totp_secret,recovery_codes\nx,ada@example.com,"+base32+
			",aB3dE-fG7hI Zz9Yy-Xx8Ww\n")},
		"json": importer.JSON{File: file(t, `{"id":"x","email":"ada@example.com","second_factor":true,"totp_secret":"`+
			base32+`","recovery_codes":["aB3dE-fG7hI"]}`)},
		"auth0": importer.Auth0{File: file(t, `{"user_id":"auth0|x","email":"ada@example.com","mfa_factors":`+
			`[{"phone":{"value":"+15551112233"}},"push",{"totp":{"secret":"`+base32+`"}}]}`)},
		"clerk": importer.Clerk{WithoutAPI: true, File: file(t, "id,primary_email_address,totp_secret,password_digest,"+
			"password_hasher\nx,ada@example.com,"+strings.ToLower(base32)+",,\n")},
	} {
		w := factorWorld(t)
		counts, told := w.run(t, from)
		if counts.SecondFactorsBrought != 1 || counts.Created != 1 {
			t.Errorf("%s: %+v %v", name, counts, told)
		}
		if got := w.count(t, "totp"); got != 1 {
			t.Errorf("%s: %d apps", name, got)
		}
		want := map[string]int{"csv": 2, "json": 1}[name]
		if got := w.count(t, "recovery_code"); got != want {
			t.Errorf("%s: %d recovery codes", name, got)
		}
	}
	for name, from := range map[string]importer.Source{
		"csv": importer.CSV{File: file(t, "id,email,totp_secret\nx,ada@example.com,JBSWY3DP\n")},
		"auth0": importer.Auth0{File: file(t, `{"user_id":"auth0|x","email":"ada@example.com","mfa_factors":`+
			`[{"totp":{"secret":"1"}}]}`)},
	} {
		w := factorWorld(t)
		if said := w.says(t, from); !strings.Contains(said, "no key of an authenticator app") || len(w.users(t)) > 0 {
			t.Errorf("%s: %q", name, said)
		}
	}
}

// Supabase has several factors a user, in Base32 or encrypted, and those that are no apps.
func TestFactorsOfSupabase(t *testing.T) {
	t.Parallel()
	base32 := factor.Key(oldKey).Base32()
	for name, c := range map[string]struct{ factors, says string }{
		"an app": {`('totp', '` + base32 + `', now())`, ""},
		"two": {`('totp', '` + base32 + `', now()), ('totp', 'JBSWY3DPEHPK3PXPJBSWY3DP', 'yesterday')`,
			"the latest is brought"},
		"sealed": {`('totp', '{"key_id":"1","alg":"aes-gcm-hkdf","data":"x","nonce":"y"}', now())`,
			"a key of the server's own"},
		"a phone": {`('phone', NULL, now())`, "no authenticator app"},
		"both":    {`('phone', NULL, now()), ('totp', '` + base32 + `', now())`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := factorWorld(t)
			w.old(t, `CREATE TABLE old.users (id text, email text, email_confirmed_at timestamptz, encrypted_password text,
			        created_at timestamptz);
			    CREATE TABLE old.mfa_factors (user_id text DEFAULT 'Ada1', status text DEFAULT 'verified', factor_type text,
			        secret text, created_at timestamptz);
			    INSERT INTO old.users VALUES ('Ada1', 'ada@example.com', now(),
			        '$2a$04$mIJxfrCaEI3GukZe11CiXublhEFanu5.ododkll1WphfSp6pn4zIu', now());
			    INSERT INTO old.mfa_factors (factor_type, secret, created_at) VALUES `+c.factors)
			d := importer.Database{URL: w.here.Config().ConnString(), Schema: "old"}
			said := w.says(t, importer.Supabase{Database: d})
			if !strings.Contains(said, c.says) {
				t.Errorf("it says %q", said)
			}
			if want := strings.Contains(c.factors, base32); w.count(t, "totp") == 1 != want || len(w.users(t)) == 1 != want {
				t.Errorf("users %v, and %d apps", w.users(t), w.count(t, "totp"))
			}
		})
	}
}

// An app goes out with its user: to another gate with its key, and back to Better Auth encrypted as that does. Without
// the key nobody is written as if they had no second factor.
func TestAppsOnTheWayOut(t *testing.T) {
	t.Parallel()
	w := factorWorld(t)
	w.enrolled(t, sealedKey, sealedCodes)
	w.run(t, w.withSecrets())
	export := func(keys bool) (e importer.Exported) {
		t.Helper()
		if err := w.store.ExportAll(t.Context(), false, keys, func(u importer.Exported) error {
			if u.ID != "" {
				e = u
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return e
	}
	asJSON := func(e importer.Exported) importer.JSON {
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		return importer.JSON{File: file(t, string(line))}
	}
	to := factorWorld(t)
	if counts, told := to.run(t, asJSON(export(false))); counts.Refused != 1 {
		t.Errorf("without the key: %+v %v", counts, told)
	}
	if counts, told := to.run(t, asJSON(export(true))); counts.Created != 1 || !to.takes(t, appCode(oldKey)) {
		t.Errorf("with the key: %+v %v", counts, told)
	}
	e := export(true)
	w.now(t, `DELETE FROM gatepost.totp; INSERT INTO gatepost.passkey (id, user_id, rp_id, credential_id, public_key)
	    VALUES ('k', 'Ada1', 'localhost', '\x01', '\x01')`)
	if by := export(true); !by.SecondFactor || by.TOTPSecret != "" {
		t.Error("a user with a passkey is exported as one without a second factor")
	}
	for name, change := range map[string]string{
		"empty tables":         `DELETE FROM session; DELETE FROM account; DELETE FROM "user"`,
		"those that they left": `INSERT INTO "twoFactor" VALUES ('t', 'x', 'Ada1', false, '` + sealedCodes + `')`,
		"tables in snake_case": `ALTER TABLE "twoFactor" RENAME TO two_factors;
		    ALTER TABLE two_factors RENAME "backupCodes" TO backup_codes`,
		"without the plugin":    `DROP TABLE "twoFactor"`,
		"somebody who has none": `UPDATE "user" SET "twoFactorEnabled" = true`,
	} {
		for secret, read := range map[string]string{oldSecret: oldSecret, "3:" + oldSecret: "3:" + oldSecret + ",2:other"} {
			back := factorWorld(t)
			back.old(t, `ALTER TABLE account ADD COLUMN "updatedAt" timestamptz; `+change)
			u, sql := e, ""
			if name == "somebody who has none" {
				u.TOTPSecret = ""
			}
			if u.TOTPSecret != "" {
				var err error
				if sql, err = importer.BetterAuthFactorSQL(u, secret); err != nil {
					t.Fatal(err)
				}
			}
			_, err := back.here.Exec(t.Context(), `SET search_path = old; `+importer.BetterAuthBegin+
				importer.BetterAuthSQL(u)+sql+importer.BetterAuthEnd(), pgx.QueryExecModeSimpleProtocol)
			if name == "without the plugin" {
				if err == nil || !strings.Contains(err.Error(), `of the table "twoFactor"`) {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			from := back.betterAuth()
			if from.Secrets, err = importer.ReadBetterAuthSecrets(read + "\n"); err != nil {
				t.Fatal(err)
			}
			counts, told := back.run(t, from)
			if name == "somebody who has none" {
				if counts.SecondFactors != 1 || counts.Refused != 1 {
					t.Errorf("%s: %+v %v", name, counts, told)
				}
				continue
			}
			if counts.SecondFactorsBrought != 1 || !back.takes(t, appCode(oldKey)) {
				t.Errorf("%s: %+v %v", name, counts, told)
			}
			if got, want := back.takes(t, "aB3dE-fG7hI"), name == "those that they left"; got != want {
				t.Errorf("%s: a recovery code opens: %t", name, got)
			}
		}
	}
	if _, err := importer.BetterAuthFactorSQL(importer.Exported{TOTPSecret: factor.NewKey().Base32()},
		oldSecret); !errors.Is(err, importer.ErrNoTextKey) {
		t.Errorf("a key of this place: %v", err)
	}
}

func (w *world) count(t *testing.T, table string) (n int) {
	t.Helper()
	if err := w.here.QueryRow(t.Context(), fmt.Sprintf(`SELECT count(*) FROM gatepost.%s`, table)).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
