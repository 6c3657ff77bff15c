package session

import (
	"slices"
	"strings"
	"time"
)

// Method is a way to prove that a visitor is a user. It is named as in RFC 8176 where the RFC has a name.
type Method string

// The methods.
const (
	Password Method = "pwd"
	Link     Method = "link"     // a mailed link; not in RFC 8176
	Provider Method = "fed"      // a sign-in at another provider; not in RFC 8176
	OTP      Method = "otp"      // a code of an authenticator app
	Recovery Method = "recovery" // a recovery code; not in RFC 8176
	// Trusted says that the second factor was not asked for, as the user trusts the browser. It is none.
	Trusted Method = "trusted"
	// A passkey, which is bound to its device or may be on several. Alone it is one factor.
	HardwareKey Method = "hwk"
	SoftwareKey Method = "swk"
	// Several says that a passkey was no less than the second factor: beside another proof, or by an authenticator that
	// told who the person is. It also says that another provider has asked for two factors, as its signed token says.
	Several Method = "mfa"
	// byToken is an API token, which proves nobody; not in RFC 8176.
	byToken Method = "token"
	// brought is a sign-in at the system that users were imported from, in a way that it alone knows; not in RFC 8176.
	brought Method = "imported"
)

// second are the methods that are a factor besides the others, and keys are those of passkeys.
var (
	second = []Method{OTP, Recovery, Several}
	keys   = []Method{HardwareKey, SoftwareKey}
)

func isSecond(m Method) bool { return slices.Contains(second, m) }
func isKey(m Method) bool    { return slices.Contains(keys, m) }

// Proof is how and when a visitor was proved to be a user.
type Proof struct {
	Methods []Method
	At      time.Time // by PostgreSQL's clock; zero: in the transaction that makes the session
	// SecondAt is when a second factor was proved last here; zero: none was, or its time is not known. At does not move
	// with it.
	SecondAt time.Time
}

// Level is 2 if a second factor was proved, else 1. It needs no query: the methods are part of a cached session.
func (p Proof) Level() int {
	if slices.ContainsFunc(p.Methods, isSecond) {
		return 2
	}
	return 1
}

// Latest is when the user was last proved, by the first or the second factor. Of a proof that is read.
func (p Proof) Latest() time.Time {
	if p.SecondAt.After(p.At) {
		return p.SecondAt
	}
	return p.At
}

// Keeping returns the proof of a session that goes on with another's second factor, unless p has one itself.
func (p Proof) Keeping(of Proof) Proof {
	if p.Level() == 2 || of.Level() == 1 {
		return p
	}
	p.Methods = slices.Clone(p.Methods)
	for _, m := range of.Methods {
		if (isSecond(m) || isKey(m)) && !slices.Contains(p.Methods, m) {
			p.Methods = append(p.Methods, m)
		}
	}
	p.SecondAt = of.SecondAt
	return p
}

// Trusted reports whether the second factor was not asked for, as the user trusts the browser. The level stays 1.
func (p Proof) Trusted() bool { return slices.Contains(p.Methods, Trusted) }

// WithTrust returns the proof with the word for a trusted browser, or without it.
func (p Proof) WithTrust(yes bool) Proof {
	if p.Trusted() == yes {
		return p
	}
	p.Methods = slices.DeleteFunc(slices.Clone(p.Methods), func(m Method) bool { return m == Trusted })
	if yes {
		p.Methods = append(p.Methods, Trusted)
	}
	return p
}

// First returns the proof without its second factor. What was proved by a passkey alone keeps that.
func (p Proof) First() Proof {
	p.Methods = slices.DeleteFunc(slices.Clone(p.Methods), isSecond)
	if !p.ByKey() {
		p.Methods = slices.DeleteFunc(p.Methods, isKey)
	}
	p.SecondAt = time.Time{}
	return p
}

// ByKey reports whether passkeys are all that has proved the user.
func (p Proof) ByKey() bool {
	return !slices.ContainsFunc(p.Methods, func(m Method) bool { return !isKey(m) && m != Several })
}

// And returns the proof with a second factor that was proved at a time of PostgreSQL's, in place of an earlier one.
func (p Proof) And(m Method, at time.Time) Proof {
	p = p.First()
	if isKey(m) {
		p.Methods = append(slices.DeleteFunc(p.Methods, isKey), m, Several)
	} else {
		p.Methods = append(p.Methods, m)
	}
	p.SecondAt = at
	return p
}

// Proved returns a proof made now.
func Proved(methods ...Method) Proof { return Proof{Methods: methods} }

// words returns the methods as stored in the column.
func (p Proof) words() string {
	list := make([]string, len(p.Methods))
	for i, m := range p.Methods {
		list[i] = string(m)
	}
	return strings.Join(list, ",")
}

// secondAt returns the time of the second factor as stored in the column; nil: there is none.
func (p Proof) secondAt() *time.Time {
	if p.SecondAt.IsZero() {
		return nil
	}
	return &p.SecondAt
}

// at returns the time as stored in the column; nil means now.
func (p Proof) at() *time.Time {
	if p.At.IsZero() {
		return nil
	}
	return &p.At
}

// methodsOf reads the column. An unknown word that an operator wrote there is kept, and satisfies nothing.
func methodsOf(words string) (list []Method) {
	for _, w := range SplitList(words) {
		list = append(list, Method(w))
	}
	return list
}
