package migrations_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/migrations"
)

// shipped are the files before the first one under the rule, followed by the test's own.
func shipped(t *testing.T, more map[string]string) fs.FS {
	t.Helper()
	all := fstest.MapFS{}
	names, _ := fs.Glob(os.DirFS("."), "000?_*.sql")
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = &fstest.MapFile{Data: b}
	}
	for name, sql := range more {
		all[name+".sql"] = &fstest.MapFile{Data: []byte(sql)}
	}
	return all
}

const (
	up   = "-- +goose Up\n"
	upBy = "-- +goose NO TRANSACTION\n" + up
)

// eachKind is a migration of each allowed kind.
var eachKind = map[string]string{
	"0010_column": up + `ALTER TABLE gatepost."user" ADD COLUMN a text, ADD COLUMN b integer NOT NULL DEFAULT 0;`,
	"0011_trigger": up + `
		-- +goose StatementBegin
		CREATE FUNCTION gatepost.nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
		-- +goose StatementEnd
		CREATE TRIGGER nothing AFTER UPDATE OF disabled_at ON gatepost."user"
			FOR EACH ROW EXECUTE FUNCTION gatepost.nothing();`,
	"0012_table": up + `
		CREATE TABLE gatepost.tally (user_id text REFERENCES gatepost."user" (id) ON DELETE CASCADE, n bigint);`,
	"0013_rows": up + `
		UPDATE gatepost.account SET scope = 'seen' WHERE scope IS NULL;
		DELETE FROM gatepost.throttle;`,
	"0014_unique": uniqueIndex,
	"0015_check": up + `
		ALTER TABLE gatepost.session ADD CONSTRAINT finite CHECK (expires_at < 'infinity') NOT VALID;`,
	"0016_validate": up + `ALTER TABLE gatepost.session VALIDATE CONSTRAINT finite;`,
	"0017_drop":     upBy + `DROP INDEX CONCURRENTLY IF EXISTS gatepost.session_expires_at;`,
	"0018_function": up + `
		CREATE OR REPLACE FUNCTION gatepost.nothing() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN RETURN NEW; END $$;`,
}

const uniqueIndex = upBy + `
	CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS one_password ON gatepost.account (user_id)
		WHERE provider_id = 'credential';`

// old makes a database as the release before left it, with two users.
func old(t *testing.T) (url string, conn *pgx.Conn) {
	t.Helper()
	url = authtest.NewEmptyDatabase(t)
	conn = connect(t, url)
	if _, err := (migrations.Set{Files: shipped(t, nil)}).Up(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	exec(t, conn, `
		INSERT INTO gatepost."user" (id, email) VALUES ('ada', 'ada@example.com'), ('bob', 'bob@example.com');
		INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id)
			SELECT id, 'local', 'credential', id, id FROM gatepost."user";
		INSERT INTO gatepost.session (id, token, user_id, expires_at, idle_seconds)
			SELECT id, id, id, now() + interval '1 day', 3600 FROM gatepost."user"`)
	return url, conn
}

// readEverything takes the weakest lock on each table, and useAll the locks of ordinary statements.
const (
	readEverything = `SELECT FROM gatepost."user", gatepost.session, gatepost.account, gatepost.verification,
		gatepost.throttle, gatepost.familiar, gatepost.outbox, gatepost.acme, gatepost.audit_event LIMIT 1`
	useAll = readEverything + `;
		UPDATE gatepost."user" SET name = 'Bob' WHERE id = 'bob';
		UPDATE gatepost.session SET ip_address = '' WHERE id = 'bob';
		UPDATE gatepost.account SET access_token = '' WHERE id = 'bob'`
)

// inTheWay begins a transaction that lasts until end is called.
func inTheWay(t *testing.T, url, sql string) (pid int, end func()) {
	t.Helper()
	conn := connect(t, url+"&application_name=in_the_way")
	exec(t, conn, "SET idle_in_transaction_session_timeout = 0; BEGIN ISOLATION LEVEL READ COMMITTED; "+sql)
	return int(conn.PgConn().PID()), func() { exec(t, conn, "COMMIT") }
}

// upgrade is a running migration.
type upgrade struct {
	mu    sync.Mutex
	waits []migrations.Wait
	done  chan error
	n     int // once it is done
}

func start(ctx context.Context, t *testing.T, url string, set migrations.Set) *upgrade {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.SeverityUnlocalized == "WARNING" { // operators read these
			t.Errorf("PostgreSQL warns: %s", n.Message)
		}
	}
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	u := &upgrade{done: make(chan error, 1)}
	set.Waits = func(w migrations.Wait) {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.waits = append(u.waits, w)
	}
	go func() {
		var err error
		u.n, err = set.Up(ctx, conn)
		u.done <- err
	}()
	return u
}

