package share

import (
	"net/netip"
	"sync"
)

// Admission limits how much is under way at once, without a queue. A network may have as much as is still free, a
// wider network twice or three times that (dynamic thresholds, Choudhury and Hahne 1998). A single network gets
// half, and a new client finds room while other networks fill the rest.
type Admission struct {
	most int

	mu   sync.Mutex
	held int
	by   map[netip.Prefix]int
}

// NewAdmission admits up to most at once.
func NewAdmission(most int) *Admission { return &Admission{most: most, by: map[netip.Prefix]int{}} }

// Enter admits a client until leave is called. It fails at once, with ErrCrowded when the client's network has its
// share, and with ErrBusy when nothing is free.
func (a *Admission) Enter(client netip.Addr) (leave func(), err error) {
	networks := Networks(client)
	a.mu.Lock()
	defer a.mu.Unlock()
	free := a.most - a.held
	for i, p := range networks {
		if width := len(networks) - i; a.by[p] >= width*free && a.by[p] > 0 {
			return nil, ErrCrowded
		}
	}
	if free <= 0 {
		return nil, ErrBusy
	}
	a.add(networks, 1)
	return sync.OnceFunc(func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.add(networks, -1)
	}), nil
}

// Held is how many are admitted.
func (a *Admission) Held() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.held
}

func (a *Admission) add(networks []netip.Prefix, n int) {
	a.held += n
	for _, p := range networks {
		if a.by[p] += n; a.by[p] == 0 {
			delete(a.by, p)
		}
	}
}
