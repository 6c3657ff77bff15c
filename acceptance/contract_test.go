package acceptance_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/internal/localpg"
)

func TestTheWalk(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	g := startGate(t, "DATABASE_URL="+authtest.NewEmptyDatabase(t), "GATEPOST_UPSTREAM="+a.url)
	v := g.visitor(t)

	r := v.open("/dashboard?tab=2")
	if r.status != 303 || r.location() != "/login?next=%2Fdashboard%3Ftab%3D2" {
		t.Fatalf("signed out: %d to %s", r.status, r.location())
	}
	if r = v.open(r.location()); !strings.Contains(r.body, `href="/signup?next=%2Fdashboard%3Ftab%3D2"`) {
		t.Fatalf("the login page does not lead to signup with next:\n%s", r.body)
	}
	r = v.post("/signup", "email", "Ada@Example.com", "password", password, "name", "Ada", "remember", "on",
		"next", "/dashboard?tab=2")
	if r.status != 303 || r.location() != "/dashboard?tab=2" {
		t.Fatalf("sign up: %d to %s", r.status, r.location())
	}
	if r = v.open("/dashboard?tab=2"); r.status != 200 ||
		!strings.Contains(r.body, `app page /dashboard for "ada@example.com" roles "user" cookie ""`) {
		t.Fatalf("dashboard: %d %s", r.status, r.body)
	}
	if r = v.open("/login?next=/dashboard"); r.status != 303 || r.location() != "/dashboard" {
		t.Errorf("login while signed in: %d to %s", r.status, r.location())
	}
	before := v.cookie()
	if r = v.post("/logout"); r.status != 303 || r.location() != "/login" {
		t.Fatalf("log out: %d to %s", r.status, r.location())
	}
	a.take()
	if r = v.do("GET", "/dashboard", nil, navigate, "Cookie: "+before.String()); r.status != 303 {
		t.Errorf("the cookie replayed after logout: %d %s", r.status, r.body)
	}
	if r = v.open("/dashboard"); r.status != 303 || len(a.take()) != 0 {
		t.Errorf("after logout: %d", r.status)
	}
	r = v.post("/login", "email", "ada@example.com", "password", password, "next", "/dashboard")
	if r.status != 303 || r.location() != "/dashboard" || v.cookie().Value == before.Value {
		t.Fatalf("log in: %d to %s", r.status, r.location())
	}
	if r = v.open("/dashboard"); r.status != 200 {
		t.Errorf("dashboard again: %d", r.status)
	}
}

