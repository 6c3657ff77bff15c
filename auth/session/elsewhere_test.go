package session

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatepost/gatepost/auth/secret"
)

// The token and its signature were made by Better Auth itself.
const (
	oldKey    = "better-auth-secret-123456789-abcdefgh"
	oldToken  = "gKTPfkL5eilyDg5FPOL13SsI4O0wuiWf"
	oldSigned = oldToken + ".EE9IeWCrSsHo2IGc8J5+x60n4DbRc/ULPoQWbsUlGj0="
)

func reading(e Elsewhere, lines ...string) Imported {
	return e.read(http.Header{"Cookie": lines})
}

func TestBetterAuthsCookie(t *testing.T) {
	t.Parallel()
	plain := Elsewhere{BetterAuth: []secret.Text{"the next one", oldKey}}
	https := Elsewhere{BetterAuth: []secret.Text{oldKey}, Secure: true}
	renamed := Elsewhere{BetterAuth: []secret.Text{oldKey}, BetterAuthNames: []string{"acme.session_token"}}
	encoded := strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(oldSigned)
	const name = "better-auth.session_token="
	for _, c := range []struct {
		what   string
		e      Elsewhere
		lines  []string
		claims bool
	}{
		{"plain", plain, []string{name + oldSigned}, true},
		{"encoded", plain, []string{"a=b; " + name + encoded}, true},
		{"in quotes", plain, []string{name + `"` + encoded + `"`}, true},
		{"renamed", renamed, []string{"acme.session_token=" + encoded}, true},
		{"the usual name, which was renamed", renamed, []string{name + encoded}, false},
		{"__Secure- at https", https, []string{"__Secure-" + name + encoded}, true},
		{"plain at https", https, []string{name + encoded}, false},
		{"__Secure- at http", plain, []string{"__Secure-" + name + encoded}, false},
		{"both at https", https, []string{name + "x; __Secure-" + name + encoded}, true},
		{"twice", plain, []string{name + encoded + "; " + name + encoded}, false},
		{"twice in two lines", plain, []string{name + encoded, name + encoded}, false},
		{"another secret", Elsewhere{BetterAuth: []secret.Text{"x"}}, []string{name + encoded}, false},
		{"no secret", Elsewhere{}, []string{name + encoded}, false},
		{"unsigned", plain, []string{name + oldToken}, false},
		{"an empty token", plain, []string{name + ".EE9IeWCrSsHo2IGc8J5+x60n4DbRc/ULPoQWbsUlGj0="}, false},
		{"a signature cut short", plain, []string{name + oldSigned[:len(oldSigned)-2] + "="}, false},
		{"a signature with loose bits", plain, []string{name + strings.Replace(oldSigned, "Gj0=", "Gj1=", 1)}, false},
		{"another token", plain, []string{name + "x" + oldSigned}, false},
		{"nothing", plain, []string{name}, false},
	} {
		i := reading(c.e, c.lines...)
		if i.Claims() != c.claims || i.Claims() && (i.hash != secret.Token(oldToken).Hash() || i.source != "better-auth") {
			t.Errorf("%s: %+v", c.what, i)
		}
	}
}

// A sign-in that was not to be remembered is told by a cookie beside that of the session.
func TestBetterAuthsSignInThatIsForgotten(t *testing.T) {
	t.Parallel()
	e := Elsewhere{BetterAuth: []secret.Text{oldKey}}
	const session = "better-auth.session_token=" + oldSigned
	// Signed with oldKey by openssl.
	const forget = "better-auth.dont_remember=true.VWSZDjyK7JkV+No0Qy9rKwCT7yOwDTwUBU2Z/Zr4un4="
	for line, brief := range map[string]bool{session: false, session + "; " + forget: true,
		session + "; better-auth.dont_remember=true": false, session + "; " + forget + "; " + forget: false} {
		if i := reading(e, line); i.brief != brief || !i.Claims() {
			t.Errorf("%s: %t", line, i.brief)
		}
	}
}

