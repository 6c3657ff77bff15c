package providertest

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"time"
)

// behaviour is what is wrong.
type behaviour struct {
	claims, userinfo, metadata map[string]any
	header, token              map[string]any
	responseIssuer             map[string]string
	refusal                    string
	otherKey, bare, mixUp      bool
	strictOffline              bool
	answers                    map[string]answer
	holds                      map[string]chan struct{}
	lastSecret                 string
}

type answer struct {
	status   int
	location string
	body     any // text as it is, else as JSON
}

func (a answer) write(w http.ResponseWriter) {
	if a.location != "" {
		w.Header().Set("Location", a.location)
	}
	text, ok := a.body.(string)
	if !ok {
		writeJSON(w, a.status, a.body)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_, _ = w.Write([]byte(text)) // the client is gone
}

// Fault is one way to misbehave.
type Fault func(*Server)

// Misbehave has the provider misbehave from now on, in ways that add up.
func (s *Server) Misbehave(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		f(s)
	}
}

// Behave ends all misbehaviour.
func (s *Server) Behave() {
	s.Release()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bad = behaviour{metadata: map[string]any{}, answers: map[string]answer{}, holds: map[string]chan struct{}{}}
}

// Hold has requests to an endpoint wait until Release.
func (s *Server) Hold(endpoint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bad.holds[endpoint] = make(chan struct{})
}

// Release lets all go on that are held.
func (s *Server) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for endpoint, hold := range s.bad.holds {
		close(hold)
		delete(s.bad.holds, endpoint)
	}
}

// LastSecret is the last client secret that was a signed token.
func (s *Server) LastSecret() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bad.lastSecret
}

func with(m map[string]any, name string, value any) map[string]any {
	c := maps.Clone(m)
	if c == nil {
		c = map[string]any{}
	}
	c[name] = value
	return c
}

// Claim sets a claim of ID tokens; nil takes it away.
func Claim(name string, value any) Fault {
	return func(s *Server) { s.bad.claims = with(s.bad.claims, name, value) }
}

// UserInfo sets a claim of UserInfo; nil takes it away.
func UserInfo(name string, value any) Fault {
	return func(s *Server) { s.bad.userinfo = with(s.bad.userinfo, name, value) }
}

// Metadata sets a member of the discovery document; nil takes it away.
func Metadata(name string, value any) Fault {
	return func(s *Server) { s.bad.metadata = with(s.bad.metadata, name, value) }
}

// Header sets a header of tokens; nil takes it away.
func Header(name string, value any) Fault {
	return func(s *Server) { s.bad.header = with(s.bad.header, name, value) }
}

// Token sets a member of the token endpoint's answer; nil takes it away.
func Token(name string, value any) Fault {
	return func(s *Server) { s.bad.token = with(s.bad.token, name, value) }
}

// ResponseIssuer sets the parameter iss of the answer to the browser.
func ResponseIssuer(iss string) Fault {
	return func(s *Server) { s.bad.responseIssuer = map[string]string{"iss": iss} }
}

// Refuse has the answer to the browser be an error.
func Refuse(word string) Fault { return func(s *Server) { s.bad.refusal = word } }

// Answer has an endpoint answer with a status and a body: text as it is, anything else as JSON.
func Answer(endpoint string, status int, body any) Fault {
	return func(s *Server) { s.bad.answers[endpoint] = answer{status: status, body: body} }
}

// Redirect has an endpoint answer with a redirect.
func Redirect(endpoint, to string) Fault {
	return func(s *Server) { s.bad.answers[endpoint] = answer{http.StatusFound, to, ""} }
}

// OnlyUserInfo has ID tokens without e-mail and name, as oidc-provider's.
func OnlyUserInfo() Fault { return func(s *Server) { s.bad.bare = true } }

// RefreshByConsent has a refresh token given out only as OpenID Connect Core section 11 says, as oidc-provider does:
// for the scope offline_access, and with prompt=consent. It is no misbehaviour.
func RefreshByConsent() Fault { return func(s *Server) { s.bad.strictOffline = true } }

// mixUp has each code redeemed for the tokens of the sign-in before it.
func mixUp() Fault { return func(s *Server) { s.bad.mixUp = true } }

// WrongKey has tokens signed by a key that is not the one they name.
func WrongKey() Fault { return func(s *Server) { s.bad.otherKey = true } }

// Case is a fault with a name, the kind of error that it has to lead to, and a word of its cause.
type Case struct {
	Name        string
	Fault       Fault
	Kind, Cause string
}

// Latin1 is a claim in a text that is no UTF-8, and OtherLatin1 is another one: decoded as JSON, both are the same.
var Latin1, OtherLatin1 = json.RawMessage("\"jos\xe9\""), json.RawMessage("\"jos\xe8\"")

// Every returns every way in which a sign-in has to come to nothing once the code came back.
func Every() []Case {
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	all := append(forgeries(in), Case{"no subject", Claim("sub", nil), "no_subject", "sub"},
		Case{"empty subject", Claim("sub", ""), "no_subject", "sub"},
		Case{"huge subject", Claim("sub", strings.Repeat("s", 256)), "no_subject", "sub"},
		Case{"subject with a control character", Claim("sub", "a\x00b"), "no_subject", "sub"},
		Case{"subject in Latin-1", Claim("sub", Latin1), "no_subject", "valid text"},
		Case{"subject with half a character", Claim("sub", json.RawMessage(`"\ud800"`)), "no_subject", "valid text"},
		Case{"subject as a number", Claim("sub", 7), "forged", "claims"})
	return append(all, breakdowns()...)
}