// Each row of the contract's table that needs no failing part.
func TestWhatAVisitorGets(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	g := startGate(t, "DATABASE_URL="+authtest.NewEmptyDatabase(t), "GATEPOST_UPSTREAM="+a.url)
	out, in := g.visitor(t), g.visitor(t)
	in.signUp("ada@example.com")
	a.take()
	json401 := func(r reply) bool {
		var body struct{ Code, Message, LoginURL string }
		return r.status == 401 && json.Unmarshal([]byte(r.body), &body) == nil && body.Code == "UNAUTHORIZED" &&
			body.Message != "" && body.LoginURL == g.url+"/login"
	}
	for _, c := range []struct {
		name string
		got  reply
		ok   func(reply) bool
	}{
		{"a page", out.open("/dashboard/a?b=c"), func(r reply) bool {
			return r.status == 303 && r.location() == "/login?next=%2Fdashboard%2Fa%3Fb%3Dc"
		}},
		{"a page, HEAD, old browser", out.do("HEAD", "/dashboard", nil, "Accept: text/html"),
			func(r reply) bool { return r.status == 303 }},
		{"a form", out.do("POST", "/dashboard/save", strings.NewReader("a=b"), navigate,
			"Referer: "+g.url+"/dashboard/form"), func(r reply) bool {
			return r.status == 303 && r.location() == "/login?next=%2Fdashboard%2Fform"
		}},
		{"a form from nowhere", out.do("POST", "/dashboard/save", strings.NewReader("a=b"), navigate),
			func(r reply) bool { return r.status == 303 && r.location() == "/login" }},
		{"fetch", out.do("GET", "/dashboard", nil, "Sec-Fetch-Mode: cors"), json401},
		{"curl", out.do("DELETE", "/dashboard/1", nil), json401},
		{"conditional", out.do("GET", "/dashboard", nil, "If-None-Match: *", "Range: bytes=0-1"), json401},
		{"dead cookie, page", out.do("GET", "/dashboard", nil, navigate, "Cookie: "+in.cookie().Name+"=dead"),
			func(r reply) bool {
				return r.status == 303 && strings.Contains(r.header.Get("Set-Cookie"), "Max-Age=0")
			}},
		{"dead cookie, the app's answer", out.do("GET", "/public", nil, navigate, "Cookie: "+in.cookie().Name+"=dead"),
			func(r reply) bool {
				return r.status == 200 && r.header.Get("Set-Cookie") == ""
			}},
		{"role missing, page", in.open("/admin"), func(r reply) bool {
			return r.status == 403 && strings.HasPrefix(r.header.Get("Content-Type"), "text/html")
		}},
		{"role missing, program", in.fetch("/admin"), func(r reply) bool {
			return r.status == 403 && strings.Contains(r.body, `"code":"FORBIDDEN"`)
		}},
		{"foreign origin", in.do("GET", "/public", nil, "Connection: Upgrade", "Upgrade: websocket",
			"Origin: https://evil.example"), func(r reply) bool { return r.status == 403 }},
		{"trace", out.do("TRACE", "/public", nil), func(r reply) bool { return r.status == 405 }},
		{"health", out.fetch("/.gatepost/healthz"), func(r reply) bool { return r.status == 200 && r.body == "ok" }},
		{"metrics on the public port", out.fetch("/metrics"),
			func(r reply) bool { return strings.HasPrefix(r.body, "app page") }},
	} {
		if !c.ok(c.got) {
			t.Errorf("%s: got %d to %q: %.200s", c.name, c.got.status, c.got.location(), c.got.body)
		}
	}
	want := []string{"GET /public", "GET /metrics"}
	if seen := a.take(); !slices.Equal(seen, want) {
		t.Errorf("the app saw %q, want %q", seen, want)
	}
	if r := in.fetch("/public"); !strings.Contains(r.body, `"ada@example.com"`) ||
		r.header.Get("Cache-Control") != "private, no-store" {
		t.Errorf("signed in on a public path: %s, %v", r.body, r.header)
	}
	if r := in.fetch("/api/auth/get-session"); r.status != 200 ||
		!strings.Contains(r.body, `"email":"ada@example.com"`) {
		t.Errorf("get-session: %d %s", r.status, r.body)
	}
	ip := strings.Replace(g.url, "localhost", "127.0.0.1", 1)
	req, _ := http.NewRequest("GET", ip+"/dashboard?a=b", nil)
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	res, err := out.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != 303 || res.Header.Get("Location") != g.url+"/dashboard?a=b" {
		t.Errorf("127.0.0.1: %d to %s", res.StatusCode, res.Header.Get("Location"))
	}
}

func TestWhatAnOperatorDoesInSQLIsSeenWithinASecond(t *testing.T) {
	t.Parallel()
	url := authtest.NewEmptyDatabase(t)
	g := startGate(t, "DATABASE_URL="+url, "GATEPOST_UPSTREAM="+newApp(t).url)
	db := authtest.Pool(t, url)
	v := g.visitor(t)
	v.signUp("ada@example.com")
	for _, step := range []struct {
		sql, path string // path: the page to ask for; login: they sign in instead
		want      int
	}{
		{`SELECT`, "/admin", 403},
		{`UPDATE gatepost."user" SET role = 'user,admin'`, "/admin", 200},
		{`UPDATE gatepost."user" SET role = 'user'`, "/admin", 403},
		{`UPDATE gatepost."user" SET disabled_at = now()`, "/dashboard", 401},
		{`UPDATE gatepost."user" SET disabled_at = NULL`, "/dashboard", 401},
		{`login`, "/dashboard", 200},
		{`UPDATE gatepost.session SET expires_at = now()`, "/dashboard", 401},
		{`UPDATE gatepost.session SET expires_at = now() + interval '1 day'`, "/dashboard", 200},
		{`DELETE FROM gatepost.session`, "/dashboard", 401},
	} {
		t.Log(step.sql)
		if step.sql == "login" {
			v.post("/login", "email", "ada@example.com", "password", password)
		} else if _, err := db.Exec(t.Context(), step.sql); err != nil {
			t.Fatal(err)
		}
		v.becomes(step.path, step.want)
	}
}

