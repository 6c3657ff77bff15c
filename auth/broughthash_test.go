package auth_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/password"
)

// Whoever comes from elsewhere signs in with the password from there, and is hashed as everybody else from then on. A
// wrong password changes nothing.
func TestAHashBroughtAlongIsReplacedAtTheFirstSignIn(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	signUp(t, s, "ada@example.com")
	const ssha = "{SSHA}9LaU+1VlmTV23Wj88hte8uWRwZAxMjM0NTY3OA==" // of goodPassword, by passlib
	wrapped, err := password.Wrap(ssha, password.Derive)
	if err != nil {
		t.Fatal(err)
	}
	for kind, stored := range map[string]string{
		"LDAP": ssha, "wrapped": wrapped,
		"bcrypt": "$2b$04$KB5ZvsMtTTvABjgQGO3pYuOzIMU33mi9K7D13pUi93gwaHtVOnjNe",
		"Better Auth": "00112233445566778899aabbccddeeff:267a33c2ae63f1c2d542f84d50b7d87c68900c8b9475f6a47ade71cf44b23482" +
			"2e0a34af1d226572b5caf52809319d4c486f3d209cc2fd022fb53bb4eaeb35b1",
	} {
		exec(t, db, `UPDATE gatepost.account SET password = $1`, stored)
		now := func() (text string) {
			if err := db.QueryRow(t.Context(), `SELECT password FROM gatepost.account`).Scan(&text); err != nil {
				t.Fatal(err)
			}
			return text
		}
		if _, err := signIn(s, t.Context(), "ada@example.com", "x"+goodPassword); !errors.Is(err, auth.ErrBadCredentials) ||
			now() != stored {
			t.Errorf("%s: after a wrong password: %v, %s", kind, err, now())
		}
		if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); err != nil ||
			!strings.HasPrefix(now(), "$argon2id$v=19$m=19456,t=2,p=1$") {
			t.Errorf("%s: after a right password: %v, %s", kind, err, now())
		}
		if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); err != nil {
			t.Errorf("%s: with the new hash: %v", kind, err)
		}
	}
}
