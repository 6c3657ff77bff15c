package provider

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/gatepost/gatepost/auth/provider/providertest"
	"github.com/gatepost/gatepost/internal/share"
)

func TestDiscoveryDocumentsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault       providertest.Fault
		kind, cause string
	}{
		"another issuer":      {providertest.Metadata("issuer", "https://evil.example"), "misconfigured", "its issuer is"},
		"issuer with a slash": {slashed, "misconfigured", "its issuer is"},
		"no issuer":           {providertest.Metadata("issuer", nil), "misconfigured", "its issuer is"},
		"no keys":             {providertest.Metadata("jwks_uri", nil), "misconfigured", "jwks_uri is missing"},
		"no token endpoint":   {providertest.Metadata("token_endpoint", nil), "misconfigured", "token_endpoint is missing"},
		"http elsewhere": {providertest.Metadata("token_endpoint", "http://example.com/token"), "misconfigured",
			"token_endpoint is not an https URL"},
		"a file": {providertest.Metadata("authorization_endpoint", "javascript:alert(1)"), "misconfigured", "no URL"},
		"metadata service": {providertest.Metadata("userinfo_endpoint", "https://169.254.169.254/latest"), "misconfigured",
			"userinfo_endpoint leads to an inside address"},
		"link-local": {providertest.Metadata("jwks_uri", "https://[fe80::1]/"), "misconfigured", "inside address"},
		"mapped":     {providertest.Metadata("jwks_uri", "https://[::ffff:169.254.169.254]/"), "misconfigured", "inside"},
		"only HS256": {providertest.Metadata("id_token_signing_alg_values_supported", []string{"HS256", "none"}),
			"misconfigured", "no algorithm"},
		"garbage":       {providertest.Answer("discovery", 200, "<html>"), "misconfigured", "JSON"},
		"a list":        {providertest.Answer("discovery", 200, []int{1}), "misconfigured", "JSON"},
		"not there":     {providertest.Answer("discovery", 404, ""), "misconfigured", "404"},
		"down":          {providertest.Answer("discovery", 503, ""), "unavailable", "503"},
		"redirect":      {providertest.Redirect("discovery", "http://169.254.169.254/"), "misconfigured", "302"},
		"without end":   {providertest.Answer("discovery", 200, strings.Repeat(" ", 2<<20)), "misconfigured", "longer than"},
		"keys redirect": {providertest.Redirect("jwks", "http://10.0.0.1/"), "misconfigured", "302"},
		"keys without end": {providertest.Answer("jwks", 200, strings.Repeat(" ", 2<<20)), "misconfigured",
			"longer than"},
		"keys of no use": {providertest.Answer("jwks", 200, `{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"RSA"},7]}`),
			"misconfigured", "/jwks: there is no key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := providertest.New(t)
			s.Misbehave(c.fault)
			wantFault(t, newProvider(t, specOf(s, "corp")).Check(t.Context()), c.kind, c.cause)
		})
	}
}

func slashed(s *providertest.Server) { providertest.Metadata("issuer", s.URL()+"/")(s) }

func TestCheckIsContentWithAWellProvider(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "/", "/realms/corp"} {
		s := providertest.New(t, providertest.At(path))
		if err := newProvider(t, specOf(s, "corp")).Check(t.Context()); err != nil {
			t.Errorf("issuer with the path %q: %v", path, err)
		}
	}
}

// clock is a clock that a test sets forward.
type clock struct{ seconds atomic.Int64 }

func (c *clock) now() time.Time       { return time.Now().Add(time.Duration(c.seconds.Load()) * time.Second) }
func (c *clock) pass(d time.Duration) { c.seconds.Add(int64(d / time.Second)) }

func TestAProviderThatIsDownCostsOneAttempt(t *testing.T) {
	t.Parallel()
	s, c := providertest.New(t), &clock{}
	p := newProvider(t, specOf(s, "corp"))
	p.now = c.now
	s.Misbehave(providertest.Answer("discovery", 500, ""))
	for range 20 {
		if _, err := p.Begin(t.Context(), newAsk()); !errors.Is(err, ErrUnavailable) {
			t.Fatalf("got %v, want ErrUnavailable", err)
		}
	}
	if got := s.Requests("discovery"); got != 1 || !p.Down() {
		t.Errorf("got %d attempts and down %v, want 1 and true", got, p.Down())
	}
	s.Behave()
	c.pass(restFail)
	if _, err := p.Begin(t.Context(), newAsk()); err != nil || p.Down() {
		t.Errorf("got %v and down %v when it was up again", err, p.Down())
	}
}

