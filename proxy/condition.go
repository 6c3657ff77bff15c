package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/spelling"
)

// StepUp is the error for a session in which too little was proved, or too long ago. It says all that the path needs of
// it, and not only what is missing.
type StepUp struct {
	Level  int           // Level is 2 where a second factor is needed; 0: any level does.
	MaxAge time.Duration // MaxAge is how long ago the user may have been proved; 0: any time.
}

// Error says what is needed.
func (s *StepUp) Error() string {
	var needs []string
	if s.Level > 0 {
		needs = append(needs, "a second factor")
	}
	if s.MaxAge > 0 {
		needs = append(needs, fmt.Sprintf("a proof within %v", s.MaxAge))
	}
	return "the path needs " + strings.Join(needs, " and ") + " in this session"
}

// ofLevel asks for a session in which a second factor was proved.
var ofLevel = &condition{name: "level", status: http.StatusUnauthorized,
	met: func(v session.Session, _ Need) bool { return v.Proof.Level() >= 2 }}

// ofAge asks for a user who was proved lately. It is judged when a request begins: what lasts goes on.
var ofAge = &condition{name: "a proof within", status: http.StatusUnauthorized, atStart: true,
	met: func(v session.Session, n Need) bool { return v.Grant == nil && v.Age() <= n.within }}

// ofFactor asks those with one of several roles, or everybody if there are none, for a second factor, which the sign-in
// may have left out in a browser that is trusted.
var ofFactor = &condition{name: "a second factor", status: http.StatusUnauthorized,
	met: func(v session.Session, n Need) bool {
		return v.Proof.Level() >= 2 || slices.Contains(v.Proof.Methods, session.Trusted) ||
			len(n.values) > 0 && !v.User.HasAny(n.values)
	}}

// shortestFresh is the least duration of a condition: less would be over before a page is loaded.
const shortestFresh = time.Minute

// conditionNames are those that a rule can have, besides roles.
var conditionNames = []string{"aal2", "fresh"}

// IsCondition reports whether a word is one that a condition of a rule begins with, so that no role has its name.
func IsCondition(word string) bool { return likeCondition(word) }

// likeCondition reports whether a word is one that a condition begins with, in any letter case.
func likeCondition(word string) bool {
	name, _, _ := strings.Cut(strings.ToLower(word), "=")
	return slices.Contains(conditionNames, name)
}

// parseNeeds reads what stands behind the = of a rule: roles, and conditions with a + before each.
func parseNeeds(path, s string) (needs Needs, err error) {
	roles, rest, more := strings.Cut(s, "+")
	if strings.TrimSpace(roles) != "" || !more {
		n, err := parseRoles(path, roles)
		if err != nil {
			return nil, err
		}
		needs = append(needs, n)
	}
	for more {
		var word string
		word, rest, more = strings.Cut(rest, "+")
		n, err := parseCondition(strings.TrimSpace(word))
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(needs, func(other Need) bool { return other.of == n.of }) {
			return nil, fmt.Errorf("has the condition %q twice, or one like it", word)
		}
		needs = append(needs, n)
	}
	return needs, nil
}

func parseRoles(path, s string) (Need, error) {
	var names []string
	for role := range strings.SplitSeq(s, "|") {
		switch role = strings.TrimSpace(role); {
		case likeCondition(role):
			return Need{}, fmt.Errorf("%q is a condition and no role; write %s=%s", role, path, withConditions(s))
		case !session.ValidRole(role):
			return Need{}, fmt.Errorf("%q is not a role; write roles like /admin=admin|owner, with letters, digits "+
				"and _ . : -", role)
		case slices.Contains(names, role):
			return Need{}, fmt.Errorf("names role %s twice", role)
		}
		names = append(names, role)
	}
	return Need{of: ofRole, values: names}, nil
}

// withConditions writes a list, in which conditions stand among roles, as a rule has it: no role gets lost.
func withConditions(list string) string {
	var roles, conditions []string
	for word := range strings.SplitSeq(list, "|") {
		if word = strings.TrimSpace(word); likeCondition(word) {
			conditions = append(conditions, strings.ToLower(word))
		} else {
			roles = append(roles, word)
		}
	}
	return strings.Join(roles, "|") + "+" + strings.Join(conditions, "+")
}

