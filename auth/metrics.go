package auth

import "github.com/prometheus/client_golang/prometheus"

// metrics counts attempts by their outcome.
type metrics struct{ signIns, signUps *prometheus.CounterVec }

func newMetrics(r prometheus.Registerer) metrics {
	m := metrics{
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatepost_sign_ins_total", Help: "Attempts to sign in, and other proofs of a password, by result."},
			[]string{"result"}),
		signUps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatepost_sign_ups_total", Help: "Attempts to sign up, by result."}, []string{"result"}),
	}
	if r != nil {
		r.MustRegister(m.signIns, m.signUps)
	}
	return m
}
