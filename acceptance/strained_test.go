package acceptance_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/authtest"
)

// crowd is a number of visitors who load a page over and over.
type crowd struct {
	mu     sync.Mutex
	counts map[int]int // answers by status; 0: no answer
	end    func()      // stops the visitors, and returns when they have stopped
}

// rush makes many visitors load a page with a cookie. Each waits for at most 6 s.
func rush(t *testing.T, g *running, path string, cookie *http.Cookie) *crowd {
	stop := make(chan struct{})
	var people sync.WaitGroup
	c := &crowd{counts: map[int]int{}, end: sync.OnceFunc(func() { close(stop); people.Wait() })}
	t.Cleanup(c.end)
	for range 8 {
		people.Go(func() {
			client := &http.Client{Timeout: 6 * time.Second}
			for {
				select {
				case <-stop:
					return
				default:
				}
				req, _ := http.NewRequest("GET", g.url+path, nil) // the URL is valid
				req.AddCookie(cookie)
				status := 0
				if res, err := client.Do(req); err == nil {
					_, _ = io.Copy(io.Discard, res.Body)
					_ = res.Body.Close()
					status = res.StatusCode
				}
				c.mu.Lock()
				c.counts[status]++
				c.mu.Unlock()
				time.Sleep(20 * time.Millisecond) // leaves CPU time for hashing
			}
		})
	}
	return c
}

// next returns the statuses of the next pages.
func (c *crowd) next(pages int) map[int]int {
	c.mu.Lock()
	c.counts = map[int]int{}
	c.mu.Unlock()
	for {
		time.Sleep(10 * time.Millisecond)
		c.mu.Lock()
		counts, sum := maps.Clone(c.counts), 0
		c.mu.Unlock()
		for _, n := range counts {
			sum += n
		}
		if sum >= pages {
			return counts
		}
	}
}

// gets waits until the visitors get one status and no other.
func (c *crowd) gets(t *testing.T, what string, status int) {
	t.Helper()
	c.next(8) // requests under way may be from before
	eventually(t, fmt.Sprintf("%s is %d only", what, status), func() bool {
		got := c.next(16)
		return len(got) == 1 && got[status] > 0
	})
	c.next(1)
}

// all ends the crowd, and checks that it got all of these statuses and no other.
func (c *crowd) all(t *testing.T, what string, statuses ...int) {
	t.Helper()
	c.end()
	got := c.counts
	for _, s := range statuses {
		delete(got, s)
	}
	if len(got) > 0 {
		t.Errorf("%s: answers by status %v, want %v only", what, got, statuses)
	}
}

// A transaction locks a table. Requests that need the table are refused, others are served, and all are served
// once the table is free.
func TestALockedTableUnderLoad(t *testing.T) {
	t.Parallel()
	database := authtest.NewDatabase(t)
	g := startGate(t, watched, "DATABASE_URL="+database, "GATEPOST_UPSTREAM="+newApp(t).url, "GATEPOST_SESSION_CACHE=0",
		"GATEPOST_LOG_LEVEL=warn")
	v := g.visitor(t)
	v.signUp("ada@example.com")
	public, protected := rush(t, g, "/public", &http.Cookie{Name: "x", Value: "y"}),
		rush(t, g, "/dashboard", v.cookie())
	protected.gets(t, "the dashboard", 200)
	holder, err := authtest.Pool(t, database).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Rollback(context.Background()) }() // closing the pool waits for it
	if _, err := holder.Exec(t.Context(), `LOCK TABLE gatepost.session IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	protected.gets(t, "the dashboard of a session nobody can look up", 503)
	if r := g.visitor(t).post("/signup", "email", "bea@example.com", "password", password); r.status != 503 {
		t.Errorf("a sign-up meanwhile: %d", r.status)
	}
	if err := holder.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	protected.gets(t, "the dashboard afterwards", 200)
	protected.all(t, "the dashboard", 200)
	public.all(t, "public pages", 200)
	if r := g.visitor(t).post("/signup", "email", "bea@example.com", "password", password); r.status != 303 {
		t.Errorf("the sign-up afterwards: %d", r.status)
	}
	waits := `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
	var n int
	if err := authtest.Pool(t, database).QueryRow(t.Context(), waits).Scan(&n); err != nil || n > 0 {
		t.Errorf("%d statements still wait for the table: %v", n, err)
	}
}

// slow returns the URL of a database over TCP on which every message takes this long.
func slow(t *testing.T, database string, delay *atomic.Int64) string {
	t.Helper()
	config, err := pgx.ParseConfig(database)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	pass := func(to, from net.Conn) {
		defer to.Close()
		for b := make([]byte, 32<<10); ; {
			n, err := from.Read(b)
			time.Sleep(time.Duration(delay.Load()))
			if _, err2 := to.Write(b[:n]); err != nil || err2 != nil {
				return
			}
		}
	}
	go func() {
		for {
			here, err := l.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("unix", fmt.Sprintf("%s/.s.PGSQL.%d", config.Host, config.Port))
			if err != nil {
				_ = here.Close()
				continue
			}
			go pass(here, there)
			go pass(there, here)
		}
	}()
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", config.User, l.Addr(), config.Database)
}

