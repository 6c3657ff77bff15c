package config

import (
	"regexp"
	"slices"
	"strings"
)

// Faults is everything that is wrong with a configuration. Each fault is a sentence.
type Faults []error

// Add appends a fault, or each of several that were joined. An error that wraps others in a text of its own stays
// one fault.
func (f *Faults) Add(err error) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && Faults(joined.Unwrap()).Error() == err.Error() {
		for _, e := range joined.Unwrap() {
			f.Add(e)
		}
		return
	}
	*f = append(*f, err)
}

// missing is Add for a setting that is not set and is needed, unless a fault is about this setting already: it is set,
// and cannot be read, or its name is misspelt. One cause is one fault.
func (f *Faults) missing(name string, err error) {
	if !f.about(name) {
		f.Add(err)
	}
}

// about reports whether a fault is about a setting. Faults begin with the name of their setting, or of the variable
// with its file; that of a misspelt name has the name that was meant.
func (f Faults) about(name string) bool {
	return slices.ContainsFunc(f, func(err error) bool {
		said := err.Error()
		rest, begins := strings.CutPrefix(said, name)
		rest = strings.TrimPrefix(rest, "_FILE")
		return begins && !nameLetter.MatchString(rest) || strings.Contains(said, didYouMean(name)) ||
			strings.Contains(said, didYouMean(name+"_FILE"))
	})
}

// nameLetter matches what goes on with the name of a setting.
var nameLetter = regexp.MustCompile(`^[A-Z0-9_]`)

// addEach is Add with a name before each fault.
func (f *Faults) addEach(name string, err error) {
	var list Faults
	list.Add(err)
	for _, e := range list {
		f.Add(named(name, e))
	}
}

// Error is one fault per line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, err := range f {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the faults. Add uses it to merge two lists.
func (f Faults) Unwrap() []error { return f }

// OrNil is f as an error; nil when there are no faults.
func (f Faults) OrNil() error {
	if len(f) == 0 {
		return nil
	}
	return f
}
