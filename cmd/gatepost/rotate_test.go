package main

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/internal/seal"
)

// sealSession writes a session with an ID token that a key has sealed, as a sign-in at a provider does.
func sealSession(t *testing.T, db *pgxpool.Pool, id, key string) {
	t.Helper()
	ks, err := seal.Parse(key)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := ks.Seal(seal.SessionIDToken, id, []byte("token"))
	if err == nil {
		_, err = db.Exec(t.Context(), `
			WITH u AS (INSERT INTO gatepost."user" (id, email, name) VALUES ($1, $1 || '@example.com', '')),
			    k AS (INSERT INTO gatepost.encryption_key (id) VALUES ($3) ON CONFLICT DO NOTHING)
			INSERT INTO gatepost.session (id, token, user_id, expires_at, id_token)
			VALUES ($1, $1, $1, now() + interval '1 day', $2)`, id, sealed, ks.IDs()[0])
	}
	if err != nil {
		t.Fatal(err)
	}
}

// rotated runs the command with some keys, and returns what it printed.
func rotated(t *testing.T, database string, code int, list ...string) (out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	env := []string{"DATABASE_URL=" + database, "GATEPOST_ENCRYPTION_KEY=" + strings.Join(list, ",")}
	if got := run(context.Background(), []string{"gatepost", "key", "rotate"}, env, strings.NewReader(""), &stdout,
		&stderr); got != code {
		t.Errorf("exit %d, want %d: %s%s", got, code, stdout.String(), stderr.String())
	}
	out, errs = stdout.String(), stderr.String()
	for _, key := range list {
		if strings.Contains(out+errs, key[:8]) {
			t.Error("it prints a key")
		}
	}
	return out, errs
}

// An operator is told what became of how many values, and what to do, until the old key may be left out.
func TestKeyRotate(t *testing.T) {
	t.Parallel()
	database := authtest.NewDatabase(t)
	db := authtest.Pool(t, database)
	before, after, lost := seal.NewKey(), seal.NewKey(), seal.NewKey()
	for i := range 3 {
		sealSession(t, db, fmt.Sprint("u", i), before)
	}
	sealSession(t, db, "lost", lost)
	_, said := rotated(t, database, exitFailed)
	has(t, said, `there is no key: set GATEPOST_ENCRYPTION_KEY`)
	out, said := rotated(t, database, exitFailed, after, before)
	has(t, out, `session\.id_token +3 +0 +1 +0 +0\n`, `provider_token\.refresh +0 +0 +0 +0 +0\n`,
		`Nothing is sealed with key [0-9a-f]{16} any more\. Leave out`)
	has(t, said, `1 value could not be opened, as the key is not in GATEPOST_ENCRYPTION_KEY: keep every old key`,
		`event=rotate-keys result=ok .*detail="key [0-9a-f]{16}, session.id_token 3, forgotten [0-9a-f]{16}"`)
	out, _ = rotated(t, database, exitDone, after, before, lost)
	has(t, out, `session\.id_token +1 +3 +0 +0 +0\n`, `Nothing is sealed with keys [0-9a-f]{16}, [0-9a-f]{16} any more`)
	out, said = rotated(t, database, exitDone, after)
	has(t, out, `session\.id_token +0 +4 +0 +0 +0\n`, `there is no other key to leave out`)
	if strings.Contains(said, "rotate-keys") {
		t.Errorf("a run that did nothing is an event: %s", said)
	}
}

func has(t *testing.T, text string, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		if !regexp.MustCompile(pattern).MatchString(text) {
			t.Errorf("no %s in\n%s", pattern, text)
		}
	}
}