// With a slow database all requests are slower. They fail only if they would take longer than the limits allow.
func TestASlowDatabaseUnderLoad(t *testing.T) {
	t.Parallel()
	var delay atomic.Int64
	g := startGate(t, watched, "DATABASE_URL="+slow(t, authtest.NewDatabase(t), &delay),
		"GATEPOST_UPSTREAM="+newApp(t).url, "GATEPOST_SESSION_CACHE=0", "GATEPOST_LOG_LEVEL=warn")
	v := g.visitor(t)
	v.signUp("ada@example.com")
	public, protected := rush(t, g, "/public", &http.Cookie{Name: "x", Value: "y"}),
		rush(t, g, "/dashboard", v.cookie())
	protected.gets(t, "the dashboard", 200)
	delay.Store(int64(50 * time.Millisecond))
	protected.gets(t, "the dashboard on a slow database", 200)
	if r := g.visitor(t).post("/signup", "email", "bea@example.com", "password", password); r.status != 303 {
		t.Errorf("a sign-up on a slow database: %d", r.status)
	}
	protected.all(t, "the dashboard", 200)
	protected = rush(t, g, "/dashboard", v.cookie())
	delay.Store(int64(time.Minute))
	protected.gets(t, "the dashboard on a database that takes a minute", 503)
	delay.Store(0)
	protected.gets(t, "the dashboard afterwards", 200)
	protected.all(t, "the dashboard afterwards", 200)
	public.all(t, "public pages", 200)
}

// The direct connection still hears of revocations, but the pool is down: cached sessions are not used then.
func TestASessionThatWasKeptIsNotUsedInAnOutage(t *testing.T) {
	t.Parallel()
	var delay atomic.Int64
	database, app := authtest.NewDatabase(t), newApp(t)
	g := startGate(t, "DATABASE_URL="+slow(t, database, &delay), "GATEPOST_DIRECT_DATABASE_URL="+database,
		"GATEPOST_UPSTREAM="+app.url, "GATEPOST_SESSION_CACHE=1h")
	ada, bob := g.visitor(t), g.visitor(t)
	ada.signUp("ada@example.com")
	bob.signUp("bob@example.com")
	eventually(t, "the session is kept", func() bool {
		return ada.fetch("/dashboard").status == 200 && g.lookups(t, "cache") != "0"
	})
	delay.Store(int64(time.Minute))
	if r := bob.fetch("/dashboard"); r.status != 503 { // bob's session is not cached yet
		t.Errorf("somebody who has to be looked up: %d", r.status)
	}
	eventually(t, "the outage is known", func() bool { return gauge(t, g, "gatepost_database_up") == 0 })
	app.take()
	if r := ada.fetch("/dashboard"); r.status != 503 || r.header.Get("Retry-After") == "" {
		t.Errorf("somebody who was kept: %d %v", r.status, r.header)
	}
	if seen := app.take(); len(seen) > 0 || gauge(t, g, "gatepost_revocations_heard") != 1 ||
		gauge(t, g, "gatepost_sessions_cached") != 1 {
		t.Errorf("the app saw %q; revocations are heard: %v; sessions kept: %v", seen,
			gauge(t, g, "gatepost_revocations_heard"), gauge(t, g, "gatepost_sessions_cached"))
	}
	delay.Store(0)
	eventually(t, "the session is good again", func() bool { return ada.fetch("/dashboard").status == 200 })
	_ = g.cmd.Process.Kill() // it would wait for connections with delayed messages
}

// Fewer connections than visitors, by the gate's own limit or PostgreSQL's, only make the visitors wait.
func TestTooFewConnectionsUnderLoad(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]func(t *testing.T, database string) string{
		"of the gate": func(_ *testing.T, database string) string { return database + "&pool_max_conns=1" },
		"of PostgreSQL": func(t *testing.T, database string) string {
			config, err := pgx.ParseConfig(database)
			if err != nil {
				t.Fatal(err)
			}
			role := "limited_" + config.Database
			db := authtest.Pool(t, database)
			for _, sql := range []string{
				`CREATE ROLE ` + role + ` LOGIN CONNECTION LIMIT 4`, `GRANT USAGE ON SCHEMA gatepost TO ` + role,
				`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA gatepost TO ` + role,
				`GRANT USAGE ON ALL SEQUENCES IN SCHEMA gatepost TO ` + role,
			} {
				if _, err := db.Exec(t.Context(), sql); err != nil {
					t.Fatal(err)
				}
			}
			return fmt.Sprintf("host=%s port=%d dbname=%s user=%s", config.Host, config.Port, config.Database, role)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := startGate(t, watched, "DATABASE_URL="+limit(t, authtest.NewDatabase(t)),
				"GATEPOST_UPSTREAM="+newApp(t).url, "GATEPOST_SESSION_CACHE=0", "GATEPOST_LOG_LEVEL=warn")
			v := g.visitor(t)
			v.signUp("ada@example.com")
			protected := rush(t, g, "/dashboard", v.cookie())
			for i := range 5 { // one after the other, as passwords wait for a core
				r := g.visitor(t).post("/signup", "email", fmt.Sprintf("user%d@example.com", i), "password", password)
				if r.status != 303 {
					t.Errorf("a sign-up: %d", r.status)
				}
			}
			protected.all(t, "the dashboard", 200)
		})
	}
}
