package proxy

import (
	"net/http"
	"strings"
)

func isWebSocket(h http.Header) bool {
	return len(h["Upgrade"]) == 1 && strings.EqualFold(h["Upgrade"][0], "websocket")
}

// socketHeaders are the headers of RFC 6455 as Go spells them, and as the RFC does. Names are alike in any case, and
// yet some devices compare them letter by letter.
var socketHeaders = [][2]string{
	{"Sec-Websocket-Accept", "Sec-WebSocket-Accept"},
	{"Sec-Websocket-Extensions", "Sec-WebSocket-Extensions"},
	{"Sec-Websocket-Key", "Sec-WebSocket-Key"},
	{"Sec-Websocket-Protocol", "Sec-WebSocket-Protocol"},
	{"Sec-Websocket-Version", "Sec-WebSocket-Version"},
}

// spellSocket spells the headers of a handshake as RFC 6455 does. It comes last: afterwards Go does not find them.
func spellSocket(h http.Header) {
	for _, name := range socketHeaders {
		if values, ok := h[name[0]]; ok {
			delete(h, name[0])
			h[name[1]] = values
		}
	}
}

// Header is the header of the answer. That of a WebSocket gets its spelling here, because ReverseProxy fills it and
// then takes it from here to write it.
func (x *exchange) Header() http.Header {
	h := x.ResponseWriter.Header()
	if x.status == http.StatusSwitchingProtocols {
		spellSocket(h)
	}
	return h
}
