package share

import (
	"net/netip"
	"sync"
)

// Admission limits how many clients are admitted at once, without a queue. One of the narrowest networks may have as
// many places as are free, and the networks around it twice and three times as many (dynamic thresholds, Choudhury and
// Hahne 1998). A narrowest network that is alone gets half of the places, and a new client still finds one.
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
