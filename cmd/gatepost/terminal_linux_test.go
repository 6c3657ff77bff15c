package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gatepost/gatepost/auth/authtest"
)

// terminal returns a terminal, and a function that closes it and returns what was written to it.
func terminal(t *testing.T) (tty *os.File, read func() string) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	if err := unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return tty, func() string {
		var said strings.Builder
		fmt.Fprint(tty, "\x04")
		_ = tty.Close()
		buf := make([]byte, 4096)
		for !strings.Contains(said.String(), "\x04") {
			n, err := screen.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			said.Write(buf[:n])
		}
		return strings.NewReplacer("\r\n", "\n", "\x04", "").Replace(said.String())
	}
}

// The lines of the log stand behind what a command answers, where a person reads both.
func TestAnAnswerStandsBeforeTheLog(t *testing.T) {
	t.Parallel()
	env := append(os.Environ(), "DATABASE_URL="+authtest.NewDatabase(t))
	tty, read := terminal(t)
	if code := run(t.Context(), []string{"gatepost", "user", "create", "ada@example.com"}, env, tty, tty, tty); code != 0 {
		t.Errorf("exit code %d", code)
	}
	said := read()
	answer, log := strings.Index(said, "password "), strings.Index(said, "event=create-user")
	if answer < 0 || log < answer {
		t.Errorf("it says\n%s", said)
	}
}

// A person reads sentences about the health of a gate, and scripts read JSON.
func TestHealthInWords(t *testing.T) {
	t.Parallel()
	const fine, bad = `{"ready":true,"checks":{"upstream":"ok","database":"ok"}}`,
		`{"ready":false,"checks":{"upstream":"the app does not answer","database":"ok"}}`
	tty, read := terminal(t)
	p := &process{stdout: tty}
	if err := p.printHealth([]byte(fine+"\n"), true); err != nil {
		t.Error(err)
	}
	if err := p.printHealth([]byte(bad), false); err == nil ||
		err.Error() != "the gate is not ready: upstream: the app does not answer" {
		t.Errorf("of a gate that is not ready it says %v", err)
	}
	if said := read(); said != "The gate is ready.\n  database: ok\n  upstream: ok\n" {
		t.Errorf("on a terminal it says %q", said)
	}
	var script strings.Builder
	p.stdout = &script
	if err := p.printHealth([]byte(fine+"\n"), true); err != nil || script.String() != fine+"\n" {
		t.Errorf("to a script it says %q, %v", script.String(), err)
	}
}

// A person reads a sentence in place of an empty table.
func TestAnEmptyListIsASentence(t *testing.T) {
	t.Parallel()
	env := append(os.Environ(), "DATABASE_URL="+authtest.NewDatabase(t))
	for list, want := range map[string]string{
		"token": "There are no API tokens.\n", "webhook": "There are no such events.\n"} {
		tty, read := terminal(t)
		if code := run(t.Context(), []string{"gatepost", list, "list"}, env, tty, tty, tty); code != 0 {
			t.Errorf("%s: exit code %d", list, code)
		}
		if said := read(); said != want {
			t.Errorf("%s list says %q", list, said)
		}
	}
}
