package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/share"
)

func TestFiftySignUpsOfOneAddressMakeOneUser(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	results := make(chan error, 50)
	for i := range 50 {
		go func() {
			email := []string{"ada@example.com", "ADA@example.com", " ada@EXAMPLE.com"}[i%3]
			client := secret.Client{Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})}
			u := auth.NewUser{Email: email, Password: goodPassword}
			_, err := s.SignUp(context.Background(), u, true, "", client)
			results <- err
		}()
	}
	made := 0
	for range 50 {
		var input auth.InputError
		switch err := <-results; {
		case err == nil:
			made++
		case errors.As(err, &input) && input[0].Problem == auth.Taken, errors.Is(err, share.ErrBusy):
		default:
			t.Errorf("got %v, want taken or busy", err)
		}
	}
	if made != 1 || count(t, db, `"user"`) != 1 || count(t, db, "account") != 1 || count(t, db, "session") != 1 {
		t.Errorf("%d sign-ups succeeded; rows: %d users", made, count(t, db, `"user"`))
	}
}

// A failure in any later step must leave nothing of the earlier ones.
func TestAFailedSignUpLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"account", "session"} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			s, db := authtest.NewStore(t)
			exec(t, db, "ALTER TABLE gatepost."+table+" ADD CONSTRAINT never CHECK (false)")
			u := auth.NewUser{Email: "ada@example.com", Password: goodPassword}
			_, err := s.SignUp(t.Context(), u, true, "", here)
			if !errors.As(err, new(*database.RefusedError)) {
				t.Errorf("got %v, want a RefusedError", err)
			}
			for _, table := range []string{`"user"`, "account", "session"} {
				if n := count(t, db, table); n != 0 {
					t.Errorf("%s: %d rows left", table, n)
				}
			}
		})
	}
}

func TestSignInReadsEveryFieldStrictly(t *testing.T) {
	t.Parallel()
	s, _ := authtest.NewStore(t)
	for _, c := range []struct {
		email    string
		password secret.Password
		want     auth.FieldError
	}{
		{"", goodPassword, auth.FieldError{Field: "email", Problem: auth.Missing}},
		{"ada@example.com", "", auth.FieldError{Field: "password", Problem: auth.Missing}},
		{"ada", goodPassword, auth.FieldError{Field: "email", Problem: auth.Malformed}},
		{"ada@example.com", "nul\x00nul nul", auth.FieldError{Field: "password", Problem: auth.Malformed}},
		{"ada@example.com", "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8",
			auth.FieldError{Field: "password", Problem: auth.Malformed}},
		{"ada@example.com", secret.Password(strings.Repeat("x", 5000)),
			auth.FieldError{Field: "password", Problem: auth.TooLong, Limit: 256}},
	} {
		_, err := signIn(s, t.Context(), c.email, c.password)
		var input auth.InputError
		if !errors.As(err, &input) || len(input) != 1 || input[0] != c.want {
			t.Errorf("%q: got %v, want %v", c.email, err, c.want)
		}
	}
}

func TestAPasswordHashedWithOldParametersIsHashedAnew(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	signUp(t, s, "ada@example.com")
	// "correct horse battery" at m=8 MiB, t=1, made by the same library.
	exec(t, db, `UPDATE gatepost.account SET password = $1`, auth.OldHash(goodPassword))
	if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); err != nil {
		t.Fatal(err)
	}
	var now string
	if err := db.QueryRow(t.Context(), `SELECT password FROM gatepost.account`).Scan(&now); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(now, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("got %s", now)
	}
	if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); err != nil {
		t.Errorf("with the new hash: %v", err)
	}
}

// What changed while the password was being hashed must count.
func TestAUserDisabledDuringTheHashIsRefused(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	signUp(t, s, "ada@example.com")
	release := auth.HoldHashQueue(s)
	done := make(chan error, 1)
	go func() {
		_, err := signIn(s, context.Background(), "ada@example.com", goodPassword)
		done <- err
	}()
	exec(t, db, `UPDATE gatepost."user" SET disabled_at = now()`)
	release()
	if err := <-done; !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("got %v, want ErrBadCredentials", err)
	}
}

func TestAFullHashQueueIsBusyNotSlow(t *testing.T) {
	t.Parallel()
	s, _ := authtest.NewStore(t)
	signUp(t, s, "ada@example.com")
	release := auth.HoldHashQueue(s)
	defer release()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			_, err := signIn(s, context.Background(), "ada@example.com", goodPassword)
			if !errors.Is(err, share.ErrBusy) && !errors.Is(err, share.ErrCrowded) {
				t.Errorf("got %v, want ErrBusy or ErrCrowded", err)
			}
		})
	}
	wg.Wait()
}

// Those who would wait in vain are told so after a while, and PostgreSQL is not asked about them.
func TestSignInsBeyondTheQueueDoNotReachTheDatabase(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	release := auth.FillHashQueue(s)
	db.Close()
	if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); !errors.Is(err, share.ErrBusy) {
		t.Errorf("sign in: got %v, want ErrBusy", err)
	}
	_, err := s.SignUp(t.Context(), auth.NewUser{Email: "bea@example.com", Password: goodPassword}, true, "", here)
	if !errors.Is(err, share.ErrBusy) {
		t.Errorf("sign up: got %v, want ErrBusy", err)
	}
	release()
	if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); !errors.Is(err, database.ErrUnavailable) {
		t.Errorf("with room again: got %v, want ErrUnavailable", err)
	}
}

func TestNoSecretPrints(t *testing.T) {
	t.Parallel()
	c := auth.Credentials{Email: "ada@example.com", Password: "plain password", Presented: "plain token"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, v := range []any{c, &c, c.Password, c.Presented, []secret.Token{c.Presented}} {
			if out := fmt.Sprintf(verb, v); strings.Contains(out, "plain") ||
				strings.Contains(out, fmt.Sprintf("%x", "plain")) {
				t.Errorf("%s of %T prints the secret: %s", verb, v, out)
			}
		}
	}
}
