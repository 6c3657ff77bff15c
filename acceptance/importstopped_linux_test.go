package acceptance_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// Somebody who stops an import is told what that means.
func TestAnImportThatIsStopped(t *testing.T) {
	t.Parallel()
	for flag, want := range map[string]string{"--json": "the import was stopped: what was brought over",
		"--dry-run": "the dry run was stopped: nothing was changed"} {
		t.Run(flag, func(t *testing.T) {
			t.Parallel()
			stoppedImport(t, flag, want)
		})
	}
}

func stoppedImport(t *testing.T, flag, want string) {
	t.Helper()
	pipe := filepath.Join(t.TempDir(), "users")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		w, err := os.OpenFile(pipe, os.O_WRONLY, 0)
		if err != nil {
			return // the import says why it reads nothing
		}
		defer w.Close()
		_, _ = fmt.Fprint(w, "id,email\n1,a@example.com\n")
		stop()
		for i := range 100_000 { // until nobody reads any more
			if _, err := fmt.Fprintf(w, "%d,%[1]d@example.com\n", i+2); err != nil {
				return
			}
		}
	}()
	var said bytes.Buffer
	env := []string{"DATABASE_URL=" + authtest.NewDatabase(t)}
	code := run(ctx, []string{"gatepost", "import", "csv", flag, pipe}, env,
		strings.NewReader(""), &said, &said)
	if code != 1 || !strings.Contains(said.String(), want) ||
		strings.Contains(said.String(), "context canceled") {
		t.Errorf("code %d: %s", code, &said)
	}
}

// So is who stops the wrapping of hashes.
func TestAWrappingThatIsStopped(t *testing.T) {
	t.Parallel()
	url := authtest.NewDatabase(t)
	db := authtest.Pool(t, url)
	if _, err := db.Exec(t.Context(), `
		INSERT INTO gatepost."user" (id, email) SELECT n, n || '@example.com' FROM unnest('{1,2}'::text[]) n`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), `
		INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id, password)
		SELECT id, 'local:credential', 'credential', id, id, '$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0'
		FROM gatepost."user"`); err != nil {
		t.Fatal(err)
	}
	tx, err := db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context()) //nolint:errcheck // the test is over
	if _, err := tx.Exec(t.Context(), `SELECT FROM gatepost."user" WHERE id = '2' FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		defer stop()
		eventually(t, "one hash is wrapped", func() bool {
			var n int
			err := db.QueryRow(ctx, `SELECT count(*) FROM gatepost.account WHERE password LIKE '$wrap%'`).Scan(&n)
			return err == nil && n > 0
		})
	}()
	var said bytes.Buffer
	code := run(ctx, []string{"gatepost", "import", "--wrap-weak"}, []string{"DATABASE_URL=" + url}, strings.NewReader(""),
		&said, &said)
	if code != 1 || !strings.Contains(said.String(), "1 hashes wrapped\n") ||
		!strings.Contains(said.String(), "the run was stopped: the hashes that were wrapped stay so") {
		t.Errorf("code %d: %s", code, &said)
	}
}
