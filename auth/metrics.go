package auth

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/auth/provider"
)

// metrics counts attempts by their outcome.
type metrics struct{ signIns, signUps, challenges, providers *prometheus.CounterVec }

func newMetrics(r prometheus.Registerer, providers []*provider.Provider) metrics {
	m := metrics{
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatepost_sign_ins_total", Help: "Attempts to sign in, and other proofs of a password, by result."},
			[]string{"result"}),
		signUps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatepost_sign_ups_total", Help: "Attempts to sign up, by result."}, []string{"result"}),
		challenges: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatepost_challenges_total", Help: "Challenges for bots, by what for and result."},
			[]string{"for", "result"}),
		providers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatepost_provider_answers_total", Help: "Answers of providers at the callback, by provider and result."},
			[]string{"provider", "result"}),
	}
	if r != nil {
		r.MustRegister(m.signIns, m.signUps, m.challenges, m.providers)
		for _, p := range providers {
			r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gatepost_provider_down",
				Help:        "Whether a provider is known not to answer.",
				ConstLabels: prometheus.Labels{"provider": p.Spec().Name}}, func() float64 { return oneIf(p.Down()) }))
		}
	}
	return m
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
