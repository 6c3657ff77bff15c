package loginui

import (
	"net/http"
	"runtime"
	"time"

	"github.com/gatepost/gatepost/internal/share"
)

const (
	// turnMost is how long a page may compute at a time. Most need a fraction of a millisecond.
	turnMost = 10 * time.Millisecond
	// turnsRoom is how many requests may wait for a turn. The limits on connections make it hard to reach.
	turnsRoom = 1 << 16
)

// newTurns returns the turns in which the gate computes its own pages: one for each core, of which a single network
// cannot have the last. Networks take turns. A flood of requests for pages would otherwise have as many goroutines
// ready to run as it has connections, and all others, such as those that pass requests on, would wait behind them.
func newTurns() *share.Turns {
	q := share.NewQueue(runtime.GOMAXPROCS(0), turnsRoom)
	q.Spare(1)
	return &share.Turns{Queue: q, Most: turnMost}
}

// enter waits for a turn, and admits a request unless its client's network already has too many pages under way. The
// form has been read before, so a client that is slow to send one takes no place from those who wait for an answer.
func (ui *UI) enter(r *http.Request) (leave func(), err error) {
	if err := share.Work(r.Context()); err != nil {
		return nil, err
	}
	return ui.admission.Enter(share.Client(r.Context()))
}

// computing returns a request whose work takes turns. It begins without one (share.Work).
func (ui *UI) computing(r *http.Request) *http.Request {
	if share.TakesTurns(r.Context()) {
		return r
	}
	return r.WithContext(share.InTurns(share.FromClient(r.Context(), clientAddr(r)), ui.turns))
}
