package proxy

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/auth"
)

// lasting is an answer that may go on for longer than its session does.
type lasting struct {
	hold   *auth.Hold
	answer io.Closer // the app's side of it
	over   atomic.Bool
}

var errOver = errors.New("the session ended while the answer went on")

// longAnswer is the length in bytes from which an answer counts as one that lasts.
const longAnswer = 1 << 20

// lasts tells sockets, streams and long downloads from the answers that are over at once.
func lasts(res *http.Response) bool {
	return res.StatusCode == http.StatusSwitchingProtocols || res.ContentLength < 0 || res.ContentLength > longAnswer
}

// Still says whether the user may still have what he asked for; see auth.Lasting.
func (x *exchange) Still(u auth.User) bool { return x.access.Public || x.access.Allows(u) }

// End breaks the answer off, on both sides: the visitor's connection ends, so that nobody takes it for a whole one.
func (x *exchange) End() {
	x.lasting.over.Store(true)
	go func() {
		_ = x.lasting.answer.Close()
		_ = http.NewResponseController(x.ResponseWriter).SetWriteDeadline(time.Now()) // he may not be reading
	}()
}
