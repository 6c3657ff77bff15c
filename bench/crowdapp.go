package main

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// Paths of the app that connections are measured with.
const (
	socketPath = "/socket"
	eventsPath = "/events"
	largePath  = "/large" // ?bytes= says how many there are to download
)

// serveCrowdApp is an app whose connections last: a WebSocket that says nothing, an event stream after its first
// event, a long download, and a long upload.
func serveCrowdApp([]string) error { return serve(crowdApp()) }

func crowdApp() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+socketPath, holdSocket)
	mux.HandleFunc("GET "+eventsPath, holdEvents)
	mux.HandleFunc("GET "+largePath, sendLarge)
	mux.HandleFunc("POST "+largePath, takeLarge)
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here\n") })
	return mux
}

// holdSocket answers a handshake with the key of RFC 6455, section 1.3, and waits until the other side closes.
func holdSocket(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
	_, _ = conn.Read(make([]byte, 1)) // its end is what is waited for
}

func holdEvents(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = io.WriteString(w, "data: here\n\n")
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

func sendLarge(w http.ResponseWriter, r *http.Request) {
	left, err := strconv.ParseInt(r.FormValue("bytes"), 10, 64)
	if err != nil {
		http.Error(w, "bytes is no number", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(left, 10))
	for block := make([]byte, 64<<10); left > 0; left -= int64(len(block)) {
		block = block[:min(left, int64(len(block)))]
		if _, err := w.Write(block); err != nil {
			return // the client has left
		}
	}
}

func takeLarge(w http.ResponseWriter, r *http.Request) {
	n, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{r.Body}, make([]byte, 64<<10))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	answer := fmt.Sprintln(n)
	w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	_, _ = io.WriteString(w, answer)
}

// handshake is what a client asks for a WebSocket with, beside what any request has.
const handshake = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
