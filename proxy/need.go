package proxy

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/gatepost/gatepost/auth/session"
)

// Need is what a rule asks of a session besides that somebody is signed in: that it meets a condition with one of some
// values.
type Need struct {
	of     *condition
	values []string
}

// condition is a kind of need. The next one is another value like ofRole, and the line in parseRule that makes its needs.
type condition struct {
	name string // of what the values are, as `gatepost explain` says it
	// met says whether a session meets it with one of the values.
	met func(v session.Session, values []string) bool
	// status and refusal answer a session that does not.
	status  int
	refusal error
}

// ofRole asks for a user with one of some roles.
var ofRole = &condition{"role", func(v session.Session, roles []string) bool { return v.User.HasAny(roles) },
	http.StatusForbidden, errors.New("the user lacks a role this path needs")}

// Needs all have to be met.
type Needs []Need

// String says them as in "role admin or owner, and staff"; empty: there are none.
func (ns Needs) String() string {
	var kinds []string
	each := map[string][]string{}
	for _, n := range ns {
		if each[n.of.name] == nil {
			kinds = append(kinds, n.of.name)
		}
		each[n.of.name] = append(each[n.of.name], strings.Join(n.values, " or "))
	}
	for i, name := range kinds {
		slices.Sort(each[name])
		kinds[i] = name + " " + strings.Join(slices.Compact(each[name]), ", and ")
	}
	return strings.Join(kinds, ", and ")
}

// imply says that whoever meets all of them meets another one.
func (ns Needs) imply(n Need) bool {
	return slices.ContainsFunc(ns, func(m Need) bool { return m.of == n.of && subset(m.values, n.values) })
}

// Access is what a request needs. The zero value needs a signed-in user.
type Access struct {
	Public bool
	Needs  Needs // none: any signed-in user will do
}

// Allows says whether a session meets what is needed.
func (a Access) Allows(v session.Session) bool { return a.lacking(v) == nil }

// lacking is the first condition that a session does not meet; nil: it meets all.
func (a Access) lacking(v session.Session) *condition {
	for _, n := range a.Needs {
		if !n.of.met(v, n.values) {
			return n.of
		}
	}
	return nil
}

// String says what a request needs.
func (a Access) String() string {
	switch {
	case a.Public:
		return "is open to everybody"
	case len(a.Needs) == 0:
		return "needs a signed-in user"
	}
	return "needs " + a.Needs.String()
}
