package e2e

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// longestPerson has the longest name and address that the gate takes, without a place to break them at.
func longestPerson() person {
	local := strings.ToLower(rand.Text()[:20]) + strings.Repeat("w", 44) // 64 bytes, and the whole is 254
	domain := strings.Repeat("m", 63) + "." + strings.Repeat("w", 63) + "." + strings.Repeat("m", 61)
	return person{strings.Repeat("W", 100), local + "@" + domain, "a quiet river at noon"}
}

// grow gives the person all kinds of entries on the account page, each as long as it can be.
func (p person) grow(t *testing.T) {
	t.Helper()
	const address = "2001:0db8:ffff:ffff:ffff:ffff:ffff:ffff"
	p.change(t, `UPDATE gatepost.session SET ip_address = '`+address+`', user_agent = '`+
		strings.Repeat("W", 60)+`/1.0 (`+strings.Repeat("M", 60)+`)'`+ofPerson)
	p.change(t, `UPDATE gatepost.audit_event SET client = '`+address+`'`+ofPerson)
	p.change(t, `INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id, login)
		SELECT id || '-way', 'https://former.example', '`+strings.Repeat("w", 60)+`', id, id, email
		FROM gatepost."user" WHERE email = :'email'`)
}

// mustHold checks the page in the narrowest window.
func (v *visitor) mustHold(page string) {
	v.t.Helper()
	v.mustFit(page)
	for _, fault := range ask(v, "look for overlap", chromedp.Evaluate[[]string](findOverlap)) {
		v.t.Errorf("%s: %s", page, fault)
	}
}

func TestEveryListHoldsTheLongestNameAndAddress(t *testing.T) {
	v, p := newVisitor(t), longestPerson()
	v.resize(320, 1)
	v.open("/signup?next=/account")
	if status := v.signUp(p); status != 200 {
		t.Fatalf("the longest name and address: status %d\n%s", status, v.view())
	}
	v.mustHold("/account after the sign-up")
	phone := newReader(t)
	phone.logIn(p)
	p.grow(t)
	for _, path := range []string{"/account", "/account/name", "/account/email", "/account/delete", "/dashboard",
		"/logout"} {
		if status := v.open(path); status != 200 {
			t.Errorf("%s: status %d", path, status)
		}
		v.mustHold(path)
	}
	letter := p.latestMail(t)
	v.open(letter)
	v.mustHold("the mail")
	v.open(strings.TrimSuffix(letter, "/html"))
	v.mustHold("the mail's page in the mailbox")
	v.open("/mailbox")
	v.mustHold("/mailbox")
	p.promote(t)
	v.open("/admin")
	v.mustBeAt("/admin")
	v.mustHold("/admin")
	v.becomeStrange()
	v.open("/login")
	v.fillIn(person{email: p.email, password: "a noisy river at noon"})
	v.submit("/login")
	v.mustHold("the login after a wrong password")
}
