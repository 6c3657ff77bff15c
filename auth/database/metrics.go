package database

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

func (d *DB) register(r prometheus.Registerer) {
	r.MustRegister(
		gauge("gatepost_pages_waiting", "Pages waiting for their turn at a connection to PostgreSQL.", func() float64 {
			_, waiting := d.Turns.Load()
			return float64(waiting)
		}),
		gauge("gatepost_database_up", "1 while PostgreSQL answers, 0 during a known outage.", func() float64 {
			if d.down.Load() {
				return 0
			}
			return 1
		}),
		poolCollector{"pages": d.Pages, "path": d.Path, "work": d.Work})
}

func gauge(name, help string, f func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f)
}

// poolCollector collects the statistics of the pools, by share.
type poolCollector map[string]*pgxpool.Pool

var (
	poolConnections = prometheus.NewDesc("gatepost_database_connections",
		"Connections to PostgreSQL, by share and state.", []string{"share", "state"}, nil)
	poolMax = prometheus.NewDesc("gatepost_database_connections_max",
		"Most connections that are opened, by share.", []string{"share"}, nil)
	poolWaits = prometheus.NewDesc("gatepost_database_waits_total",
		"Times a connection was not free at once, by share.", []string{"share"}, nil)
	poolWaited = prometheus.NewDesc("gatepost_database_wait_seconds_total",
		"Time spent waiting for a connection, by share.", []string{"share"}, nil)
)

func (poolCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- poolConnections
	ch <- poolMax
	ch <- poolWaits
	ch <- poolWaited
}

func (c poolCollector) Collect(ch chan<- prometheus.Metric) {
	for share, pool := range c {
		st := pool.Stat()
		ch <- prometheus.MustNewConstMetric(poolConnections, prometheus.GaugeValue,
			float64(st.IdleConns()), share, "idle")
		ch <- prometheus.MustNewConstMetric(poolConnections, prometheus.GaugeValue, float64(st.AcquiredConns()), share,
			"used")
		ch <- prometheus.MustNewConstMetric(poolMax, prometheus.GaugeValue, float64(st.MaxConns()), share)
		ch <- prometheus.MustNewConstMetric(poolWaits, prometheus.CounterValue, float64(st.EmptyAcquireCount()), share)
		ch <- prometheus.MustNewConstMetric(poolWaited, prometheus.CounterValue, st.EmptyAcquireWaitTime().Seconds(),
			share)
	}
}
