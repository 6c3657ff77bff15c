package server

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// pair is a patient connection and its other end.
func pair(t *testing.T) (c *patient, other net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if other, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = conn.Close(), other.Close() })
	return &patient{TCPConn: conn.(*net.TCPConn)}, other
}

// looks begins the read of package http that sees whether the visitor leaves.
func looks(c *patient) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 1))
		done <- err
	}()
	return done
}

// underWay waits until the read waits, or is told that it has ended.
func (c *patient) underWay(t *testing.T) {
	t.Helper()
	for {
		c.mu.Lock()
		under := c.waits || c.reading
		c.mu.Unlock()
		if under {
			return
		}
	}
}

var past = time.Unix(1, 0)

func TestALookAtTheVisitorEndsWhenTheAnswerIsSent(t *testing.T) {
	c, _ := pair(t)
	for range 1000 {
		look := looks(c)
		c.underWay(t)
		if err := c.SetReadDeadline(past); err != nil {
			t.Fatal(err)
		}
		var timeout net.Error
		if err := <-look; !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Fatalf("it ends with %v", err)
		}
		if err := c.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAVisitorWhoLeavesIsSeen(t *testing.T) {
	c, other := pair(t)
	look := looks(c)
	_ = other.Close()
	if err := <-look; err != io.EOF {
		t.Errorf("got %v, want io.EOF", err)
	}
}

func TestAByteThatComesIsNotLost(t *testing.T) {
	c, other := pair(t)
	look := looks(c)
	if _, err := other.Write([]byte("ab")); err != nil {
		t.Fatal(err)
	}
	if err := <-look; err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2)
	if n, err := c.Read(b); n != 1 || b[0] != 'b' {
		t.Errorf("after the first byte came %q, %v", b[:n], err)
	}
}

func TestDeadlinesOfReadsHoldWhenTheyAreRead(t *testing.T) {
	c, other := pair(t)
	expect := func(what string, size int, want error) {
		t.Helper()
		if _, err := c.Read(make([]byte, size)); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", what, err, want)
		}
	}
	_ = c.SetReadDeadline(past)
	expect("a deadline from before", 2, os.ErrDeadlineExceeded)
	expect("a deadline from before a look", 1, os.ErrDeadlineExceeded)
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	expect("a deadline that comes", 2, os.ErrDeadlineExceeded)
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	expect("a deadline that comes during a look", 1, os.ErrDeadlineExceeded)
	_ = c.SetReadDeadline(time.Time{})
	if _, err := other.Write([]byte("a")); err != nil {
		t.Fatal(err)
	}
	expect("no deadline any more", 2, nil)

	reading := make(chan error, 1)
	go func() { _, err := c.Read(make([]byte, 2)); reading <- err }()
	c.underWay(t)
	_ = c.SetReadDeadline(past)
	if err := <-reading; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a deadline during a read: got %v", err)
	}
}

func TestWritesHaveTheirDeadlines(t *testing.T) {
	c, _ := pair(t)
	_ = c.SetWriteDeadline(past)
	if _, err := c.Write([]byte("a")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	_ = c.SetWriteDeadline(time.Time{})
	if _, err := c.Write([]byte("a")); err != nil {
		t.Errorf("without one: %v", err)
	}
}

// What takes a connection over, as a WebSocket does, may read from the connection below.
func TestDeadlinesOfATakenConnectionAreSetAtOnce(t *testing.T) {
	c, _ := pair(t)
	_ = c.SetReadDeadline(past)
	_ = c.SetDeadline(time.Time{})
	_ = c.SetReadDeadline(past)
	if _, err := c.TCPConn.Read(make([]byte, 2)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a read of the connection below: got %v", err)
	}
	_ = c.SetDeadline(past)
	if _, err := c.Write([]byte("a")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a write: got %v", err)
	}
}

func TestWhatIsClosedIsNotWaitedFor(t *testing.T) {
	for _, closes := range []func(*patient){
		func(c *patient) { _ = c.Close() },
		func(c *patient) { _ = c.TCPConn.Close() }, // as who gives way does
	} {
		c, _ := pair(t)
		look := looks(c)
		c.underWay(t)
		closes(c)
		if err := <-look; !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
}
