package loginui

import (
	"log/slog"
	"net/url"
	"testing"

	"github.com/gatepost/gatepost/auth/session"
)

// newTestUI returns a UI without a store. It can render its pages, but answer no requests.
func newTestUI(t *testing.T, b Brand) (*UI, error) {
	t.Helper()
	return New(Config{PublicURL: &url.URL{Scheme: "https", Host: "app.example"}, Home: "/",
		AppName: "Example", PasswordMin: 8,
		Cookie: session.NewCookie(true, "", 0), Brand: b, Log: slog.New(slog.DiscardHandler)}, nil)
}

func TestEveryPageRendersInEveryStateAndLanguage(t *testing.T) {
	ui, err := newTestUI(t, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	if err := ui.rehearse(); err != nil {
		t.Error(err)
	}
}
