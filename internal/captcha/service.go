package captcha

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/share"
)

const (
	// timeout bounds one question, with its answer: somebody waits for the answer to their form.
	timeout = 5 * time.Second
	// answerMost bounds an answer, in bytes. They have some hundred.
	answerMost = 64 << 10
	// atOnce is how many questions are under way. Networks share them.
	atOnce = 64
	// knownFor is how long it counts whether the service has answered; see Up.
	knownFor = 10 * time.Second
)

// Service is a service that says whether solutions are right. It is told the solution and the keys, and nothing of the
// visitor. It is safe for concurrent use.
type Service struct {
	kind      Kind
	siteKey   string
	secret    secret.Text
	hosts     []string
	http      *http.Client
	admission *share.Admission

	mu   sync.Mutex
	up   bool // the service has answered
	upAt time.Time
}

// NewService returns the service of a kind, with the keys that it has given to the operator. hosts are the names of the
// site: a solution that was found at another one is wrong.
func NewService(k Kind, siteKey string, s secret.Text, hosts []string) *Service {
	return &Service{kind: k, siteKey: siteKey, secret: s, hosts: hosts, admission: share.NewAdmission(atOnce),
		http: &http.Client{Timeout: timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// answer is what the services say, each with the fields that it has.
type answer struct {
	Success  bool     `json:"success"`
	Hostname string   `json:"hostname"`
	Action   string   `json:"action"`
	Codes    []string `json:"error-codes"`
	Data     struct {
		Challenge struct {
			Origin string `json:"origin"`
		} `json:"challenge"`
	} `json:"data"`
	Error struct {
		Code string `json:"error_code"`
	} `json:"error"`
}

// solutionForm has all characters of solutions. What a firewall in front of the service might take for an attack, and
// refuse in its own words, would look like an outage.
var solutionForm = regexp.MustCompile(`^[A-Za-z0-9._~+/=:,|-]+$`)

// Check asks about a solution. It fails with ErrMissing, ErrWrong or ErrUnavailable, and with share.ErrCrowded or
// share.ErrBusy where too many questions are under way.
func (s *Service) Check(ctx context.Context, solution string, p Purpose) error {
	switch {
	case solution == "":
		return ErrMissing
	case len(solution) > solutionMost || !solutionForm.MatchString(solution):
		return ErrWrong
	}
	share.Pause(ctx)
	leave, err := s.admission.Enter(share.Client(ctx))
	if err != nil {
		return err
	}
	defer leave()
	a, err := s.ask(ctx, solution)
	if err != nil {
		return err
	}
	return s.judge(a, p)
}

// Up reports whether the service answers, for a visitor without a solution: their page may not have got its script. A
// service that answers refuses the solution that Up makes up.
func (s *Service) Up(ctx context.Context) bool {
	s.mu.Lock()
	known, up := time.Since(s.upAt) < knownFor, s.up
	s.mu.Unlock()
	if known {
		return up
	}
	return !errors.Is(s.Check(ctx, "none", SignIn), ErrUnavailable)
}

// ask asks about a solution, and notes whether there was an answer.
func (s *Service) ask(ctx context.Context, solution string) (a answer, err error) {
	a, err = s.send(ctx, solution)
	if ctx.Err() != nil {
		return a, ctx.Err() // the visitor has left, which says nothing of the service
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.up, s.upAt = err == nil, time.Now()
	return a, err
}

func (s *Service) send(ctx context.Context, solution string) (a answer, err error) {
	form := url.Values{"response": {solution}}
	if s.kind.header == "" {
		form.Set("secret", string(s.secret))
	}
	if s.kind.siteKey {
		form.Set("sitekey", s.siteKey)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.kind.verify, strings.NewReader(form.Encode()))
	if err != nil {
		return a, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", "gatepost")
	if s.kind.header != "" {
		r.Header.Set(s.kind.header, string(s.secret))
	}
	res, err := s.http.Do(r)
	if err != nil {
		return a, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(io.LimitReader(res.Body, answerMost)).Decode(&a); err != nil || res.StatusCode >= 500 {
		return a, fmt.Errorf("%w: %s answers with status %d, and not as documented", ErrUnavailable, r.URL.Host,
			res.StatusCode)
	}
	return a, s.ours(a)
}

// faultsOfOurs are codes that no solution causes: of a wrong secret or site key, and of a fault at the service.
var faultsOfOurs = []string{"missing-input-secret", "invalid-input-secret", "sitekey-secret-mismatch", "internal-error",
	"auth_required", "auth_invalid", "sitekey_invalid"}

// ours is what the operator or the service has to deal with; nil: nothing.
func (s *Service) ours(a answer) error {
	for _, code := range append(a.Codes, a.Error.Code) {
		if slices.Contains(faultsOfOurs, code) {
			return fmt.Errorf("%w: %s answers %s", ErrUnavailable, s.kind.Label, code)
		}
	}
	return nil
}

// judge checks where and what for the solution was found, too, if the service says so.
func (s *Service) judge(a answer, p Purpose) error {
	host := a.Hostname
	if u, err := url.Parse(a.Data.Challenge.Origin); err == nil && host == "" {
		host = u.Hostname()
	}
	switch {
	case !a.Success:
		return ErrWrong
	case host != "" && !slices.Contains(s.hosts, host):
		return fmt.Errorf("it was found at %q: %w", host, ErrWrong)
	case a.Action != "" && a.Action != string(p):
		return fmt.Errorf("it was found for %q: %w", a.Action, ErrWrong)
	}
	return nil
}
