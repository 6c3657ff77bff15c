package auth_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/internal/seal"
)

// vault is a database with a row for a value in each sealed column, whose accounts are those of some users.
type vault struct {
	db                  *pgxpool.Pool
	before, after, lost string   // keys
	users               []string // ids, which rows that a test makes have as well
}

func newVault(t *testing.T, users int) *vault {
	t.Helper()
	v := &vault{before: seal.NewKey(), after: seal.NewKey(), lost: seal.NewKey()}
	v.db = authtest.NewPool(t)
	for i := range users {
		v.users = append(v.users, fmt.Sprintf("user-%04d", i))
	}
	for _, sql := range []string{
		`"user" (id, email, name) SELECT id, id || '@example.com', ''`,
		`account (id, user_id, provider_id, issuer, account_id) SELECT id, id, 'corp', 'https://corp.example', id`,
		`session (id, token, user_id, expires_at) SELECT id, id, id, now() + interval '1 day'`,
		`provider_token (account_id, access) SELECT id, ''`,
		`challenge (id, token, user_id, kind, methods, proved_at, browser, remember, expires_at)
			SELECT id, id, id, 'code', 'pwd', now(), '', false, now() + interval '1 day'`,
		`totp (user_id, secret, last_step) SELECT id, '', 0`,
		`totp_pending (user_id, session_id, secret, expires_at) SELECT id, id, '', now() + interval '1 hour'`,
		`assertion_key (id, private, active_from) SELECT id, '', now()`,
	} {
		exec(t, v.db, `INSERT INTO gatepost.`+sql+` FROM unnest($1::text[]) AS id`, v.users)
	}
	return v
}

// store has some of the keys, the first of which seals.
func (v *vault) store(t *testing.T, list ...string) *auth.Store {
	t.Helper()
	s := auth.New(v.db, auth.Options{Keys: keys(t, strings.Join(list, ",")), Log: slog.New(slog.DiscardHandler),
		Actor: "root@host", AuditRetention: time.Hour})
	t.Cleanup(s.Close)
	return s
}

