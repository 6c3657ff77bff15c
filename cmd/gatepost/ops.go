package main

import (
	"io"
	"net/http"
	"net/http/pprof"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// readiness says whether new requests are welcome.
type readiness struct{ draining atomic.Bool }

// opsHandler serves what operators and platforms look at. It stands on a listener of its own, never on the public one.
func (g *gate) opsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", g.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(g.metrics, promhttp.HandlerOpts{}))
	if g.c.profiling {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

func (g *gate) readyz(w http.ResponseWriter, r *http.Request) {
	if g.ready.draining.Load() {
		plain(w, http.StatusServiceUnavailable, "stopping\n")
		return
	}
	if err := g.store.Ping(r.Context()); err != nil {
		plain(w, http.StatusServiceUnavailable, "PostgreSQL does not answer\n")
		return
	}
	plain(w, http.StatusOK, "ready\n")
}

func plain(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // the prober may have left
}
