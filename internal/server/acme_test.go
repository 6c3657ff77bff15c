package server

import (
	"testing"

	"golang.org/x/crypto/acme/autocert"

	"github.com/gatepost/gatepost/auth/authtest"
)

func TestMain(m *testing.M) { authtest.Main(m) }

func TestCertificatesAreKeptInPostgreSQL(t *testing.T) {
	t.Parallel()
	c, ctx := acmeCache{authtest.NewPool(t)}, t.Context()
	if _, err := c.Get(ctx, "app.example.com"); err != autocert.ErrCacheMiss {
		t.Errorf("got %v", err)
	}
	for _, content := range []string{"one", "two"} {
		if err := c.Put(ctx, "app.example.com", []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := c.Get(ctx, "app.example.com"); err != nil || string(got) != content {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if err := c.Delete(ctx, "app.example.com"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(ctx, "app.example.com"); err != autocert.ErrCacheMiss {
		t.Errorf("deleted: %v", err)
	}
	c.db.Close()
	if _, err := c.Get(ctx, "app.example.com"); err == nil || err == autocert.ErrCacheMiss {
		t.Errorf("an outage looks like a miss, and would ask the authority for another: %v", err)
	}
}
