package config

import "strings"

// Faults are everything wrong with a configuration, each a sentence.
type Faults []error

// Add takes in one fault, or each of several that were joined. An error that merely wraps others stays one sentence.
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

// AddEach is add, with a name before each of several that were joined.
func (f *Faults) AddEach(name string, err error) {
	var list Faults
	list.Add(err)
	for _, e := range list {
		f.Add(named(name, e))
	}
}

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, err := range f {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets one list take in another.
func (f Faults) Unwrap() []error { return f }

func (f Faults) OrNil() error {
	if len(f) == 0 {
		return nil
	}
	return f
}
