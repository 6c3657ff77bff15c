package e2e

import (
	"context"
	"slices"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// hold keeps back requests in the browser until the test releases them.
type hold struct {
	v     *visitor
	mu    sync.Mutex
	held  int
	posts []string // the bodies that forms have sent since, held back or not
}

// hold keeps back requests for a path of the site, in which * stands for any text.
func (v *visitor) hold(path string) *hold {
	v.t.Helper()
	h := &hold{v: v}
	if err := chromedp.Listen(v.ctx, h.note); err != nil {
		v.t.Fatalf("listen to the browser: %v", err)
	}
	call(v, "hold requests back", fetch.Enable,
		fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: site.url + path}}})
	return h
}

func (h *hold) note(event any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch e := event.(type) {
	case *fetch.EventRequestPaused:
		h.held++
	case *network.EventRequestWillBeSent:
		if e.Request.Method == "POST" {
			h.posts = append(h.posts, e.Request.URL)
		}
	}
}

func (h *hold) sent() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.posts)
}

// await waits for the first request.
func (h *hold) await() {
	h.v.t.Helper()
	h.v.waitFor("a request to keep back", func(context.Context) bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.held > 0
	})
}

// release lets all held and future requests pass.
func (h *hold) release(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
	_, err := cdp.Call(ctx, t, fetch.Disable, cdp.Empty{})
	return chromedp.Void{}, err
}
