package session

import (
	"strings"
	"time"
)

// Method is a way to prove that a visitor is a user. It is named as in RFC 8176 where the RFC has a name.
type Method string

// The methods.
const (
	Password Method = "pwd"
	Link     Method = "link" // a mailed link; not in RFC 8176
	Provider Method = "fed"  // a sign-in at another provider; not in RFC 8176
	// brought is a sign-in at the system that users were imported from, in a way that it alone knows; not in RFC 8176.
	brought Method = "imported"
)

// Proof is how and when a visitor was proved to be a user.
type Proof struct {
	Methods []Method
	At      time.Time // by PostgreSQL's clock; zero: in the transaction that makes the session
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
