//go:build unix

package direct

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// asker writes the end of a request and waits for the answer, as one step. Go's Read tries to read before it waits,
// which nearly always fails so soon after a request. asker keeps what it needs, so that it costs no allocation.
type asker struct {
	raw   syscall.RawConn
	end   []byte // of the request
	wrote int    // bytes of it; -1: not tried
	try   func(fd uintptr) (over bool)
}

// newAsker returns nil for what may do more than write when it is told to.
func newAsker(n net.Conn) *asker {
	switch n.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		return nil
	}
	raw, err := n.(syscall.Conn).SyscallConn() //nolint:forcetypeassert // both are
	if err != nil {
		return nil
	}
	a := &asker{raw: raw}
	a.try = func(fd uintptr) (over bool) {
		if a.wrote >= 0 {
			return true // there is something to read
		}
		n, _ := unix.Write(int(fd), a.end) // what went wrong, the next write says
		a.wrote = max(n, 0)
		return a.wrote < len(a.end)
	}
	return a
}

// write returns how much it wrote. If that is all, it first waits until there is something to read, or until the
// connection's deadline is over; it must have one. The wait counts what comes after its beginning, which is before the
// request is written: an app that closed its side just before that is noticed at the deadline.
func (a *asker) write(end []byte) (n int) {
	a.end, a.wrote = end, -1
	_ = a.raw.Read(a.try) // the next read says
	a.end = nil
	return max(a.wrote, 0)
}