// waitsFor waits until the migration reports that it waits for the connection.
func (u *upgrade) waitsFor(t *testing.T, migration string, pid int) {
	t.Helper()
	says := fmt.Sprintf(`pid %d ("in_the_way"`, pid)
	eventually(t, migration+" waits for "+says, func() bool {
		u.mu.Lock()
		defer u.mu.Unlock()
		return slices.ContainsFunc(u.waits, func(w migrations.Wait) bool {
			return w.Migration == migration && strings.Contains(w.String(), says)
		})
	})
}

// ends waits for the end, and checks how many migrations were applied.
func (u *upgrade) ends(t *testing.T, applied int) {
	t.Helper()
	select {
	case err := <-u.done:
		if err != nil || u.n != applied {
			t.Fatalf("%d applied, want %d: %v", u.n, applied, err)
		}
	case <-time.After(time.Minute):
		t.Fatal("never: the upgrade ends")
	}
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// passers read and write each table over and over, and wait for a lock no longer than their lock_timeout. pass
// waits until each has done so n times more.
func passers(t *testing.T, url string) (pass func(n int64)) {
	t.Helper()
	stop := make(chan struct{})
	var all sync.WaitGroup
	var each []*atomic.Int64
	for _, sql := range []string{
		readEverything, `UPDATE gatepost."user" SET updated_at = now() WHERE id = 'ada'`,
		`UPDATE gatepost.session SET last_used_at = now() WHERE id = 'ada'`,
		`UPDATE gatepost.account SET updated_at = now() WHERE id = 'ada'`,
	} {
		conn, passed := connect(t, url), &atomic.Int64{}
		each = append(each, passed)
		// 2 s behind a lock that is waited for, and the moment for which it is held.
		exec(t, conn, "SET lock_timeout = '2600ms'")
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := conn.Exec(context.Background(), sql); err != nil {
					t.Errorf("%s: %v", sql, err)
					return
				}
				passed.Add(1)
			}
		})
	}
	t.Cleanup(func() { close(stop); all.Wait() }) // before their connections are closed
	return func(n int64) {
		t.Helper()
		for _, passed := range each {
			before := passed.Load()
			eventually(t, "others pass", func() bool { return passed.Load() > before+n || t.Failed() })
		}
	}
}

// While a transaction reads or writes, a migration of each kind waits for it, and no other statement waits for the
// migration.
func TestAMigrationWaitsAndNobodyWaitsForIt(t *testing.T) {
	t.Parallel()
	for version, c := range map[int64]struct {
		migration, others string
		waits             bool
	}{
		10: {"0010_column", readEverything, true},
		11: {"0011_trigger", useAll, true},
		12: {"0012_table", useAll, true},
		13: {"0013_rows", useAll, true},
		14: {"0014_unique", useAll, true},
		15: {"0015_check", readEverything, true},
		16: {"0016_validate", useAll, false},
		17: {"0017_drop", readEverything, true},
		18: {"0018_function", useAll, false},
	} {
		t.Run(c.migration, func(t *testing.T) {
			t.Parallel()
			url, conn := old(t)
			files := shipped(t, eachKind)
			if _, err := (migrations.Set{Files: files, To: version - 1}).Up(t.Context(), conn); err != nil {
				t.Fatal(err)
			}
			pid, end := inTheWay(t, url, c.others)
			pass := passers(t, url)
			u := start(t.Context(), t, url, migrations.Set{Files: files, To: version})
			if c.waits {
				u.waitsFor(t, c.migration, pid)
				pass(25)
				end()
			}
			u.ends(t, 1)
			pass(25)
		})
	}
}