func parseCondition(word string) (Need, error) {
	name, duration, hasDuration := strings.Cut(word, "=")
	switch {
	case word == "":
		return Need{}, errors.New("has an empty condition; behind a + stands aal2, or fresh with a duration, as in " +
			"/billing=+fresh=10m")
	case word == "aal2":
		return Need{of: ofLevel, values: []string{"2 (a second factor)"}}, nil
	case name == "fresh" && hasDuration:
		d, err := time.ParseDuration(duration)
		if err != nil || d < shortestFresh {
			return Need{}, fmt.Errorf("%q is no duration of %v or more; write it like fresh=10m or fresh=12h", duration,
				shortestFresh)
		}
		return Need{of: ofAge, values: []string{duration}, within: d}, nil
	case name == "fresh":
		return Need{}, errors.New("the condition fresh has a duration, as in fresh=10m")
	}
	return Need{}, fmt.Errorf("there is no condition %q%s; there are aal2, and fresh with a duration, as in fresh=10m",
		word, meant(name))
}

// meant is a guess at a condition that was misspelt, for an error; empty: there is none.
func meant(word string) string {
	switch strings.ToLower(word) {
	case "2fa", "mfa", "totp", "otp", "aal", "acr", "level", "level2", "second-factor":
		return "; did you mean aal2?"
	}
	if near, ok := spelling.Near(word, conditionNames); ok {
		return "; did you mean " + near + "?"
	}
	return ""
}

// withoutSemicolons fails for a rule with one.
func withoutSemicolons(entry string) error {
	if !strings.Contains(entry, ";") {
		return nil
	}
	const why = "has a ;, where a shell would cut and leave a weaker rule"
	before, behind, _ := strings.Cut(entry, ";")
	for word := range strings.SplitSeq(behind, ";") {
		if !likeCondition(strings.TrimSpace(word)) {
			return errors.New(why + ": no path of a rule has one, so write the path without it")
		}
	}
	first := "+"
	if !strings.Contains(before, "=") {
		first = "=+"
	}
	return fmt.Errorf("%s: a condition stands behind a +, as in %s%s%s", why, before, first,
		strings.ReplaceAll(behind, ";", "+"))
}

// conditionDoubts are about a rule that asks less of the session than a shorter one does, which it sets aside, and
// about a condition that is part of the path.
func (r Rules) conditionDoubts(i int) (list []string) {
	ru := &r.list[i]
	if path, word, ok := strings.Cut(ru.prefix, "+"); ok && likeCondition(word) {
		list = append(list, fmt.Sprintf("GATEPOST_PROTECT: rule %q protects only paths that have the +, and not %s; a "+
			"condition is written %s=+%s", ru.text, path, path, word))
	}
	for j := range r.list {
		o := &r.list[j]
		if !ru.setsAside(o) {
			continue
		}
		for _, n := range o.needs {
			if n.of != ofRole && !ru.needs.imply(n) {
				list = append(list, fmt.Sprintf("GATEPOST_PROTECT: rule %q does not ask for %s, as the shorter rule %q does; "+
					"to keep that, write the condition behind it, too", ru.text, Needs{n}, o.text))
			}
		}
	}
	return list
}

// setsAside reports whether a protecting rule decides in the place of another one below its own prefix.
func (ru *rule) setsAside(o *rule) bool {
	if o.public || ru == o || o.pattern || !covers(o.prefix, instance(ru.prefix, fillers[0])) {
		return false
	}
	if o.prefix == ru.prefix {
		return ru.methods != nil && o.methods == nil
	}
	return o.methods == nil || ru.methods == nil || slices.ContainsFunc(ru.methods, o.namesMethod)
}

// WithSecondFactor returns rules by which every protected path needs a second factor of users with one of the roles, or
// of everybody if there are none.
func (r Rules) WithSecondFactor(roles []string) Rules {
	var values []string
	if len(roles) > 0 {
		values = roles
	}
	r.always = Needs{{of: ofFactor, values: values}}
	return r
}

// AskingLevel are the rules, as written, that have the condition aal2.
func (r Rules) AskingLevel() (list []string) {
	for _, ru := range r.list {
		if slices.ContainsFunc(ru.needs, func(n Need) bool { return n.of == ofLevel }) {
			list = append(list, ru.text)
		}
	}
	return list
}

// StepUp is what the page at a raw path needs of a session besides its roles, if that is missing; else nil.
func (r Rules) StepUp(rawPath string, v session.Session) *StepUp {
	a := r.For(http.MethodGet, rawPath)
	if a.Public || a.Withheld {
		return nil
	}
	if lacking := a.lacking(v); lacking != nil && lacking.refusal == nil {
		return a.stepUp()
	}
	return nil
}
