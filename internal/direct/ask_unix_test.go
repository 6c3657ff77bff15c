//go:build unix

package direct

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// pairs returns both ends of a connection over TCP and of one over a socket in the file system.
func pairs(t *testing.T) map[string][2]net.Conn {
	t.Helper()
	all := map[string][2]net.Conn{}
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "s")} {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := net.Dial(network, l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _, _ = ours.Close(), theirs.Close(), l.Close() })
		all[network] = [2]net.Conn{ours, theirs}
	}
	return all
}

// What the app answers, however soon, ends the wait for it.
func TestAskMissesNoAnswer(t *testing.T) {
	t.Parallel()
	for network, pair := range pairs(t) {
		ours, theirs := pair[0], pair[1]
		go func() { _, _ = io.Copy(theirs, theirs) }()
		a, look, said := newAsker(ours), newPeeker(ours), make([]byte, 3)
		for range 2000 {
			_ = ours.SetDeadline(time.Now().Add(10 * time.Second))
			if n := a.write([]byte("abc")); n != 3 {
				t.Fatalf("%s: wrote %d", network, n)
			}
			if !look.readable() {
				t.Fatalf("%s: there is no answer yet", network)
			}
			if _, err := io.ReadFull(ours, said); err != nil { // the deadline is over: it waited in vain
				t.Fatalf("%s: %v", network, err)
			}
		}
	}
}

// What the connection does not take at once is left to others, and so is what goes wrong.
func TestAskWritesWhatTheConnectionTakes(t *testing.T) {
	t.Parallel()
	for network, pair := range pairs(t) {
		ours, theirs := pair[0], pair[1]
		a, much := newAsker(ours), bytes.Repeat([]byte("x"), 64<<20)
		_ = ours.SetDeadline(time.Now().Add(time.Minute))
		n := a.write(much)
		if n <= 0 || n == len(much) {
			t.Errorf("%s: wrote %d bytes to an app that reads nothing", network, n)
		}
		if more := a.write(much); more != 0 {
			t.Errorf("%s: wrote %d bytes more", network, more)
		}
		if got, err := io.ReadAll(io.LimitReader(theirs, int64(n))); len(got) != n || err != nil {
			t.Errorf("%s: %d of %d bytes, %v", network, len(got), n, err)
		}
		_ = theirs.Close()
		_ = a.write(much[:1]) // which the system may take
		if n := a.write(much[:1]); n != 0 {
			t.Errorf("%s: wrote to an app that has closed", network)
		}
		_ = ours.Close()
		if n := a.write(much[:1]); n != 0 {
			t.Errorf("%s: wrote to a connection that is closed", network)
		}
	}
}

// The deadline ends the wait for an app that says nothing.
func TestAskWaitsUntilTheDeadline(t *testing.T) {
	t.Parallel()
	for network, pair := range pairs(t) {
		ours := pair[0]
		a := newAsker(ours)
		_ = ours.SetDeadline(time.Now().Add(patience))
		n := a.write([]byte("abc"))
		if _, err := ours.Read(make([]byte, 1)); n != 3 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: wrote %d, then %v", network, n, err)
		}
		if n := a.write([]byte("abc")); n != 0 {
			t.Errorf("%s: wrote %d after the deadline", network, n)
		}
	}
}
