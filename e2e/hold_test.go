package e2e

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// hold keeps back requests in the browser until the test releases them.
type hold struct {
	v       *visitor
	decline bool // answer with status 204 instead
	mu      sync.Mutex
	held    int
	posts   []string // the bodies that forms have sent since, held back or not
}

// hold keeps back requests for a path of the site, in which * stands for any text.
func (v *visitor) hold(path string) *hold {
	v.t.Helper()
	return v.intercept(site.url+path, &hold{v: v})
}

// stay answers requests for addresses, in which * stands for any text, so that the browser stays on its page, until
// release. The browser does nothing else on a page that it is about to leave.
func (v *visitor) stay(pattern string) *hold {
	v.t.Helper()
	return v.intercept(pattern, &hold{v: v, decline: true})
}

func (v *visitor) intercept(pattern string, h *hold) *hold {
	v.t.Helper()
	if err := chromedp.Listen(v.ctx, h.note); err != nil {
		v.t.Fatalf("listen to the browser: %v", err)
	}
	call(v, "hold requests back", fetch.Enable,
		fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: pattern}}})
	return h
}

func (h *hold) note(event any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch e := event.(type) {
	case *fetch.EventRequestPaused:
		h.held++
		if h.decline {
			go h.nothing(e.RequestID)
		}
	case *network.EventRequestWillBeSent:
		if e.Request.Method == "POST" {
			h.posts = append(h.posts, e.Request.URL)
		}
	}
}

// nothing answers a request with no content. On an error the browser is away, or the requests were released.
func (h *hold) nothing(id fetch.RequestID) {
	_, _ = chromedp.Call(h.v.ctx, fetch.FulfillRequest,
		fetch.FulfillRequestParams{RequestID: id, ResponseCode: http.StatusNoContent})
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
