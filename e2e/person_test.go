package e2e

import (
	"crypto/rand"
	"strings"
)

// person is who the visitor is to the gate.
type person struct{ name, email, password string }

// zhangWei is somebody new each time, whose name cannot travel in a header as it is.
func zhangWei() person {
	return person{"张伟", "zhang.wei." + strings.ToLower(rand.Text()[:10]) + "@example.com", "a quiet river at noon"}
}

func (p person) greeting() string { return "Welcome back, " + p.name }

// signUp fills in and sends the signup page, where the visitor is.
func (v *visitor) signUp(p person) int {
	v.t.Helper()
	v.fill("name", p.name)
	v.fill("email", p.email)
	v.fill("password", p.password)
	return v.press("Sign up")
}

// logIn fills in and sends the login page, where the visitor is.
func (v *visitor) logIn(p person) int {
	v.t.Helper()
	v.fill("email", p.email)
	v.fill("password", p.password)
	return v.press("Log in")
}
