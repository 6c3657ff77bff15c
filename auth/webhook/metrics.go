package webhook

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Types are the events that the triggers write.
var Types = []string{"user.created", "user.updated", "user.deleted", "session.ended", "events.skipped"}

func newCounter() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gatepost_webhooks_total", Help: "Attempts to send a webhook, and events given up, by type and result.",
	}, []string{"type", "result"})
}

// count counts an attempt. An operator may have written any type, and each would be a series.
func (o *Outbox) count(kind, result string) {
	if !slices.Contains(Types, kind) {
		kind = "other"
	}
	o.counted.WithLabelValues(kind, result).Inc()
}

func (o *Outbox) register(r prometheus.Registerer) {
	r.MustRegister(o.counted, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gatepost_webhooks_waiting", Help: "Webhook events that are to be sent."}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		st, err := o.State(ctx)
		if err != nil {
			return math.NaN()
		}
		return float64(st.Waiting)
	}))
}
