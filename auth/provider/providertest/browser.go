package providertest

import (
	"net/http"
	"net/url"
	"testing"
)

// Authorize plays the browser: it opens the address of a sign-in, and returns what comes back to the callback, whether
// by a redirect or by a form.
func (s *Server) Authorize(t testing.TB, address string) url.Values {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		t.Fatalf("open the provider's page: %v", err)
	}
	defer res.Body.Close()
	if form := res.Header.Get("X-Form"); form != "" {
		values, _ := url.ParseQuery(form)
		return values
	}
	back, err := res.Location()
	if err != nil {
		t.Fatalf("the provider answered with status %d and no way back: %s", res.StatusCode, address)
	}
	return back.Query()
}
