package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/internal/seal"
)

// The key beside the built-in PostgreSQL is made once, only by the gate, and only its user can read it.
func TestTheBuiltInPostgreSQLHasAKeyOfItsOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "encryption.key")
	load := func(env ...string) *Config {
		c, err := Load(t.Context(), append([]string{"GATEPOST_DATA_DIR=" + dir}, env...))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	command := load()
	if err := command.OpenKeys(false); err != nil || !command.Keys.None() {
		t.Errorf("a command has made one: %v", err)
	}
	var ids []string
	for range 2 {
		gate := load()
		if err := gate.OpenKeys(true); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, gate.Keys.IDs()...)
	}
	if err := command.OpenKeys(false); err != nil {
		t.Fatal(err)
	}
	ids = append(ids, command.Keys.IDs()...)
	if len(ids) != 3 || ids[0] != ids[1] || ids[1] != ids[2] {
		t.Errorf("got %v, want the same one three times", ids)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	own := load("DATABASE_URL=postgres://127.0.0.1:1/db")
	if err := own.OpenKeys(true); err != nil || !own.Keys.None() {
		t.Errorf("with a PostgreSQL of the operator's: %v", err)
	}
	set := load("GATEPOST_ENCRYPTION_KEY=" + seal.NewKey())
	if err := set.OpenKeys(true); err != nil || set.Keys.IDs()[0] == ids[0] {
		t.Errorf("the setting does not come first: %v", err)
	}
	if err := os.WriteFile(file, []byte("half a"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := load().OpenKeys(true); err == nil || strings.Contains(err.Error(), "half a") ||
		!strings.Contains(err.Error(), "backup") {
		t.Errorf("a broken file: %v", err)
	}
}
