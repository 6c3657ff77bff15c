package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/provider/providertest"
	"github.com/gatepost/gatepost/auth/secret"
)

const callback = "http://localhost:1/api/auth/callback/corp"

// specOf is a provider as an operator configures it.
func specOf(s *providertest.Server, name string) Spec {
	return Spec{Name: name, Issuer: s.URL(), ClientID: s.ClientID, ClientSecret: secret.Text(s.ClientSecret)}
}

func newProvider(t *testing.T, s Spec) *Provider {
	t.Helper()
	p, err := New(s, Options{Callback: callback, Insecure: true})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newAsk() Ask {
	return Ask{State: string(secret.NewToken()), Nonce: string(secret.NewToken()), Verifier: string(secret.NewToken())}
}

// walk goes to the provider and comes back.
func walk(t *testing.T, s *providertest.Server, p *Provider, a Ask) (Answer, error) {
	t.Helper()
	u, err := p.Begin(t.Context(), a)
	if err != nil {
		return Answer{}, err
	}
	back := s.Authorize(t, u.String())
	if got := back.Get("state"); got != a.State {
		t.Fatalf("got state %q, want the one that was sent", got)
	}
	return Answer{Code: back.Get("code"), Issuer: back.Get("iss"), Nonce: a.Nonce, Verifier: a.Verifier,
		MaxAge: a.MaxAge}, nil
}

func signIn(t *testing.T, s *providertest.Server, p *Provider, a Ask) (Identity, error) {
	t.Helper()
	answer, err := walk(t, s, p, a)
	if err != nil {
		return Identity{}, err
	}
	return p.Finish(t.Context(), answer)
}

// wantFault fails unless an error is of a kind, has a word in its cause, and tells no secret.
func wantFault(t *testing.T, err error, kind, cause string) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("got %v, want an *Error of kind %s", err, kind)
	}
	if e.Kind.Word() != kind || !strings.Contains(e.Cause(), cause) {
		t.Errorf("got %v, want kind %s and a cause with %q", e, kind, cause)
	}
	if errors.Is(err, ErrUnavailable) != (kind == "unavailable") {
		t.Errorf("got ErrUnavailable %v for the kind %s", errors.Is(err, ErrUnavailable), kind)
	}
	for _, word := range []string{"provider-secret", "access-", "refresh-", "code-", "eyJ"} {
		if strings.Contains(fmt.Sprintf("%v %+v", err, err), word) {
			t.Errorf("the error tells a secret: %v", err)
		}
	}
}

func TestASignInSaysWhoWasThere(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	p := newProvider(t, specOf(s, "corp"))
	id, err := signIn(t, s, p, newAsk())
	if err != nil {
		t.Fatal(err)
	}
	if id.Provider != "corp" || id.Issuer != s.URL() || id.Subject != "ada-1" || id.SessionID != "sid-ada-1" {
		t.Errorf("got %+v", id)
	}
	if id.Email != "ada@example.com" || id.EmailProved || id.Name != "Ada Lovelace" || id.Login != "ada@example.com" {
		t.Errorf("got %+v, want an address that is not proved", id)
	}
	if time.Since(id.AuthTime) > time.Hour || id.IDToken == "" || id.Tokens.Access == "" || id.Tokens.Expires.IsZero() {
		t.Errorf("got %+v, want the time and the tokens", id)
	}
}

func TestUserInfoSaysWhatTheIDTokenDoesNot(t *testing.T) {
	t.Parallel()
	s := providertest.New(t, providertest.At("/"))
	s.Misbehave(providertest.OnlyUserInfo(), providertest.UserInfo("groups", []string{"staff"}))
	spec := specOf(s, "corp")
	spec.TrustEmail, spec.RoleClaim, spec.Roles = true, "groups", map[string]string{"staff": "editor"}
	id, err := signIn(t, s, newProvider(t, spec), newAsk())
	if err != nil || id.Email != "ada@example.com" || !id.EmailProved || fmt.Sprint(id.Roles) != "[editor]" {
		t.Errorf("got %+v, %v", id, err)
	}
}

func TestWhetherAnAddressIsVerifiedIsSaidWhereTheAddressIs(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	s.Misbehave(providertest.Claim("email", nil), providertest.Claim("email_verified", true),
		providertest.UserInfo("email_verified", nil))
	spec := specOf(s, "corp")
	spec.TrustEmail = true
	id, err := signIn(t, s, newProvider(t, spec), newAsk())
	if err != nil || id.Email != "ada@example.com" || id.EmailProved {
		t.Errorf("got %+v, %v, want an address that is not proved", id, err)
	}
}

