package server

import (
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/gatepost/gatepost/internal/config"
)

// h2c says who may speak HTTP/2 without TLS to the public listener (RFC 9113, section 3.3): a balancer in front.
// Whoever else begins so is turned away before a frame is read.
type h2c struct {
	on       bool
	from     []netip.Prefix // the balancers; none: loopback
	log      *slog.Logger
	stranger sync.Once // logs the first who may not
}

func newH2C(c *config.Config, log *slog.Logger) *h2c {
	return &h2c{on: c.ListenH2C, from: c.TrustedProxies, log: log}
}

func (h *h2c) trusts(peer netip.Addr) bool {
	peer = peer.Unmap().WithZone("")
	if len(h.from) == 0 {
		return peer.IsLoopback()
	}
	return slices.ContainsFunc(h.from, func(p netip.Prefix) bool { return p.Contains(peer) })
}

// preface is what a client begins with that knows that the other side speaks HTTP/2 (RFC 9113, section 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// opening is the beginning of a connection, as far as it is the preface.
type opening struct {
	read  int // bytes of the preface
	other bool
}

// add notes the next bytes.
func (o *opening) add(b []byte) {
	if o.other || o.complete() {
		return
	}
	n := min(len(b), len(preface)-o.read)
	if o.other = !strings.HasPrefix(preface[o.read:], string(b[:n])); !o.other {
		o.read += n
	}
}

// complete reports whether the connection began with all of the preface.
func (o *opening) complete() bool { return o.read == len(preface) }

var errNoH2C = errors.New("HTTP/2 without TLS is spoken to balancers only")

// turnAway ends the connection of a client that may not speak HTTP/2, with an answer of HTTP/1.1.
func (h *h2c) turnAway(c *socket) error {
	h.stranger.Do(func() {
		h.log.Warn("a peer speaks HTTP/2 without TLS and is turned away; if it is your balancer, list its address in "+
			"GATEPOST_TRUSTED_PROXIES", "peer", c.RemoteAddr().String())
	})
	_, _ = io.WriteString(c.TCPConn, "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\n"+
		"Connection: close\r\n\r\n"+errNoH2C.Error()+"\n") // the client may have left
	_ = c.TCPConn.CloseWrite()
	return errNoH2C
}
