package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// The pseudo-locales show what translations may do to a page: every word is 40 % longer than in English, with accents
// in one and in Hebrew letters, from right to left, in the other. Neither is a language that the gate ships.
var pseudo = []struct {
	tongue
	letter func(rune) rune
}{
	{tongue{lang: "en-XA", dir: "ltr"}, accented},
	{tongue{lang: "yi", dir: "rtl"}, hebrew},
}

// writePseudo writes the messages of the pseudo-locales, as an operator would, to a directory of overrides.
func writePseudo(t *testing.T) (overrides string) {
	t.Helper()
	overrides = t.TempDir()
	dir := filepath.Join(overrides, "messages")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("../loginui/messages/en.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pseudo {
		var messages any
		if err := json.Unmarshal(source, &messages); err != nil {
			t.Fatal(err)
		}
		written, err := json.Marshal(translated(messages, p.letter))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, p.lang+".json"), written, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return overrides
}

// translated is a message, plural forms, a list, or all messages, in other letters.
func translated(message any, letter func(rune) rune) any {
	switch m := message.(type) {
	case map[string]any:
		for key := range m {
			m[key] = translated(m[key], letter)
		}
	case []any:
		for i := range m {
			m[i] = translated(m[i], letter)
		}
	case string:
		return lengthened(m, letter)
	}
	return message
}

var kept = regexp.MustCompile(`\{[^}]*\}`) // placeholders

// lengthened doubles two letters of five, or of what is left of a word.
func lengthened(text string, letter func(rune) rune) string {
	var b strings.Builder
	end, inWord := 0, 0
	write := func(plain string) {
		for _, r := range plain {
			if !unicode.IsLetter(r) {
				inWord = 0
				b.WriteRune(r)
				continue
			}
			b.WriteRune(letter(r))
			if inWord%5 == 0 || inWord%5 == 2 {
				b.WriteRune(letter(r))
			}
			inWord++
		}
	}
	for _, at := range kept.FindAllStringIndex(text, -1) {
		write(text[end:at[0]])
		b.WriteString(text[at[0]:at[1]])
		end = at[1]
	}
	write(text[end:])
	return b.String()
}

func accented(r rune) rune {
	const plain, marked = "aceginosuyACEGINOSUYwzZ", "åçéğîñöşüýÅÇÉĞÎÑÖŞÜÝŵžŽ"
	if i := strings.IndexRune(plain, r); i >= 0 {
		return []rune(marked)[i]
	}
	return r
}

func hebrew(r rune) rune {
	if i := unicode.ToLower(r) - 'a'; 0 <= i && i < 26 {
		return []rune("אבגדהוזחטיכלמנסעפצקרשתםןףץ")[i]
	}
	return r
}

func TestPseudoLocalesKeepPlaceholdersAndAreLonger(t *testing.T) {
	const text = "{n} of {min} characters"
	for _, p := range pseudo {
		got := lengthened(text, p.letter)
		want := map[string]string{
			"en-XA": "{n} ööf {min} ççhååråççtéérş",
			"yi":    "{n} ססו {min} גגחאאצאגגרההצק",
		}[p.lang]
		if got != want {
			t.Errorf("%s: %q, want %q", p.lang, got, want)
		}
	}
}
