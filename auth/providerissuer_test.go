package auth_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/provider/providertest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/seal"
)

// named is a provider of any name at a server, as newGateway makes them.
func named(t *testing.T, name string, idp *providertest.Server) *provider.Provider {
	t.Helper()
	p, err := provider.New(provider.Spec{Name: name, Label: "Provider " + name, Issuer: idp.URL(),
		ClientID: idp.ClientID, ClientSecret: secret.Text(idp.ClientSecret), TrustEmail: true, RoleClaim: "groups",
		Roles: map[string]string{"staff": "editor"}, Logout: true},
		provider.Options{Callback: "http://gate.example/api/auth/callback/" + name, Insecure: true})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// reconfigured is the gateway after the operator has configured other providers, on the same rows.
func (g gateway) reconfigured(t *testing.T, o auth.Options, list ...*provider.Provider) gateway {
	t.Helper()
	o.Providers = list
	g.s = auth.New(g.db, o)
	t.Cleanup(g.s.Close)
	return g
}

// kept says what there is of a session that came by a provider: its roles, the token for the app, how many tokens are
// renewed, and whether signing out goes on to the provider.
func (g gateway) kept(t *testing.T, token secret.Token) (roles []string, tokens, renewed int, leaves bool) {
	t.Helper()
	v, err := g.s.Lookup(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	access, err := g.s.ProviderToken(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	if access != "" {
		tokens = 1
	}
	exec(t, g.db, `UPDATE gatepost.provider_token SET refresh_at = now()`)
	if renewed, err = auth.RefreshSome(g.s, t.Context()); err != nil {
		t.Fatal(err)
	}
	to, _, err := g.s.LogoutURL(t.Context(), token, "http://gate.example/login")
	if err != nil {
		t.Fatal(err)
	}
	return v.User.Roles, tokens, renewed, to != nil
}

// What an issuer gave counts for that issuer: none of it goes to another one that has the name of its provider now,
// and none of it opens anything there.
func TestWhatAnIssuerGaveIsNotAnothers(t *testing.T) {
	t.Parallel()
	o := auth.Options{Keys: keys(t, seal.NewKey()), KeepProviderTokens: true}
	g := newGateway(t, func(to *auth.Options) { to.Keys, to.KeepProviderTokens = o.Keys, true })
	ada := someone("1", "ada@example.com")
	ada.Claims = map[string]any{"groups": []string{"staff"}}
	done, err := g.come(t, ada, auth.Flow{Provider: "corp"})
	if err != nil {
		t.Fatal(err)
	}
	roles, tokens, renewed, leaves := g.kept(t, done.Session)
	if !slices.Equal(roles, []string{"user", "editor"}) || tokens != 1 || renewed != 1 || !leaves {
		t.Fatalf("of the issuer itself: %v, %d, %d, %v", roles, tokens, renewed, leaves)
	}
	other := g.idp["other"]
	before := other.Requests("token")
	moved := g.reconfigured(t, o, named(t, "corp", other))
	roles, tokens, renewed, leaves = moved.kept(t, done.Session)
	if !slices.Equal(roles, []string{"user"}) || tokens != 0 || renewed != 0 || leaves {
		t.Errorf("of another issuer: %v, %d, %d, %v", roles, tokens, renewed, leaves)
	}
	if n := other.Requests("token") - before; n != 0 {
		t.Errorf("the other issuer was asked %d times for tokens", n)
	}
	if u, err := moved.s.FindUser(t.Context(), "ada@example.com"); err != nil || len(u.ClaimedRoles) != 0 {
		t.Errorf("shown: %v, %v", u.ClaimedRoles, err)
	}
}

// A row whose issuer is not configured any more is no way in, whatever its provider's name is today: it does not let
// the last one be removed, is counted by gatepost check, and is shown as not offered.
func TestARowOfAnIssuerThatIsGoneIsNoWayIn(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	if _, err := g.come(t, someone("1", "ada@example.com"), auth.Flow{Provider: "corp"}); err != nil {
		t.Fatal(err)
	}
	o := auth.Options{PasswordsOff: true}
	g = g.reconfigured(t, o, named(t, "corp", g.idp["other"]))
	g.idp["corp"] = g.idp["other"]
	if n, err := g.s.UsersWithoutAWayIn(t.Context()); n != 1 || err != nil {
		t.Errorf("%d users have no way in, %v", n, err)
	}
	done, err := g.come(t, someone("2", "ada@example.com"), auth.Flow{Provider: "corp"})
	if err != nil {
		t.Fatal(err)
	}
	exec(t, g.db, `UPDATE gatepost.session SET proved_at = now()`)
	ways, err := g.s.WaysIn(t.Context(), done.Session)
	if err != nil || len(ways) != 2 || ways[0].Label != "" || ways[1].Label != "Provider corp" {
		t.Fatalf("got %+v, %v", ways, err)
	}
	if err := g.s.Unlink(t.Context(), done.Session, ways[1].ID, here); !errors.Is(err, auth.ErrLastWayIn) {
		t.Errorf("the last way in: %v", err)
	}
	if err := g.s.Unlink(t.Context(), done.Session, ways[0].ID, here); err != nil {
		t.Errorf("the one that is none: %v", err)
	}
}

// A provider under another name keeps its people: they have a way in at once, and with the next sign-in what else they
// had of it.
func TestARenamedProviderKeepsItsPeople(t *testing.T) {
	t.Parallel()
	o := auth.Options{Keys: keys(t, seal.NewKey()), KeepProviderTokens: true, PasswordsOff: true}
	g := newGateway(t, func(to *auth.Options) { to.Keys, to.KeepProviderTokens = o.Keys, true })
	ada := someone("1", "ada@example.com")
	ada.Claims = map[string]any{"groups": []string{"staff"}}
	first, err := g.come(t, ada, auth.Flow{Provider: "corp"})
	if err != nil {
		t.Fatal(err)
	}
	id := g.user(t, first.Session)
	g = g.reconfigured(t, o, named(t, "staff", g.idp["corp"]))
	g.idp["staff"] = g.idp["corp"]
	if n, err := g.s.UsersWithoutAWayIn(t.Context()); n != 0 || err != nil {
		t.Errorf("%d users have no way in, %v", n, err)
	}
	if ways, err := g.s.WaysIn(t.Context(), first.Session); err != nil || ways[0].Provider != "staff" ||
		ways[0].Label != "Provider staff" {
		t.Errorf("got %+v, %v", ways, err)
	}
	again, err := g.come(t, ada, auth.Flow{Provider: "staff"})
	if err != nil || g.user(t, again.Session) != id {
		t.Fatalf("another user, %v", err)
	}
	roles, tokens, renewed, leaves := g.kept(t, again.Session)
	if !slices.Equal(roles, []string{"user", "editor"}) || tokens != 1 || renewed != 1 || !leaves {
		t.Errorf("got %v, %d, %d, %v", roles, tokens, renewed, leaves)
	}
}

// Claimed roles are shown to the operator, apart from those of the user's row, which are what they can replace.
func TestClaimedRolesAreShown(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	ada := someone("1", "ada@example.com")
	ada.Claims = map[string]any{"groups": []string{"staff"}}
	if _, err := g.come(t, ada, auth.Flow{Provider: "corp"}); err != nil {
		t.Fatal(err)
	}
	check := func(u session.User) error {
		if !slices.Equal(u.Roles, []string{"user"}) || !slices.Equal(u.ClaimedRoles, []string{"editor"}) {
			t.Errorf("got %v and %v", u.Roles, u.ClaimedRoles)
		}
		return nil
	}
	u, err := g.s.FindUser(t.Context(), "ada@example.com")
	if err := errors.Join(err, check(u), g.s.Users(t.Context(), check)); err != nil {
		t.Error(err)
	}
}

// The gate and its statements mean the same issuers: exactly, or those of Microsoft's tenants that may come.
func TestWhichIssuersAreOfAProvider(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	const (
		tenant   = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0"
		personal = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"
	)
	microsoft := func(tenant string) provider.Spec { return provider.Spec{Name: "microsoft", Tenant: tenant} }
	corp := func(issuer string) provider.Spec { return provider.Spec{Name: "corp", Issuer: issuer} }
	for name, c := range map[string]struct {
		spec    provider.Spec
		is, not []string
	}{
		"any tenant":    {microsoft(""), []string{tenant, personal}, []string{"https://id.example/" + tenant}},
		"organizations": {microsoft("organizations"), []string{tenant}, []string{personal}},
		"consumers":     {microsoft("consumers"), []string{personal}, []string{tenant}},
		"one tenant":    {microsoft("11111111-2222-3333-4444-555555555555"), []string{tenant}, []string{personal}},
		"exactly": {corp("https://id.example"), []string{"https://id.example"}, []string{"https://id.example/",
			"https://id.example/x", "https://ID.example", ""}},
		"a quote and a backslash": {corp(`https://id.example/'\`), []string{`https://id.example/'\`},
			[]string{`https://id.example/'`, `https://id.example/'\\`}},
		"the mark of tenants elsewhere": {corp("https://id.example/{tenantid}"), []string{"https://id.example/{tenantid}"},
			[]string{"https://id.example/x"}},
	} {
		c.spec.ClientID, c.spec.ClientSecret = "x", "y"
		p, err := provider.New(c.spec, provider.Options{Callback: "http://gate.example/"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		i := p.Issuers()
		sql := session.Known("a", []session.Origin{{Provider: c.spec.Name, Issuer: i.Issuer, Several: i.Several,
			Except: i.Except}})
		for _, issuer := range append(slices.Clone(c.is), c.not...) {
			var found bool
			err := g.db.QueryRow(t.Context(), `SELECT `+sql+` FROM (SELECT $1 AS provider_id, $2 AS issuer) a`,
				c.spec.Name, issuer).Scan(&found)
			if want := slices.Contains(c.is, issuer); err != nil || found != want || i.Has(issuer) != want {
				t.Errorf("%s: %q: %v in SQL, %v here, want %v, %v", name, issuer, found, i.Has(issuer), want, err)
			}
		}
	}
}
