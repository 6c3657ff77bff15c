package localpg_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/internal/localpg"
)

// TestMain also makes the test binary a program that runs a server until it is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("LOCALPG_TEST_RUN"); dir != "" {
		s, err := localpg.Start(context.Background(), localpg.Config{Dir: dir, Throwaway: true})
		fmt.Println(err)
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM)
		<-stop
		_ = s.Stop()
		return
	}
	os.Exit(m.Run())
}

// newDir is a directory that the server's user can reach. For root, t.TempDir is not.
func newDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "localpg-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

func start(t *testing.T, dir string) *localpg.Server {
	t.Helper()
	s, err := localpg.Start(t.Context(), localpg.Config{Dir: dir, Throwaway: true})
	if err != nil {
		if os.Getenv("CI") == "" && strings.Contains(err.Error(), "no PostgreSQL server programs") {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

func query(t *testing.T, s *localpg.Server, sql string) (result string) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), s.URL("gatepost"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	rows, err := conn.Query(context.Background(), sql)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		if err := rows.Scan(&result); err != nil {
			t.Fatal(err)
		}
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return result
}

func TestDataSurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	s := start(t, dir)
	query(t, s, "CREATE TABLE kept AS SELECT 'yes' AS a")
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if got := query(t, start(t, dir), "SELECT a FROM kept"); got != "yes" {
		t.Errorf("got %q", got)
	}
}

func TestTheServerListensOnNoPort(t *testing.T) {
	t.Parallel()
	if got := query(t, start(t, newDir(t)), "SHOW listen_addresses"); got != "" {
		t.Errorf("listens on %q", got)
	}
}

func TestADirectoryHasOneOwnerAndVisitorsJoinHim(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	s := start(t, dir)
	query(t, s, "CREATE TABLE seen AS SELECT 'by the visitor' AS a")
	if _, err := localpg.Start(t.Context(), localpg.Config{Dir: dir}); !errors.Is(err, localpg.ErrInUse) {
		t.Errorf("a second Start: got %v, want ErrInUse", err)
	}
	visitor, err := localpg.Open(t.Context(), localpg.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if got := query(t, visitor, "SELECT a FROM seen"); got != "by the visitor" {
		t.Errorf("got %q", got)
	}
	if err := visitor.Stop(); err != nil {
		t.Error(err)
	}
	query(t, s, "SELECT 'still running'")
}

func TestALongPathGetsAShortSocket(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(newDir(t), strings.Repeat("long/", 25))
	if got := query(t, start(t, dir), "SELECT 'ok'"); got != "ok" {
		t.Errorf("got %q", got)
	}
}

func TestAnotherMajorVersionIsRefusedAndNothingTouched(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	if err := start(t, dir).Stop(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "postgres", "PG_VERSION")
	if err := os.WriteFile(file, []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := localpg.Start(t.Context(), localpg.Config{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "made by PostgreSQL 9") ||
		!strings.Contains(err.Error(), "install PostgreSQL 9") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "postgres", "base")); err != nil {
		t.Errorf("the data is gone: %v", err)
	}
}

func TestForeignFilesAreLeftAlone(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	file := filepath.Join(dir, "postgres", "thesis.txt")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("years of work"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := localpg.Start(t.Context(), localpg.Config{Dir: dir}); err == nil ||
		!strings.Contains(err.Error(), "no PostgreSQL data") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

func TestProgramsThatAreNotThereAreNamed(t *testing.T) {
	t.Parallel()
	_, err := localpg.Start(t.Context(), localpg.Config{Dir: newDir(t), Bin: "/nowhere"})
	if err == nil || !strings.Contains(err.Error(),
		`GATEPOST_POSTGRES_BIN: no programs postgres and initdb in "/nowhere"`) {
		t.Errorf("got %v", err)
	}
}

// A killed gatepost leaves no server behind, and the next one starts on the same data at once.
func TestTheServerEndsWithItsParentEvenWhenThatIsKilled(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	start(t, newDir(t)) // skips here when there is no PostgreSQL
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "LOCALPG_TEST_RUN="+dir)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "<nil>\n" {
		t.Fatalf("the parent says %q, %v", line, err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	pid := strings.SplitN(readFile(t, filepath.Join(dir, "postgres", "postmaster.pid")), "\n", 2)[0]
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // killed
	if got := query(t, start(t, dir), "SELECT 'again'"); got != "again" {
		t.Errorf("got %q", got)
	}
	if now := strings.SplitN(readFile(t, filepath.Join(dir, "postgres", "postmaster.pid")), "\n", 2)[0]; now == pid {
		t.Errorf("the orphan %s was taken over", pid)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDoneTellsThatTheServerDied(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	s := start(t, dir)
	var pid int
	if _, err := fmt.Sscan(readFile(t, filepath.Join(dir, "postgres", "postmaster.pid")), &pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Done():
	case <-time.After(time.Minute):
		t.Error("Done stays open")
	}
	if err := s.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
}
