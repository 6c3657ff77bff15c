package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// findBrowser returns the path of a Chromium or Chrome, or "".
func findBrowser() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func needBrowser(t *testing.T) {
	t.Helper()
	if browser == nil {
		missing(t, "there is no chromium, chromium-browser or google-chrome on PATH")
	}
}

// startBrowser starts a browser with a new profile, which is removed when the browser ends. The browser
// connects to this machine alone.
func startBrowser(program string, more ...chromedp.ExecAllocatorOption) (ctx context.Context, stop func(), err error) {
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(program),
		chromedp.NoSandbox, // root and containers cannot have one, and only the project's own pages are opened
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"),
	)
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), append(options, more...)...)
	ctx, endBrowser := chromedp.NewContext(allocator)
	stop = func() {
		limited, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		_ = chromedp.Cancel(limited) // kills the browser if it does not close in time
		endBrowser()
		endAllocator()
	}
	if err := chromedp.Do(ctx); err != nil {
		stop()
		return nil, nil, fmt.Errorf("start %s: %w", program, err)
	}
	return ctx, stop, nil
}
