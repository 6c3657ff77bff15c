package proxy

import (
	"strings"
	"testing"
)

// Every id is new, has all letters at every place, and so no place that says nothing.
func TestOwnRequestIDsAreRandomAtEveryPlace(t *testing.T) {
	t.Parallel()
	const ids = 5000
	seen, letters := map[string]bool{}, [ownIDLength]map[rune]bool{}
	for d, n := new(dice), 0; n < ids; n++ {
		id := d.id()
		if seen[id] || len(id) != ownIDLength {
			t.Fatalf("%q: once more, or of another length", id)
		}
		seen[id] = true
		for i, c := range id {
			if letters[i] == nil {
				letters[i] = map[rune]bool{}
			}
			letters[i][c] = strings.ContainsRune(idLetters, c)
		}
	}
	for i, of := range letters {
		if len(of) != len(idLetters) {
			t.Errorf("place %d of %d ids had %d letters", i, ids, len(of))
		}
	}
}
