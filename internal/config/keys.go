package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gatepost/gatepost/internal/seal"
)

func (c *Config) checkKeys(list *Faults) {
	var err error
	if c.Keys, err = seal.Parse(c.Settings.EncryptionKey); err != nil {
		list.Add(fmt.Errorf("GATEPOST_ENCRYPTION_KEY: %w", err))
	}
}

// OpenKeys reads the key file beside the built-in PostgreSQL when the setting has no key. With make it creates a
// missing file. With a PostgreSQL of the operator's it does nothing: each of several gates would have a file of its
// own, so the key has to be in the setting.
func (c *Config) OpenKeys(make bool) error {
	if !c.Keys.None() || c.Settings.DatabaseURL != "" {
		return nil
	}
	file := filepath.Join(c.DataDir, "encryption.key")
	written, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		if !make {
			return nil
		}
		written, err = writeKey(file)
	}
	if err != nil {
		return fmt.Errorf("the key beside the built-in PostgreSQL, %s: %w", file, reason(err))
	}
	if c.Keys, err = seal.Parse(string(written)); err != nil || c.Keys.None() {
		return fmt.Errorf("the key beside the built-in PostgreSQL, %s, cannot be read: restore it from a backup", file)
	}
	return nil
}

// writeKey makes a key that only this user may read, and leaves one that is there already. The file has its name when
// all of it is on the disk: half a key would be none for ever.
func writeKey(file string) ([]byte, error) {
	f, err := os.CreateTemp(filepath.Dir(file), "encryption.key.*") // readable to this user alone
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	key := []byte(seal.NewKey() + "\n")
	_, err = f.Write(key)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(f.Name(), file); errors.Is(err, fs.ErrExist) { // another process was faster
		return os.ReadFile(file)
	} else if err != nil {
		return nil, err
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	return key, errors.Join(dir.Sync(), dir.Close())
}
