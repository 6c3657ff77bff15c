package proxy

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gatepost/gatepost/auth/session"
)

// Need is what a rule asks of a session besides a signed-in user: a condition with one of several values.
type Need struct {
	of     *condition
	values []string
}

// condition is a kind of need. A new kind is a value like ofRole, and a line in parseRule that makes its needs.
type condition struct {
	name string // the name of the values for `gatepost explain`
	// met reports whether a session meets the condition with one of the values.
	met func(v session.Session, values []string) bool
	// status and refusal are the answer to a session that does not.
	status  int
	refusal error
}

// ofRole asks for a user with one of several roles.
var ofRole = &condition{"role", func(v session.Session, roles []string) bool { return v.User.HasAny(roles) },
	http.StatusForbidden, errors.New("the user lacks a role this path needs")}

// Needs is a list of needs that all have to be met.
type Needs []Need

// String is the needs in words, as in "role admin or owner, and staff"; empty when there are none.
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

// Refusals are the statuses for a session that does not meet them, as "403" or "401 or 403".
func (ns Needs) Refusals() string {
	var list []string
	for _, n := range ns {
		list = append(list, strconv.Itoa(n.of.status))
	}
	slices.Sort(list)
	return strings.Join(slices.Compact(list), " or ")
}

// imply reports whether every session that meets ns meets n.
func (ns Needs) imply(n Need) bool {
	return slices.ContainsFunc(ns, func(m Need) bool { return m.of == n.of && subset(m.values, n.values) })
}

// implyAll reports whether every session that meets ns meets all of others.
func (ns Needs) implyAll(others Needs) bool {
	return !slices.ContainsFunc(others, func(n Need) bool { return !ns.imply(n) })
}

// Access is what a request needs. The zero value needs a signed-in user.
type Access struct {
	// Public is whether no session is needed.
	Public bool
	Needs  Needs // Needs are further conditions; empty for any signed-in user.
	// Withheld is whether the app never gets the request, whoever sends it; see Rules.Withhold.
	Withheld bool
}

// allows reports whether a session meets all needs.
func (a Access) allows(v session.Session) bool { return a.lacking(v) == nil }

// lacking is the first condition that a session does not meet; nil when it meets all.
func (a Access) lacking(v session.Session) *condition {
	for _, n := range a.Needs {
		if !n.of.met(v, n.values) {
			return n.of
		}
	}
	return nil
}

// String is what a request needs, in words.
func (a Access) String() string {
	switch {
	case a.Withheld:
		return "never reaches the app"
	case a.Public:
		return "is open to everybody"
	case len(a.Needs) == 0:
		return "needs a signed-in user"
	}
	return "needs " + a.Needs.String()
}
