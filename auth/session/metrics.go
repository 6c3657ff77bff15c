package session

import "github.com/prometheus/client_golang/prometheus"

// metrics counts the look-ups by the source of the answer.
type metrics struct{ cached, asked prometheus.Counter }

func newMetrics(reg prometheus.Registerer, r *Reader) metrics {
	lookups := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gatepost_session_lookups_total", Help: "Sessions looked up, by where the answer came from."},
		[]string{"from"})
	m := metrics{lookups.WithLabelValues("cache"), lookups.WithLabelValues("database")}
	if reg == nil {
		return m
	}
	gauge := func(name, help string, f func() int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return float64(f()) })
	}
	reg.MustRegister(lookups,
		gauge("gatepost_sessions_cached", "Sessions kept in memory.", r.cache.len),
		gauge("gatepost_revocations_heard",
			"1 while revocations elsewhere are heard of, 0 while every request asks PostgreSQL.", func() int {
				if r.listener.sure() {
					return 1
				}
				return 0
			}),
		gauge("gatepost_lasting_answers",
			"Sockets, streams, downloads, uploads and waiting requests that end with their session.", r.holds.len),
		gauge("gatepost_lookups_waiting", "Look-ups of sessions that wait for PostgreSQL.", r.asking.Held))
	return m
}