func TestFiftySignUpsOverHTTPMakeOneUser(t *testing.T) {
	t.Parallel()
	url := authtest.NewEmptyDatabase(t)
	g := startGate(t, "DATABASE_URL="+url, "GATEPOST_UPSTREAM="+newApp(t).url)
	var wg sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for range 50 {
		wg.Go(func() {
			r := g.visitor(t).post("/signup", "email", "ada@example.com", "password", password)
			if r.status == 503 && r.header.Get("Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
			mu.Lock()
			statuses[r.status]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if statuses[303] != 1 || statuses[303]+statuses[409]+statuses[503] != 50 {
		t.Errorf("got %v", statuses)
	}
	var users int
	err := authtest.Pool(t, url).QueryRow(t.Context(), `SELECT count(*) FROM gatepost."user"`).Scan(&users)
	if err != nil || users != 1 {
		t.Errorf("%d users, %v", users, err)
	}
}

func TestSocketsAndEventsThroughTheGate(t *testing.T) {
	t.Parallel()
	g := startGate(t, "DATABASE_URL="+authtest.NewEmptyDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url)
	v := g.visitor(t)
	v.signUp("ada@example.com")
	if r := v.fetch("/dashboard/events"); r.status != 200 || r.body != "data: 0\n\ndata: 1\n\ndata: 2\n\n" {
		t.Errorf("events: %d %q", r.status, r.body)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /dashboard/ws HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Origin: %s\r\nCookie: %s\r\n\r\n",
		strings.TrimPrefix(g.url, "http://"), g.url, v.cookie())
	in := bufio.NewReader(conn)
	if res, err := http.ReadResponse(in, nil); err != nil || res.StatusCode != 101 {
		t.Fatalf("got %v, %v", res, err)
	}
	_, _ = io.WriteString(conn, "hello")
	got := make([]byte, 5)
	if _, err := io.ReadFull(in, got); err != nil || string(got) != "hello" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAnAppThatIsGoneIs502(t *testing.T) {
	t.Parallel()
	g := startGate(t, "DATABASE_URL="+authtest.NewEmptyDatabase(t), "GATEPOST_UPSTREAM=http://127.0.0.1:"+freePort(t))
	v := g.visitor(t)
	if r := v.open("/"); r.status != 502 || strings.Contains(r.body, "127.0.0.1") {
		t.Errorf("page: %d %s", r.status, r.body)
	}
	if r := v.fetch("/"); r.status != 502 || !strings.Contains(r.body, `"code":"BAD_GATEWAY"`) {
		t.Errorf("program: %d %s", r.status, r.body)
	}
}

func TestAnAppThatIsSilentIs504(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // the kernel accepts connections, nothing answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	g := startGate(t, "DATABASE_URL="+authtest.NewEmptyDatabase(t), "GATEPOST_UPSTREAM=http://"+silent.Addr().String(),
		"GATEPOST_UPSTREAM_TIMEOUT=200ms")
	v := g.visitor(t)
	if r := v.open("/"); r.status != 504 || strings.Contains(r.body, "127.0.0.1") {
		t.Errorf("page: %d %s", r.status, r.body)
	}
	if r := v.fetch("/"); r.status != 504 || !strings.Contains(r.body, `"code":"GATEWAY_TIMEOUT"`) {
		t.Errorf("program: %d %s", r.status, r.body)
	}
}

func TestTooManyAttemptsAre429WhoeverIsMeant(t *testing.T) {
	t.Parallel()
	g := startGate(t, "DATABASE_URL="+authtest.NewEmptyDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url)
	g.visitor(t).signUp("ada@example.com")
	for _, email := range []string{"ada@example.com", "nobody@example.com"} {
		v := g.visitor(t)
		var last reply
		for range 6 {
			last = v.post("/login", "email", email, "password", "wrong password")
		}
		if last.status != 429 || last.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d, Retry-After %q", email, last.status, last.header.Get("Retry-After"))
		}
	}
}

// PostgreSQL stops and starts while visitors keep sending requests.
func TestTheDatabaseStopsAndStartsUnderTraffic(t *testing.T) {
	t.Parallel()
	authtest.NewDatabase(t) // skips the test without PostgreSQL
	dir, err := os.MkdirTemp("", "gatepost-outage-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	start := func() *localpg.Server {
		s, err := localpg.Start(context.Background(), localpg.Config{Dir: dir, Throwaway: true})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	pg := start()
	a := newApp(t)
	g := startGate(t, watched, "DATABASE_URL="+pg.URL("gatepost"), "GATEPOST_UPSTREAM="+a.url)
	v := g.visitor(t)
	v.signUp("ada@example.com")

	if err := pg.Stop(); err != nil {
		t.Fatal(err)
	}
	a.take()
	before := v.cookie()
	for _, c := range []struct {
		name string
		got  reply
		want int
	}{
		{"protected page", v.open("/dashboard"), 503},
		{"protected data", v.fetch("/dashboard"), 503},
		{"public", v.fetch("/public"), 200},
		{"get-session", v.fetch("/api/auth/get-session"), 503},
		{"logout", v.post("/logout"), 503},
		{"login", v.post("/login", "email", "ada@example.com", "password", password), 503},
		{"signup", v.post("/signup", "email", "eve@example.com", "password", password), 503},
		{"login page, signed out", g.visitor(t).open("/login"), 200},
	} {
		if c.got.status != c.want || c.want == 503 && c.got.header.Get("Retry-After") == "" ||
			c.got.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %v", c.name, c.got.status, c.got.header)
		}
	}
	if seen := a.take(); !slices.Equal(seen, []string{"GET /public"}) {
		t.Errorf("the app saw %q", seen)
	}
	if v.cookie().Value != before.Value {
		t.Error("the cookie was touched")
	}
	if r, err := http.Get(g.ops + "/readyz"); err != nil || r.StatusCode != 503 {
		t.Errorf("readyz: %v, %v", r, err)
	}

	pg = start()
	defer pg.Stop()
	eventually(t, "the session is good again", func() bool { return v.fetch("/dashboard").status == 200 })
	if r := g.visitor(t).post("/login", "email", "ada@example.com", "password", password); r.status != 303 {
		t.Errorf("login: %d", r.status)
	}
}

// A database that accepts connections and never answers must not make visitors wait long.
func TestADatabaseThatHangsIs503WithinFiveSeconds(t *testing.T) {
	t.Parallel()
	url := authtest.NewEmptyDatabase(t)
	a := newApp(t)
	g := startGate(t, "DATABASE_URL="+url, "GATEPOST_UPSTREAM="+a.url)
	v := g.visitor(t)
	v.signUp("ada@example.com")
	a.take()
	tx, err := authtest.Pool(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	if _, err := tx.Exec(t.Context(), `LOCK TABLE gatepost.session IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	v.client.Timeout = 5 * time.Second
	if r := v.fetch("/dashboard"); r.status != 503 {
		t.Errorf("got %d", r.status)
	}
	if seen := a.take(); len(seen) != 0 {
		t.Errorf("the app saw %q", seen)
	}
}

// The whole database and the log at its most detailed level hold no password and no token.
func TestNoSecretInTheDatabaseOrTheLog(t *testing.T) {
	t.Parallel()
	url := authtest.NewEmptyDatabase(t)
	g := startGate(t, "DATABASE_URL="+url, "GATEPOST_UPSTREAM="+newApp(t).url)
	v := g.visitor(t)
	v.signUp("ada@example.com")
	first := v.cookie().Value
	v.post("/login", "email", "ada@example.com", "password", "my wrong password")
	v.post("/login", "email", "my wrong password", "password", "ada@example.com")
	v.post("/login", "email", "ada@example.com", "password", password)
	v.fetch("/dashboard?token=query-secret")
	v.fetch("/admin")
	second := v.cookie().Value
	v.post("/logout")
	var dump strings.Builder
	db := authtest.Pool(t, url)
	for _, table := range []string{`"user"`, "session", "account", "verification", "throttle"} {
		rows, err := db.Query(t.Context(), "SELECT t::text FROM gatepost."+table+" t")
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			dump.WriteString(line + "\n")
		}
	}
	eventually(t, "the log is written", func() bool { return strings.Contains(g.log.String(), "path=/logout") })
	if !strings.Contains(dump.String(), "$argon2id$") {
		t.Fatalf("the dump is not one:\n%s", dump.String())
	}
	for _, secret := range []string{password, "my wrong password", "correct+horse", first, second, "query-secret"} {
		if secret == "" {
			t.Fatal("an empty secret")
		}
		for name, text := range map[string]string{"dump": dump.String(), "log": g.log.String()} {
			if strings.Contains(text, secret) {
				t.Errorf("%q is in the %s", secret, name)
			}
		}
	}
}

func TestTheBuiltInDatabaseServesAndTheCommandsJoinIt(t *testing.T) {
	t.Parallel()
	authtest.NewDatabase(t) // skips the test without PostgreSQL
	dir, err := os.MkdirTemp("", "gatepost-builtin-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	data := "GATEPOST_DATA_DIR=" + filepath.Join(dir, "data")
	g := startGate(t, data, "GATEPOST_UPSTREAM="+newApp(t).url)
	v := g.visitor(t)
	v.signUp("ada@example.com")
	gatepost := func(args ...string) string {
		gatepost, _ := exec.LookPath("gatepost")
		cmd := exec.Command(gatepost, args...)
		cmd.Env = []string{data, "PATH=" + os.Getenv("PATH"), "GATEPOST_UPSTREAM=" + newApp(t).url}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%q: %v: %s", args, err, out)
		}
		return string(out)
	}
	if out := gatepost("user", "list"); !strings.Contains(out, "ada@example.com") {
		t.Errorf("user list: %s", out)
	}
	gatepost("user", "disable", "ada@example.com")
	if r := v.fetch("/dashboard"); r.status != 401 {
		t.Errorf("a disabled user: %d", r.status)
	}
	if out := gatepost("check"); !strings.Contains(out, "Everything is in order") {
		t.Errorf("check: %s", out)
	}
	if !strings.Contains(g.log.String(), "built-in PostgreSQL") {
		t.Error("the log does not say where users are kept")
	}
}

func TestProfilesAreForWhoAsksForThem(t *testing.T) {
	t.Parallel()
	g := startGate(t, "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url,
		"GATEPOST_PROFILING=true")
	r, err := http.Get(g.ops + "/debug/pprof/heap?debug=1")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if b, _ := io.ReadAll(r.Body); r.StatusCode != http.StatusOK || !strings.Contains(string(b), "heap profile") {
		t.Errorf("got %s: %.100s", r.Status, b)
	}
	if out := g.visitor(t).fetch("/debug/pprof/heap"); !strings.HasPrefix(out.body, "app page") {
		t.Errorf("on the public port: %.100s", out.body)
	}
}

// A small heap is collected later than by Go's own rule, but not later than it says, unless the operator decides.
func TestTheCollectorLeavesASmallHeap(t *testing.T) {
	t.Parallel()
	const floor = 64 << 20 // bytes
	db, app := "DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url
	for name, c := range map[string]struct {
		env         string
		least, most float64 // of the size at which it is collected; by Go's own rule this gate would be at 11 MiB
		limit       float64
	}{
		"by itself":  {"GOGC=", floor / 4, floor * 5 / 4, math.MaxInt64},
		"GOMEMLIMIT": {"GOMEMLIMIT=200MiB", floor / 4, floor * 5 / 4, 200 << 20},
		"GOGC":       {"GOGC=50", 0, floor / 2, math.MaxInt64},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := startGate(t, db, app, "GATEPOST_PROFILING=true", c.env)
			var next float64
			for range 20 { // what a collection decides counts from the next one on
				if r, err := http.Get(g.ops + "/debug/pprof/heap?gc=1"); err != nil {
					t.Fatal(err)
				} else if err := r.Body.Close(); err != nil {
					t.Fatal(err)
				}
				if next = gauge(t, g, "go_memstats_next_gc_bytes"); next >= c.least && next < c.most {
					break
				}
			}
			if next < c.least || next >= c.most {
				t.Errorf("the heap is collected at %.0f bytes, want %.0f to %.0f", next, c.least, c.most)
			}
			if limit := gauge(t, g, "go_gc_gomemlimit_bytes"); limit != c.limit {
				t.Errorf("the limit is %.0f bytes, want %.0f", limit, c.limit)
			}
		})
	}
}

func gauge(t *testing.T, g *running, name string) (value float64) {
	t.Helper()
	_, rest, _ := strings.Cut(g.metrics(t), "\n"+name+" ")
	if _, err := fmt.Sscan(rest, &value); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return value
}

func TestMetricsAndHealthOnTheOpsListener(t *testing.T) {
	t.Parallel()
	g := startGate(t, "DATABASE_URL="+authtest.NewEmptyDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url)
	v := g.visitor(t)
	v.signUp("ada@example.com")
	v.fetch("/dashboard")
	g.visitor(t).fetch("/dashboard")
	if r, err := http.Get(g.ops + "/debug/pprof/"); err != nil || r.StatusCode != http.StatusNotFound {
		t.Errorf("profiles nobody asked for: %v, %v", r, err)
	}
	metrics := g.metrics(t)
	for _, want := range []string{
		`gatepost_requests_total{outcome="forwarded",route="protected"} 1`,
		`gatepost_requests_total{outcome="signed_out",route="protected"} 1`,
		`gatepost_sign_ups_total{result="ok"} 1`, `gatepost_request_duration_seconds_count{route="own"} 1`,
		"gatepost_database_connections", "go_goroutines",
		`gatepost_build_info{commit="`, "gatepost_lasting_answers 0",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(metrics, "ada@") {
		t.Error("user data in the metrics")
	}
	problems, err := promlint.New(strings.NewReader(metrics)).Lint()
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if err != nil {
		t.Error(err)
	}
}

// A load balancer learns from /readyz which gates to avoid, and why.
func TestReadyzSaysWhy(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(http.NotFoundHandler())
	database := authtest.NewEmptyDatabase(t)
	g := startGate(t, "DATABASE_URL="+database, "GATEPOST_UPSTREAM="+app.URL)
	query := ""
	type ready struct {
		Ready  bool
		Checks map[string]string
	}
	ask := func() (status int, answer ready) {
		res, err := http.Get(g.ops + "/readyz" + query)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, answer
	}
	want := map[string]string{
		"process": "ok", "database": "ok", "migrations": "ok", "upstream": "ok", "revocations": "ok",
	}
	eventually(t, "revocations are heard", func() bool {
		_, answer := ask()
		return answer.Checks["revocations"] == "ok"
	})
	if status, answer := ask(); status != 200 || !answer.Ready || !maps.Equal(answer.Checks, want) {
		t.Errorf("got %d %v", status, answer)
	}
	listen := "GATEPOST_OPS_LISTEN=" + strings.TrimPrefix(g.ops, "http://")
	if out, code := runGate(t, []string{"health"}, listen); code != 0 || !strings.Contains(out, `"ready":true`) {
		t.Errorf("health: %d %s", code, out)
	}
	if out, code := runGate(t, []string{"health"}, listen, "GATEPOST_TLS_CERT=/nowhere"); code != 0 {
		t.Errorf("health of a gate that goes on with what it read: %d %s", code, out)
	}
	app.Close()
	out, code := runGate(t, []string{"health"}, listen)
	if code != 1 || !strings.Contains(out, "the app does not answer") {
		t.Errorf("health without the app: %d %s", code, out)
	}
	for _, nobody := range []string{"GATEPOST_OPS_LISTEN=off", "GATEPOST_OPS_LISTEN=localhost:1"} {
		out, code := runGate(t, []string{"health"}, nobody)
		if code != 1 || !strings.Contains(out, "GATEPOST_OPS_LISTEN") && !strings.Contains(out, "no gate answers") {
			t.Errorf("%s: %d %s", nobody, code, out)
		}
	}
	want["upstream"] = "the app does not answer"
	if status, answer := ask(); status != 503 || answer.Ready || !maps.Equal(answer.Checks, want) {
		t.Errorf("without the app: %d %v", status, answer)
	}
	query = "?exclude=upstream&exclude=migrations"
	if status, answer := ask(); status != 200 || !answer.Ready || len(answer.Checks) != 3 {
		t.Errorf("without the app, which all gates share: %d %v", status, answer)
	}
	_, err := authtest.Pool(t, database).Exec(t.Context(), `ALTER TABLE gatepost.session RENAME TO lost`)
	if err != nil {
		t.Fatal(err)
	}
	query = "?exclude=upstream"
	if status, answer := ask(); status != 503 || answer.Checks["database"] != "ok" ||
		!strings.Contains(answer.Checks["migrations"], "gatepost check") {
		t.Errorf("without a table: %d %v", status, answer)
	}
}

func TestEightProcessesMigrateAnEmptyDatabaseOnce(t *testing.T) {
	t.Parallel()
	url := authtest.NewEmptyDatabase(t)
	gatepost, err := exec.LookPath("gatepost")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	did, waited := 0, 0
	for range 8 {
		wg.Go(func() {
			cmd := exec.Command(gatepost, "migrate")
			cmd.Env = []string{"DATABASE_URL=" + url}
			out, err := cmd.CombinedOutput()
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				t.Errorf("%v: %s", err, out)
			case strings.Contains(string(out), "Applied"): // what it waited for may come before it
				did++
			case strings.Contains(string(out), "up to date"):
				waited++
			default:
				t.Errorf("said %s", out)
			}
		})
	}
	wg.Wait()
	if did != 1 || waited != 7 {
		t.Errorf("%d processes migrated and %d found it done", did, waited)
	}
}
