package server

import (
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// A stopping gate waits as long as requests go on coming, however slowly, so that each connection hears that it ends.
func TestAStoppingGateWaitsWhileRequestsCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c connections
		var clients [4]net.Conn
		for i := range clients {
			clients[i], _ = net.Pipe()
			c.note(clients[i], http.StateNew)
			c.note(clients[i], http.StateActive)
		}
		waited := make(chan time.Duration, 1)
		began := time.Now()
		go func() {
			c.wait(context.Background(), farewell)
			waited <- time.Since(began)
		}()
		for _, conn := range clients[1:] {
			time.Sleep(farewell * 3 / 4)
			c.note(conn, http.StateActive)
			c.note(conn, http.StateClosed)
		}
		if took := <-waited; took < 3*farewell || took > 4*farewell {
			t.Errorf("waited %v", took) // the bubble's clock
		}
	})
}
