package postgres

import (
	"context"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/internal/config"
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
