package doctor

import (
	"context"
	"net/http"
)

// checkSockets asks for connections that stop being HTTP requests, so that no rule judges what they carry.
func (e *examination) checkSockets(ctx context.Context) {
	socket := []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: Z2F0ZXBvc3QtZG9jdG9yIQ=="}
	h2c := []string{"Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"}
	failures := e.report.Count(Failed)
	if !e.gate.open {
		e.upgrade(ctx, "sockets.websocket", e.c.Protected, socket, "whoever is signed out talks to the app through it")
	}
	for _, target := range []string{e.c.Protected, e.c.Public} {
		e.upgrade(ctx, "sockets.h2c", target, h2c,
			"what flows in it is HTTP/2 that no rule sees, so every protected page can be had through it")
	}
	for _, r := range []request{{method: "TRACE", target: e.c.Public}, {method: "CONNECT", target: otherHost + ":443"},
		{method: "CONNECT", target: e.c.Protected}} {
		e.refusedMethod(ctx, r)
	}
	if e.report.Count(Failed) == failures {
		e.report.ok("sockets", "sockets.refused", "a WebSocket while signed out, h2c, TRACE and CONNECT open nothing")
	}
}

func (e *examination) upgrade(ctx context.Context, id, target string, lines []string, why string) {
	r := request{target: target, lines: lines}
	if a := e.ask(ctx, r); a.status == http.StatusSwitchingProtocols {
		e.found("sockets", id, Failed, r, a, "a socket was opened").
			because("The connection is a tunnel now: "+why+".",
				"Let the gate see the handshake: the proxy in front must not answer Upgrade itself or send it past "+
					"the gate.")
	}
}

// refusedMethod tries a method that acts on connections. Only its success is a fault.
func (e *examination) refusedMethod(ctx context.Context, r request) {
	if a := e.ask(ctx, r); a.is2xx() {
		e.found("sockets", "sockets."+fold(r.method), Failed, r, a, "%s was carried out", r.method).
			because("TRACE shows headers that scripts may not read, and CONNECT opens a tunnel past the rules.",
				"Switch the method off in the proxy in front; the gate answers it with 405.")
	}
}
