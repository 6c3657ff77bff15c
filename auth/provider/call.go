package provider

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/share"
)

// enter admits a sign-in to what waits for the provider, until leave is called. It fails with share.ErrCrowded or
// share.ErrBusy, which say nothing about the provider.
func (p *Provider) enter(ctx context.Context) (leave func(), err error) {
	share.Pause(ctx)
	return p.calls.Enter(share.Client(ctx))
}

// statusError is an answer with another status than 200.
type statusError struct{ code int }

func (e *statusError) Error() string { return fmt.Sprintf("answered with status %d", e.code) }

// kind is what a status means. A redirect is never followed: whoever answers with one is not where we were told.
func (e *statusError) kind() Kind {
	if e.code >= 500 || e.code == http.StatusTooManyRequests || e.code == http.StatusRequestTimeout {
		return Unavailable
	}
	return Misconfigured
}

// callFault says what an error of a call means. Its text has the address, and nothing that was sent or came back.
func callFault(err error) *Error {
	if untrusted(err) || errors.Is(err, errInside) {
		return fault(Misconfigured, err)
	}
	if call, ok := errors.AsType[*url.Error](err); ok && errors.Is(err, context.DeadlineExceeded) {
		err = &url.Error{Op: call.Op, URL: call.URL, Err: errNoAnswer}
	}
	return fault(Unavailable, err)
}

// errNoAnswer is what callTime and documentTime mean to who reads it.
var errNoAnswer = errors.New("no answer came in time")

func untrusted(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}

// get reads JSON with an access token from the API of a provider.
func (p *Provider) get(ctx context.Context, address string, access secret.Text, into any) error {
	client := p.back
	if p.kind.plain != nil {
		client = p.front
	}
	return getJSON(ctx, client, address, access, into)
}

// getJSON reads JSON. Its errors are *Error.
func getJSON(ctx context.Context, client *http.Client, address string, access secret.Text, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return faultf(Misconfigured, "an address of the provider is no URL")
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "gatepost")
	if access != "" {
		r.Header.Set("Authorization", "Bearer "+string(access))
	}
	res, err := client.Do(r)
	if err != nil {
		return callFault(err)
	}
	defer res.Body.Close()
	if err := readJSON(res, into); err != nil {
		return fault(Unavailable, fmt.Errorf("%s: %w", r.URL.Redacted(), err))
	}
	return nil
}

func readJSON(res *http.Response, into any) error {
	if res.StatusCode == http.StatusForbidden && res.Header.Get("X-RateLimit-Remaining") == "0" {
		return &statusError{http.StatusTooManyRequests} // GitHub
	}
	if res.StatusCode != http.StatusOK {
		return &statusError{res.StatusCode}
	}
	body, err := io.ReadAll(res.Body)
	if errors.As(err, new(*http.MaxBytesError)) {
		return errTooLong
	}
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if json.Unmarshal(body, into) != nil { // what it says about the answer may quote it
		return badAnswer("the answer, of type " + cmp.Or(res.Header.Get("Content-Type"), "unknown") +
			", is not the JSON that was expected")
	}
	return nil
}

// isCall reports whether an error is one of net/http's about a call, and not one of x/oauth2's about an answer.
func isCall(err error) bool {
	_, ok := errors.AsType[*url.Error](err)
	return ok
}
