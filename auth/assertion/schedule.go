package assertion

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// The life of a key. All gates go by the rows and by PostgreSQL's clock, so that nobody has to agree on anything.
const (
	// period is how long a key signs, until the next one does.
	period = 30 * 24 * time.Hour
	// lead is how long a key is published before it signs: longer than apps and caches between keep the set (MaxAge), and
	// than a gate that hears nothing takes to look.
	lead = 10 * time.Minute
	// keep is how long a key stays published after the next one has begun to sign: longer than reuse, lifetime, MaxAge and
	// a minute between the clocks together.
	keep = 15 * time.Minute
	// MaxAge is how long the set of public keys may be kept by whoever fetches it.
	MaxAge = 5 * time.Minute
)

// dated is a key of a row. activeIn is in how long it begins to sign; negative: it has begun.
type dated struct {
	id       string
	key      *key // nil: it is sealed with an encryption key that is not here
	activeIn time.Duration
}

func (d dated) active() bool { return d.activeIn <= 0 }

// step is what has to be done with the rows now. The zero value is nothing.
type step struct {
	// make says that a key has to be made, which signs in that time.
	make bool
	in   time.Duration
	drop []string // ids of rows that nobody needs any more
}

func (s step) none() bool { return !s.make && len(s.drop) == 0 }

// known returns the keys that are here, in the order in which they sign. A key that is to sign later than any key of
// this schedule is none: it would never let another one follow.
func known(rows []dated) (list []dated) {
	for _, d := range rows {
		if d.key != nil && d.activeIn <= lead+time.Minute {
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b dated) int {
		return cmp.Or(cmp.Compare(a.activeIn, b.activeIn), strings.Compare(a.id, b.id))
	})
	return list
}

// next says what has to be done. Where rows are sealed with a key that is not here, another gate has the keys, and none
// is made: an app that asks that gate would not know it.
func next(rows []dated) (s step) {
	list := known(rows)
	signing := -1
	for i, d := range list {
		if d.active() {
			signing = i
		}
	}
	if signing < 0 {
		s.make = !slices.ContainsFunc(rows, func(d dated) bool { return d.key == nil })
		return s
	}
	if signing == len(list)-1 && list[signing].activeIn <= lead-period {
		s.make, s.in = true, lead
	}
	for i := range signing {
		if list[i+1].activeIn <= -keep {
			s.drop = append(s.drop, list[i].id)
		}
	}
	return s
}