// put seals a value in a store as a deed does, which says itself when it commits.
func (v *vault) put(t *testing.T, tx pgx.Tx, s *auth.Store, c seal.Column, row string) (sealed []byte) {
	t.Helper()
	sealed, err := auth.Seal(s, t.Context(), tx, c, row, []byte("secret of "+row))
	if err == nil {
		_, err = tx.Exec(t.Context(), fmt.Sprintf(`UPDATE gatepost.%s SET %s = $2 WHERE %s = $1`, c.Table, c.Name, c.Row),
			row, sealed)
	}
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func (v *vault) fill(t *testing.T, key string, c seal.Column, rows ...string) {
	t.Helper()
	s := v.store(t, key)
	err := pgx.BeginFunc(t.Context(), v.db, func(tx pgx.Tx) error {
		for _, row := range rows {
			v.put(t, tx, s, c, row)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// opens tells whether keys open the value of a row.
func (v *vault) opens(t *testing.T, c seal.Column, row string, list ...string) bool {
	t.Helper()
	var sealed []byte
	if err := v.db.QueryRow(t.Context(), fmt.Sprintf(`SELECT %s FROM gatepost.%s WHERE %s = $1`, c.Name, c.Table, c.Row),
		row).Scan(&sealed); err != nil {
		t.Fatal(err)
	}
	got, err := keys(t, strings.Join(list, ",")).Open(c, row, sealed)
	return err == nil && string(got) == "secret of "+row
}

func (v *vault) rotate(t *testing.T) auth.Rotation {
	t.Helper()
	r, err := v.store(t, v.after, v.before).RotateKeys(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func keyID(t *testing.T, key string) string {
	t.Helper()
	return keys(t, key).IDs()[0]
}

// Each value of each sealed column is sealed with the first key then, over many transactions, and what no key opens
// stays as it is. Another run finds nothing to do.
func TestAChangeOfKeysReachesEveryValue(t *testing.T) {
	t.Parallel()
	v := newVault(t, 450)
	for _, c := range seal.Columns {
		v.fill(t, v.before, c, v.users[:447]...)
		v.fill(t, v.after, c, v.users[447])
		v.fill(t, v.lost, c, v.users[448])
		v.fill(t, v.before, c, v.users[449])
		exec(t, v.db, fmt.Sprintf(`UPDATE gatepost.%s SET %s = %[2]s || '\x00' WHERE %s = $1`, c.Table, c.Name, c.Row),
			v.users[449])
	}
	r := v.rotate(t)
	for i, c := range seal.Columns {
		if want := (auth.Rotated{Column: c, Anew: 447, Already: 1, NoKey: 1, Damaged: 1}); r.Columns[i] != want {
			t.Errorf("got %+v, want %+v", r.Columns[i], want)
		}
		for _, row := range v.users[:448] {
			if !v.opens(t, c, row, v.after) {
				t.Fatalf("%v of %s is not sealed anew", c, row)
			}
		}
		if !v.opens(t, c, v.users[448], v.lost) {
			t.Errorf("%v: what no key opens was touched", c)
		}
	}
	if want := []string{keyID(t, v.lost)}; !slices.Equal(r.Used, want) {
		t.Errorf("still used: %v, want %v", r.Used, want)
	}
	if want := []string{keyID(t, v.before)}; !slices.Equal(r.Unused, want) {
		t.Errorf("may be left out: %v, want %v", r.Unused, want)
	}
	again := v.rotate(t)
	for i := range again.Columns {
		if want := (auth.Rotated{Column: seal.Columns[i], Already: 448, NoKey: 1, Damaged: 1}); again.Columns[i] != want {
			t.Errorf("again: %+v, want %+v", again.Columns[i], want)
		}
	}
	if n := rotations(t, v.db); n != 1 {
		t.Errorf("%d events of two runs, the second of which had nothing to do", n)
	}
}

// rotations counts the audit events of changed keys by the operator.
func rotations(t *testing.T, db *pgxpool.Pool) (n int) {
	t.Helper()
	if err := db.QueryRow(t.Context(), `SELECT count(*) FROM gatepost.audit_event WHERE event = 'rotate-keys'
		AND actor = 'root@host'`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A gate starts without the old key when nothing is sealed with it, and not before.
func TestTheOldKeyIsNeededUntilTheLastValueIsSealedAnew(t *testing.T) {
	t.Parallel()
	v := newVault(t, 2)
	v.fill(t, v.before, seal.SessionIDToken, v.users...)
	new := v.store(t, v.after)
	if new.CheckKeys(t.Context()) == nil {
		t.Error("a gate starts without the key of all values")
	}
	held, err := v.db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Rollback(context.Background()) }()
	if _, err := held.Exec(t.Context(), `SELECT id FROM gatepost.session WHERE id = $1 FOR UPDATE`,
		v.users[1]); err != nil {
		t.Fatal(err)
	}
	r := v.rotate(t) // it waits for nobody
	if n := r.Columns[slices.Index(seal.Columns, seal.SessionIDToken)]; n.Anew != 1 || n.Held != 1 ||
		!slices.Equal(r.Used, []string{keyID(t, v.before)}) || len(r.Unused) > 0 || new.CheckKeys(t.Context()) == nil {
		t.Errorf("with a row that is held: %+v", r)
	}
	if err := held.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := v.rotate(t); len(r.Used) > 0 || new.CheckKeys(t.Context()) != nil {
		t.Errorf("at the end: %+v", r)
	}
}

// Whoever seals with the old key just now is waited for, so that its note is never gone while a value needs it.
func TestAKeyThatSealsJustNowIsNotForgotten(t *testing.T) {
	t.Parallel()
	v := newVault(t, 2)
	v.fill(t, v.before, seal.SessionIDToken, v.users[0])
	tx, err := v.db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	v.put(t, tx, v.store(t, v.before), seal.ProviderAccess, v.users[1])
	done := begin(func() error {
		r, err := v.store(t, v.after, v.before).RotateKeys(context.Background(), nil)
		if err == nil && !slices.Contains(r.Used, keyID(t, v.before)) {
			err = fmt.Errorf("the key is not said to be used: %+v", r)
		}
		return err
	})
	eventually(t, "it waits", func() bool { n, _ := waiting(v.db); return n == 1 || len(done) == 1 })
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil && !errors.Is(err, database.ErrUnavailable) { // it waits no longer than a page does
		t.Error(err)
	}
	if n := count(t, v.db, "encryption_key"); n != 2 {
		t.Errorf("%d keys are noted", n)
	}
}

// What a deed wrote meanwhile stays.
func TestAChangeOfKeysOverwritesNothingNewer(t *testing.T) {
	t.Parallel()
	v := newVault(t, 1)
	row := v.users[0]
	var was []byte
	for range 2 { // as sealed twice, the first is another one than what stands there
		err := pgx.BeginFunc(t.Context(), v.db, func(tx pgx.Tx) error {
			if sealed := v.put(t, tx, v.store(t, v.before), seal.ProviderAccess, row); was == nil {
				was = sealed
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	n, err := auth.WriteAnew(v.store(t, v.after), t.Context(), seal.ProviderAccess, row, was, []byte("older"))
	if n != 0 || err != nil || !v.opens(t, seal.ProviderAccess, row, v.before) {
		t.Errorf("%d were written over, %v", n, err)
	}
}

// A token that is renewed while its row is sealed anew is kept: providers take each refresh token once.
func TestARenewalBesideAChangeOfKeysIsKept(t *testing.T) {
	t.Parallel()
	one, two := seal.NewKey(), seal.NewKey()
	g := newGateway(t, func(o *auth.Options) { o.Keys, o.KeepProviderTokens = keys(t, one+","+two), true })
	done, err := g.come(t, someone("1", "ada@example.com"), auth.Flow{Provider: "corp"})
	if err != nil {
		t.Fatal(err)
	}
	session, err := g.s.Lookup(t.Context(), done.Session)
	if err != nil {
		t.Fatal(err)
	}
	first, err := g.s.ProviderToken(t.Context(), session)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, g.db, `UPDATE gatepost.provider_token SET refresh_at = now()`)
	g.idp["corp"].Hold("token")
	renewed := begin(func() error { _, err := auth.RefreshSome(g.s, context.Background()); return err })
	eventually(t, "it is leased", func() bool {
		return number(t, g.db, `SELECT count(*) FROM gatepost.provider_token WHERE refresh_at > now()`) == 1
	})
	s := auth.New(g.db, auth.Options{Keys: keys(t, two+","+one), Log: slog.New(slog.DiscardHandler)})
	defer s.Close()
	if r, err := s.RotateKeys(t.Context(), nil); err != nil || len(r.Used) > 0 {
		t.Errorf("%+v, %v", r, err)
	}
	g.idp["corp"].Release()
	if err := <-renewed; err != nil {
		t.Error(err)
	}
	if second, err := g.s.ProviderToken(t.Context(), session); err != nil || second == "" || second == first {
		t.Errorf("the renewed token is lost, %v", err)
	}
}

func number(t *testing.T, db *pgxpool.Pool, sql string) (n int) {
	t.Helper()
	if err := db.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWithoutAKeyNoneIsChanged(t *testing.T) {
	t.Parallel()
	s, _ := authtest.NewStore(t)
	if _, err := s.RotateKeys(t.Context(), nil); !errors.Is(err, seal.ErrNoKey) {
		t.Error(err)
	}
}

// otherBytes are the columns of type bytea that no key of GATEPOST_ENCRYPTION_KEY seals, and what they have.
var otherBytes = map[string]string{
	"acme.content":           "what autocert keeps",
	"challenge.browser":      "a hash",
	"familiar.place":         "a hash",
	"passkey.credential_id":  "no secret",
	"passkey.handle":         "no secret",
	"passkey.public_key":     "no secret",
	"passkey_user.handle":    "no secret",
	"puzzle_key.key":         "opens nothing, and has to do without a key of the operator",
	"provider_flow.identity": "sealed with a key of the browser",
	"provider_flow.parked":   "sealed with the state",
	"signup_browser.place":   "a hash",
	"throttle.key":           "a hash",
	"trusted_browser.token":  "a hash",
}

// A column of bytes is in seal.Columns, or somebody has said why not: what is left out there is lost with the old key.
func TestNoSealedColumnIsForgotten(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, func(o *auth.Options) { o.Keys = keys(t, seal.NewKey()) })
	rows, _ := db.Query(t.Context(), `SELECT table_name || '.' || column_name FROM information_schema.columns
		WHERE table_schema = 'gatepost' AND data_type = 'bytea' ORDER BY 1`)
	there, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	known := []string{}
	for name := range otherBytes {
		known = append(known, name)
	}
	for _, c := range seal.Columns {
		known = append(known, c.Table+"."+c.Name)
		if n := number(t, db, fmt.Sprintf(`SELECT count(*) FROM information_schema.key_column_usage k
			JOIN information_schema.table_constraints USING (constraint_schema, constraint_name)
			WHERE constraint_schema = 'gatepost' AND constraint_type = 'PRIMARY KEY' AND k.table_name = '%s'
			    AND k.column_name = '%s'`, c.Table, c.Row)); n != 1 {
			t.Errorf("%v: %s is not the primary key", c, c.Row)
		}
	}
	slices.Sort(known)
	if !slices.Equal(there, known) {
		t.Errorf("the schema has the columns of bytes %q\nand the list of sealed columns and otherBytes have %q",
			there, known)
	}
	err = pgx.BeginFunc(t.Context(), db, func(tx pgx.Tx) error {
		_, err := auth.Seal(s, t.Context(), tx, seal.Column{Table: "account", Name: "secret", Row: "id"}, "row", nil)
		return err
	})
	if err == nil || !bytes.Contains([]byte(err.Error()), []byte("not in seal.Columns")) {
		t.Errorf("a column that no change of keys reaches: %v", err)
	}
}
