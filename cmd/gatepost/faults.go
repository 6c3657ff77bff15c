package main

import "strings"

// faults are everything wrong with a configuration, each a sentence.
type faults []error

// add takes in one fault, or each of several that were joined. An error that merely wraps others stays one sentence.
func (f *faults) add(err error) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && faults(joined.Unwrap()).Error() == err.Error() {
		for _, e := range joined.Unwrap() {
			f.add(e)
		}
		return
	}
	*f = append(*f, err)
}

// addEach is add, with a name before each of several that were joined.
func (f *faults) addEach(name string, err error) {
	var list faults
	list.add(err)
	for _, e := range list {
		f.add(named(name, e))
	}
}

func (f faults) Error() string {
	lines := make([]string, len(f))
	for i, err := range f {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets one list take in another.
func (f faults) Unwrap() []error { return f }

func (f faults) orNil() error {
	if len(f) == 0 {
		return nil
	}
	return f
}
