package provider

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"github.com/gatepost/gatepost/auth/provider/providertest"
	"github.com/gatepost/gatepost/auth/secret"
)

var noToken = &oauth2.Token{}

// testKey is a key as Apple hands it out.
func testKey(t *testing.T) AppleKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return AppleKey{TeamID: "TEAM123456", KeyID: "KEY1234567", PrivateKey: secret.Text(text)}
}

var grace = providertest.Person{Subject: "583231", Email: "Grace@example.com", EmailVerified: new(true),
	Name: "Grace Hopper"}

func TestGitHub(t *testing.T) {
	t.Parallel()
	entry := func(email string, primary, verified bool) map[string]any {
		return map[string]any{"email": email, "primary": primary, "verified": verified, "visibility": nil}
	}
	for name, c := range map[string]struct {
		status int
		emails any
		email  string
		kind   string
	}{
		"recorded": {0, nil, "grace@example.com", ""},
		"none":     {200, []any{}, "", ""},
		"primary unverified": {200, []any{entry("a@x.example", true, false), entry("b@x.example", false, true)}, "",
			""},
		"noreply alone": {200, []any{entry("1+x@users.noreply.github.com", true, true)}, "", ""},
		"verified as text": {200, []any{map[string]any{"email": "a@x.example", "primary": true, "verified": "true"}},
			"", "misconfigured"},
		"not allowed to ask": {403, map[string]string{"message": "Resource not accessible"}, "", "misconfigured"},
		"not found":          {404, map[string]string{"message": "Not Found"}, "", "misconfigured"},
		"down":               {502, "", "", "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := providertest.New(t)
			s.SetPerson(grace)
			if c.status != 0 {
				s.SetAPI("/api/v3/user/emails", c.status, c.emails)
			}
			id, err := signIn(t, s, newProvider(t, specOf(s, "github")), newAsk())
			if c.kind != "" {
				wantFault(t, err, c.kind, "")
				return
			}
			if err != nil || id.Issuer != s.URL() || id.Subject != "583231" || id.Email != c.email || id.Login != "grace" ||
				id.EmailProved || id.IDToken != "" || !strings.HasPrefix(id.Picture, "https://avatars.") {
				t.Errorf("got %+v, %v", id, err)
			}
		})
	}
}

func TestGitHubSaysNoWithStatus200(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	s.SetPerson(grace)
	p := newProvider(t, specOf(s, "github"))
	a, err := walk(t, s, p, newAsk())
	if err != nil {
		t.Fatal(err)
	}
	a.Verifier = string(secret.NewToken())
	_, err = p.Finish(t.Context(), a)
	wantFault(t, err, "bad_code", "bad_verification_code")
	a.Issuer = "https://evil.example/login/oauth"
	_, err = p.Finish(t.Context(), a)
	wantFault(t, err, "forged", "another issuer")
	for _, c := range []struct{ body, kind string }{
		{`{"error":"incorrect_client_credentials"}`, "misconfigured"}, {`{"error":"whatever"}`, "failed"},
		{`{}`, "misconfigured"},
	} {
		s.Misbehave(providertest.Answer("token", 200, c.body))
		_, err := signIn(t, s, p, newAsk())
		wantFault(t, err, c.kind, "")
	}
}

func TestGitHubWithoutANumber(t *testing.T) {
	t.Parallel()
	for _, user := range []map[string]any{{"login": "x"}, {"id": 0}, {"id": -1}, {"id": 1.5}, {"id": nil}} {
		s := providertest.New(t)
		s.SetPerson(grace)
		s.SetAPI("/api/v3/user", 200, user)
		_, err := signIn(t, s, newProvider(t, specOf(s, "github")), newAsk())
		wantFault(t, err, "no_subject", "number")
	}
}

