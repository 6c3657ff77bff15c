package password

import (
	"strings"
	"sync"
	"unicode"
)

// The rules here are about shape alone: sequences, repeats and walks over a keyboard, which is what zxcvbn's spatial,
// sequence and repeat matchers look for. They count how many choices a password took. A run counts once, a word of the
// list of common passwords four times, any other character once. loginui/static/script.js has the same rules, and
// TestTheScriptJudgesAsTheServerDoes compares.
const (
	fewChoices = 5 // a password of so many choices is as good as a short one
	leastRun   = 3 // characters that make a run
	wordCost   = 4

	longestWord = 16 // of the common passwords that are looked for within another one
)

// guessable says that a password is only a few runs. Words are no runs, however many, so that no passphrase is refused.
func guessable(folded string) bool {
	text := []rune(folded)
	if n := period(text); n < MinLength && n < len(text) {
		return true // a few characters, again and again
	} else if n < len(text) {
		text = text[:n]
	}
	limit := max(fewChoices, (len(text)+2)/leastRun)
	if choices(text) <= limit {
		return true
	}
	even, odd := interleaved(text) // a1b2c3d4
	return choices(even)+choices(odd) <= min(limit, fewChoices)
}

// period is the length of what a text repeats from its beginning, at least twice, the last time perhaps in part.
func period(text []rune) int {
	for n := 1; n <= len(text)/2; n++ {
		i := n
		for i < len(text) && text[i] == text[i-n] {
			i++
		}
		if i == len(text) {
			return n
		}
	}
	return len(text)
}

func interleaved(text []rune) (even, odd []rune) {
	for i, r := range text {
		if i%2 == 0 {
			even = append(even, r)
		} else {
			odd = append(odd, r)
		}
	}
	return even, odd
}

// choices is the least that a text can be made of.
func choices(text []rune) int {
	least := make([]int, len(text)+1) // of the text from there on
	for i := len(text) - 1; i >= 0; i-- {
		least[i] = least[i+1] + 1
		if n := longestRun(text[i:]); n >= leastRun {
			least[i] = min(least[i], least[i+n]+1)
		}
		if n := commonWord(text[i:]); n > 0 {
			least[i] = min(least[i], least[i+n]+wordCost)
		}
	}
	return least[0]
}

// commonWord is the length of the longest common password that a text begins with.
func commonWord(text []rune) int {
	if len(text) < MinLength {
		return 0
	}
	for n := min(len(text), commonStarts()[[MinLength]rune(text)]); n >= MinLength; n-- {
		if _, ok := commonSet()[string(text[:n])]; ok {
			return n
		}
	}
	return 0
}

// commonStarts knows by its beginning how long a common password may be: few texts begin as one does.
var commonStarts = sync.OnceValue(func() map[[MinLength]rune]int {
	longest := make(map[[MinLength]rune]int, len(commonSet()))
	for word := range commonSet() {
		if text := []rune(word); len(text) >= MinLength {
			start := [MinLength]rune(text)
			longest[start] = max(longest[start], min(len(text), longestWord))
		}
	}
	return longest
})

// longestRun is how long the sequence, the repeat or the walk is that a text begins with.
func longestRun(text []rune) int {
	longest := runOf(text, func(a, b rune) (int, bool) { return inSequence(a, b) })
	for _, keys := range keyboards {
		longest = max(longest, runOf(text, keys.step))
	}
	return longest
}

// runOf follows one step again and again (qwerty, 2468), or two by turns (1q2w3e, aabbcc), for which it takes five
// characters.
func runOf(text []rune, step func(a, b rune) (int, bool)) int {
	var first, before, last, steps, alike int // alike: of the steps from the first one on
	for i := 1; i < len(text); i++ {
		s, ok := step(text[i-1], text[i])
		if !ok || steps >= 2 && s != before {
			break
		}
		if steps == 0 {
			first = s
		}
		if alike == steps && s == first {
			alike++
		}
		before, last, steps = last, s, steps+1
	}
	if steps >= 4 && alike < steps {
		return steps + 1
	}
	return alike + 1
}

// inSequence knows neighbours in an alphabet, in either direction, two apart too, and repeats.
func inSequence(a, b rune) (int, bool) {
	digits := unicode.IsDigit(a) && unicode.IsDigit(b)
	if !digits && !(unicode.IsLetter(a) && unicode.IsLetter(b)) {
		return 0, a == b
	}
	d := int(b - a)
	if a < unicode.MaxASCII && digits && (d == 9 || d == -9) { // 9 and 0 are neighbours
		d /= -9
	}
	return d, -1 <= d && d <= 1 || digits && (d == 2 || d == -2)
}

// keyboard is where keys are: columns as if they stood straight below each other.
type keyboard struct {
	at       map[rune][2]int
	diagonal bool // all neighbours touch, as on a block of digits
}

// step is the way from one key to the next one, if they touch.
func (k keyboard) step(a, b rune) (int, bool) {
	from, ok1 := k.at[a]
	to, ok2 := k.at[b]
	x, y := to[0]-from[0], to[1]-from[1]
	touch := -1 <= x && x <= 1 && -1 <= y && y <= 1 && (k.diagonal || x != y || x == 0)
	return 3*y + x, ok1 && ok2 && touch
}

// keyboards are QWERTY, QWERTZ, AZERTY, ЙЦУКЕН and the block of digits, with what keys give with Shift behind a blank.
var keyboards = []keyboard{
	newKeyboard(false, "1234567890-= !@#$%^&*()_+", "qwertyuiop[] QWERTYUIOP{}", "asdfghjkl;' ASDFGHJKL:\"",
		"zxcvbnm,./ ZXCVBNM<>?"),
	newKeyboard(false, "1234567890ß !\"§$%&/()=?", "qwertzuiopü", "asdfghjklöä", "yxcvbnm,.- YXCVBNM;:_"),
	newKeyboard(false, "1234567890°+ &é\"'(-è_çà)=", "azertyuiop", "qsdfghjklmù", "wxcvbn,;:! WXCVBN?./§"),
	newKeyboard(false, "1234567890", "йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю."),
	newKeyboard(true, "789", "456", "123", "0"),
}

func newKeyboard(diagonal bool, rows ...string) keyboard {
	k := keyboard{map[rune][2]int{}, diagonal}
	for y, row := range rows {
		for keys := range strings.SplitSeq(row, " ") {
			for x, r := range []rune(keys) {
				k.at[r] = [2]int{x, y}
			}
		}
	}
	return k
}
