package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"
)

const (
	// Timeout bounds one attempt, with the answer.
	Timeout = 15 * time.Second
	// answerMost is how much of an answer is read, so that its connection can be used again. Nothing of it is kept.
	answerMost = 4 << 10
)

// ErrGone means that the receiver never wants an event (410), so it is not retried.
var ErrGone = errors.New("the receiver does not want it (410)")

// Client posts events to one address.
type Client struct {
	url     *url.URL
	secrets []Secret
	http    *http.Client
}

// NewClient returns a Client that signs with each of the secrets. It follows no redirect and uses no proxy: the address
// is the operator's, and what answers there cannot send the gate elsewhere.
func NewClient(u *url.URL, secrets []Secret) *Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy, t.MaxConnsPerHost, t.MaxResponseHeaderBytes = nil, 2*senders, 64<<10
	return &Client{u, secrets, &http.Client{Transport: t, Timeout: Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// body is an event as the receiver gets it.
type body struct {
	Type      string          `json:"type"`
	ID        string          `json:"id"`
	Timestamp string          `json:"timestamp"`
	Data      json.RawMessage `json:"data"`
}

// Send posts an event. It fails with ErrGone if the receiver never wants it, and with another error if it is to be
// tried again. No error has the address, which may hold a secret.
func (c *Client) Send(ctx context.Context, e Event) error {
	text, err := json.Marshal(body{e.Type, e.ID, e.At.UTC().Format("2006-01-02T15:04:05.000Z07:00"), e.Data})
	if err != nil {
		return fmt.Errorf("write a webhook down: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url.String(), bytes.NewReader(text))
	if err != nil {
		return errors.New("make the request of a webhook")
	}
	at := strconv.FormatInt(time.Now().Unix(), 10)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Gatepost-Webhook")
	r.Header.Set("Webhook-Id", e.ID)
	r.Header.Set("Webhook-Timestamp", at)
	r.Header.Set("Webhook-Signature", sign(c.secrets, e.ID, at, text))
	res, err := c.http.Do(r)
	if err != nil {
		return withoutAddress(err)
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, answerMost) // whatever comes, the status has said it
	switch {
	case res.StatusCode/100 == 2:
		return nil
	case res.StatusCode == http.StatusGone:
		return ErrGone
	case res.StatusCode/100 == 3:
		return fmt.Errorf("it answers with a redirect (%d), which is not followed", res.StatusCode)
	}
	return fmt.Errorf("it answers with status %d", res.StatusCode)
}

// withoutAddress is the cause of a failed request.
func withoutAddress(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return err
}

// Ping posts an event that says nothing, to try the address.
func (c *Client) Ping(ctx context.Context) error {
	return c.Send(ctx, Event{ID: newID(), Type: "ping", At: time.Now(), Data: json.RawMessage(`{}`)})
}

// Host is where events go, without what may be secret in an address.
func (c *Client) Host() string { return c.url.Scheme + "://" + c.url.Host }

// Plain reports whether events travel unencrypted, and not on this machine alone.
func (c *Client) Plain() bool {
	a, err := netip.ParseAddr(c.url.Hostname())
	here := c.url.Hostname() == "localhost" || err == nil && a.IsLoopback()
	return c.url.Scheme == "http" && !here
}
