package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/session"
)

func document(t *testing.T) (map[string]any, *API) {
	t.Helper()
	a := New(Config{PublicURL: &url.URL{Scheme: "https", Host: "app.example.com"},
		Cookie: session.NewCookie(true, "443", time.Hour)}, nil)
	text, err := a.Document()
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc, a
}

// at follows keys into a document.
func at(v any, keys ...string) any {
	for _, key := range keys {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

func TestEveryRouteIsInTheDocument(t *testing.T) {
	t.Parallel()
	doc, a := document(t)
	operations := 0
	for path, methods := range doc["paths"].(map[string]any) {
		for method := range methods.(map[string]any) {
			operations++
			plain, _, _ := strings.Cut(path, "{")
			e := a.routes[plain][strings.ToUpper(method)]
			if elsewhere := strings.HasPrefix(path, Base+"/callback/"); (e == nil) != elsewhere {
				t.Errorf("%s %s is documented, and has no route", method, path)
			}
		}
	}
	if operations != len(table) {
		t.Errorf("%d operations, %d endpoints", operations, len(table))
	}
	for path, methods := range a.routes {
		for method, e := range methods {
			if at(doc, "paths", Base+e.path, strings.ToLower(method), "operationId") != e.name {
				t.Errorf("%s %s is not documented", method, path)
			}
		}
	}
	if at(doc, "openapi") != "3.1.0" || at(doc, "components", "securitySchemes", "session", "name") != "__Host-gatepost" ||
		at(doc, "paths", Base+"/list-sessions", "get", "security") == nil {
		t.Error("no version, or no word of the cookie")
	}
}

// check validates a value against the part of JSON Schema that the document has.
func check(schema any, v any) error {
	kinds := fmt.Sprint(at(schema, "type"))
	is := map[string]bool{"string": kindIs[string](v), "boolean": kindIs[bool](v), "number": kindIs[float64](v),
		"array": kindIs[[]any](v), "object": kindIs[map[string]any](v), "null": v == nil}
	fits := kinds == "<nil>"
	for kind, yes := range is {
		fits = fits || yes && regexp.MustCompile(`\b`+kind+`\b`).MatchString(kinds)
	}
	if !fits {
		return fmt.Errorf("%v is not %s", v, kinds)
	}
	if s, ok := v.(string); ok && at(schema, "format") == "date-time" {
		_, err := time.Parse(dateLayout, s)
		return err
	}
	list, _ := v.([]any)
	for _, one := range list {
		if err := check(at(schema, "items"), one); err != nil {
			return err
		}
	}
	fields, ok := v.(map[string]any)
	if required, _ := at(schema, "required").([]any); ok {
		for _, name := range required {
			if _, there := fields[name.(string)]; !there {
				return fmt.Errorf("no %s in %v", name, v)
			}
		}
	}
	for name, value := range fields {
		known, ok := at(schema, "properties", name).(map[string]any)
		if !ok {
			return fmt.Errorf("%s is in no schema", name)
		}
		if err := check(known, value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func kindIs[T any](v any) bool { _, ok := v.(T); return ok }

// Each example is what its schema says, and what the code takes.
func TestTheExamplesAreValid(t *testing.T) {
	t.Parallel()
	doc, _ := document(t)
	for i := range table {
		e := &table[i]
		op := at(doc, "paths", Base+e.path, strings.ToLower(e.method))
		body := at(op, "requestBody", "content", "application/json")
		if (body != nil) != (e.in.NumField() > 0) {
			t.Errorf("%s: a body is documented: %t", e.name, body != nil)
		}
		if body != nil && e.example == nil {
			t.Errorf("%s has no example", e.name)
		}
		if body != nil {
			if err := check(at(body, "schema"), at(body, "example")); err != nil {
				t.Errorf("%s: the request: %v", e.name, err)
			}
			sent, _ := json.Marshal(e.example)
			if err := (&call{body: sent}).read(reflect.New(e.in).Interface()); err != nil {
				t.Errorf("%s: the code refuses the request: %v", e.name, err)
			}
		}
		if got := at(op, "responses", "200", "content", "application/json"); got != nil {
			if err := check(at(got, "schema"), at(got, "example")); err != nil {
				t.Errorf("%s: the answer: %v", e.name, err)
			}
		}
	}
}

// The check above finds faults.
func TestTheCheckOfExamplesFindsFaults(t *testing.T) {
	t.Parallel()
	doc, _ := document(t)
	schema := at(doc, "paths", Base+"/sign-in/email", "post", "requestBody", "content", "application/json", "schema")
	for body, ok := range map[string]bool{`{"email":"a","password":"b"}`: true, `{"email":"a"}`: false, `[]`: false,
		`{"email":1,"password":"b"}`: false, `{"email":"a","password":"b","x":1}`: false,
		`{"email":null,"password":""}`: false} {
		var v any
		_ = json.Unmarshal([]byte(body), &v)
		if err := check(schema, v); (err == nil) != ok {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// The list of differences names endpoints that there are.
func TestTheDocsNameEveryEndpoint(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/better-auth-client.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range table {
		if path, _, _ := strings.Cut(strings.Trim(e.path, "/"), "/{"); !strings.Contains(string(b), "`"+path+"`") &&
			!strings.Contains(string(b), "`"+path+"/") {
			t.Errorf("docs/better-auth-client.md does not name %s", path)
		}
	}
}

func TestRefusalsAreOfClientsOrSaySo(t *testing.T) {
	t.Parallel()
	for _, e := range table {
		for _, r := range slices.Concat(e.refusals, ofEvery, ofBody) {
			if r.status >= 500 && r.status != http.StatusServiceUnavailable || r.Message == "" && r.Code != "VALIDATION_ERROR" {
				t.Errorf("%s: %+v", e.name, r)
			}
		}
	}
}

func TestAPathIsShownWithoutItsSecret(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/api/auth/reset-password/abc":    "/api/auth/reset-password/…",
		"/API//auth/Reset-Password/abc/x": "/API//auth/Reset-Password/…",
		"/api/auth/reset-password":        "/api/auth/reset-password", "/login": "/login", "": "",
	} {
		if got := Shown(path); got != want {
			t.Errorf("%s is shown as %s", path, got)
		}
	}
}
