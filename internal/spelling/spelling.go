// Package spelling guesses the known word that a misspelt one was meant to be. The guess is only for messages.
package spelling

import "slices"

// Nearest is the word with the fewest letters to change, the first of equal ones. words must not be empty.
func Nearest(word string, words []string) string {
	return slices.MinFunc(words, func(a, b string) int { return distance(word, a) - distance(word, b) })
}

// Near is Nearest for a word that may be none of them. It reports false when more than a third of the letters and one
// would have to change.
func Near(word string, words []string) (nearest string, near bool) {
	nearest = Nearest(word, words)
	return nearest, distance(word, nearest) <= len(word)/3+1
}

// distance is the Levenshtein distance: the number of letters to insert, delete or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
