package auth

import (
	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	signIns, signUps *prometheus.CounterVec
	cached, asked    prometheus.Counter
}

// newMetrics makes the counters of a Store and, with a registerer, shows them together with the state of the hash
// queue and the pool.
func newMetrics(r prometheus.Registerer, s *Store) metrics {
	m := metrics{
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatepost_sign_ins_total", Help: "Attempts to sign in, and other proofs of a password, by result."}, []string{"result"}),
		signUps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatepost_sign_ups_total", Help: "Attempts to sign up, by result."}, []string{"result"}),
	}
	lookups := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gatepost_session_lookups_total", Help: "Sessions looked up, by where the answer came from."}, []string{"from"})
	m.cached, m.asked = lookups.WithLabelValues("cache"), lookups.WithLabelValues("database")
	if r == nil {
		return m
	}
	r.MustRegister(m.signIns, m.signUps, lookups,
		gauge("gatepost_sessions_cached", "Sessions kept in memory.", func() float64 { return float64(s.cache.len()) }),
		gauge("gatepost_revocations_heard", "1 while revocations elsewhere are heard of, 0 while every request asks PostgreSQL.", func() float64 {
			return oneIf(s.listener.sure())
		}),
		gauge("gatepost_lasting_answers", "Sockets, streams, downloads and uploads under way that end with their session.", func() float64 { return float64(s.holds.len()) }),
		gauge("gatepost_hashes_running", "Passwords being hashed.", func() float64 { held, _ := s.hashes.Load(); return float64(held) }),
		gauge("gatepost_hashes_waiting", "Sign-ins waiting for their turn to hash.", func() float64 { _, waiting := s.hashes.Load(); return float64(waiting) }),
		gauge("gatepost_lookups_waiting", "Look-ups of sessions that wait for PostgreSQL.", func() float64 { return float64(s.asking.Held()) }))
	return m
}

func oneIf(ok bool) float64 {
	if ok {
		return 1
	}
	return 0
}

func gauge(name, help string, f func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f)
}
