package proxy

import "net/http"

// closed says why the app gets no requests now; nil: it gets them.
func (p *Proxy) closed() error {
	if p.c.Closed == nil {
		return nil
	}
	return p.c.Closed()
}

// passesClosed reports whether a request whose session was looked up gets to the app while the site is closed.
func (x *exchange) passesClosed(roles []string) bool {
	return x.signedIn && x.session.User.HasAny(roles)
}

// refuseClosed refuses a request because the site is closed, which is no fault of anything.
func (p *Proxy) refuseClosed(x *exchange, r *http.Request, why error) {
	p.refuse(x, r, http.StatusServiceUnavailable, why)
	if x.outcome == outcomeUnavailable {
		x.outcome, x.err = outcomeMaintenance, ErrClosed
	}
}
