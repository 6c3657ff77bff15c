package provider

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/provider/providertest"
)

// Each flaw that a check finds is told with what helps against it, and with the field that it is about.
func TestAFlawIsToldWithItsCure(t *testing.T) {
	t.Parallel()
	metadata := providertest.Metadata
	for name, c := range map[string]struct {
		fault       providertest.Fault
		field       string
		cause, cure string
	}{
		"another issuer": {metadata("issuer", "https://login.example"), "", `its issuer is "https://login.example"`,
			`set it to "https://login.example", exactly`},
		"no issuer": {metadata("issuer", nil), "", `its issuer is ""`, "is the address of an OpenID provider"},
		"no algorithm": {metadata("id_token_signing_alg_values_supported", []string{"HS256"}), "", "no algorithm",
			"RS256, ES256"},
		"no token endpoint": {metadata("token_endpoint", nil), "", "token_endpoint is missing", "authorization code flow"},
		"an endpoint inside": {metadata("jwks_uri", "https://169.254.169.254/"), "", "inside address",
			"only the provider can correct"},
		"no document": {providertest.Answer("discovery", 404, ""), "", "/openid-configuration: answered with status 404",
			"is the right address"},
		"HTML": {providertest.Answer("discovery", 200, "<html>"), "", "is not the JSON that was expected",
			"is the right address"},
		"too long": {providertest.Answer("discovery", 200, strings.Repeat(" ", 2<<20)), "", "longer than 1 MiB",
			"is the right address"},
		"overloaded":  {providertest.Answer("discovery", 503, ""), "", "status 503", "try again later"},
		"no key file": {providertest.Answer("jwks", 404, ""), "", "/jwks: answered with status 404", "only the provider"},
		"keys are HTML": {providertest.Answer("jwks", 200, "<html>"), "", "/jwks: the answer, of type",
			"only the provider can correct"},
		"no key of use": {providertest.Answer("jwks", 200, `{"keys":[]}`), "", "/jwks: there is no key", "RS256, ES256"},
		"no code flow": {metadata("response_types_supported", []string{"id_token", "code id_token"}), "",
			"response_types_supported lack code", "turn that on"},
		"no code grant": {metadata("grant_types_supported", []string{"implicit"}), "", "lack authorization_code",
			"turn that on"},
		"no secret of ours": {metadata("token_endpoint_auth_methods_supported", []string{"private_key_jwt"}), "",
			"neither client_secret_basic nor client_secret_post", "turn that on"},
		"only plain PKCE": {metadata("code_challenge_methods_supported", []string{"plain"}), "", "lack S256",
			"turn that on"},
		"no way to sign out": {metadata("end_session_endpoint", nil), "Logout", "it has no end_session_endpoint",
			"leave the setting out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := providertest.New(t)
			s.Misbehave(c.fault)
			spec := specOf(s, "corp")
			spec.Logout = true
			err := newProvider(t, spec).Check(t.Context())
			flaw, ok := errors.AsType[*Flaw](err)
			if !ok || flaw.Field != c.field || !strings.Contains(flaw.Error(), c.cause) ||
				!strings.Contains(flaw.Cure, c.cure) {
				t.Errorf("got %v, %+v", err, flaw)
			}
		})
	}
}

// What a provider does not list counts as the standards say, and what it lists besides does not matter.
func TestWhatIsNotListedIsNoFlaw(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]any{"absent": nil, "empty": []string{},
		"more": []string{"code", "authorization_code", "client_secret_post", "S256", "other"}} {
		for _, list := range []string{"response_types_supported", "grant_types_supported",
			"token_endpoint_auth_methods_supported", "code_challenge_methods_supported"} {
			s := providertest.New(t)
			s.Misbehave(providertest.Metadata(list, value))
			if err := newProvider(t, specOf(s, "corp")).Check(t.Context()); err != nil {
				t.Errorf("%s, %s: %v", list, name, err)
			}
		}
	}
}

// All flaws are told at once.
func TestAllFlawsAtOnce(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	s.Misbehave(providertest.Metadata("response_types_supported", []string{"id_token"}),
		providertest.Metadata("code_challenge_methods_supported", []string{"plain"}))
	err := newProvider(t, specOf(s, "corp")).Check(t.Context())
	if err == nil || strings.Count(err.Error(), "_supported") != 2 {
		t.Errorf("got %v", err)
	}
}

// A provider that does not answer, or answers with a certificate of nobody's, is told with the address that was asked.
func TestAFlawNamesTheAddressThatWasAsked(t *testing.T) {
	t.Parallel()
	hang := providertest.New(t)
	hang.Hold("discovery")
	keys := providertest.New(t)
	keys.Hold("jwks")
	gone := providertest.New(t)
	gone.Stop()
	unknown := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(unknown.Close)
	for name, c := range map[string]struct{ issuer, asked, cure, says string }{
		"hangs": {hang.URL(), hang.URL() + "/.well-known", "this machine can connect to it",
			"no answer came in time"},
		"its keys hang":  {keys.URL(), keys.URL() + "/jwks", "this machine can connect to it", "no answer came in time"},
		"is not there":   {gone.URL(), gone.URL() + "/.well-known", "this machine can connect to it", "refused"},
		"is not trusted": {unknown.URL, unknown.URL + "/.well-known", "SSL_CERT_FILE", "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := newProvider(t, Spec{Name: "corp", Issuer: c.issuer, ClientID: "x", ClientSecret: "y"}).Check(t.Context())
			flaw, ok := errors.AsType[*Flaw](err)
			if !ok || !strings.Contains(flaw.Error(), c.asked) || !strings.Contains(flaw.Cure, c.cure) ||
				!strings.Contains(flaw.Error(), c.says) {
				t.Errorf("got %v, %+v", err, flaw)
			}
		})
	}
}

// What has to be told to a provider for signing out is told where people are signed out there.
func TestSetupForSigningOut(t *testing.T) {
	t.Parallel()
	const back, channel = "https://app.example/login", "https://app.example/.gatepost/backchannel/corp"
	for _, logout := range []bool{true, false} {
		p, err := New(Spec{Name: "corp", Issuer: "https://id.example", ClientID: "x", ClientSecret: "y", Logout: logout},
			Options{Callback: "https://app.example/api/auth/callback/corp", AfterLogout: back, BackChannel: channel})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{back, channel} {
			if slices.ContainsFunc(p.Setup(), func(s string) bool { return strings.Contains(s, want) }) != logout {
				t.Errorf("logout %t: %s in %q", logout, want, p.Setup())
			}
		}
	}
}
