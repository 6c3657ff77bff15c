package config

import (
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/seal"
)

// What asks for a second factor is refused where nobody can have one, with the setting that mends it.
func TestASecondFactorIsAskedForWhereOneCanBeHad(t *testing.T) {
	t.Parallel()
	key, db := "GATEPOST_ENCRYPTION_KEY="+seal.NewKey(), "DATABASE_URL=postgres://localhost/app"
	ip := "GATEPOST_PUBLIC_URL=https://192.0.2.1" // where there are no passkeys
	for _, c := range []struct {
		env  []string
		want string
	}{
		{[]string{"GATEPOST_SECOND_FACTOR=mandatory"}, "none of off, optional and required"},
		{[]string{"GATEPOST_SECOND_FACTOR=off", "GATEPOST_PROTECT=/, /admin=+aal2"},
			`rule "/admin=+aal2" asks for a second factor`},
		{[]string{"GATEPOST_SECOND_FACTOR=off", "GATEPOST_SECOND_FACTOR_ROLES=admin"}, "leave one of the two out"},
		{[]string{"GATEPOST_SECOND_FACTOR=required", "GATEPOST_SECOND_FACTOR_ROLES=admin", key}, "leave one of the two out"},
		{[]string{"GATEPOST_SECOND_FACTOR_ROLES=admin|bad role", key}, "cannot be a role"},
		{[]string{"GATEPOST_SECOND_FACTOR_ROLES=aal2", key}, "is a condition of rules and no role"},
		{[]string{"GATEPOST_SECOND_FACTOR_ROLES=admin|Fresh", key}, "is a condition of rules and no role"},
		{[]string{"GATEPOST_SECOND_FACTOR=required", db, ip}, "app needs GATEPOST_ENCRYPTION_KEY"},
		{[]string{"GATEPOST_SECOND_FACTOR_ROLES=admin", db, ip}, "app needs GATEPOST_ENCRYPTION_KEY"},
		{[]string{"GATEPOST_PROTECT=/, /admin=+aal2", db, ip}, "app needs GATEPOST_ENCRYPTION_KEY"},
		{[]string{"GATEPOST_SECOND_FACTOR=required", db, key, ip}, ""},
		{[]string{"GATEPOST_SECOND_FACTOR=required", db}, ""}, // passkeys need no key
		{[]string{"GATEPOST_SECOND_FACTOR=Off", db}, ""},
		{[]string{"GATEPOST_SECOND_FACTOR=required"}, ""}, // the built-in PostgreSQL has a key
		{[]string{"GATEPOST_PROTECT=/, /billing=+fresh=10m", db}, ""},
	} {
		_, err := Load(t.Context(), append([]string{"GATEPOST_UPSTREAM=http://127.0.0.1:3000"}, c.env...))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%.80q: got %v, want %q", c.env, err, c.want)
		}
	}
}

// The policy is part of the rules of every protected path.
func TestThePolicyIsPartOfTheRules(t *testing.T) {
	t.Parallel()
	admin := session.Session{User: session.User{Roles: []string{"owner"}}}
	for _, c := range []struct {
		env  string
		v    session.Session
		asks bool
	}{
		{"GATEPOST_SECOND_FACTOR=optional", admin, false}, {"GATEPOST_SECOND_FACTOR=off", admin, false},
		{"GATEPOST_SECOND_FACTOR=required", session.Session{}, true},
		{"GATEPOST_SECOND_FACTOR_ROLES=admin | owner", admin, true},
		{"GATEPOST_SECOND_FACTOR_ROLES=admin|owner", session.Session{}, false},
	} {
		got, err := Load(t.Context(), []string{"GATEPOST_UPSTREAM=http://127.0.0.1:3000", c.env})
		if err != nil {
			t.Fatal(err)
		}
		if need := got.Rules.StepUp("/x", c.v); (need != nil) != c.asks {
			t.Errorf("%s: %v is asked for %v", c.env, c.v.User.Roles, need)
		}
	}
}

// Where a second factor is asked for that can be a passkey only, there is a doubt.
func TestASecondFactorThatCanBeAPasskeyOnlyIsADoubt(t *testing.T) {
	t.Parallel()
	key, db := "GATEPOST_ENCRYPTION_KEY="+seal.NewKey(), "DATABASE_URL=postgres://localhost/app"
	for _, c := range []struct {
		env   []string
		doubt string
	}{
		{[]string{"GATEPOST_SECOND_FACTOR=required", db}, "GATEPOST_SECOND_FACTOR=required asks"},
		{[]string{"GATEPOST_SECOND_FACTOR_ROLES=admin", db}, "GATEPOST_SECOND_FACTOR_ROLES asks"},
		{[]string{"GATEPOST_PROTECT=/, /admin=+aal2", db}, `rule "/admin=+aal2" asks`},
		{[]string{"GATEPOST_SECOND_FACTOR=required", db, key}, ""}, {[]string{"GATEPOST_SECOND_FACTOR=required"}, ""},
		{[]string{db}, ""},
	} {
		got, err := Load(t.Context(), append([]string{"GATEPOST_UPSTREAM=http://127.0.0.1:3000"}, c.env...))
		if err != nil {
			t.Fatal(err)
		}
		doubts := strings.Join(got.Doubts(), "\n")
		if c.doubt == "" && strings.Contains(doubts, "passkey") || !strings.Contains(doubts, c.doubt) {
			t.Errorf("%.80q: %q, want %q", c.env, doubts, c.doubt)
		}
	}
}
