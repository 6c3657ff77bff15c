package demo

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// shown is what the sample app answers to somebody without a name and a role.
func shown(path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for name, value := range map[string]string{"X-Auth-User": "1", "X-Auth-Email": "ada@example.com",
		"X-Auth-Email-Verified": "false", "X-Auth-Name": "", "X-Auth-Roles": ""} {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	(&app{box: &mailbox{}}).handler().ServeHTTP(w, r)
	return w
}

// A header that is there and says nothing is told in words.
func TestAnEmptyHeaderIsExplained(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/dashboard", "/admin"} {
		page := shown(path).Body.String()
		for _, want := range []string{"Hello, ada@example.com", "(no name given)", "(no role)"} {
			if path == "/admin" && strings.HasPrefix(want, "Hello") {
				continue
			}
			if strings.Count(page, want) != 1 {
				t.Errorf("%s does not say %q once: %s", path, want, page)
			}
		}
	}
}

// Every page has the name by which the pages of the gate call the app.
func TestTheDemoHasOneName(t *testing.T) {
	t.Parallel()
	for path, title := range map[string]string{"/": "Start", "/dashboard": "Dashboard", "/try": "Try this",
		"/nothing": "Page not found", "/mailbox/nothing": "Page not found"} {
		w := shown(path)
		if page := w.Body.String(); !strings.Contains(page, "<title>"+title+" – "+appName+"</title>") ||
			strings.Contains(page, "Sample app") || (w.Code == http.StatusNotFound) != (title == "Page not found") {
			t.Errorf("%s: %d %s", path, w.Code, page)
		}
	}
	if !strings.Contains(strings.Join(environment(nil, "", &idp{}), "\n"), "GATEPOST_APP_NAME="+appName) {
		t.Error("the gate calls the app something else")
	}
}
