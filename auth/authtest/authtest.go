// Package authtest gives each test a real, migrated PostgreSQL database of its own, cloned from a template on one
// private server per test binary. Tests only.
package authtest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/internal/localpg"
	"github.com/gatepost/gatepost/migrations"
)

const template = "gatepost_template"

var cluster struct {
	sync.Once
	dir    string
	memory bool // the directory is in memory
	server *localpg.Server
	err    error
	count  atomic.Int64
	clone  sync.Mutex // PostgreSQL refuses to clone a template twice at the same time
	admin  *pgx.Conn  // used under clone; a connection costs PostgreSQL as much as a third of a database
	// strategy copies files and writes no log of them, which takes half the time: before PostgreSQL 15 there is no
	// other.
	strategy string
}

// Main runs the tests and then ends the server and removes its files: `func TestMain(m *testing.M) { authtest.Main(m)
// }`.
func Main(m *testing.M) {
	code := m.Run()
	Close()
	os.Exit(code)
}

// Close ends the server, for a TestMain that has more to do than Main.
func Close() {
	if cluster.admin != nil {
		_ = cluster.admin.Close(context.Background())
	}
	if cluster.server != nil {
		_ = cluster.server.Stop()
	}
	if cluster.dir != "" {
		removeAll(cluster.dir)
	}
}

// removeAll removes the databases at once and then the rest. Each has some 500 files: where there were many tests,
// one core would have to remove a hundred thousand, while the others wait for it.
func removeAll(dir string) {
	databases, _ := filepath.Glob(filepath.Join(dir, "pg", "postgres", "base", "*"))
	var work errgroup.Group
	work.SetLimit(runtime.GOMAXPROCS(0))
	for _, d := range databases {
		work.Go(func() error { return os.RemoveAll(d) })
	}
	_ = work.Wait() // what is left is tried once more
	_ = os.RemoveAll(dir)
}

// NewDatabase returns the connection string of a fresh, migrated database. Without PostgreSQL programs on the machine
// it skips the test, and fails it when CI is set.
func NewDatabase(t testing.TB) string {
	t.Helper()
	return newDatabase(t, "TEMPLATE "+template)
}

// NewEmptyDatabase is NewDatabase before any migration.
func NewEmptyDatabase(t testing.TB) string {
	t.Helper()
	return newDatabase(t, "TEMPLATE template0")
}

func newDatabase(t testing.TB, from string) string {
	t.Helper()
	s := server(t)
	name := fmt.Sprintf("test_%d", cluster.count.Add(1))
	admin(t, "CREATE DATABASE "+name+" "+from+cluster.strategy)
	t.Cleanup(func() { leave(t, name) })
	return s.URL(name)
}

// roomy is how many bytes of the disk have to be free for databases to stay until all tests have run: some thousand.
const roomy = 20 << 30

// leave ends what a test did in a database. ext4 looks at each file that was deleted in the last minutes before it
// makes another one: a database that is made soon after others were dropped takes ten times as long. So they are
// dropped only where the disk is small, or is none, and go with the server.
func leave(t testing.TB, name string) {
	if cluster.memory || free(cluster.dir) < roomy {
		admin(t, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
		return
	}
	// Not ALTER DATABASE, as a test may have dropped its own.
	admin(t, "UPDATE pg_database SET datallowconn = false WHERE datname = '"+name+"'")
	terminate(t, name)
}

// NewPool is a pool on a fresh, migrated database.
func NewPool(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return Pool(t, NewDatabase(t))
}

// Pool connects to a database of this package, closed when the test ends. It speaks as it would have to through a
// pooler, where PostgreSQL is not asked for the types of parameters; whole gates are tested the other way.
func Pool(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(url + "&pool_max_conns=10&default_query_exec_mode=exec")
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	config.ConnConfig.Tracer = &tracer{}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// Refuse has PostgreSQL end every connection to the database of a pool, and take no new one: for everybody it is away.
func Refuse(t testing.TB, db *pgxpool.Pool) {
	t.Helper()
	name := db.Config().ConnConfig.Database
	admin(t, "ALTER DATABASE "+name+" ALLOW_CONNECTIONS false")
	terminate(t, name)
}

func terminate(t testing.TB, name string) {
	t.Helper()
	admin(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+name+"'")
}

// NewStore is a store with default options on a database of its own, and the pool to look behind its back with.
func NewStore(t testing.TB, change ...func(*auth.Options)) (*auth.Store, *pgxpool.Pool) {
	t.Helper()
	pool := NewPool(t)
	o := auth.Options{Log: slog.New(slog.DiscardHandler), AnswerStep: time.Millisecond}
	for _, f := range change {
		f(&o)
	}
	store := auth.New(pool, o)
	t.Cleanup(store.Close)
	return store, pool
}

func server(t testing.TB) *localpg.Server {
	t.Helper()
	cluster.Do(start)
	if cluster.err == nil {
		return cluster.server
	}
	if os.Getenv("CI") == "" && strings.Contains(cluster.err.Error(), "no PostgreSQL server programs") {
		t.Skipf("needs PostgreSQL: %v", cluster.err)
	}
	t.Fatalf("start PostgreSQL: %v", cluster.err)
	return nil
}

func start() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cluster.err = func() error {
		dir, inMemory, err := newPlace()
		if err != nil {
			return err
		}
		cluster.dir, cluster.memory = dir, inMemory
		if err := os.Chmod(dir, 0o711); err != nil { // the server's own user must get through
			return err
		}
		cluster.server, err = localpg.Start(ctx, localpg.Config{
			Dir: filepath.Join(dir, "pg"), Bin: os.Getenv("GATEPOST_POSTGRES_BIN"), Throwaway: true,
		})
		if err != nil {
			return err
		}
		if cluster.admin, err = pgx.Connect(ctx, cluster.server.URL("postgres")); err != nil {
			return err
		}
		// It would go from one database that nobody uses to the next.
		for _, sql := range []string{"ALTER SYSTEM SET autovacuum = off", "SELECT pg_reload_conf()"} {
			if _, err := cluster.admin.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return makeTemplate(ctx)
	}()
}

func makeTemplate(ctx context.Context) error {
	if _, err := cluster.admin.Exec(ctx, "CREATE DATABASE "+template); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, cluster.server.URL(template))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if conn.PgConn().ParameterStatus("server_version") >= "15" {
		cluster.strategy = " STRATEGY file_copy"
	}
	_, err = migrations.Up(ctx, conn)
	return err
}

func admin(t testing.TB, sql string) {
	t.Helper()
	cluster.clone.Lock()
	defer cluster.clone.Unlock()
	if _, err := cluster.admin.Exec(context.Background(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}
