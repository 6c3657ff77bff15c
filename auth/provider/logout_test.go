package provider

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/provider/providertest"
	"github.com/gatepost/gatepost/internal/share"
)

func TestLogoutTokens(t *testing.T) {
	t.Parallel()
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	event := func(v any) map[string]any { return map[string]any{"events": map[string]any{logoutEvent: v}} }
	one := func(name string, v any) map[string]any { return map[string]any{name: v} }
	for name, c := range map[string]struct {
		changes map[string]any
		fault   providertest.Fault
		cause   string // empty: it is taken
	}{
		"well":                {},
		"without sub":         {changes: one("sub", nil)},
		"without sid":         {changes: one("sid", nil)},
		"as a JWT":            {fault: providertest.Header("typ", "JWT")},
		"without a type":      {fault: providertest.Header("typ", nil)},
		"neither sub nor sid": {changes: map[string]any{"sub": nil, "sid": nil}, cause: "sid"},
		"wrong issuer":        {changes: one("iss", "https://evil.example"), cause: "issuer"},
		"wrong audience":      {changes: one("aud", "other"), cause: "audience"},
		"no audience":         {changes: one("aud", nil), cause: "audience"},
		"expired":             {changes: one("exp", in(-2*time.Minute)), cause: "expired"},
		"never expires":       {changes: one("exp", nil), cause: "exp"},
		"valid for years":     {changes: one("exp", in(1000*time.Hour)), cause: "too long"},
		"old":                 {changes: one("iat", in(-time.Hour)), cause: "long ago"},
		"of the future":       {changes: one("iat", in(time.Hour)), cause: "future"},
		"without iat":         {changes: one("iat", nil), cause: "iat"},
		"without jti":         {changes: one("jti", nil), cause: "jti"},
		"huge jti":            {changes: one("jti", strings.Repeat("j", 300)), cause: "jti"},
		"jti in Latin-1":      {changes: one("jti", providertest.Latin1), cause: "valid text"},
		"sub in Latin-1":      {changes: one("sub", providertest.Latin1), cause: "valid text"},
		"sid in Latin-1":      {changes: one("sid", providertest.Latin1), cause: "valid text"},
		"with a nonce":        {changes: one("nonce", "n"), cause: "nonce"},
		"without events":      {changes: one("events", nil), cause: "event"},
		"event null":          {changes: event(nil), cause: "event"},
		"event true":          {changes: event(true), cause: "event"},
		"event a list":        {changes: event([]int{}), cause: "event"},
		"event with content":  {changes: event(map[string]any{"a": 1})},
		"another event":       {changes: one("events", map[string]any{"x": map[string]any{}}), cause: "event"},
		"an access token":     {fault: providertest.Header("typ", "at+jwt"), cause: "another token"},
		"wrong key":           {fault: providertest.WrongKey(), cause: "signature"},
		"none":                {fault: providertest.Header("alg", "none"), cause: "algorithm"},
		"HS256":               {fault: providertest.Header("alg", "HS256"), cause: "algorithm"},
		"huge":                {changes: one("filler", strings.Repeat("x", 20<<10)), cause: "too long"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := providertest.New(t)
			if c.fault != nil {
				s.Misbehave(c.fault)
			}
			p := newProvider(t, specOf(s, "corp"))
			l, err := p.VerifyLogout(t.Context(), s.SignLogout("ada-1", "sid-1", c.changes))
			switch {
			case c.cause != "":
				wantFault(t, err, "forged", c.cause)
			case err != nil || l.Issuer != s.URL() || l.ID == "" || l.Subject == "" && l.SessionID == "":
				t.Errorf("got %+v, %v", l, err)
			case time.Until(l.Expires) < 2*time.Minute:
				t.Errorf("got %v, want the id to be remembered as long as the token is taken", l.Expires)
			}
		})
	}
}

func TestAnIDTokenIsNoLogoutToken(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	p := newProvider(t, specOf(s, "corp"))
	id, err := signIn(t, s, p, newAsk())
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.VerifyLogout(t.Context(), id.IDToken)
	wantFault(t, err, "forged", "event")
}

func TestWhereToSignOut(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	spec := specOf(s, "corp")
	if u, err := newProvider(t, spec).LogoutURL(t.Context(), "", "http://back"); u != nil || err != nil {
		t.Errorf("got %v, %v, want nowhere unless the operator wants it", u, err)
	}
	spec.Logout = true
	u, err := newProvider(t, spec).LogoutURL(t.Context(), "a.b.c", "http://back/?x=1")
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Path != "/end_session" || q.Get("client_id") != "gate" || q.Get("id_token_hint") != "a.b.c" ||
		q.Get("post_logout_redirect_uri") != "http://back/?x=1" {
		t.Errorf("got %v", u)
	}
	s.Misbehave(providertest.Metadata("end_session_endpoint", nil))
	if u, err := newProvider(t, spec).LogoutURL(t.Context(), "", "http://back"); u != nil || err != nil {
		t.Errorf("got %v, %v, want nowhere at a provider without such a place", u, err)
	}
}

// However many tokens of strangers wait for the keys, the provider's own is heard.
func TestStrangersDoNotShutOutTheProvidersLogouts(t *testing.T) {
	t.Parallel()
	s := providertest.New(t)
	p := newProvider(t, specOf(s, "corp"))
	if _, err := p.metadata(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Hold("jwks")
	defer s.Release()
	own := s.SignLogout("ada-1", "", nil)
	s.Misbehave(providertest.Header("kid", "nobody"))
	forged := s.SignLogout("ada-1", "", nil)
	from := func(network byte) context.Context {
		return share.FromClient(t.Context(), netip.AddrFrom4([4]byte{203, 0, network, 1}))
	}
	var crowd sync.WaitGroup
	refused := make(chan error, 2*logoutsMost)
	for i := range 2 * logoutsMost { // all from one address
		crowd.Go(func() {
			if _, err := p.VerifyLogout(from(1), forged); errors.Is(err, share.ErrCrowded) {
				refused <- fmt.Errorf("%d: %w", i, err)
			}
		})
	}
	<-refused // the share of the address is taken
	heard := make(chan error, 1)
	go func() { _, err := p.VerifyLogout(from(2), own); heard <- err }()
	for p.logouts.Held() <= logoutsMost/2 && len(heard) == 0 {
		time.Sleep(time.Millisecond)
	}
	s.Release()
	if err := <-heard; err != nil {
		t.Errorf("the provider's own: %v", err)
	}
	crowd.Wait()
}
