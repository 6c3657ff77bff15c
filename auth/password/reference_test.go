package password

import (
	"bufio"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"

	"github.com/gatepost/gatepost/auth/secret"
)

var hashesOfEach = flag.Int("hashes", 20, "how many `hashes` of each kind the programs that others use are asked for")

// others returns a command of the programs that others use, which prints as many hashes of each kind as asked for.
// Where these are not installed the test is skipped; in CI, where they are, it fails.
func others(t *testing.T) *exec.Cmd {
	t.Helper()
	const all = "import argon2, bcrypt, cryptography, django, passlib, werkzeug"
	pythons := []string{"/usr/bin/python3", "python3"} // Debian's packages are for the first alone
	i := slices.IndexFunc(pythons, func(p string) bool { return exec.Command(p, "-W", "ignore", "-c", all).Run() == nil })
	switch {
	case i >= 0:
		return exec.Command(pythons[i], "-W", "ignore", "testdata/reference.py", strconv.Itoa(*hashesOfEach),
			strconv.Itoa(rand.IntN(1e9)))
	case os.Getenv("CI") != "":
		t.Fatal("passlib, Django and others that make hashes are not installed: scripts/need hashes")
	}
	t.Skip("passlib, Django and others that make hashes are not installed: scripts/need hashes")
	return nil
}

// made is a hash by the program of others.
type made struct{ Kind, From, Hash, Password string }

func (m made) stored() (stored string, err error) {
	switch m.From {
	case "text":
		stored, _, err = Recognise(m.Hash)
		return stored, err
	case "auth0":
		return Auth0([]byte(m.Hash))
	}
	return Clerk(m.From, m.Hash)
}

// What passlib, Django, Werkzeug, argon2 and OpenSSL make of many passwords is verified, bare and wrapped, and no other
// password is right for it.
func TestHashesOfOtherProgramsAreVerified(t *testing.T) {
	t.Parallel()
	cmd := others(t)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var m made
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		count[m.Kind]++
		m.check(t, count[m.Kind] <= 2)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	for kind, n := range count {
		if n != *hashesOfEach {
			t.Errorf("%d hashes of %s were made", n, kind)
		}
	}
	if len(count) < 30 {
		t.Errorf("hashes of %d kinds were made", len(count))
	}
}

// check verifies a hash, and what it is when it is wrapped.
func (m made) check(t *testing.T, wrap bool) {
	stored, err := m.stored()
	if err != nil {
		t.Errorf("%s: %s: %v", m.Kind, m.Hash, err)
		return
	}
	texts := []string{stored}
	if h, _ := read(stored); wrap && !h.compares {
		wrapped, err := Wrap(stored, Derive)
		if err != nil {
			t.Errorf("wrap %s: %v", stored, err)
		}
		texts = append(texts, wrapped)
	}
	for _, text := range texts {
		if !Verify(secret.Password(m.Password), text, Derive) {
			t.Errorf("%s: %q is wrong for %s, stored as %s", m.Kind, m.Password, m.Hash, text)
		}
		if Verify(secret.Password("x"+m.Password), text, Derive) {
			t.Errorf("%s: %q is right for %s, stored as %s", m.Kind, "x"+m.Password, m.Hash, text)
		}
	}
}
