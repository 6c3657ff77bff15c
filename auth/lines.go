package auth

import (
	"context"
	"sync"
	"time"

	"github.com/gatepost/gatepost/internal/share"
)

// lineMost is how long somebody waits in a line: as long as the system before may take to answer.
const lineMost = 5 * time.Second

// lines let through one at a time of those who come with the same key. The zero value is ready for use.
type lines struct {
	mu  sync.Mutex
	all map[string]*line
}

type line struct {
	turn chan struct{} // has room for the one who has the turn
	in   int           // how many have the turn or wait for it; nobody: the line is gone
}

// enter waits for the turn. It fails with share.ErrBusy after lineMost, and with the error of ctx when that ends.
func (ls *lines) enter(ctx context.Context, key string) (leave func(), err error) {
	share.Pause(ctx)
	l := ls.join(key)
	late := time.NewTimer(lineMost)
	defer late.Stop()
	select {
	case l.turn <- struct{}{}:
		return func() { <-l.turn; ls.part(key, l) }, nil
	case <-late.C:
		err = share.ErrBusy
	case <-ctx.Done():
		err = ctx.Err()
	}
	ls.part(key, l)
	return nil, err
}

func (ls *lines) join(key string) *line {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.all == nil {
		ls.all = map[string]*line{}
	}
	l := ls.all[key]
	if l == nil {
		l = &line{turn: make(chan struct{}, 1)}
		ls.all[key] = l
	}
	l.in++
	return l
}

func (ls *lines) part(key string, l *line) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l.in--; l.in == 0 {
		delete(ls.all, key)
	}
}