// The cookie of the session may have a name of its own. Those beside it keep the prefix that the app gave all of them.
func TestBetterAuthsCookiesBesideARenamedOne(t *testing.T) {
	t.Parallel()
	const forget = ".dont_remember=true.VWSZDjyK7JkV+No0Qy9rKwCT7yOwDTwUBU2Z/Zr4un4="
	for _, c := range []struct {
		names  []string
		secure bool
		family string
		brief  bool
	}{
		{nil, false, "better-auth", true}, {[]string{"acme.session_token"}, false, "acme", true},
		{[]string{"acme.session_token"}, false, "better-auth", false}, {[]string{"sid"}, false, "better-auth", true},
		{[]string{"sid"}, true, "__Secure-better-auth", true}, {[]string{"sid"}, true, "better-auth", false},
		{[]string{"sid", "acme.session_token"}, false, "acme", true},
		{[]string{"sid", "acme.session_token"}, false, "better-auth", false},
	} {
		e := Elsewhere{BetterAuth: []secret.Text{oldKey}, BetterAuthNames: c.names, Secure: c.secure}
		cookie := Cookie{Name: "gatepost"}.With(e)
		i := reading(e, e.betterAuthNames()[0]+"="+oldSigned+"; "+c.family+forget)
		if old := cookie.isOld(c.family + ".session_data"); !i.Claims() || i.brief != c.brief ||
			!c.secure && old != c.brief || c.secure && !old {
			t.Errorf("%+v: to be forgotten %t, cut %t", c, i.brief, old)
		}
		for _, name := range e.betterAuthNames() {
			if !cookie.isOld(name) {
				t.Errorf("%+v: the app sees %s", c, name)
			}
		}
	}
}

