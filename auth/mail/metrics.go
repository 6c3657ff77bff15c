package mail

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func newCounter() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gatepost_mails_total", Help: "Attempts to send a mail, by kind and result."}, []string{"kind", "result"})
}

func (o *Outbox) register(r prometheus.Registerer) {
	r.MustRegister(o.counted, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gatepost_mails_waiting", Help: "Mails that are to be sent."}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		st, err := o.State(ctx)
		if err != nil {
			return math.NaN()
		}
		return float64(st.Waiting)
	}))
}
