package auth_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/password"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/captcha"
)

func asking(o *auth.Options) { o.Captcha = auth.Captcha{Work: true, After: 1} }

// Of attempts that come together, at one address or from one network, only as many are tried without a solution as are
// being hashed at once: the others meet the failures of those before.
func TestAttemptsThatComeTogetherAreAskedToo(t *testing.T) {
	t.Parallel()
	for what, at := range map[string]func(i int) (email, addr string){
		"at one address":   func(i int) (string, string) { return "ada@example.com", fmt.Sprint("198.51.100.", i) },
		"from one network": func(i int) (string, string) { return fmt.Sprint("u", i, "@example.com"), "203.0.113.7" },
	} {
		s, _ := authtest.NewStore(t, asking)
		var all sync.WaitGroup
		var tried, asked atomic.Int32
		for i := range 12 {
			email, addr := at(i + 1)
			all.Go(func() {
				_, err := s.SignIn(t.Context(), auth.Credentials{Email: email, Password: "wrong wrong wrong",
					Client: secret.Client{Addr: netip.MustParseAddr(addr)}})
				switch {
				case errors.Is(err, auth.ErrBadCredentials):
					tried.Add(1)
				case errors.Is(err, captcha.ErrMissing):
					asked.Add(1)
				}
			})
		}
		all.Wait()
		if most := int32(1 + password.Slots()); tried.Load() > most || asked.Load() == 0 {
			t.Errorf("%s: %d were tried, at most %d, and %d asked", what, tried.Load(), most, asked.Load())
		}
	}
}

// A solution that is used for one address is used for all. A sign-up that is refused for what was typed uses none up.
func TestASolutionIsUsedUpByWhatItIsFor(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, asking)
	solution := solve(t, s, captcha.SignUp)
	signUp := func(email string, p secret.Password) error {
		_, err := s.SignUp(t.Context(), auth.NewUser{Email: email, Password: p}, true, "", secret.Client{Solution: solution})
		return err
	}
	if err := signUp("ada@example.com", "short"); !errors.As(err, new(auth.InputError)) {
		t.Errorf("a short password: %v", err)
	}
	if err := signUp("ada@example.com", goodPassword); err != nil {
		t.Errorf("with a solution: %v", err)
	}
	if err := signUp("bob@example.com", goodPassword); !errors.Is(err, captcha.ErrWrong) {
		t.Errorf("with a used one: %v", err)
	}
	if n := count(t, db, `"user"`); n != 1 {
		t.Errorf("%d users", n)
	}
}

// solve gets a puzzle and solves it.
func solve(t *testing.T, s *auth.Store, p captcha.Purpose) string {
	t.Helper()
	puzzle, err := s.Puzzle(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	for n := range puzzle.MaxNumber + 1 {
		if fmt.Sprintf("%x", sha256.Sum256([]byte(puzzle.Salt+strconv.Itoa(n)))) == puzzle.Challenge {
			return base64.StdEncoding.EncodeToString(fmt.Appendf(nil,
				`{"algorithm":%q,"challenge":%q,"number":%d,"salt":%q,"signature":%q}`, puzzle.Algorithm, puzzle.Challenge, n,
				puzzle.Salt, puzzle.Signature))
		}
	}
	t.Fatal("nothing solves the puzzle")
	return ""
}