// encrypt makes a cookie as Auth.js does.
func encrypt(t *testing.T, salt, info string, enc jose.ContentEncryption, length int, claims map[string]any) string {
	t.Helper()
	key, err := hkdf.Key(sha256.New, []byte(oldKey), []byte(salt), info, length)
	if err != nil {
		t.Fatal(err)
	}
	e, err := jose.NewEncrypter(enc, jose.Recipient{Algorithm: jose.DIRECT, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	object, err := e.Encrypt(plain)
	if err != nil {
		t.Fatal(err)
	}
	s, err := object.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAuthJSCookies(t *testing.T) {
	t.Parallel()
	const v5, v4 = "authjs.session-token", "next-auth.session-token"
	const v4info = "NextAuth.js Generated Encryption Key"
	info := func(name string) string { return "Auth.js Generated Encryption Key (" + name + ")" }
	claims := map[string]any{"sub": "ada", "iat": 1700000000, "exp": 1800000000, "jti": "x"}
	five := encrypt(t, v5, info(v5), jose.A256CBC_HS512, 64, claims)
	gcm := encrypt(t, v5, info(v5), jose.A256GCM, 32, claims)
	four := encrypt(t, "", v4info, jose.A256GCM, 32, claims)
	secure := encrypt(t, "__Secure-"+v5, info("__Secure-"+v5), jose.A256CBC_HS512, 64, claims)
	other := encrypt(t, "x", info("x"), jose.A256CBC_HS512, 64, claims)
	without := func(name string) string {
		fewer := map[string]any{}
		for k, v := range claims {
			if k != name {
				fewer[k] = v
			}
		}
		return encrypt(t, v5, info(v5), jose.A256CBC_HS512, 64, fewer)
	}
	plain := Elsewhere{AuthJS: []secret.Text{"the next one", oldKey}}
	https := Elsewhere{AuthJS: []secret.Text{oldKey}, Secure: true}
	for _, c := range []struct {
		what, line string
		e          Elsewhere
		user       string // empty: it claims nothing, or is no ticket
		claims     bool
	}{
		{"v5", v5 + "=" + five, plain, "ada", true},
		{"v5 with GCM", v5 + "=" + gcm, plain, "ada", true},
		{"v4", v4 + "=" + four, plain, "ada", true},
		{"v5 at https", "__Secure-" + v5 + "=" + secure, https, "ada", true},
		{"v5 of http at https", v5 + "=" + five, https, "", false},
		{"in parts", v5 + ".0=" + five[:40] + "; " + v5 + ".1=" + five[40:], plain, "ada", true},
		{"in parts, in another order", v5 + ".1=" + five[40:] + "; " + v5 + ".0=" + five[:40], plain, "ada", true},
		{"a part twice", v5 + ".0=" + five[:40] + "; " + v5 + ".1=" + five[40:] + "; " + v5 + ".1=x", plain, "", false},
		{"a part missing", v5 + ".0=" + five[:40] + "; " + v5 + ".2=" + five[40:], plain, "", true},
		{"whole and in parts", v5 + "=" + five + "; " + v5 + ".0=x", plain, "ada", true},
		{"twice", v5 + "=" + five + "; " + v5 + "=" + five, plain, "", false},
		{"another name as salt", v5 + "=" + other, plain, "", false},
		{"another secret", v5 + "=" + five, Elsewhere{AuthJS: []secret.Text{"x"}}, "", false},
		{"without a user", v5 + "=" + without("sub"), plain, "", false},
		{"without an end", v5 + "=" + without("exp"), plain, "", false},
		{"without a beginning", v5 + "=" + without("iat"), plain, "", false},
		{"not yet", v5 + "=" + encrypt(t, v5, info(v5), jose.A256CBC_HS512, 64, map[string]any{"sub": "ada",
			"iat": 1700000000, "exp": 4800000000, "nbf": 4700000000}), plain, "", false},
		{"without encryption", v5 + "=eyJhbGciOiJub25lIn0.e30.e30.e30.e30", plain, "", false},
		{"of a database", v5 + "=4a5b1f0e-7a55-4ac4-8a31-8a59a0d0a2f1", plain, "", true},
		{"too long", v5 + "=" + strings.Repeat("x", ticketMost+1), plain, "", false},
	} {
		i, source := reading(c.e, c.line), fromAuthJS
		if c.user != "" {
			source = fromTicket
		}
		if i.Claims() != c.claims || i.user != c.user || i.Claims() && i.source != source {
			t.Errorf("%s: %+v", c.what, i)
		}
		if c.user != "" && (!i.made.Equal(time.Unix(1700000000, 0)) || !i.expire.Equal(time.Unix(1800000000, 0))) {
			t.Errorf("%s: from %v to %v", c.what, i.made, i.expire)
		}
	}
}

// The app neither sees nor sets a cookie of the system before, however it is spelt, and keeps its own.
func TestTheAppSeesNoOldCookie(t *testing.T) {
	t.Parallel()
	e := Elsewhere{BetterAuth: []secret.Text{oldKey}, AuthJS: []secret.Text{oldKey},
		AuthJSNames: []string{"acme"}}
	c := Cookie{Name: "gatepost_8080"}.With(e)
	for name, kept := range map[string]bool{"better-auth.session_token": false, "better-auth.session_data": false,
		"better-auth.session_data.0": false, "BETTER-AUTH.session_token": false, "better%2Dauth.session_token": false,
		"better-auth_session_token": false, "acme": false, "acme.0": false, "acme2": true, "my-acme": true,
		"authjs.session-token": true, "better-authority": true, "theme": true} {
		h := http.Header{"Cookie": {fmt.Sprintf("a=1; %s=x; b=2", name)}}
		c.Strip(h)
		if got := h.Get("Cookie") != "a=1; b=2"; got != kept {
			t.Errorf("%s: %q", name, h.Get("Cookie"))
		}
		h = http.Header{"Set-Cookie": {name + "=x; Path=/"}}
		c.DropSet(h)
		if got := h.Get("Set-Cookie") != ""; got != kept {
			t.Errorf("%s is set: %t", name, got)
		}
	}
}

func FuzzOldCookies(f *testing.F) {
	e := Elsewhere{BetterAuth: []secret.Text{oldKey}, AuthJS: []secret.Text{oldKey}}
	f.Add("better-auth.session_token="+oldSigned, "authjs.session-token=a.b.c.d.e")
	f.Add("authjs.session-token.0=x; authjs.session-token.1=y", "next-auth.session-token=%zz")
	f.Fuzz(func(t *testing.T, one, two string) {
		if i := reading(e, one, two); i.source == "better-auth" && !strings.Contains(one+two, ".") {
			t.Errorf("%q %q: %+v", one, two, i)
		}
	})
}

// Whoever got a session here, in whatever way, is past the system before: later its cookie may be a neighbour's.
func TestASessionEndsOldCookiesInItsBrowser(t *testing.T) {
	t.Parallel()
	e := Elsewhere{BetterAuth: []secret.Text{oldKey}, Until: time.Now().Add(time.Hour)}
	c := Cookie{Name: "gatepost_8080"}.With(e)
	r := NewReader(nil, Options{Elsewhere: e})
	defer r.Close()
	old := "better-auth.session_token=" + oldSigned
	if !r.Imported(http.Header{"Cookie": {old}}, c).Claims() {
		t.Error("a browser that was never here")
	}
	h := http.Header{}
	c.Set(h, secret.NewToken(), true)
	for _, line := range h["Set-Cookie"] { // the session and the mark, each of which is enough
		pair, _, _ := strings.Cut(line, ";")
		if r.Imported(http.Header{"Cookie": {pair + "; " + old}}, c).Claims() {
			t.Errorf("beside %s", line)
		}
	}
	if len(h["Set-Cookie"]) != 2 {
		t.Errorf("cookies: %v", h)
	}
	h = http.Header{}
	Cookie{Name: "gatepost_8080"}.Set(h, secret.NewToken(), true)
	if len(h["Set-Cookie"]) != 1 {
		t.Errorf("without a system before: %v", h)
	}
}
