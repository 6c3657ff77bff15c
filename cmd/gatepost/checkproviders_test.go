package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatepost/gatepost/internal/config"
)

// newIssuer is an OpenID provider as far as a check looks at it. Its document comes once wait returns, with more.
func newIssuer(t *testing.T, wait func(), more ...map[string]any) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	var issuer string
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) } // the check sees a broken one
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		wait()
		doc := map[string]any{"issuer": issuer, "authorization_endpoint": issuer + "/authorize",
			"token_endpoint": issuer + "/token", "jwks_uri": issuer + "/keys",
			"id_token_signing_alg_values_supported": []string{"ES256"}}
		for _, changes := range more {
			maps.Copy(doc, changes)
		}
		answer(w, doc)
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"keys": []any{map[string]any{"kty": "EC", "crv": "P-256", "kid": "1", "alg": "ES256",
			"use": "sig", "x": b64(point[1:33]), "y": b64(point[33:])}}})
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	issuer = server.URL
	return issuer
}

// withProvider adds an OpenID provider to settings.
func withProvider(values map[string]string, name, issuer string) {
	values["GATEPOST_OIDC_"+name+"_ISSUER"] = issuer
	values["GATEPOST_OIDC_"+name+"_CLIENT_ID"] = "gate"
	values["GATEPOST_OIDC_"+name+"_CLIENT_SECRET"] = "hush-" + name
}

// A check prints the settings of providers without their secrets, and what each provider has to be told. A provider
// that is not there is a fault.
func TestCheckOfProviders(t *testing.T) {
	t.Parallel()
	values := noSettings(t)
	withProvider(values, "CORP", newIssuer(t, func() {}))
	withProvider(values, "DOWN", "http://127.0.0.1:1")
	values["GATEPOST_OIDC_CORP_LABEL"] = "Example Staff"
	values["GATEPOST_OIDC_DOWN_CLIENT_ID"] = "AbCdEf0123456789AbCdEf0123456789"
	said := says(t, []string{"check"}, environ(values))
	for _, want := range []string{
		"\nSign in with Example Staff (corp)\n", "http://localhost:1/api/auth/callback/corp",
		"\nSign in with down (down)\n", "http://localhost:1/api/auth/callback/down",
		"gatepost: GATEPOST_OIDC_DOWN_ISSUER: nobody can sign in with down now: ",
		`see that "http://127.0.0.1:1" is the right address, and that this machine can connect to it`,
	} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in %s", want, said)
		}
	}
	for name, want := range map[string]string{"GATEPOST_OIDC_CORP_CLIENT_ID": "gate",
		"GATEPOST_OIDC_CORP_CLIENT_SECRET": "(hidden)", "GATEPOST_OIDC_CORP_LABEL": "Example Staff",
		"GATEPOST_OIDC_DOWN_CLIENT_ID": "(not shown, as it may be a secret)"} {
		if !slices.ContainsFunc(strings.Split(said, "\n"), func(line string) bool {
			return strings.Join(strings.Fields(line), " ") == name+" "+want
		}) {
			t.Errorf("%s is not said to be %s: %s", name, want, said)
		}
	}
	if strings.Contains(said, "hush") || strings.Contains(said, "AbCdEf") || strings.Contains(said, "with corp now") ||
		strings.Contains(said, "with Example Staff now") || strings.Contains(said, "GATEPOST_OIDC_CORP_SCOPES") {
		t.Error(said)
	}
}

// A check names each thing that a provider cannot do, by the setting that it is about, and says what to type into its
// form where people are signed out there.
func TestCheckOfWhatAProviderCannotDo(t *testing.T) {
	t.Parallel()
	values := noSettings(t)
	withProvider(values, "CORP", newIssuer(t, func() {}, map[string]any{"response_types_supported": []string{"id_token"},
		"token_endpoint_auth_methods_supported": []string{"private_key_jwt"}}))
	withProvider(values, "STAYS", newIssuer(t, func() {}))
	withProvider(values, "LEAVES", newIssuer(t, func() {}, map[string]any{"end_session_endpoint": "http://127.0.0.1:1/"}))
	values["GATEPOST_OIDC_STAYS_LOGOUT"], values["GATEPOST_OIDC_LEAVES_LOGOUT"] = "true", "true"
	said := says(t, []string{"check"}, environ(values))
	for _, want := range []string{
		"gatepost: GATEPOST_OIDC_CORP_ISSUER: nobody can sign in with corp now: discovery document: its " +
			"response_types_supported lack code, the authorization code flow; turn that on for the client at the provider\n",
		"gatepost: GATEPOST_OIDC_CORP_ISSUER: nobody can sign in with corp now: discovery document: its " +
			"token_endpoint_auth_methods_supported have neither client_secret_basic nor client_secret_post; turn",
		"gatepost: GATEPOST_OIDC_STAYS_LOGOUT: nobody is signed out of stays: discovery document: it has no " +
			"end_session_endpoint; leave the setting out",
		"The post-logout redirect URI is http://localhost:1/login, exactly.",
		"The back-channel logout URL is http://localhost:1/.gatepost/backchannel/leaves,",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in %s", want, said)
		}
	}
	if strings.Contains(said, "GATEPOST_OIDC_LEAVES_LOGOUT: ") || strings.Contains(said, "backchannel/corp") ||
		strings.Contains(said, "right address") {
		t.Error(said)
	}
}

// All providers are asked at once: each of these answers when all have been asked.
func TestCheckAsksProvidersAtOnce(t *testing.T) {
	t.Parallel()
	const several = 4
	var asked sync.WaitGroup
	asked.Add(several)
	values := noSettings(t)
	for i := range several {
		withProvider(values, fmt.Sprintf("P%d", i), newIssuer(t, sync.OnceFunc(func() { asked.Done(); asked.Wait() })))
	}
	if said := says(t, []string{"check"}, environ(values)); strings.Contains(said, "nobody can sign in") ||
		strings.Count(said, "\nSign in with ") != several {
		t.Error(said)
	}
}

// Wherever a password is put by mistake among the settings of providers, no check repeats a piece of it.
func TestNoPasswordInProviderSettingsIsRepeated(t *testing.T) {
	t.Parallel()
	r := mathrand.New(mathrand.NewPCG(1, 2))
	names := map[string]string{"CORP_UNKNOWN": "GATEPOST_OIDC_CORP_UNKNOWN", "UNKNOWN": "GATEPOST_GITHUB_UNKNOWN"}
	for _, p := range append(config.BuiltInProviders(), config.OIDCProvider("CORP")) {
		for _, k := range p.All() { // each kind of setting once
			suffix := strings.TrimPrefix(k.Name, p.Prefix)
			if names[suffix] = k.Name; k.Secret {
				names[suffix+"_FILE"] = k.Name + "_FILE"
			}
		}
	}
	for _, name := range names {
		for form, text := range forms {
			hush := secretWith(r, []string{"", "@", " ", "=", ","}[r.IntN(5)])
			values := noSettings(t)
			withProvider(values, "CORP", "http://127.0.0.1:1")
			delete(values, strings.TrimSuffix(name, "_FILE"))
			values[name] = strings.ReplaceAll(text, "SECRET", hush)
			if said := says(t, []string{"check"}, environ(values)); told(said, hush) != "" {
				t.Errorf("%s in %s=%q: %s", form, name, values[name], said)
			}
		}
	}
}
