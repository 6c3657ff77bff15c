package server

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/pprof"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gatepost/gatepost/migrations"
)

// newMetrics is the registry of a gate, with what is known of the process.
func newMetrics(version, commit string) *prometheus.Registry {
	r := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "gatepost_build_info", Help: "1, and which build of the gate this is.",
		ConstLabels: prometheus.Labels{"version": version, "commit": commit, "go": runtime.Version()}})
	build.Set(1)
	r.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// readiness says whether new requests are welcome.
type readiness struct {
	draining atomic.Bool
	starting atomic.Pointer[string] // what the gate waits for before it is up; nil: it is
}

// opsHandler serves what operators and platforms look at. It stands on a listener of its own, never on the public one.
func (g *gate) opsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", g.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(g.metrics, promhttp.HandlerOpts{}))
	if g.c.Profiling {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

// readyTimeout bounds what is asked for one answer.
const readyTimeout = 2 * time.Second

// ready is the answer of /readyz. Checks say ok, or what is wrong.
type ready struct {
	Ready  bool              `json:"ready"`
	Checks map[string]string `json:"checks"`
}

// readyz is 200 when a request would be answered, and 503 when another gate had better have it. Where all gates share what is away, none
// had: such a check is left out by ?exclude=NAME, again for each.
func (g *gate) readyz(w http.ResponseWriter, r *http.Request) {
	status, answer := http.StatusOK, g.checkReady(r.Context(), r.URL.Query()["exclude"])
	if !answer.Ready {
		status = http.StatusServiceUnavailable
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // the prober may have left
}

// checkReady leaves out the checks that are excluded.
func (g *gate) checkReady(ctx context.Context, excluded []string) ready {
	if waits := g.ready.starting.Load(); waits != nil {
		return ready{Checks: map[string]string{"process": "starting", "migrations": *waits}}
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	answer := ready{Ready: true, Checks: map[string]string{}}
	var mu sync.Mutex
	var all sync.WaitGroup
	check := func(name, wrong string, fine func() bool) {
		if slices.Contains(excluded, name) {
			return
		}
		all.Go(g.watch.Guard("look at "+name, func() {
			said := wrong
			defer func() { // also when to look goes wrong
				mu.Lock()
				defer mu.Unlock()
				answer.Checks[name] = said
				answer.Ready = answer.Ready && said == "ok"
			}()
			if fine() {
				said = "ok"
			}
		}))
	}
	check("process", "stopping", func() bool { return !g.ready.draining.Load() })
	check("database", "PostgreSQL does not answer", func() bool { return g.store.Ping(ctx) == nil })
	check("migrations", "the tables cannot be looked at, or not worked on; `gatepost check` says why", func() bool { return g.usable(ctx) })
	check("upstream", "the app does not answer", func() bool { return g.c.Upstream.Dial(ctx) == nil })
	all.Wait()
	// Without it every request asks PostgreSQL, which is slower and no reason to stay away.
	if answer.Checks["revocations"] = "ok"; !g.store.Listening() {
		answer.Checks["revocations"] = "not heard, so sessions are not kept in memory"
	}
	return answer
}

// usable says whether the tables can be worked on. What a newer version has added to them is no hindrance.
func (g *gate) usable(ctx context.Context) bool {
	return g.store.OnPath(ctx, func(conn *pgx.Conn) error { return migrations.Usable(ctx, conn) }) == nil
}

func plain(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // the prober may have left
}
