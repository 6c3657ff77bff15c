package breached

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/gatepost/gatepost/internal/share"
)

const (
	// OnlineURL is the range service of Have I Been Pwned.
	OnlineURL = "https://api.pwnedpasswords.com/range/"
	// timeout bounds one question, with its answer: somebody waits for the answer to their form.
	timeout = 2 * time.Second
	// answerMost bounds an answer, in bytes. With padding it has some 40 KB.
	answerMost = 256 << 10
	// atOnce is how many questions are under way. Networks share them: who has many is the one who is not asked for.
	atOnce = 16
)

// Service is a service that hands out the ranges of the list.
type Service struct {
	url       *url.URL
	http      *http.Client
	admission *share.Admission
}

// NewService returns the service at an address, to which the prefix of a range is added.
func NewService(u *url.URL) *Service {
	return &Service{u, &http.Client{Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		share.NewAdmission(atOnce)}
}

// Has asks for the range of a hash. It waits for 2 seconds at most.
func (s *Service) Has(ctx context.Context, h Hash) (bool, error) {
	share.Pause(ctx)
	leave, err := s.admission.Enter(share.Client(ctx))
	if err != nil {
		return false, err
	}
	defer leave()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url.JoinPath(prefixOf(h)).String(), nil)
	if err != nil {
		return false, err
	}
	r.Header.Set("Add-Padding", "true") // so that the length of the answer does not tell the range
	r.Header.Set("User-Agent", "gatepost")
	res, err := s.http.Do(r)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return false, fmt.Errorf("ask %s: %w", s.url.Host, failed.Err) // without the range, which is a part of a hash
	}
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return false, fmt.Errorf("%s answers with status %d", s.url.Host, res.StatusCode)
	}
	return inRange(io.LimitReader(res.Body, answerMost), h)
}