func forgeries(in func(time.Duration) int64) []Case {
	return []Case{
		{"wrong issuer", Claim("iss", "https://evil.example"), "forged", "issuer"},
		{"issuer with a slash", func(s *Server) { Claim("iss", s.URL()+"/")(s) }, "forged", "issuer"},
		{"wrong audience", Claim("aud", "somebody"), "forged", "audience"},
		{"no audience", Claim("aud", nil), "forged", "audience"},
		{"several audiences", func(s *Server) { Claim("aud", []string{s.ClientID, "other"})(s) }, "forged", "azp"},
		{"made for another party", Claim("azp", "other"), "forged", "azp"},
		{"wrong nonce", Claim("nonce", "other"), "forged", "nonce"},
		{"no nonce", Claim("nonce", nil), "forged", "nonce"},
		{"wrong at_hash", Claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), "forged", "at_hash"},
		{"wrong key", WrongKey(), "forged", "signature"},
		{"unknown key", Header("kid", "nobody"), "forged", "signature"},
		{"algorithm none", Header("alg", "none"), "forged", "algorithm"},
		{"HS256 with the public key", Header("alg", "HS256"), "forged", "algorithm"},
		{"an access token", Header("typ", "at+jwt"), "forged", "another token"},
		{"a logout token", Header("typ", "logout+jwt"), "forged", "another token"},
		{"expired", Claim("exp", in(-2*time.Minute)), "forged", "expired"},
		{"never expires", Claim("exp", nil), "forged", "expired"},
		{"issued in the future", Claim("iat", in(time.Hour)), "forged", "future"},
		{"issued long ago", Claim("iat", in(-time.Hour)), "forged", "long ago"},
		{"issued never", Claim("iat", nil), "forged", "iat"},
		{"not valid yet", Claim("nbf", in(time.Hour)), "forged", "nbf"},
		{"proved in the future", Claim("auth_time", in(time.Hour)), "forged", "auth_time"},
		{"UserInfo about somebody else", both(OnlyUserInfo(), UserInfo("sub", "mallory")), "forged", "UserInfo"},
		{"UserInfo about nobody", both(OnlyUserInfo(), UserInfo("sub", nil)), "forged", "UserInfo"},
		{"huge ID token", Claim("filler", strings.Repeat("x", 20<<10)), "forged", "too long"},
		{"no ID token", Token("id_token", nil), "forged", "no token"},
		{"ID token as garbage", Token("id_token", "a.b.c"), "forged", "no token"},
		{"answers of two people mixed up", mixUp(), "forged", "nonce"},
	}
}

func both(a, b Fault) Fault { return func(s *Server) { a(s); b(s) } }

// breakdowns are what a provider does that is not well.
func breakdowns() []Case {
	return []Case{
		{"token endpoint is down", Answer("token", 503, "down"), "unavailable", "503"},
		{"token endpoint fails", Answer("token", 500, `{"error":"server_error"}`), "unavailable", "500"},
		{"token endpoint is busy", Answer("token", 429, "busy"), "unavailable", "429"},
		{"token endpoint answers garbage", Answer("token", 200, "<html>"), "misconfigured", "not the JSON"},
		{"token endpoint answers with nothing", Answer("token", 200, "{}"), "misconfigured", "no access_token"},
		{"token endpoint never ends", Answer("token", 200, `{"x":"`+strings.Repeat("x", 2<<20)), "misconfigured",
			"longer than"},
		{"token endpoint answers half", Answer("token", 200, `{"access_token":"x`), "misconfigured", "not the JSON"},
		{"token endpoint redirects", Redirect("token", "http://169.254.169.254/latest"), "misconfigured", "302"},
		{"token endpoint knows no client", Answer("token", 401, `{"error":"invalid_client"}`), "misconfigured", "client"},
		{"token endpoint refuses the code", Answer("token", 400, `{"error":"invalid_grant"}`), "bad_code", "grant"},
		{"token endpoint says something else", Answer("token", 400, `{"error":"<b>"}`), "misconfigured", "400"},
		{"UserInfo is down", both(OnlyUserInfo(), Answer("userinfo", 502, "")), "unavailable", "502"},
		{"UserInfo answers garbage", both(OnlyUserInfo(), Answer("userinfo", 200, "[]")), "misconfigured", "JSON"},
		{"UserInfo is a token", both(OnlyUserInfo(), Answer("userinfo", 200, "eyJh.eyJz.c2ln")), "misconfigured", "JSON"},
		{"UserInfo never ends", both(OnlyUserInfo(), Answer("userinfo", 200, strings.Repeat(" ", 2<<20))),
			"misconfigured", "longer than"},
		{"UserInfo redirects", both(OnlyUserInfo(), Redirect("userinfo", "http://10.0.0.1/")), "misconfigured", "302"},
		{"keys are gone", both(Header("kid", "new"), Answer("jwks", 503, "")), "unavailable", "503"},
	}
}
