package proxy

import "errors"

// ErrWithheld means that a path, or a reading of it, lies below a prefix that is never forwarded. It is refused with
// status 404.
var ErrWithheld = errors.New("the path, as some app might read it, is the gate's own")

// Withhold returns the rules with a prefix of which nothing reaches the app: what the gate itself does not serve there
// is not found. All readings of a path count, for every method, and no public rule sets that aside. Without it the app
// would be handed what was meant for the gate, such as passwords. The prefix has to be a plain path in lower case.
func (r Rules) Withhold(prefix string) Rules {
	r.withheld = append(r.withheld[:len(r.withheld):len(r.withheld)], rule{text: prefix, prefix: prefix, folded: prefix})
	return r
}

// withholds reports whether a reading lies below a prefix that is never forwarded.
func (r Rules) withholds(rd *reading) bool {
	for i := range r.withheld {
		if r.withheld[i].matches(rd) {
			return true
		}
	}
	return false
}
