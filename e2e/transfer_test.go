package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// meter counts the bytes that arrive over the network, including headers.
type meter struct {
	mu      sync.Mutex
	running map[network.RequestID]bool
	urls    []string
	bytes   int
}

func (v *visitor) meter() *meter {
	v.t.Helper()
	m := &meter{running: map[network.RequestID]bool{}}
	if err := chromedp.Listen(v.ctx, m.note); err != nil {
		v.t.Fatalf("listen to the browser: %v", err)
	}
	return m
}

func (m *meter) note(event any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent: // sent again for each redirect, with the same id
		if !strings.HasPrefix(e.Request.URL, "http") {
			return // data: URLs are part of what is counted already
		}
		m.running[e.RequestID] = true
		m.urls = append(m.urls, e.Request.URL)
		if e.RedirectResponse != nil {
			m.bytes += int(e.RedirectResponse.EncodedDataLength)
		}
	case *network.EventLoadingFinished:
		if m.running[e.RequestID] {
			m.bytes += int(e.EncodedDataLength)
		}
		delete(m.running, e.RequestID)
	case *network.EventLoadingFailed:
		delete(m.running, e.RequestID)
	}
}

// atRest reports whether no request is under way and the icon has been requested, which a browser loads last. A
// browser loads one of several icons.
func (m *meter) atRest(icons []string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	asked := func(icon string) bool { return slices.Contains(m.urls, icon) }
	return len(m.running) == 0 && (len(icons) == 0 || slices.ContainsFunc(icons, asked))
}

// findIcons waits until the page is idle and returns the addresses of its icons.
const findIcons = `new Promise(done => requestIdleCallback(() =>
	done([...document.querySelectorAll("link[rel~=icon]")].map(l => l.href).filter(h => h.startsWith("http")))))`

// weigh loads a page and returns the requests and the bytes received.
func (v *visitor) weigh(url string) (urls []string, bytes int) {
	v.t.Helper()
	m := v.meter()
	v.load("open "+url, chromedp.Navigate(url))
	icons := judge[[]string](v, "find the icons", findIcons)
	v.waitFor("all requests to end", func(context.Context) bool { return m.atRest(icons) })
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.urls), m.bytes
}

// A visitor who logs in has nothing in the cache, and may have a slow line.
func TestPagesAreLight(t *testing.T) {
	const maxRequests, maxBytes = 3, 12 * 1024
	for _, path := range []string{"/login", "/signup", "/login/forgot", "/.gatepost/nothing"} {
		urls, bytes := newVisitor(t).weigh(site.url + path)
		if len(urls) > maxRequests || bytes > maxBytes {
			t.Errorf("%s takes %d requests and %d bytes, want at most %d and %d:\n%s",
				path, len(urls), bytes, maxRequests, maxBytes, strings.Join(urls, "\n"))
		}
		if len(urls) < 2 || bytes < 1024 {
			t.Errorf("%s with its stylesheet seems to take %d bytes in %q", path, bytes, urls)
		}
		t.Logf("%s: %d requests, %d bytes", path, len(urls), bytes)
	}
}

func TestEverythingAPageLoadsIsWeighed(t *testing.T) {
	var sent atomic.Int64
	heavy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent.Add(1)
		switch r.URL.Path {
		case "/":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, `<!doctype html><link rel="icon" href="/icon.svg" type="image/svg+xml">
				<script src="/moved.js"></script>
				<script>onload = () => fetch("/late")</script>`)
		case "/moved.js":
			http.Redirect(w, r, "/script.js", http.StatusFound)
		default:
			fmt.Fprint(w, strings.Repeat(" ", 1000))
		}
	}))
	defer heavy.Close()
	urls, bytes := newVisitor(t).weigh(heavy.URL + "/")
	slices.Sort(urls)
	for i, path := range []string{"/", "/icon.svg", "/late", "/moved.js", "/script.js"} {
		if len(urls) != int(sent.Load()) || i >= len(urls) || urls[i] != heavy.URL+path {
			t.Fatalf("%d requests arrived, and the meter tells of %q without %s", sent.Load(), urls, path)
		}
	}
	if bytes < 3000+5*100 || bytes > 3000+5*300 { // three bodies and five headers
		t.Errorf("the meter says %d bytes", bytes)
	}
}
