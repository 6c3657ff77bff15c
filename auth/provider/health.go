package provider

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"
)

// downFor is how long a provider counts as down after it was found so.
const downFor = 30 * time.Second

// health is whether a provider answers. A status 500 says nothing about it: a forged code may be enough to get one.
type health struct {
	now   func() time.Time
	until atomic.Int64 // Unix nanoseconds until when the provider counts as down
}

func (h *health) down() bool { return h.now().UnixNano() < h.until.Load() }

// note tells what became of a call.
func (h *health) note(ctx context.Context, res *http.Response, err error) {
	switch {
	case errors.Is(err, errInside), errors.Is(ctx.Err(), context.Canceled):
	case err != nil, gatewayFault(res.StatusCode):
		h.until.Store(h.now().Add(downFor).UnixNano())
	default:
		h.until.Store(0)
	}
}

// gatewayFault reports whether a status means that nobody is there.
func gatewayFault(status int) bool {
	return status >= http.StatusBadGateway && status <= http.StatusGatewayTimeout
}
