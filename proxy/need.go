package proxy

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth/session"
)

// Need is what a rule asks of a session besides a signed-in user: a condition with one of several values.
type Need struct {
	of     *condition
	values []string      // as they are said
	within time.Duration // of ofAge
}

// condition is a kind of need. A new kind is a value like ofRole, and a line that makes its needs (parseNeeds).
type condition struct {
	name string // the name of the values for `gatepost explain`
	// met reports whether a session meets the need.
	met func(session.Session, Need) bool
	// status and refusal are the answer to a session that does not. No refusal: a StepUp is.
	status  int
	refusal error
	// atStart says that only the beginning of a request is judged by it, and not what lasts.
	atStart bool
}

// ofRole asks for a user with one of several roles.
var ofRole = &condition{name: "role", met: func(v session.Session, n Need) bool { return v.User.HasAny(n.values) },
	status: http.StatusForbidden, refusal: errors.New("the user lacks a role this path needs")}

// Needs is a list of needs that all have to be met.
type Needs []Need

// String is the needs in words, as in "role admin or owner, and staff"; empty when there are none.
func (ns Needs) String() string {
	var kinds []string
	each := map[string][]string{}
	for _, n := range ns {
		if n.of == ofAge && n.within > ns.stepUp().MaxAge || n.of == ofFactor && len(n.values) == 0 && ns.has(ofLevel) {
			continue // another one says as much
		}
		if each[n.of.name] == nil {
			kinds = append(kinds, n.of.name)
		}
		said := strings.Join(n.values, " or ")
		if n.of == ofFactor && said != "" {
			said = "for role " + said
		}
		each[n.of.name] = append(each[n.of.name], said)
	}
	for i, name := range kinds {
		slices.Sort(each[name])
		kinds[i] = strings.TrimSpace(name + " " + strings.Join(slices.Compact(each[name]), ", and "))
	}
	return strings.Join(kinds, ", and ")
}

func (ns Needs) has(of *condition) bool {
	return slices.ContainsFunc(ns, func(n Need) bool { return n.of == of })
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
	return slices.ContainsFunc(ns, func(m Need) bool {
		switch {
		case m.of != n.of:
			return false
		case m.of == ofAge:
			return m.within <= n.within
		}
		return subset(m.values, n.values)
	})
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

// lacking is the first condition that a session does not meet, a role before others: whoever lacks one gains nothing by
// proving themselves. Nil when it meets all.
func (a Access) lacking(v session.Session) (first *condition) {
	for i := range a.Needs {
		n := &a.Needs[i]
		if first != nil && n.of.refusal == nil || n.of.met(v, *n) {
			continue
		}
		if first = n.of; n.of.refusal != nil {
			return first
		}
	}
	return first
}

// refusalOf is the error for a session that does not meet a condition.
func (a Access) refusalOf(c *condition) error {
	if c.refusal != nil {
		return c.refusal
	}
	return a.stepUp()
}

func (a Access) stepUp() *StepUp { return a.Needs.stepUp() }

// stepUp is what they ask of the proof of a session: the highest level, and the shortest age.
func (ns Needs) stepUp() *StepUp {
	var s StepUp
	for _, n := range ns {
		switch n.of {
		case ofLevel, ofFactor:
			s.Level = 2
		case ofAge:
			if s.MaxAge == 0 || n.within < s.MaxAge {
				s.MaxAge = n.within
			}
		}
	}
	return &s
}

// AskProof reports whether one of them asks for a level or an age, so that the user may have to prove themselves again.
func (ns Needs) AskProof() bool { return *ns.stepUp() != StepUp{} }

// goesOn reports whether what a session has begun may go on.
func (a Access) goesOn(v session.Session) bool {
	return !slices.ContainsFunc(a.Needs, func(n Need) bool { return !n.of.atStart && !n.of.met(v, n) })
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
