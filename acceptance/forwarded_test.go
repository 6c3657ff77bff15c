package acceptance_test

import (
	"strings"
	"testing"
)

// The app gets X-Forwarded-Prefix and -Port if the operator says that the proxies in front set them, from those alone,
// and only with values that can be meant.
func TestForwardedHeadersComeFromTrustedProxies(t *testing.T) {
	t.Parallel()
	l := newLane(t, append(siteRules, "GATEPOST_TRUSTED_PROXIES=127.0.0.2",
		"GATEPOST_FORWARDED_HEADERS=x-forwarded-prefix, X-Forwarded-Port")...)
	long := "/" + strings.Repeat("a", 256)
	for header, passes := range map[string]bool{
		"X-Forwarded-Prefix: /app": true, "X-Forwarded-Prefix: /a/b-c_d~e.f/": true, "x-forwarded-prefix: /app": true,
		"X-Forwarded-Prefix: ": false, "X-Forwarded-Prefix: /": false, "X-Forwarded-Prefix: app": false,
		"X-Forwarded-Prefix: //evil.example": false, "X-Forwarded-Prefix: https://evil.example": false,
		"X-Forwarded-Prefix: /a/../b": false, "X-Forwarded-Prefix: /a//b": false, "X-Forwarded-Prefix: /a, /b": false,
		"X-Forwarded-Prefix: /a%2fb": false, "X-Forwarded-Prefix: /a?b": false, `X-Forwarded-Prefix: /a"><b>`: false,
		`X-Forwarded-Prefix: /\evil.example`: false, "X-Forwarded-Prefix: " + long: false,
		"X-Forwarded-Prefix: /a\r\nX-Forwarded-Prefix: /b": false, "X_Forwarded_Prefix: /app": false,
		"X-Forwarded-Port: 8443": true, "X-Forwarded-Port: 0": false, "X-Forwarded-Port: 65536": false,
		"X-Forwarded-Port: 80, 443": false, "X-Forwarded-Port: +80": false, "X-Forwarded-Port: 080": false,
		"X-Forwarded-Path: /app": false, "X-Forwarded-Uri: /app": false, "X-Forwarded-Server: app": false,
	} {
		for from, trusted := range map[string]bool{"127.0.0.2": true, "127.0.0.3": false} {
			conn := l.from(t, from, l.request("GET /public", header))
			buffer := make([]byte, 1<<10)
			_, _ = conn.Read(buffer)
			seen := strings.ToLower(strings.Join(l.app.take(), ""))
			if seen == "" || !strings.Contains(string(buffer), "200 OK") {
				t.Errorf("%.60q from %s: the app saw nothing: %.60s", header, from, buffer)
			}
			rest := strings.NewReplacer("x-forwarded-host: ", "", "x-forwarded-proto: ", "", "x-forwarded-for: ", "").
				Replace(seen)
			if got := strings.Contains(seen, "\r\n"+strings.ToLower(header)+"\r\n"); got != (passes && trusted) ||
				!got && strings.Contains(rest, "forwarded") {
				t.Errorf("%.60q from %s: the app saw\n%s", header, from, seen)
			}
		}
	}
	got := l.raw(t, l.request("GET /public", "Connection: X-Forwarded-Port", "X-Forwarded-Port: 1"))
	if seen := strings.Join(l.app.take(), ""); strings.Contains(seen, "X-Forwarded-Port") {
		t.Errorf("a stranger's: %s\n%s", got, seen)
	}
}
