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

// newMetrics is the registry of a gate, with the metrics of its build and process.
func newMetrics(version, commit string) *prometheus.Registry {
	r := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "gatepost_build_info",
		Help:        "1, and which build of the gate this is.",
		ConstLabels: prometheus.Labels{"version": version, "commit": commit, "go": runtime.Version()}})
	build.Set(1)
	r.MustRegister(build, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// readiness is whether the gate wants new requests.
type readiness struct {
	draining atomic.Bool
	starting atomic.Pointer[string] // what the gate waits for before it is up; nil once it is up
}

// profileRate is how many bytes are allocated for one sample of the profile of memory, as Go has it by default. Without
// GATEPOST_PROFILING the program takes none.
const profileRate = 512 << 10

// opsHandler serves health, readiness, metrics and profiles to operators and platforms. It is served on the ops
// listener only, never on the public one.
func (g *gate) opsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", g.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(g.metrics, promhttp.HandlerOpts{}))
	if g.c.Profiling {
		runtime.MemProfileRate = profileRate
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

// readyTimeout limits the checks of one /readyz answer.
const readyTimeout = 2 * time.Second

// ready is the JSON of a /readyz answer. Checks maps each check to "ok" or to what is wrong.
type ready struct {
	Ready  bool              `json:"ready"`
	Checks map[string]string `json:"checks"`
}

// readyz answers 200 when the gate can answer requests, and 503 when the load balancer should use another gate.
// When all gates share a dependency that is away, no other gate is better: ?exclude=NAME leaves its check out. It
// can be repeated.
func (g *gate) readyz(w http.ResponseWriter, r *http.Request) {
	status, answer := http.StatusOK, g.checkReady(r.Context(), r.URL.Query()["exclude"])
	if !answer.Ready {
		status = http.StatusServiceUnavailable
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // the client may have left
}

// checkReady runs the checks that are not excluded.
func (g *gate) checkReady(ctx context.Context, excluded []string) ready {
	if waits := g.ready.starting.Load(); waits != nil {
		return ready{Checks: map[string]string{"process": "starting", "migrations": *waits}}
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	answer := ready{Ready: true, Checks: map[string]string{}}
	var mu sync.Mutex
	var all sync.WaitGroup
	look := func(name, wrong string, says func() string) {
		if slices.Contains(excluded, name) {
			return
		}
		all.Go(g.watch.Guard("look at "+name, func() {
			said := wrong
			defer func() { // also after a panic in says
				mu.Lock()
				defer mu.Unlock()
				answer.Checks[name] = said
				answer.Ready = answer.Ready && said == "ok"
			}()
			said = says()
		}))
	}
	check := func(name, wrong string, fine func() bool) {
		look(name, wrong, func() string {
			if fine() {
				return "ok"
			}
			return wrong
		})
	}
	check("process", "stopping", func() bool { return !g.ready.draining.Load() })
	check("database", "PostgreSQL does not answer", func() bool { return g.store.Ping(ctx) == nil })
	check("migrations", "the tables cannot be looked at, or not worked on; `gatepost check` says why",
		func() bool { return g.usable(ctx) })
	closed := g.closed() != nil
	if !closed && g.c.HasUpstream {
		look("upstream", errNoAnswer.Error(), func() string {
			if err := g.app.look(ctx); err != nil {
				return err.Error()
			}
			return "ok"
		})
	}
	all.Wait()
	if closed { // no other gate could do more than tell visitors, and the app may be away
		answer.Checks["maintenance"] = "the site is closed: the app gets no requests, and is not looked at"
	}
	// Without notifications every request asks PostgreSQL. That is slower, and no reason to be unready.
	if answer.Checks["revocations"] = "ok"; !g.store.Listening() {
		answer.Checks["revocations"] = "not heard, so sessions are not kept in memory"
	}
	return answer
}

// usable reports whether this version can work on the tables. Additions of a newer version do not matter.
func (g *gate) usable(ctx context.Context) bool {
	return g.store.OnPath(ctx, func(conn *pgx.Conn) error { return migrations.Usable(ctx, conn) }) == nil
}

func plain(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // the client may have left
}
