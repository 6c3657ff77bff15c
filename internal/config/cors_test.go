package config

import (
	"strings"
	"testing"
)

// Which pages may read what is named exactly, or the gate does not start.
func TestOriginsAreNamedExactly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ cors, want string }{
		{"/api=https://a.example.com", ""},
		{" /api = https://a.example.com | https://b.example.com:8443 , / = http://localhost:5173,", ""},
		{"/api", "names no origin"},
		{"/api=", "is not a URL"},
		{"/api=*", "is not one origin"},
		{"/api=https://*.example.com", "is not one origin"},
		{"/api=null", "is not one origin"},
		{"/api=https://a.example.com/", ""},
		{"/api=https://a.example.com/page", "has a path"},
		{"/api=https://a.example.com|b.example.com", "is not a URL"},
		{"/api=http://localhost:8080", "is the site itself"},
		{"api=https://a.example.com", "is not a plain path"},
		{"/*/api=https://a.example.com", "is not a plain path"},
		{"/a%2fb=https://a.example.com", "is not a plain path"},
		{"GET /api=https://a.example.com", "is not a plain path"},
		{"/.gatepost/x=https://a.example.com", "Gatepost's own"},
		{"/api/auth=https://a.example.com", "Gatepost's own"},
		{"/api=https://a.example.com, /api=https://b.example.com", "is there twice"},
	} {
		_, err := Load(t.Context(), []string{"GATEPOST_UPSTREAM=http://127.0.0.1:3000", "GATEPOST_CORS=" + c.cors})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), "GATEPOST_CORS: ") ||
			!strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q: got %v, want %q", c.cors, err, c.want)
		}
	}
}
