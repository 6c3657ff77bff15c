package loginui

import (
	"cmp"
	"html/template"
	"slices"
	"strings"

	"github.com/gatepost/gatepost/auth"
)

// The account page looks at activityRead events and has activityMost: those that say something to their user. It shows
// activityFirst, and the others once they are asked for.
const (
	activityRead  = 50
	activityMost  = 10
	activityFirst = 3
)

// pastEntry is the text about one event on the account page.
type pastEntry struct {
	What, Place string
	When        template.HTML
	Times       int    // for templates of operators that were made when there was no Often
	Often       string // how many times it happened; empty: once
	Refused     bool   // somebody else may have tried to get in
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
		if e.Times > 1 {
			e.Often = w.say("activity.times", "n", e.Times)
		}
		if w.has(key) {
			e.What = w.say(key)
			list = append(list, e)
		}
	}
	return list
}

// Recent is the activity that the page shows, and Earlier the rest, which it folds away.
func (p accountPage) Recent() []pastEntry  { return p.Activity[:min(activityFirst, len(p.Activity))] }
func (p accountPage) Earlier() []pastEntry { return p.Activity[min(activityFirst, len(p.Activity)):] }

// Alarming reports whether somebody else may have tried to get in earlier: what says so is not folded away.
func (p accountPage) Alarming() bool {
	return slices.ContainsFunc(p.Earlier(), func(e pastEntry) bool { return e.Refused })
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