func TestOrganisationsAndTeamsOfGitHub(t *testing.T) {
	t.Parallel()
	const org, team = "/api/v3/user/memberships/orgs/acme", "/api/v3/orgs/acme/teams/ops/memberships/grace"
	for name, c := range map[string]struct {
		allowed string
		path    string
		status  int
		state   string
		kind    string
	}{
		"member":          {"acme", org, 200, "active", ""},
		"invited":         {"acme", org, 200, "pending", "not_allowed"},
		"no member":       {"acme", org, 404, "", "not_allowed"},
		"not shown":       {"acme", org, 403, "", "not_allowed"},
		"of the team":     {"acme/ops", team, 200, "active", ""},
		"not of the team": {"acme/ops", org, 200, "active", "not_allowed"},
		"GitHub is down":  {"acme", org, 503, "", "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := providertest.New(t)
			s.SetPerson(grace)
			s.SetAPI(c.path, c.status, map[string]string{"state": c.state})
			spec := specOf(s, "github")
			spec.AllowedOrgs = []string{"other", c.allowed}
			p := newProvider(t, spec)
			u, err := p.Begin(t.Context(), newAsk())
			if err != nil || u.Query().Get("scope") != "read:user user:email read:org" {
				t.Errorf("got %v, %v, want the scope read:org", u, err)
			}
			_, err = signIn(t, s, p, newAsk())
			if c.kind != "" {
				wantFault(t, err, c.kind, "")
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDiscord(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	s.SetPerson(grace)
	p := newProvider(t, specOf(s, "discord"))
	id, err := signIn(t, s, p, newAsk())
	if err != nil || id.Issuer != s.URL() || id.Subject != "583231" || id.Email != "grace@example.com" || id.EmailProved {
		t.Errorf("got %+v, %v", id, err)
	}
	a := newAsk()
	a.MaxAge = 1
	_, err = signIn(t, s, p, a)
	wantFault(t, err, "not_fresh", "does not say")
	s.SetAPI("/api/v10/users/@me", 200, map[string]any{"id": nil})
	_, err = signIn(t, s, p, newAsk())
	wantFault(t, err, "no_subject", "")
	if _, err := p.VerifyLogout(t.Context(), s.SignLogout("583231", "", nil)); err == nil {
		t.Error("a logout token was taken from a provider that has none")
	}
}

func TestApple(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	s.Misbehave(providertest.Claim("name", nil), providertest.Claim("email_verified", "true"),
		providertest.Metadata("userinfo_endpoint", nil),
		providertest.Metadata("token_endpoint_auth_methods_supported", []string{"client_secret_post"}))
	spec := specOf(s, "apple")
	spec.ClientSecret, spec.Apple = "", testKey(t)
	p := newProvider(t, spec)
	ask := newAsk()
	u, err := p.Begin(t.Context(), ask)
	if err != nil || u.Query().Get("response_mode") != "form_post" || !p.FormPost() {
		t.Fatalf("got %v, %v, want the answer to be posted", u, err)
	}
	a, err := walk(t, s, p, ask)
	if err != nil {
		t.Fatal(err)
	}
	a.User = `{"name":{"firstName":"Grace","lastName":"Hopper"},"email":"evil@example.com"}`
	id, err := p.Finish(t.Context(), a)
	if err != nil || id.Name != "Grace Hopper" || id.Email != "ada@example.com" || !id.EmailProved {
		t.Errorf("got %+v, %v", id, err)
	}
	checkAppleSecret(t, s, spec)
}

func checkAppleSecret(t *testing.T, s *providertest.Server, spec Spec) {
	t.Helper()
	key, err := appleKey(spec.Apple.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := jose.ParseSignedCompact(s.LastSecret(), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := jws.Verify(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	c, err := parseClaims(signed)
	from, _ := c.time("iat")
	until, _ := c.time("exp")
	if err != nil || jws.Signatures[0].Header.KeyID != "KEY1234567" || c.text("iss") != "TEAM123456" ||
		c.text("sub") != "gate" || c.text("aud") != s.URL() || until.Sub(from) != appleSecretAge {
		t.Errorf("got the client secret %v, %v", c, err)
	}
}

func TestAppleNamesAreForDisplay(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]string{
		"": "", "{}": "", "[": "", `{"name":"x"}`: "", `{"name":{"firstName":"A"}}`: "A", `{"name":{"lastName":7}}`: "",
		`{"name":{"firstName":"` + strings.Repeat("x", 5<<10) + `"}}`: "",
	} {
		if got := display(appleName(field)); got != want {
			t.Errorf("%.40s: got %q, want %q", field, got, want)
		}
	}
}

func TestMicrosoftOfSeveralTenants(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	s.Misbehave(providertest.Metadata("issuer", s.URL()+"/{tenantid}/v2.0"), providertest.Claim("tid", tenantID),
		providertest.Claim("iss", s.URL()+"/"+tenantID+"/v2.0"), providertest.Claim("xms_edov", "1"),
		providertest.ResponseIssuer(s.URL()+"/"+tenantID+"/v2.0"))
	p := newProvider(t, specOf(s, "microsoft"))
	id, err := signIn(t, s, p, newAsk())
	if err != nil || id.Issuer != s.URL()+"/"+tenantID+"/v2.0" || !id.EmailProved {
		t.Errorf("got %+v, %v", id, err)
	}
	s.Misbehave(providertest.ResponseIssuer(s.URL() + "/" + consumers + "/v2.0"))
	_, err = signIn(t, s, p, newAsk())
	wantFault(t, err, "forged", "different issuers")
	s.Misbehave(providertest.ResponseIssuer(s.URL() + "/evil/v2.0"))
	_, err = signIn(t, s, p, newAsk())
	wantFault(t, err, "forged", "another issuer")
}

func TestGoogle(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	s.Misbehave(providertest.Claim("hd", "example.com"))
	spec := specOf(s, "google")
	spec.AllowedDomains, spec.Scopes = []string{"example.com"}, []string{"openid", "email", "offline_access"}
	p := newProvider(t, spec)
	a := newAsk()
	a.LoginHint, a.SelectAccount, a.MaxAge = "x@example.com", true, 60
	u, err := p.Begin(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"hd": "example.com", "access_type": "offline", "scope": "openid email",
		"login_hint": "x@example.com", "max_age": "", "code_challenge_method": "S256", "nonce": a.Nonce} {
		if got := u.Query().Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	id, err := signIn(t, s, p, newAsk())
	if err != nil || !id.EmailProved {
		t.Errorf("got %+v, %v", id, err)
	}
	s.Misbehave(providertest.Claim("iss", "accounts.google.com"))
	_, err = signIn(t, s, p, newAsk())
	wantFault(t, err, "forged", "issuer")
}

// A refresh token is asked for as OpenID Connect Core section 11 has it, where tokens are kept. Microsoft wants no
// prompt for it, and nobody is asked anew for a proof.
func TestConsentIsAskedForARefreshToken(t *testing.T) {
	t.Parallel()
	offline, link := []string{"openid", "offline_access"}, Ask{SelectAccount: true}
	for i, c := range []struct {
		name   string
		scopes []string
		keep   bool
		ask    Ask
		want   string
	}{
		{"corp", offline, true, Ask{}, "consent"},
		{"corp", offline, true, link, "consent"},
		{"corp", offline, true, Ask{MaxAge: 60}, ""},
		{"corp", offline, false, Ask{}, ""},
		{"corp", nil, true, Ask{}, ""},
		{"google", offline, true, Ask{}, "consent"},
		{"google", offline, true, link, "select_account consent"},
		{"google", offline, false, Ask{}, ""},
		{"microsoft", offline, true, Ask{}, ""},
		{"microsoft", offline, true, link, "select_account"},
	} {
		s := providertest.New(t)
		s.Misbehave(providertest.RefreshByConsent())
		spec := specOf(s, c.name)
		spec.Scopes = c.scopes
		if c.name == "microsoft" {
			spec.Tenant = "organizations"
		}
		p, err := New(spec, Options{Callback: callback, Insecure: true, KeepTokens: c.keep})
		if err != nil {
			t.Fatal(err)
		}
		a := newAsk()
		a.MaxAge, a.SelectAccount = c.ask.MaxAge, c.ask.SelectAccount
		prompt := ""
		for _, o := range p.options(a) {
			prompt = cmp.Or(prompt, parameter(o, "prompt"))
		}
		if prompt != c.want {
			t.Errorf("row %d: got prompt=%q, want %q", i, prompt, c.want)
		}
		if c.name != "corp" {
			continue
		}
		id, err := signIn(t, s, p, a)
		if err != nil || (id.Tokens.Refresh != "") != (c.want == "consent") {
			t.Errorf("row %d: a refresh token came: %t, %v", i, id.Tokens.Refresh != "", err)
		}
	}
}

// parameter is what an option sets.
func parameter(o oauth2.AuthCodeOption, name string) string {
	u, _ := url.Parse((&oauth2.Config{}).AuthCodeURL("s", o))
	return u.Query().Get(name)
}

func TestBeginWantsRandomValues(t *testing.T) {
	t.Parallel()
	p := builtIn(t, Spec{Name: "github"})
	for _, a := range []Ask{{}, {State: "s", Nonce: "n", Verifier: "short"}, {Nonce: "n", Verifier: newAsk().Verifier}} {
		if _, err := p.Begin(t.Context(), a); err == nil || errors.Is(err, ErrUnavailable) {
			t.Errorf("got %v for %+v", err, a)
		}
	}
}
