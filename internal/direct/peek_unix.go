//go:build unix

package direct

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// peeker sees whether a connection has something to read, be it the end, without reading and without waiting. It keeps
// what it needs, so that a look costs no allocation.
type peeker struct{ look *look }

type look struct {
	raw   syscall.RawConn
	fds   [1]unix.PollFd
	ready bool
	poll  func(fd uintptr)
}

func newPeeker(n net.Conn) peeker {
	s, ok := n.(syscall.Conn)
	if !ok {
		return peeker{}
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return peeker{}
	}
	l := &look{raw: raw}
	l.poll = func(fd uintptr) {
		l.fds[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
		n, err := unix.Poll(l.fds[:], 0)
		l.ready = err != nil || n > 0
	}
	return peeker{l}
}

// readable reports whether there is something to read. An unknown state counts as readable.
func (p peeker) readable() bool {
	if p.look == nil {
		return true
	}
	// Control, as Read would fail after the deadline of the request before.
	return p.look.raw.Control(p.look.poll) != nil || p.look.ready
}
