package acceptance_test

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sized runs scripts/size on two files of these sizes, beside a list of the sizes before.
func sized(t *testing.T, stripped, symbols int64, last string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for name, size := range map[string]int64{"stripped": stripped, "symbols": symbols} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "last"), []byte(last), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("../scripts/size", filepath.Join(dir, "stripped"), filepath.Join(dir, "symbols"))
	cmd.Env = append(cmd.Environ(), "LAST="+filepath.Join(dir, "last"))
	said, err := cmd.CombinedOutput()
	return string(said), err
}

// `make size` fails when the program, or the one with debug symbols, is more than 3 % larger than in scripts/size.last,
// and when it does not know how large that was.
func TestSizeIsHeldAgainstTheLastSizes(t *testing.T) {
	t.Parallel()
	const last = "# A comment.\nstripped 1000\nsymbols 2000\n"
	for _, c := range []struct {
		name              string
		stripped, symbols int64
		last, refused     string
	}{
		{"as it was", 1000, 2000, last, ""},
		{"3 % larger", 1030, 2060, last, ""},
		{"smaller", 10, 20, last, ""},
		{"the program is larger", 1031, 2000, last, "than the last sizes: stripped\n"},
		{"its symbols are larger", 1000, 2061, last, "than the last sizes: symbols\n"},
		{"both are larger", 1031, 2061, last, "than the last sizes: stripped symbols\n"},
		{"the last size is not known", 1000, 2000, "stripped 1000\n", `no line "symbols BYTES"`},
		{"the last size is no number", 1000, 2000, "stripped x\nsymbols 2000\n", `no line "stripped BYTES"`},
		{"the last size is zero", 1000, 2000, "stripped 0\nsymbols 2000\n", `no line "stripped BYTES"`},
	} {
		said, err := sized(t, c.stripped, c.symbols, c.last)
		if (err != nil) != (c.refused != "") || !strings.Contains(said, c.refused) {
			t.Errorf("%s: %v, want %q\n%s", c.name, err, c.refused, said)
		}
	}
}

// The program of today is at most 3 % larger than it was, and what has debug symbols has the same code.
func TestTheProgramIsAsLargeAsItWas(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stripped, symbols := filepath.Join(dir, "stripped"), filepath.Join(dir, "symbols")
	for out, withSymbols := range map[string]bool{stripped: false, symbols: true} {
		cmd := exec.Command("../scripts/static", out)
		cmd.Env = append(cmd.Environ(), "GOOS=linux", "GOARCH=amd64", fmt.Sprintf("SYMBOLS=%v", withSymbols))
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build: %v\n%s", err, said)
		}
	}
	said, err := exec.Command("../scripts/size", stripped, symbols).CombinedOutput()
	if t.Logf("%s", said); err != nil {
		t.Errorf("%v; if the change is worth that, run scripts/size -keep", err)
	}
	if !bytes.Equal(section(t, stripped, ".text"), section(t, symbols, ".text")) {
		t.Error("the program with debug symbols has other code")
	}
	if bytes.Contains(section(t, stripped, ".rodata"), []byte(`"language.name": "Deutsch"`)) {
		t.Error("the words of the pages are not compressed: see scripts/pack")
	}
	section(t, stripped, ".gopclntab") // what traces of panics are made from
	section(t, symbols, ".symtab")
}

// section returns a section of a program, which has to be there.
func section(t *testing.T, program, name string) []byte {
	t.Helper()
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := f.Section(name)
	if s == nil {
		t.Fatalf("%s has no %s", filepath.Base(program), name)
	}
	b, err := s.Data()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
