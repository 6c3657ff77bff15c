package loginui_test

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// The menu of an error page, whose address may be the app's, leads back there without another query.
func TestErrorPagesHaveTheLanguageMenu(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, c := range []struct{ method, target, next string }{
		{"GET", "/any?tab=1&lang=de", `value="/any?tab=1&amp;lang=de"`}, {"POST", "/any", ""},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(c.method, c.target, nil)
		r.Header.Set("Accept", "text/html")
		d.ui.Refuse(w, r, 403, nil)
		page := w.Body.String()
		if has := strings.Contains(page, `<form action="/.gatepost/language">`); has != (c.next != "") ||
			!strings.Contains(page, c.next) || strings.Count(page, `name="lang"`) != 20 && has {
			t.Errorf("%s %s: %s", c.method, c.target, page)
		}
	}
	for next, want := range map[string]string{"/any?tab=1": "/any?tab=1", "/any?lang=de&tab=1": "/any?lang=fr&tab=1",
		"//evil.example/": "/home", "https://evil.example/": "/home", "": "/home"} {
		a := d.do(t, "GET", "/.gatepost/language?lang=fr&next="+strings.NewReplacer("?", "%3F", "&", "%26").Replace(next), "")
		if a.StatusCode != 303 || a.Header.Get("Location") != want ||
			!strings.HasPrefix(a.Header.Get("Set-Cookie"), "gatepost_language=fr;") {
			t.Errorf("%q: got %d %v", next, a.StatusCode, a.Header)
		}
	}
}
