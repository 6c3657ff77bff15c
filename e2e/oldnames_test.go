package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// secured is the public address of an app over https. What stands before the app takes the encryption off.
const secured = "https://app.example.com"

// Over https the real Better Auth gives its cookie another name, and so does Auth.js, which also makes the key of the
// name. No other name counts then, which a page on plain http could have set.
func TestOldCookiesOverHTTPS(t *testing.T) {
	old, a := layouts[2].start(t, "BASE="+secured), startAuthJS(t)
	a.byMail(t, "eve@example.com")
	app := httptest.NewServer(http.HandlerFunc(tellHeaders))
	t.Cleanup(app.Close)
	port := freePort(t)
	h := moveInto(t, "better-auth", old.source, app.URL, port, "GATEPOST_PUBLIC_URL="+secured,
		"GATEPOST_IMPORT_BETTER_AUTH_SECRET="+oldSecret, "GATEPOST_IMPORT_AUTHJS_SECRET="+oldSecret)
	cookie, id := old.joinSecured(t)
	h.bring(t)
	fromAuthJS := *h
	fromAuthJS.source, fromAuthJS.from = "authjs", a.source
	fromAuthJS.bring(t)
	h.serve(t)

	const prefix = "__Secure-"
	if !strings.HasPrefix(cookie, prefix+"better-auth.session_token=") {
		t.Fatalf("Better Auth has set %s", cookie)
	}
	made := func(name string) string {
		return name + "=" + a.encode(t, ticket{Version: 5, Secret: oldSecret, Salt: name, MaxAge: 3600,
			Token: map[string]string{"sub": "1"}})
	}
	for name, c := range map[string]struct{ cookie, user string }{
		"of Better Auth":                     {cookie, id},
		"of Better Auth, by its other name":  {strings.TrimPrefix(cookie, prefix), ""},
		"of Auth.js":                         {made(prefix + version5), "1"},
		"of Auth.js, by its other name":      {made(version5), ""},
		"of Auth.js, made for another name":  {prefix + made(version5), ""},
		"of both, of which the first counts": {cookie + "; " + made(prefix+version5), id},
	} {
		status, body := h.fetchSecured(t, "localhost:"+port, c.cookie)
		if want := "<p>User: " + c.user + "</p>"; c.user != "" && (status != 200 || !strings.Contains(body, want)) ||
			c.user == "" && status != 401 {
			t.Errorf("%s: status %d, want the user %q\n%s", name, status, c.user, body)
		}
	}
}

// joinSecured signs somebody up, as a browser at the public address does, and returns the cookie of the session.
func (o *betterAuth) joinSecured(t *testing.T) (cookie, id string) {
	t.Helper()
	form := `{"name":"Ada","email":"ada@example.com","password":"a quiet river at noon"}`
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, o.url+"/api/auth/sign-up/email",
		bytes.NewBufferString(form))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", secured)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var made struct{ User struct{ ID string } }
	if err := json.NewDecoder(res.Body).Decode(&made); err != nil || res.StatusCode != 200 {
		t.Fatalf("sign up: status %d, %v", res.StatusCode, err)
	}
	for _, c := range res.Cookies() {
		if strings.HasSuffix(c.Name, "session_token") {
			cookie = c.Name + "=" + c.Value
		}
	}
	return cookie, made.User.ID
}

// fetchSecured is a request by a script of the public address, as it arrives at the gate.
func (h *home) fetchSecured(t *testing.T, at, cookie string) (status int, body string) {
	t.Helper()
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+at+"/dashboard", nil)
	r.Host = strings.TrimPrefix(secured, "https://")
	r.Header = scripted.Clone()
	r.Header.Set("Cookie", cookie)
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}
