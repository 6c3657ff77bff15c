package main

import "testing"

// Names of people are printed as they are.
func TestNamesOfPeopleArePrintedAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Ada", "José Ñandú", "李小龍", "محمد علي", "Zoë 🙂", "O'Neil-Smith", "Đặng Thị"} {
		if got := printable(name); got != name {
			t.Errorf("%q is printed as %q", name, got)
		}
	}
}
