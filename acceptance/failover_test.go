package acceptance_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/internal/localpg"
)

// replica is one PostgreSQL of a pair.
type replica struct {
	dir    string
	server *localpg.Server
}

func startReplica(t *testing.T, dir string) replica {
	t.Helper()
	s, err := localpg.Start(context.Background(), localpg.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	return replica{dir, s}
}

// exec runs one statement on a connection of its own.
func (r replica) exec(t *testing.T, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), r.server.URL(localpg.Superuser))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func (r replica) value(t *testing.T, sql string) (v string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), r.server.URL(localpg.Superuser))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(t.Context(), sql).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// socket returns the directory of the server's socket, which clients use as its host.
func (r replica) socket(t *testing.T) string {
	t.Helper()
	config, err := pgx.ParseConfig(r.server.URL(localpg.Superuser))
	if err != nil {
		t.Fatal(err)
	}
	return config.Host
}

// kill ends the server at once, like a power cut.
func (r replica) kill(t *testing.T) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(r.dir, "postgres", "postmaster.pid"))
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err2 := strconv.Atoi(first)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// publicDir makes a directory that PostgreSQL's own user may enter.
func publicDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gatepost-pair-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

// newPair starts a primary and a standby. The standby has every commit that was acknowledged.
func newPair(t *testing.T) (primary, standby replica) {
	t.Helper()
	authtest.NewDatabase(t) // skips the test without PostgreSQL
	primary = startReplica(t, publicDir(t))
	programs := filepath.Dir(primary.value(t, `SELECT setting FROM pg_config() WHERE name = 'BINDIR'`) + "/")
	dir := publicDir(t)
	copied := filepath.Join(dir, "postgres")
	cmd := exec.Command(filepath.Join(programs, "pg_basebackup"), "--pgdata", copied, "--write-recovery-conf",
		"--checkpoint=fast", "--no-sync",
		"--host", primary.socket(t), "--username", localpg.Superuser)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("copy the primary: %v %s", err, out)
	}
	// The lock file is that of the primary's socket.
	if err := os.Remove(filepath.Join(copied, ".s.PGSQL.5432.lock")); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	// The copy gets the same owner as the original.
	info, err := os.Stat(filepath.Join(primary.dir, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	err = filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err == nil {
			err = os.Lchown(path, int(owner.Uid), int(owner.Gid))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	standby = startReplica(t, dir)
	primary.exec(t, `ALTER SYSTEM SET synchronous_standby_names = '*'`)
	primary.exec(t, `SELECT pg_reload_conf()`)
	eventually(t, "the standby keeps up", func() bool {
		return primary.value(t, `SELECT count(*)::text FROM pg_stat_replication WHERE sync_state = 'sync'`) == "1"
	})
	return primary, standby
}

// The primary dies and its standby is promoted while users sign up and load pages. The gate goes on without
// being told.
func TestAPrimaryDiesAndItsStandbyTakesOver(t *testing.T) {
	t.Parallel()
	primary, standby := newPair(t)
	a := newApp(t)
	g := startGate(t, watched, "GATEPOST_UPSTREAM="+a.url, "GATEPOST_TRUSTED_PROXIES=127.0.0.0/8",
		fmt.Sprintf("DATABASE_URL=host=%s,%s user=%s dbname=%s target_session_attrs=read-write connect_timeout=2",
			primary.socket(t), standby.socket(t), localpg.Superuser, localpg.Superuser))
	ada := g.visitor(t)
	ada.signUp("ada@example.com")
	var mu sync.Mutex
	var acknowledged []string
	stop := make(chan struct{})
	var load sync.WaitGroup
	for n := range 3 {
		load.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				email := fmt.Sprintf("user%d-%d@example.com", n, i)
				form := "email=" + email + "&password=correct+horse+battery"
				r := g.visitor(t).do("POST", "/signup", strings.NewReader(form),
					fmt.Sprintf("X-Forwarded-For: 198.%d.%d.%d", 51+n, i/250, i%250), navigate)
				switch r.status {
				case 303:
					mu.Lock()
					acknowledged = append(acknowledged, email)
					mu.Unlock()
				case 503:
				default:
					t.Errorf("a sign-up: %d %s", r.status, r.body)
				}
			}
		})
	}
	people := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(acknowledged)
	}
	eventually(t, "people sign up", func() bool { return people() > 10 })
	primary.kill(t)
	eventually(t, "protected pages are closed", func() bool { return ada.fetch("/dashboard").status == 503 })
	a.take()
	if r := ada.fetch("/dashboard"); r.status != 503 {
		t.Errorf("a protected page: %d", r.status)
	}
	if seen := a.take(); len(seen) != 0 {
		t.Errorf("the app saw %q", seen)
	}
	if r := ada.fetch("/public"); r.status != 200 {
		t.Errorf("a public page: %d", r.status)
	}
	standby.exec(t, `SELECT pg_promote()`)
	for promoted := time.Now(); ; {
		began := time.Now()
		r := ada.fetch("/dashboard")
		if r.status == 200 {
			break
		}
		if began.Sub(promoted) > 5*time.Second {
			t.Fatalf("five seconds after the promotion: %d", r.status)
		}
	}
	before := people()
	eventually(t, "people sign up again", func() bool { return people() > before+5 })
	close(stop)
	load.Wait()
	for _, email := range acknowledged {
		if standby.value(t, `SELECT count(*)::text FROM gatepost."user" WHERE email = '`+email+`'`) != "1" {
			t.Errorf("%s signed up, was told so, and is lost", email)
		}
	}
	// The gate hears of revocations from the new primary.
	eventually(t, "revocations are heard",
		func() bool { return strings.Contains(g.metrics(t), "gatepost_revocations_heard 1") })
	standby.exec(t, `UPDATE gatepost."user" SET disabled_at = now() WHERE email = 'ada@example.com'`)
	ada.becomes("/dashboard", 401)
}

// While the primary restarts, its standby still answers. The standby may not know of recent logouts, so the
// gate must not ask it, whether the settings say so or not.
func TestAStandbyIsNotAskedWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	primary, standby := newPair(t)
	hosts := func(hosts ...string) string {
		return fmt.Sprintf("DATABASE_URL=host=%s user=%s dbname=%[2]s connect_timeout=2",
			strings.Join(hosts, ","), localpg.Superuser)
	}
	app := "GATEPOST_UPSTREAM=" + newApp(t).url
	g := startGate(t, hosts(primary.socket(t), standby.socket(t)), app)
	ada := g.visitor(t)
	ada.signUp("ada@example.com")
	primary.kill(t)
	eventually(t, "protected pages are closed", func() bool { return ada.fetch("/dashboard").status == 503 })
	if out, code := runGate(t, []string{"check"}, hosts(primary.socket(t), standby.socket(t)), app); code != 1 ||
		!strings.Contains(out, "a standby answers") || !strings.Contains(out, "point DATABASE_URL at the primary") {
		t.Errorf("a standby, checked beside a dead primary: %d %s", code, out)
	}
	_ = primary.server.Stop() // releases the directory; the server is dead already
	primary = startReplica(t, primary.dir)
	eventually(t, "protected pages are open", func() bool { return ada.fetch("/dashboard").status == 200 })
	standby.exec(t, `SELECT pg_wal_replay_pause()`)
	primary.exec(t, `DELETE FROM gatepost.session`)
	ada.becomes("/dashboard", 401)
	if out, code := runGate(t, []string{"check"}, hosts(standby.socket(t)), app); code != 1 ||
		!strings.Contains(out, "a standby answers") {
		t.Errorf("a lone standby, checked: %d %s", code, out)
	}
}
