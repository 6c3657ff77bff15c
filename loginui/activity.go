package loginui

import (
	"cmp"
	"html/template"
	"strings"

	"github.com/gatepost/gatepost/auth"
)

// The account page looks at activityRead events and shows activityMost: those that say something to their user.
const (
	activityRead = 50
	activityMost = 10
)

// pastEntry is the text about one event on the account page.
type pastEntry struct {
	What, Place string
	When        template.HTML
	Times       int
	Refused     bool // somebody else may have tried to get in
}

func pastEntries(w *words, past []auth.Past) (list []pastEntry) {
	for _, p := range past {
		if len(list) == activityMost {
			break
		}
		key := "activity." + p.Event
		e := pastEntry{Place: w.Place(p.Client), When: w.when(p.At), Times: int(p.Count)}
		switch {
		case p.ByOperator && p.Result == "ok":
			key = "activity.by-operator"
		case p.Result == "ok":
		case p.Event == "sign-in" && p.Result == "bad_credentials", p.Event == "second-factor" && p.Result == "bad_code":
			key, e.Refused = key+".wrong", true
		case p.Event == "sign-in" && (p.Result == "throttled" || p.Result == "locked"):
			key, e.Refused = key+".refused", true
		default:
			continue
		}
		if w.has(key) {
			e.What = w.say(key)
			list = append(list, e)
		}
	}
	return list
}

// Initials are the first letters of the first and the last word of the user's name, or that of their address where the
// name has none.
func (p accountPage) Initials() string {
	words := strings.Fields(p.User.Name)
	if len(words) == 0 {
		return initial(p.User.Email)
	}
	first := initial(words[0])
	if len(words) > 1 {
		first += initial(words[len(words)-1])
	}
	return cmp.Or(first, initial(p.User.Email))
}