// Two processes migrate at once while an index is built beside a lasting transaction. The idle process must not
// wait in a statement: the index would wait for that statement, and neither would ever end.
func TestTwoMigrateAndOneBuildsAnIndex(t *testing.T) {
	t.Parallel()
	url, _ := old(t)
	set := migrations.Set{Files: shipped(t, map[string]string{"0010_unique": uniqueIndex})}
	pid, end := inTheWay(t, url, useAll)
	one := start(t.Context(), t, url, set)
	one.waitsFor(t, "0010_unique", pid)
	other := start(t.Context(), t, url, set)
	other.waitsFor(t, "0010_unique", pid)
	end()
	one.ends(t, 1)
	other.ends(t, 0)
}

// Limits that an operator has set for ordinary statements do not cut off a migration.
func TestAnOperatorsLimitsAreForOthers(t *testing.T) {
	t.Parallel()
	url, conn := old(t)
	for name, value := range map[string]string{"statement_timeout": "1s", "lock_timeout": "1s",
		"idle_in_transaction_session_timeout": "1s",
		"default_transaction_isolation":       "serializable"} {
		exec(t, conn, fmt.Sprintf(`ALTER DATABASE %s SET %s = '%s'`, conn.Config().Database, name, value))
	}
	pid, end := inTheWay(t, url, useAll)
	u := start(t.Context(), t, url, migrations.Set{Files: shipped(t, map[string]string{"0010_unique": uniqueIndex})})
	u.waitsFor(t, "0010_unique", pid)
	// So that the limits are exceeded by the database's clock.
	exec(t, connect(t, url), "SET statement_timeout = 0; SELECT pg_sleep(2)")
	end()
	u.ends(t, 1)
}

// An index that could not be built is dropped at once, as it would still reject duplicates. So is one that an
// earlier try left.
func TestAHalfBuiltIndexIsDropped(t *testing.T) {
	t.Parallel()
	url, conn := old(t)
	set := migrations.Set{Files: shipped(t, map[string]string{"0010_unique": uniqueIndex})}
	exec(t, conn, `
		INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id)
			VALUES ('2', 'local', 'credential', '2', 'ada')`)
	_, err := set.Up(t.Context(), conn)
	wants(t, err, "0010_unique", "one_password", "SQLSTATE 23505")
	state := func(want string) {
		t.Helper()
		var got string
		err := connect(t, url).QueryRow(t.Context(), `
			SELECT coalesce((SELECT CASE WHEN indisvalid THEN 'built' ELSE 'half built' END
				FROM pg_index WHERE indexrelid = to_regclass('gatepost.one_password')), 'none')`).Scan(&got)
		if err != nil || got != want {
			t.Errorf("the index is %s, want %s: %v", got, want, err)
		}
	}
	state("none")
	_, sql, _ := strings.Cut(uniqueIndex, up)
	if _, err := conn.Exec(t.Context(), sql); err == nil { // as after a process that was killed
		t.Fatal("it was built in spite of duplicates")
	}
	state("half built")
	exec(t, conn, `DELETE FROM gatepost.account WHERE id = '2'`)
	if n, err := set.Up(t.Context(), conn); n != 1 || err != nil {
		t.Fatalf("after the cure: %d, %v", n, err)
	}
	state("built")
	exec(t, conn, `DELETE FROM gatepost.migration`) // as after a process that was killed before it recorded that
	if n, err := set.Up(t.Context(), conn); n != 1 || err != nil {
		t.Fatalf("once more: %d, %v", n, err)
	}
	state("built")
}

