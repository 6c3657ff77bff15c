package server

import (
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"syscall"

	"github.com/gatepost/gatepost/internal/config"
)

// Limits of the listener for proxies that ask for forward-auth. A question has no body that is read, and its answer is
// short. Deadlines for both would cost each question more than they guard.
const (
	// askConnections is how many connections those who may ask can have at once, and askStrangers all others. A further
	// one closes the connection that has been without a question for the longest.
	askConnections = 4096
	askStrangers   = 16
)

func (g *gate) newForwardAuthServer(quiet *log.Logger) *http.Server {
	peers, others := newFew(askConnections), newFew(askStrangers)
	return &http.Server{ReadHeaderTimeout: ReadHeaderTimeout, IdleTimeout: g.c.ListenIdle,
		MaxHeaderBytes: MaxHeaderBytes, ErrorLog: quiet, DisableGeneralOptionsHandler: true,
		ConnState: func(conn net.Conn, state http.ConnState) {
			if g.mayAsk(conn) {
				g.connections.note(conn, state)
				peers.note(conn, state)
				return
			}
			others.note(conn, state)
		}}
}

// mayAsk reports whether the other end of a connection is one of GATEPOST_FORWARD_AUTH_PEERS, or on a Unix socket.
func (g *gate) mayAsk(conn net.Conn) bool {
	at, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return true
	}
	peer := at.AddrPort().Addr().Unmap().WithZone("")
	return slices.ContainsFunc(g.c.ForwardAuthPeers, func(p netip.Prefix) bool { return p.Contains(peer) })
}

// socketMode lets everybody connect who may enter the folder of the socket: a proxy mostly runs as another user.
const socketMode = 0o666

// listenOnSocket opens a listener on a Unix socket. What a gate that was killed has left there is removed.
func listenOnSocket(setting, path string) (net.Listener, error) {
	l, err := net.Listen("unix", path)
	if errors.Is(err, syscall.EADDRINUSE) && isDead(path) && os.Remove(path) == nil {
		l, err = net.Listen("unix", path)
	}
	if err == nil {
		err = os.Chmod(path, socketMode)
	}
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		err = errors.New("another program listens there, or it is no socket: end that, or set another path")
	case errors.Is(err, fs.ErrNotExist):
		err = errors.New("its folder is not there: make it, for the user of the gate")
	default:
		err = config.Cause(err)
	}
	if l != nil {
		_ = l.Close()
	}
	return nil, fmt.Errorf("%s: cannot listen on %s: %w", setting, path, err)
}

// isDead reports whether a path is a socket on which nobody listens.
func isDead(path string) bool {
	if at, err := os.Stat(path); err != nil || at.Mode()&fs.ModeSocket == 0 {
		return false
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		_ = conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}
