package authtest

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// What a killed process left is removed: not what another one holds, or has only just made.
func TestWhatAKilledProcessLeftIsRemoved(t *testing.T) {
	within, old := t.TempDir(), time.Now().Add(-time.Hour)
	for name, stays := range map[string]bool{"left": false, "held": true, "new": true} {
		dir := filepath.Join(within, prefix+name)
		if err := os.MkdirAll(filepath.Join(dir, "pg"), 0o700); err != nil {
			t.Fatal(err)
		}
		if name == "held" {
			fd, err := hold(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer syscall.Close(fd)
		}
		if name != "new" {
			if err := os.Chtimes(dir, old, old); err != nil {
				t.Fatal(err)
			}
		}
		sweep(within)
		if _, err := os.Stat(dir); os.IsNotExist(err) == stays {
			t.Errorf("%s: %v", name, err)
		}
	}
}
