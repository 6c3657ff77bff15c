// Package fallback asks the system before whether a password is right there, for people whose hash it does not hand
// out.
package fallback

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
)

const (
	// timeout bounds one question, with its answer: a visitor has theirs within 5 s and some.
	timeout = 5 * time.Second
	// answerMost bounds an answer, in bytes.
	answerMost = 64 << 10
)

// User is somebody whose password is right there.
type User struct {
	ID            string `json:"id"` // there
	Email         string `json:"email"`
	EmailVerified bool   `json:"email_verified"`
	Name          string `json:"name"`
}

// ErrWrong means that the system before does not know this address, or not with this password.
var ErrWrong = errors.New("the system before refuses the password")

// Client asks one system. Its zero value asks none.
type Client struct {
	url    *url.URL
	secret secret.Text
	http   *http.Client
}

// New returns a Client for an address, which proves who it is by a secret.
func New(u *url.URL, s secret.Text) *Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy, t.MaxConnsPerHost = nil, 32
	return &Client{u, s, &http.Client{Transport: t, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Ask asks whether a password is right. It fails with ErrWrong if not, and with another error if nobody can say.
func (c *Client) Ask(ctx context.Context, email string, p secret.Password) (User, error) {
	body, err := json.Marshal(map[string]string{"email": email, "password": string(p)})
	if err != nil {
		return User{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url.String(), bytes.NewReader(body))
	if err != nil {
		return User{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Authorization", "Bearer "+string(c.secret))
	res, err := c.http.Do(r)
	if err != nil {
		return User{}, fmt.Errorf("ask the system before: %w", err)
	}
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusOK:
		return read(res.Body)
	case http.StatusUnauthorized:
		return User{}, ErrWrong
	}
	return User{}, fmt.Errorf("ask the system before: it answers with status %d", res.StatusCode)
}

// read reads an answer, which has an id and an address.
func read(body io.Reader) (u User, err error) {
	b, err := io.ReadAll(io.LimitReader(body, answerMost+1))
	switch {
	case err != nil:
		return u, fmt.Errorf("read the answer of the system before: %w", err)
	case len(b) > answerMost:
		return u, fmt.Errorf("the answer of the system before is longer than %d bytes", answerMost)
	}
	if err := json.Unmarshal(b, &u); err != nil {
		return u, errors.New("the answer of the system before is no JSON as docs/move-in/trickle.md has it")
	}
	if u.ID == "" || u.Email == "" {
		return u, errors.New("the answer of the system before lacks id or email")
	}
	return u, nil
}
