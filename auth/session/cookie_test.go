package session_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
)

var cookie = session.Cookie{Name: "gatepost_8080"}

const aToken = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq"

func TestCookieReadAndStrip(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in      []string
		token   secret.Token
		present bool
		left    []string
	}{
		{nil, "", false, nil},
		{[]string{"a=1; b=2"}, "", false, []string{"a=1; b=2"}},
		{[]string{"gatepost_8080=" + aToken}, aToken, true, nil},
		{[]string{"a=1; gatepost_8080=" + aToken + "; b=2"}, aToken, true, []string{"a=1; b=2"}},
		{[]string{"gatepost_8080=" + aToken + "; b=2"}, aToken, true, []string{"b=2"}},
		{[]string{"a=1;gatepost_8080=" + aToken + ";b=2"}, aToken, true, []string{"a=1;b=2"}},
		{[]string{`a="x;y";  odd ; =; gatepost_8080=` + aToken}, aToken, true, []string{`a="x;y";  odd ; =`}},
		{[]string{"a=1", "gatepost_8080=" + aToken, "b=2"}, aToken, true, []string{"a=1", "b=2"}},
		{[]string{"gatepost_8080=short"}, "", true, nil},
		{[]string{"gatepost_8080="}, "", true, nil},
		{[]string{"gatepost_8080"}, "", true, nil},
		{[]string{"gatepost_8080=%%%"}, "", true, nil},
		{[]string{"gatepost_8080=" + aToken + "; gatepost_8080=" + aToken}, "", true, nil},
		{[]string{"gatepost_8080=bad; x=1; gatepost_8080=" + aToken}, "", true, []string{"x=1"}},
		{[]string{"a=1; gatepost_8080_left=1; gatepost_8080=" + aToken}, aToken, true, []string{"a=1"}},
		{[]string{"a=1; gatepost_8080_known=" + aToken + "; b=2"}, "", false, []string{"a=1; b=2"}},
		{[]string{"gatepost_8080_knownx=1; a=1; gatepost_8080_=1"}, "", false, []string{"a=1"}},
		{[]string{"$Version=1; gatepost_8080=" + aToken + "; $Path=/"}, aToken, true, []string{"$Version=1; $Path=/"}},
		{[]string{"\u2000gatepost_8080=" + aToken}, "", false, nil},
		{[]string{`gatepost_8080="` + aToken + `"`}, "", true, nil},
		{[]string{"gatepost_80801=" + aToken}, "", false, []string{"gatepost_80801=" + aToken}},
		{[]string{"Gatepost_8080=" + aToken}, "", false, nil},
	} {
		h := http.Header{}
		if c.in != nil {
			h["Cookie"] = c.in
		}
		token, present := cookie.Read(h)
		if token != c.token || present != c.present {
			t.Errorf("%q: got %q, %v", c.in, string(token), present)
		}
		cookie.Strip(h)
		if got := strings.Join(h["Cookie"], "|"); got != strings.Join(c.left, "|") {
			t.Errorf("%q: left %q, want %q", c.in, got, c.left)
		}
	}
}

func FuzzCookie(f *testing.F) {
	f.Add("a=1; gatepost_8080=" + aToken + "; b=2")
	f.Add("gatepost_8080=x;;gatepost_8080 =y")
	f.Fuzz(func(t *testing.T, line string) {
		h := http.Header{"Cookie": {line}}
		token, present := cookie.Read(h)
		if token != "" && (!present || len(token) != 43) {
			t.Errorf("token %q, present %v", string(token), present)
		}
		cookie.Strip(h)
		if _, still := cookie.Read(h); still {
			t.Errorf("%q: still there in %q", line, h["Cookie"])
		}
		if h.Get("Cookie") != line && line != "" && !strings.Contains(line, "8080") && !strings.Contains(line, "%") {
			t.Errorf("%q changed to %q", line, h["Cookie"])
		}
	})
}

func TestTheAppCannotSetOurCookie(t *testing.T) {
	t.Parallel()
	h := http.Header{"Set-Cookie": {"a=1", "gatepost_8080=evil; Path=/", " gatepost_8080 =evil", "=gatepost_8080=evil",
		"gatepost_8080_known=evil", "gatepost_8080; Path=/", "gatepost_80=2"},
		"Set-Cookie2": {"gatepost_8080=evil"}}
	cookie.DropSet(h)
	if got := strings.Join(h["Set-Cookie"], "|"); got != "a=1|gatepost_80=2" || len(h) != 1 {
		t.Errorf("got %s", got)
	}
}

func TestCookieAttributes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		secure, remember bool
		want             string
	}{
		{true, true, "__Host-gatepost=" + aToken + "; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=2592000"},
		{true, false, "__Host-gatepost=" + aToken + "; Path=/; HttpOnly; SameSite=Lax; Secure"},
		{false, true, "gatepost_8080=" + aToken + "; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000"},
	} {
		h := http.Header{}
		session.NewCookie(c.secure, "8080", 720*60*60*1e9).Set(h, aToken, c.remember)
		if got := h.Get("Set-Cookie"); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

// Half a sign-in has a cookie of its own, which is never read as that of a session, nor reaches the app.
func TestTheCookieOfAChallengeIsNoSession(t *testing.T) {
	t.Parallel()
	h, c := http.Header{}, session.NewCookie(true, "", time.Hour)
	c.SetChallenge(h, aToken, 10*time.Minute)
	if got, want := h.Get("Set-Cookie"),
		"__Host-gatepost_step="+aToken+"; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=600"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	h = http.Header{"Cookie": {"__Host-gatepost_step=" + aToken}}
	if got := c.ReadChallenge(h); got != aToken {
		t.Errorf("read %q", string(got))
	}
	if got, present := c.Read(h); got != "" || present {
		t.Errorf("read as a session: %q", string(got))
	}
	if c.Strip(h); len(h) != 0 {
		t.Errorf("the app gets %v", h)
	}
}

func TestTheBrowsersOwnCookieOutlivesTheSession(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	c := session.NewCookie(true, "", time.Hour)
	c.SetBrowser(h, aToken, throttle.FamiliarFor)
	if got, want := h.Get("Set-Cookie"),
		"__Host-gatepost_known="+aToken+"; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=15552000"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	h = http.Header{"Cookie": {"__Host-gatepost=x; __Host-gatepost_known=" + aToken}}
	if got := c.ReadBrowser(h); got != aToken {
		t.Errorf("read %q", string(got))
	}
	h["Cookie"] = append(h["Cookie"], "__Host-gatepost_known="+aToken)
	if got := c.ReadBrowser(h); got != "" {
		t.Errorf("of two, read %q", string(got))
	}
}
