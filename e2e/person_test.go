package e2e

import (
	"crypto/rand"
	"strings"
	"testing"
)

// person is a user of the gate.
type person struct{ name, email, password string }

// zhangWei returns a new person with a random address. Their name cannot stand in a header without encoding.
func zhangWei() person {
	return person{"张伟", "zhang.wei." + strings.ToLower(rand.Text()[:10]) + "@example.com", "a quiet river at noon"}
}

func (p person) greeting() string { return "Hello, " + p.name }

// promote makes the person an admin whose sessions have a second factor proved, without the steps that lead there.
func (p person) promote(t *testing.T) {
	t.Helper()
	p.change(t, `UPDATE gatepost."user" SET role = 'admin,user' WHERE email = :'email'`)
	p.change(t, `UPDATE gatepost.session SET methods = 'pwd,otp', second_at = now()
		WHERE user_id = (SELECT id FROM gatepost."user" WHERE email = :'email')`)
}

// fillIn fills in the signup page, or the login page if the person has no name.
func (v *visitor) fillIn(p person) {
	v.t.Helper()
	if p.name != "" {
		v.fill("name", p.name)
	}
	v.fill("email", p.email)
	v.fill("password", p.password)
}

// signUp fills in and sends the signup page that the visitor is on.
func (v *visitor) signUp(p person) int {
	v.t.Helper()
	v.fillIn(p)
	return v.press("Sign up")
}

// logIn fills in and sends the login page that the visitor is on.
func (v *visitor) logIn(p person) int {
	v.t.Helper()
	p.name = ""
	v.fillIn(p)
	return v.press("Log in")
}
