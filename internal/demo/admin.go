package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/secret"
)

const admin = "admin@example.com"

// makeAdmin sees to an admin, and returns their password, which is kept beside the demo's data: it is the same at each
// start. An admin who is there stays as they are, with a password of their own choice perhaps.
func makeAdmin(ctx context.Context, s *auth.Store, dir string) (secret.Password, error) {
	password, fresh, err := keptPassword(filepath.Join(dir, "admin-password"))
	if err != nil {
		return "", err
	}
	roles := []string{"admin", auth.DefaultRole}
	u, err := s.FindUser(ctx, admin)
	switch {
	case errors.Is(err, auth.ErrNoUser):
		_, err = s.CreateUser(ctx, auth.NewUser{Email: admin, Name: "Admin", Password: password, Roles: roles,
			Verified: true})
	case err == nil && fresh: // of a demo that kept none
		err = errors.Join(s.SetPassword(ctx, u.ID, password), s.SetRoles(ctx, u.ID, roles), s.Enable(ctx, u.ID))
	}
	return password, err
}

// keptPassword returns the password in a file, which it makes if there is none.
func keptPassword(file string) (p secret.Password, fresh bool, err error) {
	text, err := os.ReadFile(file)
	if err == nil && len(text) > 0 {
		return secret.Password(text), false, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", false, fmt.Errorf("read the admin's password: %w", err)
	}
	p = secret.Password(rand.Text())
	if err := os.WriteFile(file, []byte(p), 0o600); err != nil {
		return "", false, fmt.Errorf("keep the admin's password: %w", err)
	}
	return p, true, nil
}
