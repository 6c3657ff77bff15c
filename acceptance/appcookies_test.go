package acceptance_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/authtest"
)

// expired returns the Set-Cookie lines by which an answer ends cookies other than the gate's.
func expired(r reply) (list []string) {
	for _, line := range r.header.Values("Set-Cookie") {
		if !strings.HasPrefix(line, "gatepost_") {
			list = append(list, strings.Replace(line, "; Max-Age=0", "", 1))
		}
	}
	slices.Sort(list)
	return list
}

func TestTheAppsOwnSessionEndsWithTheAccount(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+a.url,
		"GATEPOST_PUBLIC_URL=http://a.example.com", "GATEPOST_ALLOW_HTTP=true",
		"GATEPOST_APP_COOKIES=SID, Doku*@/wiki, far@/wiki, g*")
	v := g.visitor(t)
	v.client.Jar = nil
	send := func(path, session string, pairs ...string) (reply, string) {
		form := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		r := v.do("POST", path, strings.NewReader(form.Encode()),
			"Cookie: "+session+"; SID=1; SIDE=2; DokuWiki=3; Doku a=4; gatepost_language=de; gatepost_80_left=1; "+
				"golf=5; DokuWiki=6")
		for _, line := range r.header.Values("Set-Cookie") {
			if pair, _, _ := strings.Cut(line, ";"); strings.HasPrefix(pair, "gatepost_80=") {
				session = pair
			}
		}
		return r, session
	}
	var all []string
	for _, c := range []string{"SID=; Path=/", "DokuWiki=; Path=/wiki", "far=; Path=/wiki", "golf=; Path=/"} {
		all = append(all, c, c+"; Domain=a.example.com", c+"; Domain=example.com")
	}
	slices.Sort(all)
	_, bob := send("/signup", "", "email", "bob@example.com", "password", password)
	r, ada := send("/signup", "", "email", "ada@example.com", "password", password)
	wants := func(what string, r reply, ends bool) {
		t.Helper()
		want := all
		if !ends {
			want = nil
		}
		if got := expired(r); r.status >= 400 || !slices.Equal(got, want) {
			t.Errorf("%s: %d ends %q, want %q", what, r.status, got, want)
		}
	}
	login := func(session, email string) reply {
		r, s := send("/login", session, "email", email, "password", password)
		ada = s
		return r
	}
	wants("a sign-up", r, true)
	wants("the same user again", login(ada, "ada@example.com"), false)
	r, ada = send("/account/password", ada, "current", password, "password", password+"!")
	wants("a new password", r, false)
	r, ada = send("/account/password", ada, "current", password+"!", "password", password)
	wants("and back", r, false)
	wants("another user", login(bob, "ada@example.com"), true)
	wants("nobody before", login("", "ada@example.com"), true)
	wants("a session that is dead", login("gatepost_80="+strings.Repeat("A", 43), "ada@example.com"), true)
	if r, _ := send("/login", ada, "email", "ada@example.com", "password", "wrong wrong wrong"); len(expired(r)) > 0 {
		t.Errorf("a wrong password ends %q", expired(r))
	}
	r, _ = send("/logout", ada)
	wants("a logout", r, true)
	r, _ = send("/logout", ada)
	wants("a logout of nobody", r, true)
	login("", "ada@example.com")
	r, _ = send("/account/delete", ada, "password", password)
	wants("a deletion", r, true)
	crowd := ""
	for range 1000 {
		crowd += "; Doku" + strings.Repeat("x", 10) + string(rune('a'+len(crowd)%26)) +
			strings.Repeat("y", len(crowd)%50)
	}
	if r, _ := send("/logout", "a=1"+crowd); len(r.header.Values("Set-Cookie")) > 70 {
		t.Errorf("one answer has %d lines", len(r.header.Values("Set-Cookie")))
	}
}

func TestAppCookiesThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, c := range []string{"*", "a*b", "a b", "a;b", "a=1", "a@wiki", "a@", "a@/x;y", "a@/x y", "@/",
		"gatepost_8080", "GATEPOST_8080_left", "gatepost_language", "__Host-a@/wiki",
		",", strings.Repeat("a,", 21)} {
		out, code := runBriefly(t, "check", "GATEPOST_APP_COOKIES="+c)
		if code != 1 || !strings.Contains(out, "gatepost: GATEPOST_APP_COOKIES") &&
			!strings.Contains(out, "\nGATEPOST_APP_COOKIES") {
			t.Errorf("%q: exit %d: %s", c, code, out[max(0, len(out)-300):])
		}
	}
}
