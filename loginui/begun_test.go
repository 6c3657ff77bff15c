package loginui_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/provider/providertest"
	"github.com/gatepost/gatepost/auth/secret"
)

// What waits in a browser ends when somebody signs in, up or out there: the next person may be another one. A cookie
// that was kept aside is of no use either. Who signs in with a provider may do so in several tabs: these go on, and
// only claims end.
func TestWhatWaitsInABrowserEndsWhenSomebodySignsInUpOrOut(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, doubtful, withMail)
	d.cookie(t, "ada@example.com")
	d.cookie(t, "grace@example.com")
	if _, err := d.db.Exec(t.Context(), `UPDATE gatepost."user" SET email_verified = true`); err != nil {
		t.Fatal(err)
	}
	const json = "Content-Type: application/json"
	api := func(b *browser, path, body string) {
		b.do("POST", "/api/auth/"+path, body, json, "Origin: http://localhost:8080", "Sec-Fetch-Site: same-origin")
	}
	login := func(b *browser) { b.submit("/login", "email", "grace@example.com", "password", password) }
	apart := func(b *browser, deed func()) { // as with a claim that began while somebody was signed in
		waiting := maps.Clone(b.cookies)
		clear(b.cookies)
		login(b)
		maps.Copy(b.cookies, waiting)
		deed()
	}
	for name, deed := range map[string]func(b *browser){
		"login":     login,
		"API login": func(b *browser) { api(b, "sign-in/email", `{"email":"grace@example.com","password":"`+password+`"}`) },
		"sign-up":   func(b *browser) { b.submit("/signup", "email", "new@example.com", "password", password) },
		"API sign-up": func(b *browser) {
			api(b, "sign-up/email", `{"email":"newer@example.com","name":"x","password":"`+password+`"}`)
		},
		"log-out":     func(b *browser) { apart(b, func() { b.submit("/logout") }) },
		"API log-out": func(b *browser) { apart(b, func() { api(b, "sign-out", "{}") }) },
		"provider": func(b *browser) {
			d.id.SetPerson(providertest.Person{Subject: "other", Email: "other@example.com"})
			b.mustLand("the other's login", b.enter(d.id, "demo"), "/home")
		},
		"invitation": func(b *browser) {
			link := d.invite(t, "invited@example.com")
			b.get("/signup/invitation?token=" + string(link))
			a := b.get("/signup/invitation")
			b.submit("/signup/invitation", "id", a.hidden("id"), "password", password)
		},
	} {
		d.id.SetPerson(providertest.Person{Subject: "mallory", Email: "ada@example.com"})
		b := d.browser(t)
		b.mustProve(name, b.enter(d.id, "demo"))
		under := d.id.Authorize(t, b.leave("/login/with/demo"))
		if a := b.get("/login/connect"); a.StatusCode != 200 {
			t.Fatalf("%s: the claim does not wait: %d", name, a.StatusCode)
		}
		before, tabs := maps.Clone(b.cookies), name == "provider" // which may be that of another tab of the same person
		deed(b)
		for cookie := range b.cookies {
			if strings.Contains(cookie, "_flow_") && !tabs {
				t.Errorf("%s: the cookie %s is kept", name, cookie)
			}
		}
		maps.Copy(b.cookies, before)
		if a := b.get("/login/connect"); a.StatusCode != 400 {
			t.Errorf("%s: the claim still waits: %d", name, a.StatusCode)
		}
		if a := b.callback("demo", under); (a.StatusCode == 303) != tabs || !tabs && a.StatusCode != 400 {
			t.Errorf("%s: the sign-in under way in another tab gets %d", name, a.StatusCode)
		}
	}
}

