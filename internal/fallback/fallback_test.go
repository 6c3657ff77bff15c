package fallback_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/internal/fallback"
)

func TestWhatIsAskedAndAnswered(t *testing.T) {
	t.Parallel()
	const ada = `{"id":"1","email":"ada@example.com","email_verified":true,"name":"Ada","more":1}`
	for name, c := range map[string]struct {
		status int
		body   string
		wrong  bool
		fault  string // a part of any other error; empty: none
	}{
		"right":               {200, ada, false, ""},
		"wrong":               {401, `{}`, true, ""},
		"forbidden":           {403, ada, false, "status 403"},
		"a page":              {200, `<html>`, false, "no JSON"},
		"without id":          {200, `{"email":"ada@example.com"}`, false, "lacks id or email"},
		"without address":     {200, `{"id":"1"}`, false, "lacks id or email"},
		"an id of a number":   {200, `{"id":1,"email":"ada@example.com"}`, false, "no JSON"},
		"a redirect":          {307, ada, false, "status 307"},
		"created":             {201, ada, false, "status 201"},
		"an outage":           {500, ada, false, "status 500"},
		"a very long answer":  {200, strings.Repeat(" ", 70<<10) + ada, false, "longer than 65536 bytes"},
		"nothing":             {200, ``, false, "no JSON"},
		"too many requests":   {429, ``, false, "status 429"},
		"not found, as a 404": {404, ``, false, "status 404"},
	} {
		var asked, how string
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			asked, how = string(b), r.Method+" "+r.Header.Get("Content-Type")+" "+r.Header.Get("Authorization")
			w.Header().Set("Location", "/")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		}))
		u, err := url.Parse(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		got, err := fallback.New(u, "hush hush hush hush").Ask(t.Context(), "ada@example.com", `a "password"`)
		s.Close()
		if asked != `{"email":"ada@example.com","password":"a \"password\""}` || how !=
			"POST application/json Bearer hush hush hush hush" {
			t.Errorf("%s: asked %s %s", name, how, asked)
		}
		switch {
		case c.wrong:
			if !errors.Is(err, fallback.ErrWrong) {
				t.Errorf("%s: %v", name, err)
			}
		case c.fault != "":
			if err == nil || !strings.Contains(err.Error(), c.fault) || strings.Contains(err.Error(), "password\"") {
				t.Errorf("%s: %v", name, err)
			}
		case err != nil || got != (fallback.User{ID: "1", Email: "ada@example.com", EmailVerified: true, Name: "Ada"}):
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
