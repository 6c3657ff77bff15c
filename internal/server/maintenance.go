package server

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/loginui"
	"github.com/gatepost/gatepost/proxy"
)

// maintenanceEvery is the interval at which the file of GATEPOST_MAINTENANCE is looked at, however many requests come.
const maintenanceEvery = time.Second

// closure is why the site is closed, since when.
type closure struct {
	reason loginui.Maintenance
	since  time.Time
}

// openMaintenance looks whether the site is closed, and goes on looking where a file says so.
func (g *gate) openMaintenance() {
	g.metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gatepost_maintenance",
		Help: "1 while the site is closed for maintenance, so that the app gets no requests; else 0."},
		func() float64 {
			if g.closed() != nil {
				return 1
			}
			return 0
		}))
	var seen error
	g.lookAtMaintenance(&seen)
	if g.c.Maintenance.File != "" {
		g.keep("look at the file of GATEPOST_MAINTENANCE", func(ctx context.Context) {
			every(ctx, maintenanceEvery, func() { g.lookAtMaintenance(&seen) })
		})
	}
}

// lookAtMaintenance opens or closes the site. When it cannot be known whether it is to be closed, it stays as it is:
// seen is the fault that was logged.
func (g *gate) lookAtMaintenance(seen *error) {
	closed, notice, err := g.c.Maintenance.Closed()
	if err != nil && (*seen == nil || (*seen).Error() != err.Error()) {
		g.log.Warn("the file of GATEPOST_MAINTENANCE cannot be read", "err", err)
	}
	if *seen = err; err != nil && !closed {
		return
	}
	before := g.closure.Load()
	switch {
	case closed && before == nil:
		g.closure.Store(&closure{loginui.Maintenance{Message: notice}, time.Now()})
		g.log.Warn("the site is closed for maintenance: the app gets no requests", "file", g.c.Maintenance.File)
	case closed && before.reason.Message != notice:
		g.closure.Store(&closure{loginui.Maintenance{Message: notice}, before.since})
	case !closed && before != nil:
		g.closure.Store(nil)
		g.log.Info("the site is open again after maintenance", "took", time.Since(before.since).Round(time.Second))
	}
	if now := g.closure.Load(); now != nil {
		// Each time, as the app may have begun one just then.
		g.proxy.EndStreams(proxy.ErrClosed, now.since)
	}
}

// closed is why the app gets no requests; nil: it gets them.
func (g *gate) closed() error {
	if c := g.closure.Load(); c != nil {
		return errors.Join(proxy.ErrClosed, &c.reason)
	}
	return nil
}
