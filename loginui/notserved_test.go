package loginui

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A link in a mail of the system before leads below /api/auth/, to what is not served here.
func TestABrowserGetsAPageForWhatIsNotServed(t *testing.T) {
	t.Parallel()
	ui, err := newTestUI(t, Brand{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, header, value string
		page                  bool
	}{
		{"GET", "Sec-Fetch-Mode", "navigate", true},
		{"GET", "Accept", "text/html,*/*;q=0.8", true},
		{"POST", "Sec-Fetch-Mode", "navigate", false},
		{"GET", "Sec-Fetch-Mode", "cors", false},
		{"GET", "Accept", "*/*", false},
	} {
		r, w := httptest.NewRequest(c.method, "/api/auth/delete-user/callback?token=x", nil), httptest.NewRecorder()
		r.Header.Set(c.header, c.value)
		ui.Refuse(w, r, http.StatusNotFound, ErrWithheld)
		page := strings.Contains(w.Body.String(), "<h1>Page not found</h1>")
		if w.Code != http.StatusNotFound || page != c.page || !page && w.Body.Len() > 0 {
			t.Errorf("%v: got %d %s", c, w.Code, w.Body)
		}
	}
}
