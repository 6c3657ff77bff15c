package config

import (
	"strings"
	"testing"

	"github.com/gatepost/gatepost/internal/seal"
)

// The assertion has a header of its own and a key to keep its keys with, or the gate does not start.
func TestTheAssertionHasAHeaderAndAKey(t *testing.T) {
	t.Parallel()
	key, db := "GATEPOST_ENCRYPTION_KEY="+seal.NewKey(), "DATABASE_URL=postgres://localhost/app"
	on := "GATEPOST_ASSERTION_HEADER=X-Auth-Assertion"
	for _, c := range []struct {
		env  []string
		want string
	}{
		{[]string{on, db}, "GATEPOST_ASSERTION_HEADER needs GATEPOST_ENCRYPTION_KEY"},
		{[]string{on, db, key}, ""},
		{[]string{on}, ""}, // the built-in PostgreSQL has a key
		{[]string{"GATEPOST_ASSERTION_HEADER=Cf-Access-Jwt-Assertion"}, ""},
		{[]string{"GATEPOST_ASSERTION_HEADER=Authorization"}, "has another use"},
		{[]string{"GATEPOST_ASSERTION_HEADER=cookie"}, "has another use"},
		{[]string{"GATEPOST_ASSERTION_HEADER=X Auth"}, "is not a header name"},
		{[]string{"GATEPOST_ASSERTION_HEADER=x_auth_user"}, "sets X-Auth-User, which apps cannot tell from it"},
		{[]string{"GATEPOST_ASSERTION_HEADER=X-Auth-Provider-Token"}, "carries the token of a provider"},
		{[]string{"GATEPOST_ASSERTION_AUDIENCE=shop"}, "set GATEPOST_ASSERTION_HEADER=X-Auth-Assertion too"},
		{[]string{"GATEPOST_ASSERTION_BIND=true"}, "set GATEPOST_ASSERTION_HEADER=X-Auth-Assertion too"},
		{[]string{on, "GATEPOST_ASSERTION_BIND=perhaps"}, "neither true nor false"},
		{[]string{on, "GATEPOST_ASSERTION_AUDIENCE=my shop"}, "no name of an app"},
		{[]string{on, "GATEPOST_ASSERTION_AUDIENCE=" + strings.Repeat("x", 256)}, "no name of an app"},
		{[]string{on, "GATEPOST_ASSERTION_AUDIENCE=https://shop.example.com/", "GATEPOST_ASSERTION_BIND=true"}, ""},
	} {
		loaded, err := Load(t.Context(), append([]string{"GATEPOST_UPSTREAM=http://127.0.0.1:3000"}, c.env...))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%.80q: got %v, want %q", c.env, err, c.want)
		}
		if c.want == "" && (loaded.Assertion.Issuer != "http://localhost:8080" || loaded.Assertion.Audience == "") {
			t.Errorf("%.80q: %+v", c.env, loaded.Assertion)
		}
	}
}
