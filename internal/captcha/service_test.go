package captcha

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatepost/gatepost/internal/share"
)

// serviceAt is a service that answers as a handler does.
func serviceAt(t *testing.T, answer http.HandlerFunc) *Service {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return NewService(Kind{Label: "X", verify: server.URL}, "key", "secret", []string{"app.example.com"})
}

// A network that asks about much keeps nobody else from being asked about. What is too many is no outage, which would
// let logins go on.
func TestAServiceIsAskedAtATimeByMany(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}, 2*atOnce), make(chan struct{})
	s := serviceAt(t, func(http.ResponseWriter, *http.Request) { asked <- struct{}{}; <-answer })
	ask := func(addr string) error {
		return s.Check(share.FromClient(t.Context(), netip.MustParseAddr(addr)), "x", SignIn)
	}
	var all sync.WaitGroup
	defer all.Wait()
	defer close(answer)
	crowded := make(chan error, 2*atOnce)
	for range atOnce {
		all.Go(func() {
			if err := ask("198.51.100.7"); errors.Is(err, share.ErrCrowded) && !errors.Is(err, ErrUnavailable) {
				crowded <- err
			}
		})
	}
	<-crowded
	for len(asked) > 0 {
		<-asked
	}
	all.Go(func() { _ = ask("203.0.113.7") })
	<-asked
}

// What a service says is right, wrong, or nothing that can be used. Whatever a solution may cause is wrong, and what
// only a key or the service may cause is not.
func TestWhatAServiceSays(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]error{
		`200 {"success":true}`: nil,
		`200 {"success":true,"hostname":"app.example.com","action":"sign-up"}`:           nil,
		`200 {"success":true,"hostname":"evil.example"}`:                                 ErrWrong,
		`200 {"success":true,"action":"mail"}`:                                           ErrWrong,
		`200 {"success":true,"data":{"challenge":{"origin":"https://app.example.com"}}}`: nil,
		`200 {"success":true,"data":{"challenge":{"origin":"https://evil.example"}}}`:    ErrWrong,
		`200 {"success":false,"error-codes":["timeout-or-duplicate"]}`:                   ErrWrong,
		`200 {"success":false,"error-codes":["invalid-input-secret"]}`:                   ErrUnavailable,
		`200 {"success":false}`: ErrWrong,
		`200 {}`:                ErrWrong,
		`400 {"success":false,"error":{"error_code":"bad_request"}}`:  ErrWrong,
		`401 {"success":false,"error":{"error_code":"auth_invalid"}}`: ErrUnavailable,
		`500 {"success":true}`: ErrUnavailable,
		`200 <html>`:           ErrUnavailable,
		`404 `:                 ErrUnavailable,
	} {
		s := serviceAt(t, func(w http.ResponseWriter, _ *http.Request) {
			var status int
			_, _ = fmt.Sscan(said, &status)
			w.WriteHeader(status)
			fmt.Fprint(w, said[4:])
		})
		if err := s.Check(t.Context(), "x", SignUp); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", said, err, want)
		}
	}
}

// What can be no solution is asked about nowhere.
func TestWhatIsNoSolutionIsNotAskedAbout(t *testing.T) {
	t.Parallel()
	s := serviceAt(t, func(http.ResponseWriter, *http.Request) { t.Error("the service was asked") })
	for solution, want := range map[string]error{"": ErrMissing, "<script>": ErrWrong, "a' OR 1=1": ErrWrong,
		strings.Repeat("a", solutionMost+1): ErrWrong} {
		if err := s.Check(t.Context(), solution, SignIn); !errors.Is(err, want) {
			t.Errorf("%.20q: %v", solution, err)
		}
	}
}

// Whether a service is up is asked once in a while, and a visitor who leaves says nothing of it.
func TestWhetherAServiceIsUp(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	var asked atomic.Int32
	s := serviceAt(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		fmt.Fprint(w, `{"success":false}`)
	})
	for range 3 {
		if !s.Up(t.Context()) || asked.Load() != 1 {
			t.Errorf("it is up: asked %d times", asked.Load())
		}
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	s.upAt = time.Now().Add(-knownFor)
	if !s.Up(gone) {
		t.Error("a visitor who has left takes the service down")
	}
	down.Store(true)
	for range 2 {
		if s.Up(t.Context()) || asked.Load() != 2 {
			t.Errorf("it is down: asked %d times", asked.Load())
		}
	}
}

// The first puzzle that the documentation of ALTCHA's protocol would take: each part is where it says.
func TestAPuzzleIsWrittenAsALTCHADoes(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	p := NewPuzzle([]byte("key"), Mail, now)
	if !saltForm.MatchString(p.Salt) || p.Algorithm != "SHA-256" || len(p.Challenge) != 64 || len(p.Signature) != 64 ||
		p.Signature != sign([]byte("key"), p.Challenge) {
		t.Errorf("%+v", p)
	}
	if _, err := CheckWork([]byte("key"), "", Mail, now); !errors.Is(err, ErrMissing) {
		t.Error(err)
	}
}