// A migration that is stopped while it waits ends at once, and leaves no waiting statement behind.
func TestAMigrationThatIsToldToStopLeavesNobodyWaiting(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{"0010_column": eachKind["0010_column"], "0010_unique": uniqueIndex} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, conn := old(t)
			pid, end := inTheWay(t, url, useAll)
			defer end()
			ctx, stop := context.WithCancel(t.Context())
			u := start(ctx, t, url, migrations.Set{Files: shipped(t, map[string]string{name: sql})})
			u.waitsFor(t, name, pid)
			stop()
			select {
			case err := <-u.done:
				if err == nil {
					t.Error("it says that it is done")
				}
			case <-time.After(time.Minute):
				t.Fatal("never: it ends")
			}
			eventually(t, "nothing waits", func() bool {
				var n int
				err := conn.QueryRow(t.Context(), `
					SELECT count(*) FROM pg_stat_activity
					WHERE application_name = 'gatepost migrating' AND datname = current_database()`).Scan(&n)
				return err == nil && n == 0
			})
		})
	}
}

// A role that may see nothing of other connections still gets their process ids.
func TestAPoorRoleSeesWhoIsInTheWay(t *testing.T) {
	t.Parallel()
	url := authtest.NewEmptyDatabase(t)
	owner := connect(t, url)
	role, database := "poor_"+owner.Config().Database, owner.Config().Database
	exec(t, owner, "CREATE ROLE "+role+" LOGIN; GRANT CREATE ON DATABASE "+database+" TO "+role)
	t.Cleanup(func() { _, _ = owner.Exec(context.Background(), "DROP OWNED BY "+role+"; DROP ROLE "+role) })
	poor := strings.Replace(url, "user=gatepost", "user="+role, 1)
	set := migrations.Set{Files: shipped(t, map[string]string{"0010_column": eachKind["0010_column"]})}
	before := migrations.Set{Files: set.Files, To: 9}
	if _, err := before.Up(t.Context(), connect(t, poor)); err != nil {
		t.Fatal(err)
	}
	pid, end := inTheWay(t, url, readEverything)
	u := start(t.Context(), t, poor, set)
	u.waitsFor(t, "0010_column", pid)
	end()
	u.ends(t, 1)
}

// A gate that knows enough of the tables runs on them, whatever was added. One that does not names what to do,
// whether or not its version knows the second table.
func TestTheOldestVersionThatMayRun(t *testing.T) {
	t.Parallel()
	url := authtest.NewDatabase(t)
	conn := connect(t, url)
	list, err := migrations.Status(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	now := list[len(list)-1].Version
	more := map[string]string{
		"9010_more": up + `CREATE TABLE gatepost.more (a text);`,
		"9011_less": up + "-- gatepost: oldest 9010\n" + `ALTER TABLE gatepost.account DROP COLUMN scope;`,
	}
	for _, m := range list {
		name := fmt.Sprintf("%04d_%s", m.Version, m.Name)
		b, err := os.ReadFile(name + ".sql")
		if err != nil {
			t.Fatal(err)
		}
		more[name] = string(b)
	}
	files := shipped(t, more)
	known := func(version int64) migrations.Set { return migrations.Set{Files: files, To: version} }
	may := func(version int64, want string) {
		t.Helper()
		n, err := known(version).Up(t.Context(), connect(t, url))
		if n > 0 {
			t.Errorf("a gate that knows %d applied %d migrations", version, n)
		}
		for _, err := range []error{err, migrations.CheckFor(t.Context(), known(version), conn),
			migrations.UsableFor(t.Context(), known(version), conn)} {
			if want == "" && err != nil {
				t.Errorf("a gate that knows %d: %v", version, err)
			} else if want != "" {
				wants(t, err, want, "run that newer Gatepost", "restore the backup")
			}
		}
	}
	// before is what gates read that know goose's table only.
	before := func(want int64) {
		t.Helper()
		var newest int64
		err := conn.QueryRow(t.Context(),
			"SELECT max(version_id) FROM gatepost.goose_db_version WHERE is_applied").Scan(&newest)
		if err != nil || newest != want {
			t.Errorf("goose's table says %d, want %d: %v", newest, want, err)
		}
	}
	if _, err := known(9010).Up(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	may(now, "")
	may(9010, "")
	before(9)
	if _, err := known(9011).Up(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	may(now, "has to know version 9010")
	may(9010, "")
	may(9011, "")
	before(9011)
}
