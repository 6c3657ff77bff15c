package loginui

import (
	"fmt"
	"time"

	"github.com/gatepost/gatepost/auth"
)

// faults are what is wrong with a form, each beside its field.
type faults struct {
	Form, Email, Name, Password string
	taken                       bool // the address has an account already
}

// Any says whether there is something to point at.
func (f faults) Any() bool { return f.Form != "" || f.Email != "" || f.Name != "" || f.Password != "" }

func explain(input auth.InputError) faults {
	var f faults
	for _, e := range input {
		switch e.Field {
		case "email":
			f.Email = emailWords(e)
			f.taken = e.Problem == auth.Taken
		case "name":
			f.Name = nameWords(e)
		case "password":
			f.Password = passwordWords(e)
		}
	}
	return f
}

func emailWords(e auth.FieldError) string {
	switch e.Problem {
	case auth.Missing:
		return "Enter your e-mail address."
	case auth.TooLong:
		return fmt.Sprintf("An e-mail address has at most %d characters.", e.Limit)
	case auth.Taken:
		return "This address already has an account. Log in instead, or use another address."
	}
	return "Enter an e-mail address like name@example.com."
}

func nameWords(e auth.FieldError) string {
	if e.Problem == auth.TooLong {
		return fmt.Sprintf("Use at most %d characters.", e.Limit)
	}
	return "The name has characters that cannot be shown. Type it again."
}

func passwordWords(e auth.FieldError) string {
	switch e.Problem {
	case auth.Missing:
		return "Enter a password."
	case auth.TooShort:
		return fmt.Sprintf("Use at least %d characters.", e.Limit)
	case auth.TooLong:
		return fmt.Sprintf("Use at most %d characters.", e.Limit)
	case auth.TooCommon:
		return "This password is on every list of common passwords. Choose another."
	case auth.TooPersonal:
		return "This password is the first thing somebody would try. Choose one that is not your address or the name of this site."
	}
	return "The password has characters that cannot be typed. Type it again."
}

// inWords rounds up to what a person would say.
func inWords(d time.Duration) string {
	switch {
	case d <= 90*time.Second:
		return plural(int((d+time.Second-1)/time.Second), "second")
	case d <= 90*time.Minute:
		return plural(int((d+time.Minute-1)/time.Minute), "minute")
	}
	return plural(int((d+time.Hour-1)/time.Hour), "hour")
}

func plural(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
