package direct

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"time"
)

var (
	errHeader  = fmt.Errorf("the header of the app's answer is longer than %d bytes", maxHeader)
	errInterim = fmt.Errorf("the app gave more than %d interim answers", maxInterim)
	errRetired = errors.New("the app closed the connection as idle")
)

// timeoutError means that the app did not answer in time.
type timeoutError struct{}

func (timeoutError) Error() string { return "the app did not answer in time" }
func (timeoutError) Timeout() bool { return true }

// Is makes it what other deadlines are.
func (timeoutError) Is(err error) bool { return err == context.DeadlineExceeded }

// exchange sends a request and reads the header of its answer. It says whether the request has to be sent over another
// connection instead.
func (c *conn) exchange(r *http.Request) (res *http.Response, repeat bool, err error) {
	if c.begin(r); hasBody(r) {
		return c.exchangeBody(r)
	}
	err = c.send(r)
	faulty := err != nil && c.writeErr == nil // the request, and not the connection
	if err == nil || c.writeErr != nil && (c.wrote > 0 || !c.reused) {
		// An app may answer before it has read all, and close. That answer counts.
		var failed error
		if res, failed = c.answer(r); failed == nil {
			return c.deliver(r, res), false, nil
		}
		if err == nil {
			err = failed
		}
	}
	repeat = !faulty && c.lost(err) && (safe(r) || c.wrote == 0 && c.writeErr != nil)
	c.drop()
	return nil, repeat, c.explain(err)
}

// send writes a request without a body.
func (c *conn) send(r *http.Request) error {
	if c.writeErr != nil {
		return c.writeErr
	}
	if err := c.write(r); err != nil || c.eager {
		return err
	}
	return c.limitWait()
}

// answer reads the header of the answer, and passes interim ones on.
func (c *conn) answer(r *http.Request) (*http.Response, error) {
	for range maxInterim + 1 {
		res, err := http.ReadResponse(c.in, r)
		if err != nil {
			return nil, err
		}
		switch s := res.StatusCode; {
		case s == http.StatusRequestTimeout && c.reused && safe(r):
			return nil, errRetired // it was sent before the request came
		case s < 100 || s > 199 || s == http.StatusSwitchingProtocols:
			return res, nil
		}
		trace := httptrace.ContextClientTrace(c.ctx)
		if trace != nil && trace.Got1xxResponse != nil {
			if err := trace.Got1xxResponse(res.StatusCode, textproto.MIMEHeader(res.Header)); err != nil {
				return nil, err
			}
		}
	}
	return nil, errInterim
}

// deliver makes the answer one that gives the connection back at its end.
func (c *conn) deliver(r *http.Request, res *http.Response) *http.Response {
	c.inHead, c.left = false, noLimit
	c.reusable = !res.Close && !r.Close && res.StatusCode >= 200
	if !c.eager && c.up == nil && c.t.o.Timeout != 0 {
		_ = c.net.SetReadDeadline(time.Time{}) // else the connection is closed, and reading says so
	}
	switch {
	case switches(res):
		res.Body = c.tunnel()
	case res.Body == http.NoBody:
		c.release()
	default:
		res.Body = &body{c: c, src: res.Body}
	}
	return res
}

// lost reports whether the app closed a connection that it had kept, and gave no answer.
func (c *conn) lost(err error) bool {
	return c.reused && c.ctx.Err() == nil && (err == errRetired || c.got == 0 && !errors.Is(err, os.ErrDeadlineExceeded))
}

// explain says why there is no answer, or no more of it.
func (c *conn) explain(err error) error {
	switch {
	case c.ctx.Err() != nil:
		return context.Cause(c.ctx)
	case c.up != nil && c.up.cause() != nil:
		return c.up.cause()
	case c.inHead && errors.Is(err, os.ErrDeadlineExceeded):
		return timeoutError{}
	case c.inHead && c.left <= 0: // whatever the parser made of the beginning
		return errHeader
	}
	return err
}