// Somebody may have given the browser any number of such cookies, older than that of their claim, or several of its
// name. The claim ends all the same.
func TestNoNumberOfCookiesKeepsAClaim(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, doubtful, withMail)
	d.cookie(t, "ada@example.com")
	d.cookie(t, "grace@example.com")
	for name, deed := range map[string]func(b *browser, headers ...string) answer{
		"login": func(b *browser, headers ...string) answer {
			return b.do("POST", "/login", form("email", "grace@example.com", "password", password), headers...)
		},
		"log-out": func(b *browser, headers ...string) answer { return b.do("POST", "/logout", "", headers...) },
		"provider": func(b *browser, headers ...string) answer {
			d.id.SetPerson(providertest.Person{Subject: "other", Email: "other@example.com"})
			values := d.id.Authorize(t, b.leave("/login/with/demo"))
			return b.do("GET", "/api/auth/callback/demo?"+values.Encode(), "", headers...)
		},
	} {
		b := d.browser(t)
		d.id.SetPerson(providertest.Person{Subject: "mallory", Email: "ada@example.com"})
		b.mustProve(name, b.enter(d.id, "demo"))
		claim := maps.Clone(b.cookies)
		more := "Cookie: "
		for cookie := range claim {
			if strings.Contains(cookie, "_flow_") {
				more += cookie + "=" + string(secret.NewToken())
			}
		}
		for i := range 40 {
			b.cookies[fmt.Sprintf("gatepost_8080_flow_%016d", i)] = string(secret.NewToken())
		}
		a := deed(b, "Sec-Fetch-Site: same-origin", more)
		if a.StatusCode != 303 {
			t.Fatalf("%s: %d\n%s", name, a.StatusCode, a.body)
		}
		if n := len(a.Header["Set-Cookie"]); n > 25 {
			t.Errorf("%s: %d cookies are set, which is more than proxies take", name, n)
		}
		b.cookies = claim
		if a := b.get("/login/connect"); a.StatusCode != 400 {
			t.Errorf("%s: the claim still waits: %d", name, a.StatusCode)
		}
	}
}

// The pages that connect say what is connected: the provider, and who that is there.
func TestThePagesThatConnectSayWhatIsConnected(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, doubtful, withMail)
	d.cookie(t, "ada@example.com")
	b := d.browser(t)
	d.id.SetPerson(providertest.Person{Subject: "mallory", Email: "ada@example.com"})
	d.id.Misbehave(providertest.Claim("preferred_username", "mallory<7>"))
	b.mustProve("the callback", b.enter(d.id, "demo"))
	b.submit("/login/connect/mail", "claim", b.get("/login/connect").hidden("claim"))
	m := d.post.wait(t, mail.Connect)
	b.get(strings.TrimPrefix(d.ui.LinkURL(mail.ForConnect, m.Link), "http://localhost:8080"))
	for _, language := range []string{"en", "es", "ar", "zh-Hans"} {
		for _, page := range []string{"/login/connect", "/login/connect/link"} {
			a := b.get(page, "Accept-Language: "+language)
			text := strings.Join(strings.Fields(a.body), " ")
			if a.StatusCode != 200 || !strings.Contains(text, `<html lang="`+language) ||
				!strings.Contains(text, "Demo &lt;ID&gt;") || !strings.Contains(text, "mallory&lt;7&gt;") ||
				!strings.Contains(text, "ada@example.com") {
				t.Errorf("%s in %s: %d\n%s", page, language, a.StatusCode, a.body)
			}
		}
	}
}

// The address of the account is no news of who logged in at the provider: anybody may have typed it there. Then the
// page says when that was.
func TestAnAddressDoesNotSayWhoLoggedIn(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, doubtful, withMail)
	d.cookie(t, "ada@example.com")
	for name, login := range map[string]any{"none": nil, "the address": "Ada@example.com"} {
		b := d.browser(t)
		d.id.SetPerson(providertest.Person{Subject: "mallory", Email: "ada@example.com"})
		d.id.Misbehave(providertest.Claim("preferred_username", login))
		b.mustProve("the callback", b.enter(d.id, "demo"))
		a := b.get("/login/connect")
		text := strings.NewReplacer("\u2068", "", "\u2069", "").Replace(a.body)
		if !strings.Contains(text, "says nothing but this address about who logged in there. It was in this browser, "+
			"just now.") || strings.Contains(text, "The login at") {
			t.Errorf("%s:\n%s", name, text)
		}
	}
}
