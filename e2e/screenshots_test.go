package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestScreenshots saves every page, light and dark, wide and narrow, for people to look at. It judges nothing.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("E2E_SCREENSHOTS")
	if dir == "" {
		t.Skip("E2E_SCREENSHOTS does not name a directory")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	v := newVisitor(t)
	v.photographSignedOut(dir)
	v.open("/signup")
	v.signUp(zhangWei())
	for _, page := range []struct{ name, path string }{
		{"dashboard", "/dashboard"}, {"home", "/"}, {"account", "/account"}, {"logout", "/logout"}, {"refused", "/admin"},
	} {
		v.open(page.path)
		v.photograph(dir, page.name)
	}
}

func (v *visitor) photographSignedOut(dir string) {
	v.t.Helper()
	p := zhangWei()
	v.open("/login?next=/dashboard")
	v.photograph(dir, "login")
	v.logIn(p)
	v.photograph(dir, "login-refused")
	v.open("/signup")
	v.photograph(dir, "signup")
	p.email, p.password = "zhang.wei@nowhere", "password" // the browser lets both pass, the gate neither
	v.signUp(p)
	v.photograph(dir, "signup-refused")
}

// photograph saves the whole page in every look it has.
func (v *visitor) photograph(dir, name string) {
	v.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
		ask(v, "turn "+scheme, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
			return cdp.Call(ctx, t, emulation.SetEmulatedMedia, media)
		})
		for _, width := range []int64{1280, 360} {
			ask(v, "resize", chromedp.EmulateViewport(width, 800))
			picture := ask(v, "take a picture of "+name, chromedp.FullScreenshot(100))
			file := filepath.Join(dir, fmt.Sprintf("%s-%s-%d.png", name, scheme, width))
			if err := os.WriteFile(file, picture, 0o644); err != nil {
				v.t.Fatal(err)
			}
		}
	}
}
