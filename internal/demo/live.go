package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/net/websocket"

	"github.com/gatepost/gatepost/internal/upkeep"
)

// me answers a request for data.
func me(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]string{ // the visitor may have left
		"id": r.Header.Get("X-Auth-User"), "email": decoded(r.Header.Get("X-Auth-Email"))})
}

// tellTime tells for how long a WebSocket is open, every second until it is closed.
func tellTime(socket *websocket.Conn) {
	defer socket.Close()
	closed := make(chan struct{})
	go upkeep.Watch{}.Run(context.Background(), "wait for the end of a socket", func(context.Context) {
		_, _ = io.Copy(io.Discard, socket) // ends with it
		close(closed)
	})
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for seconds := 0; ; seconds++ {
		if _, err := fmt.Fprintf(socket, "Open for %d s.", seconds); err != nil {
			return
		}
		select {
		case <-closed:
			return
		case <-tick.C:
		}
	}
}
