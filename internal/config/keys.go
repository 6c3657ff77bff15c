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

// OpenKeys finds the key beside the built-in PostgreSQL where no setting has one, and makes it when it is not there yet and
// make says so. With a PostgreSQL of the operator's there is none but in the setting: a key beside one of several gates
// would be missing at the others.
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

// writeKey makes a key that only this user may read, and leaves one that is there already.
func writeKey(file string) ([]byte, error) {
	key := []byte(seal.NewKey() + "\n")
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(key)
	return key, errors.Join(err, f.Sync(), f.Close())
}
