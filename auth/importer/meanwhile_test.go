package importer_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/importer"
)

// rehashed does what a sign-in does that hashes the password anew.
const rehashed = `
	WITH account AS (UPDATE gatepost.account SET password = '$argon2id$x' WHERE password <> '')
	UPDATE gatepost.import_record SET wrote = wrote || jsonb_build_object('password, wrapped', $1::text)`

// What others do to a user while an import waits for them is not undone by what the import has read before.
func TestWhatOthersDoWhileAnImportWaits(t *testing.T) {
	t.Parallel()
	digest := sha256.Sum256([]byte("password\x00$argon2id$x"))
	for name, c := range map[string]struct {
		do     string
		args   []any
		told   []string
		nobody bool // is remembered
	}{
		"a sign-in":  {rehashed, []any{base64.RawURLEncoding.EncodeToString(digest[:15])}, []string{"changed Ada1:"}, false},
		"a deletion": {`DELETE FROM gatepost."user"`, nil, []string{"deleted Ada1:  was deleted here, and stays so"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := betterAuthWorld(t)
			w.run(t, w.betterAuth())
			w.old(t, `UPDATE "user" SET name = 'Ada L.'`)
			tx, err := w.here.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback(t.Context()) //nolint:errcheck // it is committed, or the test fails
			if _, err := tx.Exec(t.Context(), `SELECT FROM gatepost."user" FOR UPDATE`); err != nil {
				t.Fatal(err)
			}
			told := make(chan []string)
			go func() {
				_, lines := w.run(t, w.betterAuth())
				told <- lines
			}()
			w.waitsForALock(t)
			if _, err := tx.Exec(t.Context(), c.do, c.args...); err != nil {
				t.Fatal(err)
			}
			if err := tx.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			same(t, "told", <-told, c.told...)
			var remembered int
			err = w.here.QueryRow(t.Context(), `SELECT count(*) FROM gatepost.import_record
			    WHERE wrote IS NOT NULL`).Scan(&remembered)
			if err != nil || (remembered == 0) != c.nobody {
				t.Errorf("remembered: %d, %v", remembered, err)
			}
			w.old(t, `UPDATE account SET password = replace(password, '0011', '9911') WHERE id = 'a'`)
			if counts, lines := w.run(t, w.betterAuth()); counts.Conflicts > 0 {
				t.Errorf("after a new password at the source: %v", lines)
			}
		})
	}
}

// waitsForALock returns once somebody waits for a row that another transaction has locked.
func (w *world) waitsForALock(t *testing.T) {
	t.Helper()
	for waits := false; !waits; time.Sleep(time.Millisecond) {
		if err := w.here.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity
		    WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waits); err != nil {
			t.Fatal(err)
		}
	}
}

// Somebody whose row another transaction holds throughout stays as they are, and the others are brought over.
func TestARowThatIsHeldStopsNoImport(t *testing.T) {
	t.Parallel()
	w := betterAuthWorld(t)
	w.run(t, w.betterAuth())
	w.old(t, `UPDATE "user" SET name = 'Ada L.'`)
	w.old(t, `INSERT INTO "user" VALUES ('Bob', 'Bob', 'bob@example.com', true, NULL)`)
	tx, err := w.here.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT FROM gatepost."user" FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	counts, told := w.run(t, w.betterAuth())
	same(t, "told while it is held", told, "created Bob:",
		"refused Ada1:  another transaction holds a row of this user: once it has ended, run the import again")
	if counts.Refused != 1 || counts.Ended > 0 {
		t.Errorf("got %+v", counts)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, told = w.run(t, w.betterAuth())
	same(t, "told afterwards", told, "changed Ada1:")
}

// An import whose lock is lost, as what lies between ends idle connections, ends as well: another one may run by now.
func TestAnImportEndsWithItsLock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ``)
	var lines strings.Builder
	for i := range 250 {
		fmt.Fprintf(&lines, `{"id":"%d","email":"%[1]d@example.com"}`+"\n", i)
	}
	counts, err := w.store.Import(t.Context(), importer.JSON{File: file(t, lines.String())}, importer.Options{
		Report: func(l importer.Line) error {
			if l.ID == "0" {
				w.now(t, `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database =
				    (SELECT oid FROM pg_database WHERE datname = current_database())
				    AND (classid::bigint << 32) + objid::bigint = hashtextextended('gatepost import', 0)`)
			}
			return nil
		}})
	if !errors.Is(err, importer.ErrLockLost) || counts.Created != 200 {
		t.Errorf("%v, %+v", err, counts)
	}
	counts, _ = w.run(t, importer.JSON{File: file(t, lines.String())})
	if counts.Created != 50 || counts.Unchanged != 200 {
		t.Errorf("then %+v", counts)
	}
}
