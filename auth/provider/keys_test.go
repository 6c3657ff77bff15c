package provider

import (
	"testing"

	"github.com/gatepost/gatepost/auth/provider/providertest"
)

func TestARotatedKeyIsFetched(t *testing.T) {
	t.Parallel()
	s, c := providertest.New(t), &clock{}
	p := newProvider(t, specOf(s, "corp"))
	p.now = c.now
	if _, err := signIn(t, s, p, newAsk()); err != nil {
		t.Fatal(err)
	}
	s.Rotate()
	_, err := signIn(t, s, p, newAsk())
	wantFault(t, err, "forged", "signature")
	c.pass(restOK)
	if _, err := signIn(t, s, p, newAsk()); err != nil {
		t.Errorf("got %v, want the new key to count after a rest", err)
	}
}

func TestForgedKeyIDsBuyNoCalls(t *testing.T) {
	t.Parallel()
	s, c := providertest.New(t), &clock{}
	p := newProvider(t, specOf(s, "corp"))
	p.now = c.now
	if err := p.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Misbehave(providertest.Header("kid", "nobody"))
	forged := s.SignLogout("ada-1", "", nil)
	c.pass(restOK)
	for range 1000 {
		_, err := p.VerifyLogout(t.Context(), forged)
		wantFault(t, err, "forged", "signature")
	}
	if got := s.Requests("jwks"); got != 2 {
		t.Errorf("got %d requests for keys, want the first and one more", got)
	}
	s.Behave()
	s.Rotate()
	c.pass(restOK)
	if _, err := p.VerifyLogout(t.Context(), s.SignLogout("ada-1", "", nil)); err != nil {
		t.Errorf("got %v for a rotated key after forged ones", err)
	}
}

func TestAWithdrawnKeyStopsCounting(t *testing.T) {
	t.Parallel()
	s, c := providertest.New(t), &clock{}
	p := newProvider(t, specOf(s, "corp"))
	p.now = c.now
	if err := p.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	old := s.SignLogout("ada-1", "", map[string]any{"exp": c.now().Add(keysFresh / 2).Unix()})
	if _, err := p.VerifyLogout(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	s.Rotate()
	c.pass(restOK)
	if _, err := p.keys.renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := p.VerifyLogout(t.Context(), old)
	wantFault(t, err, "forged", "signature")
}

func TestATokenWithoutKeyIDIsTriedWithAllKeys(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	s.Misbehave(providertest.Header("kid", nil))
	if _, err := signIn(t, s, newProvider(t, specOf(s, "corp")), newAsk()); err != nil {
		t.Error(err)
	}
}
