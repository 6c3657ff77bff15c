package server

import (
	"context"
	"log"
	"log/slog"
	"net"
	"net/http"

	"github.com/gatepost/gatepost/proxy"
)

// openServers creates the HTTP servers. Their handlers answer before the gate is up.
func (g *gate) openServers() {
	starting := "starting"
	g.ready.starting.Store(&starting)
	quiet := g.quiet()
	g.public = &http.Server{Handler: &g.entrance, ReadHeaderTimeout: ReadHeaderTimeout, IdleTimeout: g.c.ListenIdle,
		MaxHeaderBytes: MaxHeaderBytes, ErrorLog: quiet, DisableGeneralOptionsHandler: true,
		ConnState: g.noteConn,
		ConnContext: func(ctx context.Context,
			c net.Conn) context.Context {
			return withSocket(proxy.ConnContext(ctx, c), c)
		},
		Protocols: protocols(g.c.ListenH2C),
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: maxStreams,
			MaxReceiveBufferPerConnection: maxUnread, MaxReceiveBufferPerStream: maxUnread,
			// Where connections may be idle for a short time only, they have to be quiet for less.
			SendPingTimeout: min(pingAfter, g.c.ListenIdle/2), PingTimeout: pingTimeout}}
	if g.c.Certificate != nil {
		g.public.TLSConfig = certificateConfig(g.c.Certificate)
	}
	g.opsPages = g.opsHandler()
	g.ops = newOpsServer(g.at(forOperators), quiet)
	g.ask = g.newForwardAuthServer(quiet)
	g.onClose(g.closeServers)
}

// protocols are the versions of HTTP that the public listener speaks.
func protocols(h2c bool) *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetHTTP2(true) // over TLS
	p.SetUnencryptedHTTP2(h2c)
	return &p
}

// noteConn is the http.Server.ConnState callback of the public listener. It passes a change on to all who count
// connections.
func (g *gate) noteConn(conn net.Conn, state http.ConnState) {
	g.sockets.note(conn, state)
	g.connections.note(conn, state)
	if p := g.entrance.proxy.Load(); p != nil {
		p.ConnState(conn, state)
	}
}

func (g *gate) closeServers() {
	_ = g.public.Close()
	_ = g.ops.Close()
	_ = g.ask.Close()
}

// quiet is the log of http.Server. It logs at level debug, as clients cause most of its lines.
func (g *gate) quiet() *log.Logger { return slog.NewLogLogger(g.log.Handler(), slog.LevelDebug) }

// answer runs serve in the background and sends its error to failed.
func (g *gate) answer(work string, failed chan<- error, serve func() error) {
	go g.watch.Run(context.Background(), work, func(context.Context) { failed <- serve() })
}

// serveOps serves the ops listener, if there is one.
func (g *gate) serveOps(l listeners, failed chan<- error) {
	if l.ops != nil {
		g.answer("answer operators", failed, func() error { return g.ops.Serve(l.ops) })
	}
}

// servePublic serves the public listener.
func (g *gate) servePublic(l listeners, failed chan<- error) {
	g.answer("answer visitors", failed, func() error {
		if g.public.TLSConfig != nil {
			return g.public.ServeTLS(l.public, "", "")
		}
		return g.public.Serve(l.public)
	})
}
