package acceptance_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/authtest"
)

// pooler is a PgBouncer in front of the test's PostgreSQL.
type pooler struct {
	config, port string
	owner        *syscall.Credential
	cmd          *exec.Cmd
}

const pgbouncer = "/usr/sbin/pgbouncer"

func startPooler(t *testing.T, database, mode string) *pooler {
	t.Helper()
	if _, err := os.Stat(pgbouncer); err != nil {
		missing(t, pgbouncer+" is not installed")
	}
	direct, err := pgx.ParseConfig(database)
	if err != nil {
		t.Fatal(err)
	}
	dir := publicDir(t)
	p := &pooler{config: filepath.Join(dir, "pgbouncer.ini"), port: freePort(t)}
	text := fmt.Sprintf("[databases]\n* = host=%s port=%d user=%s\n[pgbouncer]\n"+
		"listen_addr = 127.0.0.1\nlisten_port = %s\nunix_socket_dir =\nauth_type = any\npool_mode = %s\n"+
		"default_pool_size = 20\nmax_client_conn = 200\n",
		direct.Host, direct.Port, direct.User, p.port, mode)
	if err := os.WriteFile(p.config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 { // PgBouncer refuses to run as root; its user must enter the directory of the socket
		info, err := os.Stat(direct.Host)
		if err != nil {
			t.Fatal(err)
		}
		owner := info.Sys().(*syscall.Stat_t)
		p.owner = &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}
	}
	p.start(t)
	return p
}

func (p *pooler) start(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command(pgbouncer, p.config)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.owner}
	launch(t, p.cmd)
	untilListening(t, "127.0.0.1:"+p.port)
}

func (p *pooler) stop() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// url returns the URL of a database behind the pooler.
func (p *pooler) url(t *testing.T, database string) string {
	t.Helper()
	c, err := pgx.ParseConfig(database)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("postgres://%s@127.0.0.1:%s/%s?sslmode=disable", c.User, p.port, c.Database)
}

// lookups returns how many session lookups were answered from the given place.
func (g *running) lookups(t *testing.T, from string) string {
	t.Helper()
	found := regexp.MustCompile(`gatepost_session_lookups_total\{from="` + from +
		`"\} (\d+)`).FindStringSubmatch(g.metrics(t))
	if found == nil {
		t.Fatalf("no look-ups from %s", from)
	}
	return found[1]
}

func TestTheGateBehindPgBouncer(t *testing.T) {
	t.Parallel()
	for name, lane := range map[string]struct {
		mode, parameters string
		direct, cached   bool
	}{
		"session":                      {"session", "&pool_max_conns=15", false, true},
		"transaction":                  {"transaction", "&default_query_exec_mode=exec", true, true},
		"transaction without a detour": {"transaction", "&default_query_exec_mode=exec", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := authtest.NewEmptyDatabase(t)
			p := startPooler(t, database, lane.mode)
			env := []string{"DATABASE_URL=" + p.url(t, database) + lane.parameters, "GATEPOST_UPSTREAM=" +
				newApp(t).url, "HOME=/"}
			if lane.direct {
				env = append(env, "GATEPOST_DIRECT_DATABASE_URL="+database)
			}
			var people sync.WaitGroup
			for range 3 {
				people.Go(func() {
					migrate := exec.Command(plainGate, "migrate")
					migrate.Env = env
					if out, err := migrate.CombinedOutput(); err != nil {
						t.Errorf("one of three that migrate at once: %v %s", err, out)
					}
				})
			}
			people.Wait()
			g := startGate(t, env...)
			ada := g.visitor(t)
			ada.signUp("ada@example.com")
			var one sync.Mutex // one at a time, as passwords wait for a core
			for i := range 20 {
				people.Go(func() {
					v := g.visitor(t)
					one.Lock()
					v.signUp(fmt.Sprintf("user%d@example.com", i))
					one.Unlock()
					for range 10 {
						if r := v.fetch("/dashboard"); r.status != 200 {
							t.Errorf("a dashboard: %d %s", r.status, r.body)
						}
					}
					if r := v.post("/logout"); r.status != 303 {
						t.Errorf("a logout: %d %s", r.status, r.body)
					}
					if r := v.fetch("/dashboard"); r.status != 401 {
						t.Errorf("after the logout: %d", r.status)
					}
				})
			}
			people.Wait()
			if cached := g.lookups(t, "cache") != "0"; cached != lane.cached {
				t.Errorf("sessions are cached: %v, want %v", cached, lane.cached)
			}
			const advice = "sessions are not cached: set GATEPOST_DIRECT_DATABASE_URL"
			if !lane.cached {
				eventually(t, "the log says what to set",
					func() bool { return strings.Contains(g.log.String(), advice) })
			} else if strings.Contains(g.log.String(), advice) {
				t.Error("the log wants something set")
			}
			p.stop()
			ada.becomes("/dashboard", 503)
			p.start(t)
			eventually(t, "the gate is back", func() bool { return ada.fetch("/dashboard").status == 200 })
			if _, err := authtest.Pool(t, database).Exec(t.Context(), `DELETE FROM gatepost.session`); err != nil {
				t.Fatal(err)
			}
			ada.becomes("/dashboard", 401)
		})
	}
}

// check tries both ways: the gate needs both to work.
func TestCheckTriesBothWaysToPostgreSQL(t *testing.T) {
	t.Parallel()
	out, code := runGate(t, []string{"check"}, "DATABASE_URL=postgres://gatepost@127.0.0.1:1/gatepost",
		"GATEPOST_DIRECT_DATABASE_URL="+authtest.NewDatabase(t), "GATEPOST_UPSTREAM="+newApp(t).url)
	if code != 1 || !strings.Contains(out, "PostgreSQL at 127.0.0.1:1") {
		t.Errorf("%d %s", code, out)
	}
}
