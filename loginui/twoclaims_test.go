package loginui_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/provider/providertest"
)

// mustClaim brings a browser to the page on which it proves the account with an address, and returns the address of the
// page.
func (d *idDesk) mustClaim(t *testing.T, b *browser, subject, email string, pairs ...string) (page string) {
	t.Helper()
	d.id.SetPerson(providertest.Person{Subject: subject, Email: email})
	page = b.enter(d.id, "demo", pairs...).Header.Get("Location")
	if a := b.get(page); !strings.HasPrefix(page, "/login/connect?claim=") || !strings.Contains(a.body, email) {
		t.Fatalf("it leads to %q:\n%s", page, a.body)
	}
	return page
}

// newClaimDesk has two users whose addresses are confirmed.
func newClaimDesk(t *testing.T) *idDesk {
	t.Helper()
	d := newIDDesk(t, doubtful, withMail)
	d.cookie(t, "ada@example.com")
	d.cookie(t, "grace@example.com")
	if _, err := d.db.Exec(t.Context(), `UPDATE gatepost."user" SET email_verified = true`); err != nil {
		t.Fatal(err)
	}
	return d
}

// Two tabs may ask for two proofs. Each form proves the account that its own page is about, whichever came last.
func TestEachTabProvesItsOwnClaim(t *testing.T) {
	t.Parallel()
	d := newClaimDesk(t)
	for _, first := range []bool{true, false} {
		b := d.browser(t)
		pages := map[string]string{}
		for _, name := range []string{"ada", "grace"} {
			pages[name] = d.mustClaim(t, b, fmt.Sprint(name, first), name+"@example.com", "next", "/"+name)
		}
		name, other := "grace", "ada"
		if first {
			name, other = other, name
		}
		page := b.get(pages[name])
		claim := page.hidden("claim")
		menu, _, _ := strings.Cut(page.body[strings.Index(page.body, `<form action="/login/connect">`):], "</form>")
		if !strings.Contains(menu, `<input type="hidden" name="claim" value="`+claim+`">`) {
			t.Errorf("in another language it is another claim:\n%s", page.body)
		}
		if a := b.submit("/login/connect", "claim", claim, "password", "wrong password"); a.StatusCode != 401 ||
			a.hidden("claim") != claim || !strings.Contains(a.body, name+"@example.com") {
			t.Errorf("a wrong password for %s: %d\n%s", name, a.StatusCode, a.body)
		}
		elsewhere := d.browser(t).submit("/login/connect", "claim", claim, "password", password)
		if elsewhere.StatusCode != 400 {
			t.Errorf("in another browser: %d", elsewhere.StatusCode)
		}
		b.mustLand(name, b.submit("/login/connect", "claim", claim, "password", password), "/"+name)
		if a := b.get("/account"); !strings.Contains(a.body, name+"@example.com") {
			t.Errorf("%s proved another account:\n%s", name, a.body)
		}
		if a := b.submit("/login/connect", "claim", b.get(pages[other]).hidden("claim"), "password",
			password); a.StatusCode != 400 {
			t.Errorf("the claim of the other tab waits for whoever comes next: %d", a.StatusCode)
		}
	}
}

// The mail goes to the account that the page is about, and the page of its link connects what it shows, whatever else
// has begun since.
func TestAMailedLinkConnectsWhatItsPageShows(t *testing.T) {
	t.Parallel()
	d := newClaimDesk(t)
	b := d.browser(t)
	page := d.mustClaim(t, b, "first", "ada@example.com")
	d.mustClaim(t, b, "second", "grace@example.com")
	b.submit("/login/connect/mail", "claim", b.get(page).hidden("claim"))
	m := d.post.wait(t, mail.Connect)
	if m.To != "ada@example.com" {
		t.Fatalf("the mail goes to %s", m.To)
	}
	b.get(strings.TrimPrefix(d.ui.LinkURL(mail.ForConnect, m.Link), "http://localhost:8080"))
	shown := b.get("/login/connect/link")
	d.mustClaim(t, b, "third", "ada@example.com")
	b.mustLand("the button", b.submit("/login/connect/link", "id", shown.hidden("id"), "claim", shown.hidden("claim")),
		"/home")
	var subject string
	err := d.db.QueryRow(t.Context(), `SELECT account_id FROM gatepost.account WHERE issuer = $1`, d.id.URL()).
		Scan(&subject)
	if err != nil || subject != "first" {
		t.Errorf("connected is %q, %v", subject, err)
	}
}

// A browser keeps a few claims. One that it has no key of any more is over, and its form proves no other one.
func TestABrowserKeepsAFewClaims(t *testing.T) {
	t.Parallel()
	d := newClaimDesk(t)
	b := d.browser(t)
	oldest := d.mustClaim(t, b, "0", "ada@example.com")
	claim := b.get(oldest).hidden("claim")
	for i := range 12 {
		d.mustClaim(t, b, fmt.Sprint(i+1), "grace@example.com")
	}
	if len(b.cookies) > 10 {
		t.Errorf("the browser keeps %d cookies", len(b.cookies))
	}
	for name := range b.cookies { // a browser drops the oldest first; this one has no order
		if strings.HasSuffix(name, claim) {
			delete(b.cookies, name)
		}
	}
	if a := b.submit("/login/connect", "claim", claim, "password", password); a.StatusCode != 400 {
		t.Errorf("it proves another claim: %d to %s", a.StatusCode, a.Header.Get("Location"))
	}
}
