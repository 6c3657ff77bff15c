package proxy

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// An app with a login page at the path of the gate's sends visitors that it does not know there, and so do frameworks
// with visitors who may not see a page; the gate sends signed-in visitors back to the app, without end. The gate ends
// this when a session is redirected to a page that leads back for the third time in a row, with no page of the app's in
// between. This needs no cookie, and clicks on a link to the login never count.

// ErrLoginLoop means that the app redirects a signed-in visitor to the gate's login again and again.
var ErrLoginLoop = errors.New("the app sends a visitor who is signed in to the gate's own login, which leads back: " +
	"let it refuse whom it does not let in, or set GATEPOST_PAGES")

// loopsAfter is how many redirects within trailAge are a loop, and movesAfter of those to the public URL, which may be
// made for several visitors at one address; browsers give up after 20. maxTrails is how many sessions are tracked. When
// there are more, all are forgotten and tracking begins anew.
const (
	loopsAfter = 3
	movesAfter = 5
	trailAge   = 10 * time.Second
	maxTrails  = 4096
)

// trails are the sessions that were redirected to the gate's login lately; or the visitors that were redirected to the
// public URL, by moveOf.
type trails struct {
	mu    sync.Mutex
	all   map[string]trail
	until atomic.Int64 // in nanoseconds of Unix time: when the last of them does not count any more
}

type trail struct {
	times int
	last  time.Time
}

// any reports whether there is a trail that counts.
func (s *trails) any() bool {
	until := s.until.Load()
	return until != 0 && time.Now().UnixNano() < until
}

// sent notes that a session was redirected to the login, and reports whether that is a loop, as it is after some times.
func (s *trails) sent(session string, after int) (loops bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil || len(s.all) >= maxTrails {
		s.all = map[string]trail{}
	}
	t := s.all[session]
	if time.Since(t.last) > trailAge {
		t.times = 0
	}
	t = trail{t.times + 1, time.Now()}
	s.until.Store(t.last.Add(trailAge).UnixNano())
	if loops = t.times >= after; loops {
		delete(s.all, session)
	} else {
		s.all[session] = t
	}
	return loops
}

// arrived notes that a session got an answer that is no such redirect.
func (s *trails) arrived(session string) {
	if !s.any() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, session)
}

// followTrail checks where an answer redirects a signed-in visitor.
func (p *Proxy) followTrail(x *exchange, res *http.Response) error {
	location := res.Header.Get("Location")
	redirects := res.StatusCode/100 == 3 && location != ""
	// Navigating reads many headers, and comes last: most answers are no redirect while there is no trail.
	if !x.signedIn || p.c.LeadsBack == nil || !isGet(res.Request.Method) || !redirects && !p.trails.any() ||
		!p.c.Navigating(x.request) {
		return nil
	}
	if !redirects {
		if res.StatusCode != http.StatusNotModified {
			p.trails.arrived(x.session.ID)
		}
		return nil
	}
	to, err := x.app.public.Parse(x.target.path)
	if err == nil {
		to, err = to.Parse(location)
	}
	if err != nil || !sameOrigin(to, x.app.public.URL) && to.Host != x.request.Host ||
		!p.c.LeadsBack(to.EscapedPath()) || !p.trails.sent(x.session.ID, loopsAfter) {
		return nil
	}
	p.loops.Do(func() {
		p.c.Log.Warn("the app sends visitors who are signed in to the gate's login, from where they come back: "+
			"let it refuse whom it does not let in with 403, or, if it has a login of its own where the gate's is, "+
			"set GATEPOST_PAGES to another prefix",
			"path", x.path(), "location", to.EscapedPath())
	})
	return ErrLoginLoop
}
