package loginui

import (
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/captcha"
)

// newTestUI returns a UI without a store. It can render its pages, but answer no requests.
func newTestUI(t *testing.T, b Brand) (*UI, error) {
	t.Helper()
	return New(Config{PublicURL: &url.URL{Scheme: "https", Host: "app.example"}, Home: "/",
		AppName: "Example", PasswordMin: 8,
		Cookie: session.NewCookie(true, "", 0), Brand: b, Log: slog.New(slog.DiscardHandler)}, nil)
}

// bothWays are a language of each direction. What a template says badly, it says in every language: each costs the
// race detector half a second, and the pages that are right are tried in all.
var bothWays = []string{"en", "ar"}

// A template of the operator's that lacks the challenge for bots would leave forms that can never be sent. The gate
// does not start with it.
func TestATemplateWithoutTheChallengeIsRefused(t *testing.T) {
	t.Parallel()
	ours, err := files.ReadFile("templates/parts.html")
	if err != nil {
		t.Fatal(err)
	}
	without := strings.Replace(string(ours), `{{- if .Captcha}}{{template "captcha" .}}{{end}}`, "", 1)
	for _, kind := range append(captcha.Kinds, captcha.Kind{}) {
		for content, refused := range map[string]bool{string(ours): false, without: kind.Name != ""} {
			_, err := New(Config{PublicURL: &url.URL{Scheme: "https", Host: "app.example"}, Home: "/", PasswordMin: 8,
				Cookie: session.NewCookie(true, "", 0), Log: slog.New(slog.DiscardHandler), Captcha: kind,
				Brand: Brand{Languages: bothWays,
					Overrides: fstest.MapFS{"templates/parts.html": {Data: []byte(content)}}}}, nil)
			if got := err != nil && strings.Contains(err.Error(), "templates/signup.html: "); got != refused {
				t.Errorf("%s: %v, want it refused %t", kind.Name, err, refused)
			}
		}
	}
}

func TestEveryPageRendersInEveryStateAndLanguage(t *testing.T) {
	t.Parallel()
	ui, err := newTestUI(t, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	if err := ui.rehearse(); err != nil {
		t.Error(err)
	}
}
