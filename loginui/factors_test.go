package loginui_test

import (
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/factor"
)

// shownKey is the key that the page for adding an app shows.
var shownKey = regexp.MustCompile(`<code dir="ltr" translate="no"[^>]*>([A-Z2-7 ]+)</code>`)

// shownCodes are the recovery codes on a page.
var shownCodes = regexp.MustCompile(`<li><code>([0-9a-z-]+)</code></li>`)

func (a answer) key(t *testing.T) factor.Key {
	t.Helper()
	found := shownKey.FindStringSubmatch(a.body)
	if found == nil || !strings.Contains(a.body, `<svg class="qr"`) {
		t.Fatalf("no key in %d %s", a.StatusCode, a.body)
	}
	k, err := factor.ParseKey(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (d *desk) now(t *testing.T) (step int64) {
	t.Helper()
	var now time.Time
	if err := d.db.QueryRow(t.Context(), `SELECT now()`).Scan(&now); err != nil {
		t.Fatal(err)
	}
	return factor.Step(now)
}

// A user adds an app on the account page, sees recovery codes once, makes new ones, and removes the app.
func TestAnAppIsAddedAndRemovedOnTheAccountPage(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, withKeys, func(s *setting) { s.AuditRetention = time.Hour })
	b := d.browser(t)
	b.submit("/signup", "email", "ada@example.com", "password", password, "remember", "on")
	a := b.get("/account?next=%2Fadmin")
	if !strings.Contains(a.body, `action="/account/app"`) || !strings.Contains(a.body, `name="next" value="/admin"`) ||
		strings.Contains(a.body, "Recovery codes") {
		t.Fatalf("nothing to add an app with in\n%s", a.body)
	}
	b.mustLand("begin", b.submit("/account/app", "next", "/admin"), "/account/app?next=%2Fadmin")
	a = b.get("/account/app?next=%2Fadmin")
	key := a.key(t)
	if again := b.get("/account/app").key(t); string(again) != string(key) {
		t.Error("loading the page again makes another key")
	}
	a = b.submit("/account/app/code", "code", key.Code(1), "next", "/admin")
	if a.StatusCode != 401 || !strings.Contains(a.body, "Enter the one that the app shows now.") ||
		string(a.key(t)) != string(key) {
		t.Errorf("a wrong code: %d %s", a.StatusCode, a.body)
	}
	d.exec(t, `UPDATE gatepost.totp_pending SET expires_at = now()`)
	a = b.submit("/account/app/code", "code", key.Code(d.now(t)), "next", "/admin")
	if !strings.Contains(a.body, "too old, so nothing was added") || string(a.key(t)) == string(key) {
		t.Errorf("a key that is too old: %d %s", a.StatusCode, a.body)
	}
	key = a.key(t)
	a = b.submit("/account/app/code", "code", key.Code(d.now(t)), "next", "/admin")
	codes := shownCodes.FindAllStringSubmatch(a.body, -1)
	if a.StatusCode != 200 || len(codes) != 10 || !strings.Contains(a.body, `href="/admin"`) ||
		!strings.Contains(a.body, "ada@example.com") || strings.Count(a.Header.Get("Content-Security-Policy"), ".js") != 1 {
		t.Fatalf("recovery codes: %d %v %s", a.StatusCode, a.Header, a.body)
	}
	b.mustLand("sent twice", b.submit("/account/app/code", "code", key.Code(d.now(t))), "/account")
	a = b.get("/account")
	for _, want := range []string{"10 codes are left", "last used just now", `href="/account/app/remove"`,
		"Your authenticator app is added.", "Added an authenticator app"} {
		if !strings.Contains(a.body, want) {
			t.Errorf("no %q in\n%s", want, a.body)
		}
	}
	if strings.Contains(a.body, codes[0][1]) || strings.Contains(a.body, "before you run out") {
		t.Errorf("a code is shown again, or few are said to be left:\n%s", a.body)
	}
	d.exec(t, `DELETE FROM gatepost.recovery_code WHERE hash IN (SELECT hash FROM gatepost.recovery_code LIMIT 7)`)
	if a := b.get("/account"); !strings.Contains(a.body, "3 codes are left · Make new ones before you run out") {
		t.Errorf("no warning in\n%s", a.body)
	}
	if a := b.get("/account/recovery"); a.StatusCode != 200 || !strings.Contains(a.body, "ten new recovery codes") {
		t.Errorf("before new codes: %d %s", a.StatusCode, a.body)
	}
	if a := b.submit("/account/recovery"); len(shownCodes.FindAllString(a.body, -1)) != 10 ||
		strings.Contains(a.body, codes[0][1]) {
		t.Errorf("new codes: %d %s", a.StatusCode, a.body)
	}
	d.exec(t, `UPDATE gatepost.session SET second_at = now() - interval '11 minutes'`)
	for page, next := range map[string]string{"/account/recovery": "%2Faccount%2Frecovery",
		"/account/app/remove": "%2Faccount%2Fapp%2Fremove", "/account/app": "%2Faccount"} {
		b.mustLand(page+", long after the code", b.submit(page), "/account/confirm?next="+next)
	}
	d.exec(t, `UPDATE gatepost.session SET second_at = now()`)
	if a := b.get("/account/app/remove"); a.StatusCode != 200 || !strings.Contains(a.body, "Logging in takes no code") {
		t.Errorf("before it is removed: %d %s", a.StatusCode, a.body)
	}
	b.mustLand("remove", b.submit("/account/app/remove"), "/account")
	a = b.get("/account")
	if !strings.Contains(a.body, "The authenticator app is removed.") ||
		!strings.Contains(a.body, `action="/account/app"`) {
		t.Errorf("after it was removed:\n%s", a.body)
	}
	for _, page := range []string{"/account/app/remove", "/account/recovery"} {
		b.mustLand(page+" without an app", b.get(page), "/account")
		b.mustLand(page+" without an app", b.submit(page), "/account")
	}
}

// Who signed in long ago shows that it is them first, and keeps where they were to go.
func TestAnAppIsAddedInAFreshSession(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, withKeys)
	b := d.browser(t)
	b.submit("/signup", "email", "ada@example.com", "password", password, "remember", "on")
	d.settle(t)
	a := b.submit("/account/app", "next", "/admin")
	if a.StatusCode != 403 || !strings.Contains(a.body, "enter your password once more") || a.hidden("next") != "/admin" {
		t.Fatalf("got %d %s", a.StatusCode, a.body)
	}
	b.mustLand("with the password", b.submit("/account/app", "next", "/admin", "password", password),
		"/account/app?next=%2Fadmin")
	b.get("/account/app").key(t)
}

// Where nobody can add an app the account page does not speak of it, and its pages are not there.
func TestWithoutAKeyNobodyIsOfferedAnApp(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t)
	b := d.browser(t)
	b.submit("/signup", "email", "ada@example.com", "password", password, "remember", "on")
	if a := b.get("/account"); strings.Contains(a.body, "uthenticator") {
		t.Errorf("the page speaks of it:\n%s", a.body)
	}
	if a := b.submit("/account/app"); a.StatusCode != 404 {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
}

// Somebody else could keep the owner of an address out with an app.
func TestAnUnconfirmedAddressIsConfirmedBeforeAnAppIsAdded(t *testing.T) {
	t.Parallel()
	d := newIDDesk(t, withKeys, withMail)
	b := d.browser(t)
	b.submit("/signup", "email", "ada@example.com", "password", password, "remember", "on")
	a := b.submit("/account/app")
	if a.StatusCode != 403 || !strings.Contains(html.UnescapeString(a.body), "Confirm it on your account page first") {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
}
