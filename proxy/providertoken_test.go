package proxy

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// A token that would break requests to the app is left out, and the log says so once.
func TestATokenThatBreaksRequestsIsLeftOut(t *testing.T) {
	t.Parallel()
	g := newTwoApps(t, "tcp")
	var log strings.Builder
	g.gate.c.Log = slog.New(slog.NewTextHandler(&log, nil))
	var token secret.Text
	g.two.tokens.Of = func(*http.Request, session.Session) secret.Text { return token }
	for text, fits := range map[string]bool{
		"a.b-c_d~e+f/g=": true, "a b": true, strings.Repeat("x", 8192): true, "": true,
		strings.Repeat("x", 8193): false, "a\nb": false, "a\r\nX-Auth-Roles: admin": false, "a\x00": false,
		"a\tb": false, "tökén": false, "\xff": false, " a": false, "a ": false,
	} {
		token = secret.Text(text)
		_, r := g.reaches(t, "two.internal", "/two", "Cookie: gatepost_two="+string(g.token))
		want := ""
		if fits {
			want = text
		}
		if got := r.Header.Get("X-Auth-Provider-Token"); got != want {
			t.Errorf("%.20q: the app got %.20q", text, got)
		}
	}
	if n := strings.Count(log.String(), "the app gets no token of a provider"); n != 1 {
		t.Errorf("%d lines:\n%s", n, log.String())
	}
}
