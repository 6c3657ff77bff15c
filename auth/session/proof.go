package session

import (
	"strings"
	"time"
)

// Method is a way in which somebody is proved to be a user, in the words of RFC 8176 where it has one.
type Method string

// The methods there are.
const (
	Password Method = "pwd"
	Link     Method = "link" // a mailed one; a word of ours
)

// Proof is how and when somebody was proved to be a user.
type Proof struct {
	Methods []Method
	At      time.Time // by PostgreSQL's clock; zero: in the transaction that makes the session
}

// Proved is a proof of now.
func Proved(methods ...Method) Proof { return Proof{Methods: methods} }

// words are the methods as the column has them.
func (p Proof) words() string {
	list := make([]string, len(p.Methods))
	for i, m := range p.Methods {
		list[i] = string(m)
	}
	return strings.Join(list, ",")
}

// at is the time as the column has it; nil: now.
func (p Proof) at() *time.Time {
	if p.At.IsZero() {
		return nil
	}
	return &p.At
}

// methodsOf reads the column. What an operator wrote there that is no method of ours stays a word, and meets nothing.
func methodsOf(words string) (list []Method) {
	for _, w := range SplitRoles(words) {
		list = append(list, Method(w))
	}
	return list
}