func TestMisbehaviour(t *testing.T) {
	t.Parallel()
	for _, c := range providertest.Every() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			s := providertest.New(t)
			s.AddPerson(providertest.Person{Subject: "eve", Email: "eve@example.com"})
			p := newProvider(t, specOf(s, "corp"))
			before := newAsk()
			before.LoginHint = "eve@example.com"
			if _, err := signIn(t, s, p, before); err != nil {
				t.Fatalf("the sign-in before: %v", err)
			}
			s.Misbehave(c.Fault)
			p.keys.next = time.Time{} // keys may be read again at once
			id, err := signIn(t, s, p, newAsk())
			wantFault(t, err, c.Kind, c.Cause)
			if id.Subject != "" {
				t.Errorf("got an identity beside the error: %+v", id)
			}
		})
	}
}

func TestAnswersThatDoNotBelongToTheSignIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change      func(*Answer)
		kind, cause string
	}{
		"no code":             {func(a *Answer) { a.Code = "" }, "bad_code", "no code"},
		"huge code":           {func(a *Answer) { a.Code = strings.Repeat("x", 5<<10) }, "bad_code", "no code"},
		"another code":        {func(a *Answer) { a.Code = "other" }, "bad_code", "invalid_grant"},
		"another verifier":    {func(a *Answer) { a.Verifier = string(secret.NewToken()) }, "bad_code", "invalid_grant"},
		"another nonce":       {func(a *Answer) { a.Nonce = string(secret.NewToken()) }, "forged", "nonce"},
		"no nonce":            {func(a *Answer) { a.Nonce = "" }, "forged", "nonce"},
		"another issuer":      {func(a *Answer) { a.Issuer = "https://evil.example" }, "forged", "another issuer"},
		"issuer with a slash": {func(a *Answer) { a.Issuer += "/" }, "forged", "another issuer"},
		"no issuer":           {func(a *Answer) { a.Issuer = "" }, "forged", "does not name its issuer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := providertest.New(t)
			p := newProvider(t, specOf(s, "corp"))
			a, err := walk(t, s, p, newAsk())
			if err != nil {
				t.Fatal(err)
			}
			c.change(&a)
			_, err = p.Finish(t.Context(), a)
			wantFault(t, err, c.kind, c.cause)
		})
	}
}

