package doctor

import (
	"fmt"
	"io"
	"strings"
)

// Level is how bad a finding is.
type Level string

// The levels. Only Failed means that something is wrong.
const (
	OK      Level = "ok"
	Note    Level = "note"
	Warning Level = "warning"
	Failed  Level = "FAILED"
)

// Finding is one test and its result. Scripts may rely on Check and ID in its JSON.
type Finding struct {
	// Check is the group of the test, and ID the test in it. Both are the same in all versions.
	Check string `json:"check"`
	ID    string `json:"id"`
	// Level is how bad the finding is.
	Level Level `json:"level"`
	// Said is the finding in one sentence.
	Said string `json:"message"`
	// Sent and Got are the quoted request and the answer. They are empty when the sentence is enough.
	Sent string `json:"sent,omitempty"`
	Got  string `json:"got,omitempty"`
	// Why is the consequence, and Cure what to do about it.
	Why  string `json:"why,omitempty"`
	Cure string `json:"cure,omitempty"`
}

// Report is all findings, in the order of the tests.
type Report []Finding

func (r *Report) add(f Finding) { *r = append(*r, f) }

func (r *Report) ok(check, id, format string, args ...any) {
	r.add(Finding{Check: check, ID: id, Level: OK, Said: fmt.Sprintf(format, args...)})
}

func (r *Report) note(check, id, format string, args ...any) {
	r.add(Finding{Check: check, ID: id, Level: Note, Said: fmt.Sprintf(format, args...)})
}

// Count is the number of findings of a level.
func (r Report) Count(l Level) int {
	n := 0
	for _, f := range r {
		if f.Level == l {
			n++
		}
	}
	return n
}

// titles are the headings of the checks.
var titles = map[string]string{
	"gate":        "Is this a Gatepost?",
	"spellings":   "Other spellings of the protected path",
	"neighbours":  "Beside what is open",
	"renaming":    "Headers that give a request another path, method or host",
	"identity":    "Headers that say who is there",
	"sockets":     "Sockets and tunnels",
	"forms":       "Forms sent from other sites",
	"caching":     "Caches",
	"cookie":      "Would a login cookie stick?",
	"cookieless":  "What browsers fetch without cookies",
	"app-cookies": "Does the app's own session end?",
	"own-pages":   "A login of the app's own",
	"login":       "Signing in",
	"beside":      "Beside the gate",
}

// WriteText writes the findings as text, with a heading for each check.
func (r Report) WriteText(w io.Writer) error {
	var b strings.Builder
	check := ""
	for _, f := range r {
		if f.Check != check {
			check = f.Check
			fmt.Fprintf(&b, "\n%s\n", titles[check])
		}
		f.write(&b)
	}
	_, err := io.WriteString(w, strings.TrimPrefix(b.String(), "\n"))
	return err
}

func (f Finding) write(b *strings.Builder) {
	fmt.Fprintf(b, "  %-8s %s", f.Level, f.Said)
	if f.Sent != "" {
		fmt.Fprintf(b, ": %s was answered with %s", f.Sent, f.Got)
	}
	b.WriteString("\n")
	for _, more := range []string{f.Why, f.Cure} {
		if more != "" {
			fmt.Fprintf(b, "           %s\n", more)
		}
	}
}

// Summary is the number of findings in words, without a full stop.
func (r Report) Summary() string {
	failed, warnings, fine := r.Count(Failed), r.Count(Warning), r.Count(OK)
	switch {
	case failed > 0:
		return fmt.Sprintf("%s wrong, %s, %d passed", things(failed), plural(warnings, "warning"), fine)
	case warnings > 0:
		return fmt.Sprintf("nothing is wrong, but there is something to look at: %s, %d passed",
			plural(warnings, "warning"), fine)
	}
	return fmt.Sprintf("nothing is wrong: %s passed", plural(fine, "test"))
}

func things(n int) string {
	if n == 1 {
		return "1 thing is"
	}
	return fmt.Sprintf("%d things are", n)
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	if strings.HasSuffix(word, "s") {
		word += "e"
	}
	return fmt.Sprintf("%d %ss", n, word)
}
