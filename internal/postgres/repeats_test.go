package postgres

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/migrations"
)

func TestMain(m *testing.M) { authtest.Main(m) }

// PostgreSQL repeats unknown parameters, whose names may be pieces of a password.
func TestWhatPostgreSQLRepeatsIsNotShown(t *testing.T) {
	t.Parallel()
	address := authtest.NewEmptyDatabase(t) + "&Secr3tTail9=1"
	c, err := config.Load(t.Context(), []string{"DATABASE_URL=" + address, "HOME=" + t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := connectTo(t.Context(), c.Settings.DatabaseURL)
	if err == nil {
		_ = conn.Close(context.Background())
		t.Fatal("PostgreSQL takes any parameter")
	}
	if said := err.Error(); strings.Contains(said, "Tail9") || !strings.Contains(said, "42704") ||
		!strings.Contains(said, "leave out") {
		t.Error(said)
	}
}

// What a database or a role has as its defaults keeps no gate from its work.
func TestDefaultsOfADatabaseDoNotMatter(t *testing.T) {
	t.Parallel()
	address := authtest.NewEmptyDatabase(t)
	conn, err := connectTo(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	name := pgx.Identifier{conn.Config().Database}.Sanitize()
	for _, sql := range []string{"client_encoding = 'LATIN1'", "standard_conforming_strings = off",
		"default_transaction_isolation = 'serializable'", "DateStyle = 'SQL, DMY'", "bytea_output = 'escape'"} {
		if _, err := conn.Exec(t.Context(), "ALTER DATABASE "+name+" SET "+sql); err != nil {
			t.Fatal(err)
		}
	}
	_ = conn.Close(t.Context())
	if conn, err = connectTo(t.Context(), address); err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if n, err := migrations.Up(t.Context(), conn); err != nil || n == 0 {
		t.Errorf("%d migrations, %v", n, err)
	}
}

// Each way in which a server refuses has a cure.
func TestARefusedConnectionHasACure(t *testing.T) {
	t.Parallel()
	address := authtest.NewEmptyDatabase(t)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/nobody_made_it"
	for where, cure := range map[string]string{
		u.String(): "createdb", address + "&user=nobody": "the role and the password",
		"postgres://x@127.0.0.1:1/x": "is it running",
	} {
		if _, err := connectTo(t.Context(), where); err == nil || !strings.Contains(err.Error(), cure) {
			t.Errorf("%v does not say %q", err, cure)
		}
	}
}