func TestACodeIsOfUseOnce(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	p := newProvider(t, specOf(s, "corp"))
	a, err := walk(t, s, p, newAsk())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Finish(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	_, err = p.Finish(t.Context(), a)
	wantFault(t, err, "bad_code", "invalid_grant")
}

func TestAnIssuerThatNeedNotBeNamedMayBeMissing(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	s.Misbehave(providertest.Metadata("authorization_response_iss_parameter_supported", nil))
	p := newProvider(t, specOf(s, "corp"))
	a, err := walk(t, s, p, newAsk())
	if err != nil {
		t.Fatal(err)
	}
	wantFault(t, p.CheckIssuer(t.Context(), "https://evil.example"), "forged", "another issuer")
	a.Issuer = ""
	if _, err := p.Finish(t.Context(), a); err != nil {
		t.Error(err)
	}
}

func TestAge(t *testing.T) {
	t.Parallel()
	ago := func(d time.Duration) providertest.Fault {
		return providertest.Claim("auth_time", time.Now().Add(-d).Unix())
	}
	for name, c := range map[string]struct {
		fault providertest.Fault
		kind  string
	}{
		"now":      {ago(0), ""},
		"skewed":   {ago(5*time.Minute + skew/2), ""},
		"too old":  {ago(5*time.Minute + 2*skew), "not_fresh"},
		"not said": {providertest.Claim("auth_time", nil), "not_fresh"},
		"as text":  {providertest.Claim("auth_time", "now"), "not_fresh"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := providertest.New(t)
			s.Misbehave(c.fault)
			a := newAsk()
			a.MaxAge = 5 * time.Minute
			_, err := signIn(t, s, newProvider(t, specOf(s, "corp")), a)
			if c.kind != "" {
				wantFault(t, err, c.kind, "auth_time")
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// A second factor of the provider's is what its signed token says in the words that the operator named, and nothing
// else.
func TestWhatSaysThatThereWasASecondFactor(t *testing.T) {
	t.Parallel()
	amr := func(v any) providertest.Fault { return providertest.Claim("amr", v) }
	acr := func(v any) providertest.Fault { return providertest.Claim("acr", v) }
	told := map[string][]string{"amr": {"mfa", "hwk"}, "acr": {"gold"}}
	for name, c := range map[string]struct {
		fault providertest.Fault
		told  map[string][]string
		want  bool
	}{
		"nothing":             {amr(nil), told, false},
		"one factor":          {amr([]string{"pwd"}), told, false},
		"two":                 {amr([]string{"pwd", "otp", "mfa"}), told, true},
		"another word for it": {amr([]string{"hwk"}), told, true},
		"another case":        {amr([]string{"MFA"}), told, false},
		"a text":              {amr("mfa"), told, false},
		"a number":            {amr([]int{1}), told, false},
		"a class":             {acr("gold"), told, true},
		"a lower class":       {acr("silver"), told, false},
		"a list of classes":   {acr([]string{"gold"}), told, false},
		"an empty class":      {acr(""), map[string][]string{"amr": {"mfa"}}, false},
		"the other's word":    {acr("mfa"), told, false},
		"nobody was told":     {amr([]string{"mfa"}), nil, false},
		"unsigned":            {providertest.UserInfo("amr", []string{"mfa"}), told, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := providertest.New(t)
			s.Misbehave(providertest.OnlyUserInfo(), c.fault)
			spec := specOf(s, "corp")
			spec.SecondFactor, spec.RoleClaim, spec.Roles = c.told, "amr", map[string]string{"mfa": "admin"}
			id, err := signIn(t, s, newProvider(t, spec), newAsk())
			if err != nil || id.SecondFactor != c.want {
				t.Errorf("%t, %v", id.SecondFactor, err)
			}
		})
	}
}

// Classes that count are asked for.
func TestClassesAreAskedFor(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	spec := specOf(s, "corp")
	for want, told := range map[string][]string{"": nil, "gold urn:x": {"gold", "urn:x"}} {
		spec.SecondFactor = map[string][]string{"amr": {"mfa"}, "acr": told}
		u, err := newProvider(t, spec).Begin(t.Context(), newAsk())
		if err != nil || u.Query().Get("acr_values") != want {
			t.Errorf("%v, %v, want %q", u, err, want)
		}
	}
}

func TestEverybodyGetsTheirOwnIdentity(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	p := newProvider(t, specOf(s, "corp"))
	done := make(chan error)
	const people = 50
	for i := range people {
		email := fmt.Sprintf("p%d@example.com", i)
		s.AddPerson(providertest.Person{Subject: fmt.Sprint("subject-", i), Email: email})
		go func() {
			a := newAsk()
			a.LoginHint = email
			id, err := signIn(t, s, p, a)
			if err == nil && (id.Subject != fmt.Sprint("subject-", i) || id.Email != email) {
				err = fmt.Errorf("%s got the identity of %s", email, id.Email)
			}
			done <- err
		}()
	}
	for range people {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got := s.Requests("discovery"); got != 1 {
		t.Errorf("got %d requests for the discovery document, want 1 for all", got)
	}
}

func TestCallersWhoLeaveAreNoOutage(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	p := newProvider(t, specOf(s, "corp"))
	a, err := walk(t, s, p, newAsk())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Finish(ctx, a); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if p.Down() {
		t.Error("the provider counts as down, because a visitor left")
	}
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	p := newProvider(t, specOf(s, "corp"))
	id, err := signIn(t, s, p, newAsk())
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Refresh(t.Context(), id.Tokens.Refresh)
	if err != nil || got.Access == "" || got.Refresh == "" || got.Expires.IsZero() {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = p.Refresh(t.Context(), "other")
	wantFault(t, err, "bad_code", "invalid_grant")
}

// The scopes of a person are those that the provider granted, however it writes them.
func TestGrantedScopes(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	s.SetPerson(grace)
	for name, c := range map[string]struct {
		said any
		want string
	}{
		"as asked for":  {"openid email", "openid email"},
		"fewer":         {"openid", "openid"},
		"nothing said":  {nil, "openid email profile"}, // which means what was asked for: RFC 6749 section 5.1
		"empty":         {"", "openid email profile"},
		"with commas":   {"read:user,user:email", "read:user user:email"},
		"a list":        {[]string{"a", "b"}, "a b"},
		"twice":         {"a  b a", "a b"},
		"no scopes":     {"a é \x00 \"b\" c", "a c"},
		"far too many":  {strings.Repeat("a", 5000) + " b", ""},
		"another thing": {7, "openid email profile"},
	} {
		s.Misbehave(providertest.Token("scope", c.said))
		id, err := signIn(t, s, newProvider(t, specOf(s, "corp")), newAsk())
		s.Behave()
		if got := strings.Join(id.Scopes, " "); err != nil || got != c.want {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, c.want)
		}
	}
}
