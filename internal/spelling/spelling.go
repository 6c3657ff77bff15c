// Package spelling guesses the known word that a misspelt one was meant to be. The guess is only for messages.
package spelling

import (
	"slices"
	"strings"
)

// Near is the known word nearest to another, the first of equal ones. It reports false when none is near, so that
// nobody is led to something else. Near are words with a few other letters, and else the one word that has whole parts
// more or fewer.
func Near(word string, words []string) (nearest string, near bool) {
	var alike, parts []string
	for _, known := range words {
		if distance(word, known) <= mistakes(word) {
			alike = append(alike, known)
		} else if isPart(known, word) || isPart(word, known) {
			parts = append(parts, known)
		}
	}
	switch {
	case len(alike) > 0:
		return slices.MinFunc(alike, func(a, b string) int { return distance(word, a) - distance(word, b) }), true
	case len(parts) == 1:
		return parts[0], true
	}
	return "", false
}

// mistakes is how many letters of a word may be wrong: a third, at least one, at most three.
func mistakes(word string) int { return min(max(len(word)/3, 1), 3) }

// shortestPart is the least number of letters of a part that stands for the whole. Shorter ones begin too much.
const shortestPart = 3

// isPart reports whether a word lacks only parts of the whole, as sign of sign-out, or KEYCLOAK_ISSUER of
// OIDC_KEYCLOAK_ISSUER. One part alone has to be the first, as URL ends many names.
func isPart(whole, word string) bool {
	whole, word = fold(whole), fold(word)
	return len(word) >= shortestPart && (strings.HasPrefix(whole, word+"-") ||
		strings.Contains(word, "-") && strings.HasSuffix(whole, "-"+word))
}

// fold makes words comparable that differ in case and in what is between their parts.
func fold(word string) string { return strings.ReplaceAll(strings.ToLower(word), "_", "-") }

// distance is the number of letters to insert, delete or replace, and of neighbours to swap (optimal string alignment).
// Case does not count.
func distance(a, b string) int {
	a, b = fold(a), fold(b)
	var before []int // the row before the last
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			next[j+1] = min(row[j+1], next[j]) + 1
			if a[i] == b[j] {
				next[j+1] = min(next[j+1], row[j])
			} else {
				next[j+1] = min(next[j+1], row[j]+1)
			}
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
