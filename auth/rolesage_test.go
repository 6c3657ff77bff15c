package auth_test

import (
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/provider/providertest"
	"github.com/gatepost/gatepost/auth/secret"
)

// The roles of a provider last as long as the settings say, counted from the sign-in by PostgreSQL's clock.
func TestClaimedRolesLastAsTheSettingsSay(t *testing.T) {
	t.Parallel()
	idp := providertest.New(t)
	p, err := provider.New(provider.Spec{Name: "corp", Label: "Corp", Issuer: idp.URL(), ClientID: idp.ClientID,
		ClientSecret: secret.Text(idp.ClientSecret), TrustEmail: true, RoleClaim: "groups",
		Roles: map[string]string{"staff": "editor"}, RolesMaxAge: 8 * time.Hour},
		provider.Options{Callback: "http://gate.example/api/auth/callback/corp", Insecure: true})
	if err != nil {
		t.Fatal(err)
	}
	g := newGateway(t, func(o *auth.Options) { o.Providers = []*provider.Provider{p} })
	g.idp["corp"] = idp
	ada := someone("1", "ada@example.com")
	ada.Claims = map[string]any{"groups": []string{"staff"}}
	if _, err := g.come(t, ada, auth.Flow{Provider: "corp"}); err != nil {
		t.Fatal(err)
	}
	if n := count(t, g.db, `account WHERE claim_roles = 'editor' AND claim_roles_until
		BETWEEN now() + interval '7 hours 59 minutes' AND now() + interval '8 hours'`); n != 1 {
		t.Errorf("%d accounts have them for 8 hours", n)
	}
}
