package proxy

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// class is the kind of route that a request took.
type class int

const (
	classRefused class = iota // not routed
	classOwn
	classPublic
	classProtected
	classes
)

// String is the class in metrics and in the log.
func (c class) String() string { return [...]string{"none", "own", "public", "protected"}[c] }

func classOf(a Access) class {
	if a.Public {
		return classPublic
	}
	return classProtected
}

// outcome is the result of a request.
type outcome int

const (
	outcomeFault       outcome = iota // a fault of the gate
	outcomeOwn                        // a page of the gate's answered
	outcomeForwarded                  // the app answered
	outcomeAllowed                    // a proxy was told that the request may pass
	outcomeRedirected                 // redirected to the public URL
	outcomeBadRequest                 // malformed
	outcomeSignedOut                  // needs a signed-in user
	outcomeForbidden                  // the session lacks what the path needs
	outcomeCrowded                    // too many requests at once from this network
	outcomeUnavailable                // PostgreSQL does not answer
	outcomeMaintenance                // the site is closed
	outcomeUpstream                   // the app does not answer
	outcomeClientGone                 // the client left
	outcomes
)

// String is the outcome in metrics and in the log.
func (o outcome) String() string {
	return [...]string{"fault", "own", "forwarded", "allowed", "redirected", "bad_request", "signed_out", "forbidden",
		"crowded", "unavailable", "maintenance", "upstream_error", "client_gone"}[o]
}

func outcomeOf(status int) outcome {
	switch status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed:
		return outcomeBadRequest
	case http.StatusSeeOther:
		return outcomeRedirected
	case http.StatusUnauthorized:
		return outcomeSignedOut
	case http.StatusForbidden:
		return outcomeForbidden
	case http.StatusTooManyRequests:
		return outcomeCrowded
	case http.StatusServiceUnavailable:
		return outcomeUnavailable
	case http.StatusBadGateway, http.StatusGatewayTimeout, http.StatusLoopDetected:
		return outcomeUpstream
	}
	return outcomeFault
}

// metrics holds its series resolved, so that counting a request needs no look-up.
type metrics struct {
	inFlight prometheus.Gauge
	// turnedAway are questions of peers that may not ask.
	turnedAway prometheus.Counter
	requests   [classes][outcomes]prometheus.Counter
	seconds    [classes]prometheus.Observer
}

func newMetrics(r prometheus.Registerer) *metrics {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gatepost_requests_total", Help: "Requests, by kind of route and what became of them."},
		[]string{"route", "outcome"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "gatepost_request_duration_seconds",
		Help:    "Time from the request's header to the end of its answer, by kind of route.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60}}, []string{"route"})
	m := &metrics{inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "gatepost_requests_in_flight", Help: "Requests being answered, live connections included."}),
		turnedAway: prometheus.NewCounter(prometheus.CounterOpts{Name: "gatepost_forward_auth_turned_away_total",
			Help: "Questions of peers that are none of GATEPOST_FORWARD_AUTH_PEERS."})}
	for c := range classes {
		m.seconds[c] = seconds.WithLabelValues(c.String())
		for o := range outcomes {
			m.requests[c][o] = requests.WithLabelValues(c.String(), o.String())
		}
	}
	if r != nil {
		r.MustRegister(requests, seconds, m.inFlight, m.turnedAway)
	}
	return m
}

func (m *metrics) observe(x *exchange, took time.Duration) {
	m.inFlight.Dec()
	m.requests[x.class][x.outcome].Inc()
	m.seconds[x.class].Observe(took.Seconds())
}
