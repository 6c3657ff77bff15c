package config

import (
	"strings"
	"testing"
)

// Events go encrypted, but where nobody else is between the gate and the app; and there the operator is told.
func TestWhereWebhooksGo(t *testing.T) {
	t.Parallel()
	const refused, doubted, taken = "refused", "doubted", "taken"
	for address, want := range map[string]string{
		"https://app.example.com/hooks?a=b": taken, "https://192.0.2.7/": taken,
		"http://localhost:3000/hooks": taken, "http://127.0.0.1:3000/hooks": taken, "http://[::1]:3000/": taken,
		"http://10.0.0.7/hooks": doubted, "http://[fd00::1]:3000/": doubted, "http://app:3000/hooks": doubted,
		"http://app.example.com/hooks": refused, "http://192.0.2.7/": refused, "http://[2001:db8::1]/": refused,
		"http://169.254.169.254/": refused, "https://me@app.example.com/": refused, "https://app.example.com/#a": refused,
		"ftp://localhost/": refused, "app.example.com/hooks": refused, "https:///hooks": refused, "https:app": refused,
	} {
		c, err := Load(t.Context(), []string{"HOME=" + t.TempDir(), "GATEPOST_UPSTREAM=http://localhost:3000",
			"GATEPOST_WEBHOOK_URL=" + address, "GATEPOST_WEBHOOK_SECRET=whsec_cmVwbGFjZSB0aGlzIHdpdGggeW91ciBvd24="})
		got := taken
		switch {
		case err != nil && strings.Contains(err.Error(), "GATEPOST_WEBHOOK_URL"):
			got = refused
		case err != nil:
			t.Errorf("%s: %v", address, err)
		case strings.Contains(strings.Join(c.Doubts(), "\n"), "GATEPOST_WEBHOOK_URL"):
			got = doubted
		}
		if got != want || err == nil && (c.Webhook == nil || c.StoreOptions(nil, nil).SendWebhook == nil) {
			t.Errorf("%s is %s, want %s: %v", address, got, want, err)
		}
	}
}
