package proxy

import (
	"net/url"
	"testing"
)

// One site is what browsers send a Lax cookie within.
func TestOneSiteIsWhatBrowsersTakeForOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"https://a.example.com", "https://b.example.com", true},
		{"https://example.com", "https://a.b.example.com:8443", true},
		{"http://a.example.com", "https://a.example.com", false},
		{"https://a.example.com", "https://a.example.org", false},
		{"https://notexample.com", "https://example.com", false},
		{"https://a.github.io", "https://b.github.io", false},
		{"https://a.co.uk", "https://b.co.uk", false},
		{"https://x.a.co.uk", "https://y.a.co.uk", true},
		{"http://localhost:1", "http://localhost:2", true},
		{"http://a.localhost", "http://b.localhost", false},
		{"http://localhost", "http://127.0.0.1", false},
		{"http://127.0.0.1:1", "http://127.0.0.1:2", true},
		{"http://10.0.0.1", "http://20.0.0.1", false},
		{"http://[::1]:1", "http://[::1]:2", true},
		{"https://com", "https://com", true},
	} {
		a, err1 := url.Parse(c.a)
		b, err2 := url.Parse(c.b)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if SameSite(a, b) != c.want || SameSite(b, a) != c.want {
			t.Errorf("%s and %s: want %t", c.a, c.b, c.want)
		}
	}
}