func TestAProviderThatHangsUpIsDownForAWhile(t *testing.T) {
	t.Parallel()
	s, c := providertest.New(t), &clock{}
	p := newProvider(t, specOf(s, "corp"))
	p.now = c.now
	a, err := walk(t, s, p, newAsk())
	if err != nil {
		t.Fatal(err)
	}
	s.Stop()
	_, err = p.Finish(t.Context(), a)
	wantFault(t, err, "unavailable", "/token")
	if !p.Down() {
		t.Error("the provider does not count as down")
	}
	c.pass(downFor)
	if p.Down() {
		t.Error("the provider counts as down for ever")
	}
}

func TestOnlySoManyWaitForAProvider(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	p := newProvider(t, specOf(s, "corp"))
	var leave func()
	for range callsMost {
		leave, _ = p.calls.Enter(netip.Addr{})
	}
	if _, err := p.Begin(t.Context(), newAsk()); !errors.Is(err, share.ErrBusy) {
		t.Errorf("one more who begins: %v", err)
	}
	if _, err := p.Finish(t.Context(), Answer{Code: "c"}); !errors.Is(err, share.ErrBusy) {
		t.Errorf("one more who answers: %v", err)
	}
	if p.Down() {
		t.Error("the provider counts as down because many ask it")
	}
	if _, err := p.VerifyLogout(t.Context(), s.SignLogout("ada-1", "", nil)); err != nil {
		t.Errorf("got %v for a logout, which has turns of its own", err)
	}
	leave()
	if _, err := signIn(t, s, p, newAsk()); err != nil {
		t.Errorf("got %v when there was a turn again", err)
	}
}

func TestWhoeverWaitsForASlowProviderMayLeave(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	p := newProvider(t, specOf(s, "corp"))
	s.Hold("discovery")
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := p.Begin(ctx, newAsk())
		left <- err
	}()
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	s.Release()
	if _, err := p.Begin(t.Context(), newAsk()); err != nil || s.Requests("discovery") != 1 {
		t.Errorf("got %v and %d requests, want others to get what was asked for", err, s.Requests("discovery"))
	}
}

func TestADocumentIsUsedWhileItIsReadAgain(t *testing.T) {
	t.Parallel()
	s, c := providertest.New(t), &clock{}
	p := newProvider(t, specOf(s, "corp"))
	p.now = c.now
	if err := p.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.pass(documentFresh + time.Minute)
	s.Hold("discovery")
	if _, err := p.Begin(t.Context(), newAsk()); err != nil {
		t.Errorf("got %v while the document is read again", err)
	}
	p.document.mu.Lock()
	flight := p.document.flight
	p.document.mu.Unlock()
	if flight == nil {
		t.Fatal("the old document is not read again")
	}
	s.Stop()
	<-flight
	if _, err := p.Begin(t.Context(), newAsk()); err != nil {
		t.Errorf("got %v, want the old document to be used while the provider is down", err)
	}
	c.pass(documentMost)
	if _, err := p.Begin(t.Context(), newAsk()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v for a document that is too old", err)
	}
}

func TestHowTheSecretIsSent(t *testing.T) {
	t.Parallel()
	if (metadata{AuthMethods: []string{"client_secret_post", "client_secret_basic"}}).style() != oauth2.AuthStyleInHeader {
		t.Error("the header is not preferred where both are taken")
	}
	for name, c := range map[string]any{"both": []string{"client_secret_post", "client_secret_basic"}, "not said": nil,
		"post": []string{"client_secret_post"}} {
		s := providertest.New(t, providertest.Client("id with :&%", "se/cr+et:&%"))
		s.Misbehave(providertest.Metadata("token_endpoint_auth_methods_supported", c))
		if _, err := signIn(t, s, newProvider(t, specOf(s, "corp")), newAsk()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
