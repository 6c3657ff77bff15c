package server

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/internal/config"
)

// A lost key is not replaced: the gate refuses to start, and leaves the place of the key's file free for a backup.
func TestALostKeyIsNotReplaced(t *testing.T) {
	t.Parallel()
	g := &gate{c: &config.Config{DataDir: t.TempDir()}, pool: authtest.NewPool(t)}
	file := filepath.Join(g.c.DataDir, "encryption.key")
	if _, err := g.pool.Exec(t.Context(), `INSERT INTO gatepost.encryption_key (id) VALUES ('lost')`); err != nil {
		t.Fatal(err)
	}
	if err := g.openKeys(t.Context()); err == nil {
		t.Error("a gate starts without a key in use")
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("a new key was made: %v", err)
	}
	if _, err := g.pool.Exec(t.Context(), `DELETE FROM gatepost.encryption_key`); err != nil {
		t.Fatal(err)
	}
	if err := g.openKeys(t.Context()); err != nil || g.c.Keys.None() {
		t.Errorf("where nothing is encrypted no key was made: %v", err)
	}
}
