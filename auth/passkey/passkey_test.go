package passkey_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/passkey"
	"github.com/gatepost/gatepost/auth/passkey/passkeytest"
)

func site(t *testing.T, address string) *passkey.Site {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return passkey.NewSite(u, "Example")
}

var (
	handle    = bytes.Repeat([]byte{7}, 64)
	challenge = bytes.Repeat([]byte{9}, 32)
)

// Browsers make passkeys for domains, over https, and for this machine.
func TestWhereThereArePasskeys(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{"https://app.example.com": true, "https://app.example.com:8443": true,
		"http://localhost:8080": true, "http://app.localhost:8080": true, "http://app.example.com": false,
		"https://192.0.2.1": false, "https://[2001:db8::1]": false, "http://127.0.0.1:8080": false} {
		if got := site(t, address) != nil; got != want {
			t.Errorf("%s: %t", address, got)
		}
	}
	s := site(t, "https://app.example.com")
	for rpID, want := range map[string]bool{"app.example.com": true, "example.com": true, "pp.example.com": false,
		"example.org": false, "new.app.example.com": false, "": false} {
		if s.Fits(rpID) != want {
			t.Errorf("%q: %t", rpID, !want)
		}
	}
}

// made is a new passkey at a site.
func made(t *testing.T, s *passkey.Site, a *passkeytest.Authenticator) passkey.Key {
	t.Helper()
	c, err := passkey.ReadCreated(a.Create(t, s.Creation("app.example.com", passkey.User{Handle: handle}, challenge, nil,
		"", false)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(c.Challenge(), challenge) {
		t.Errorf("the challenge is %x", c.Challenge())
	}
	k, err := s.Check("app.example.com", handle, c)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// A passkey proves itself at the site that it was made for, to whom it was made for, and in no other way.
func TestWhatAPasskeyProves(t *testing.T) {
	t.Parallel()
	s := site(t, "https://app.example.com")
	for name, c := range map[string]struct {
		change func(*passkeytest.Authenticator, *passkey.Key)
		wrong  bool
		want   passkey.Use
	}{
		"right":        {nil, false, passkey.Use{Verified: true}},
		"not verified": {func(a *passkeytest.Authenticator, _ *passkey.Key) { a.Unsure = true }, false, passkey.Use{}},
		"another origin": {func(a *passkeytest.Authenticator, _ *passkey.Key) { a.Origin = "https://evil.example" }, true,
			passkey.Use{}},
		"another domain": {func(a *passkeytest.Authenticator, _ *passkey.Key) { a.RPID = "evil.example" }, true,
			passkey.Use{}},
		"in a frame of another site": {func(a *passkeytest.Authenticator, _ *passkey.Key) { a.Framed = true }, true,
			passkey.Use{}},
		"another port": {func(a *passkeytest.Authenticator, _ *passkey.Key) { a.Origin += ":8443" }, true, passkey.Use{}},
		"another user": {func(a *passkeytest.Authenticator, _ *passkey.Key) { a.Handle = challenge }, true, passkey.Use{}},
		"no user":      {func(a *passkeytest.Authenticator, _ *passkey.Key) { a.Handle = nil }, true, passkey.Use{}},
		"another ceremony": {func(a *passkeytest.Authenticator, _ *passkey.Key) { a.Type = "webauthn.create" }, true,
			passkey.Use{}},
		"may be elsewhere now": {func(a *passkeytest.Authenticator, _ *passkey.Key) { a.Eligible = true }, true,
			passkey.Use{}},
		"elsewhere, and may not": {func(a *passkeytest.Authenticator, _ *passkey.Key) { a.BackedUp = true }, true,
			passkey.Use{}},
		"a counter": {func(a *passkeytest.Authenticator, k *passkey.Key) { a.Count, k.Count = 9, 9 }, false,
			passkey.Use{Verified: true, Count: 10}},
		"a counter that goes back": {func(a *passkeytest.Authenticator, k *passkey.Key) { a.Count, k.Count = 8, 9 }, false,
			passkey.Use{Verified: true, Count: 9, Cloned: true}},
		"a counter that is gone": {func(_ *passkeytest.Authenticator, k *passkey.Key) { k.Count = 9 }, false,
			passkey.Use{Verified: true, Count: 9, Cloned: true}},
		"an unknown handle": {func(_ *passkeytest.Authenticator, k *passkey.Key) { k.Handle = nil }, false,
			passkey.Use{Verified: true}},
	} {
		a := passkeytest.New("https://app.example.com")
		k := made(t, s, a)
		if !k.Verified || k.Eligible || len(k.Transports) != 1 || !bytes.Equal(k.ID, a.ID) {
			t.Errorf("%s: made %+v", name, k)
		}
		if c.change != nil {
			c.change(a, &k)
		}
		answer, err := passkey.ReadAsserted(a.Get(t, s.Request("app.example.com", challenge, []passkey.Key{k}, true)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		use, err := s.Prove("app.example.com", k, answer, true)
		if errors.Is(err, passkey.ErrWrong) != c.wrong || use != c.want {
			t.Errorf("%s: %+v, %v", name, use, err)
		}
	}
}

// A new passkey has to be made at the site.
func TestAPasskeyIsMadeAtTheSite(t *testing.T) {
	t.Parallel()
	s := site(t, "https://app.example.com")
	for name, change := range map[string]func(*passkeytest.Authenticator){
		"another origin":             func(a *passkeytest.Authenticator) { a.Origin = "https://evil.example" },
		"another domain":             func(a *passkeytest.Authenticator) { a.RPID = "evil.example" },
		"another ceremony":           func(a *passkeytest.Authenticator) { a.Type = "webauthn.get" },
		"in a frame of another site": func(a *passkeytest.Authenticator) { a.Framed = true },
		"a huge id":                  func(a *passkeytest.Authenticator) { a.ID = make([]byte, 1100) },
	} {
		a := passkeytest.New("https://app.example.com")
		change(a)
		c, err := passkey.ReadCreated(a.Create(t, s.Creation("app.example.com", passkey.User{Handle: handle}, challenge,
			nil, "", false)))
		if err == nil {
			_, err = s.Check("app.example.com", handle, c)
		}
		if !errors.Is(err, passkey.ErrWrong) && !errors.Is(err, passkey.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is no answer of an authenticator is refused as such.
func TestMalformedAnswers(t *testing.T) {
	t.Parallel()
	s := site(t, "https://app.example.com")
	a := passkeytest.New("https://app.example.com")
	right := string(a.Create(t, s.Creation("app.example.com", passkey.User{Handle: handle}, challenge, nil, "", false)))
	var fields map[string]any
	if err := json.Unmarshal([]byte(right), &fields); err != nil {
		t.Fatal(err)
	}
	object := fields["response"].(map[string]any)["attestationObject"].(string)
	for _, body := range []string{"", "null", "[]", "{}", `{"id":"AA"}`, right[:len(right)/2],
		strings.Replace(right, object, object[:40], 1), strings.Replace(right, object, "_____w", 1),
		strings.Replace(right, object, strings.Repeat("g", 9000), 1), strings.Repeat("[", 60000)} {
		if _, err := passkey.ReadCreated([]byte(body)); !errors.Is(err, passkey.ErrMalformed) {
			t.Errorf("made %.60q: %v", body, err)
		}
		if _, err := passkey.ReadAsserted([]byte(body)); !errors.Is(err, passkey.ErrMalformed) {
			t.Errorf("proved %.60q: %v", body, err)
		}
	}
}

func FuzzAnswers(f *testing.F) {
	u, _ := url.Parse("https://app.example.com")
	s := passkey.NewSite(u, "")
	a := passkeytest.New("https://app.example.com")
	f.Add(a.Create(f, s.Creation("app.example.com", passkey.User{Handle: handle}, challenge, nil, "", false)))
	f.Add(a.Get(f, s.Request("app.example.com", challenge, nil, true)))
	f.Fuzz(func(t *testing.T, body []byte) {
		if c, err := passkey.ReadCreated(body); err == nil {
			_, _ = s.Check("app.example.com", handle, c)
		} else if !errors.Is(err, passkey.ErrMalformed) {
			t.Error(err)
		}
		if a, err := passkey.ReadAsserted(body); err == nil {
			if _, err := s.Prove("app.example.com", passkey.Key{ID: a.ID()}, a, false); err == nil {
				t.Error("a key that is none proves something")
			}
		}
	})
}
