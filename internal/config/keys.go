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

// writeKey creates a file with a new key that only this user can read. It fails when the file exists.
func writeKey(file string) ([]byte, error) {
	key := []byte(seal.NewKey() + "\n")
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(key)
	return key, errors.Join(err, f.Sync(), f.Close())
}
