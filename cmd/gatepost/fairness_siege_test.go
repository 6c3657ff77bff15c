package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth/authtest"
)

// siege is a gate with a hostile client and its neighbours.
type siege struct {
	t          *testing.T
	kind       hostile
	g          *running
	address    string         // of the public listener
	cookie     string         // the name of the session cookie
	roots      *x509.CertPool // nil: plain HTTP
	db         *pgxpool.Pool
	log        *noted
	began      time.Time
	neighbours *neighbours
	tally      tally
	endpoints  []endpoint
}

type waitGroup = sync.WaitGroup

// Accounts: the hostile ones, mallory1@example.com and so on, and those of the neighbours, ada1@example.com and so on. All have the one
// password.
const (
	malloryAccounts = 20
	adaAccounts     = 400
	// sessionsPerUser is the default of GATEPOST_SESSIONS_PER_USER.
	sessionsPerUser = 100
)

func newSiege(t *testing.T, k hostile) *siege {
	t.Helper()
	database := authtest.NewDatabase(t)
	s := &siege{t: t, kind: k, db: authtest.Pool(t, database), log: &noted{kept: &logBuffer{}, seen: map[string]int{}}, began: time.Now(), endpoints: endpoints(t)}
	post := newPostOffice(t, nil, nil)
	go func() {
		for {
			select {
			case <-post.waiting: // or it would take no more
			case <-t.Context().Done():
				return
			}
		}
	}()
	env := append([]string{"DATABASE_URL=" + database, "GATEPOST_UPSTREAM=" + newTalker(t).url, "GATEPOST_SMTP_URL=" + post.url, "GATEPOST_MAIL_FROM=gate@example.com",
		"GATEPOST_LOG_LEVEL=info"}, k.env...)
	if !k.direct {
		env = append(env, "GATEPOST_TRUSTED_PROXIES=127.0.0.0/8")
	}
	s.start(env)
	s.settle()
	s.neighbours = newNeighbours(s)
	return s
}

// start runs the gate. Its log is not kept whole, as startGate keeps it: a line for each request would fill the memory of the test.
func (s *siege) start(env []string) {
	s.t.Helper()
	port, ops := freePort(s.t), freePort(s.t)
	s.address, s.cookie = "127.0.0.1:"+port, "gatepost_"+port
	s.g = &running{url: "http://localhost:" + port, ops: "http://localhost:" + ops, log: s.log.kept, done: make(chan error, 1)}
	if s.kind.tls {
		cert, key, roots := writePair(s.t, s.t.TempDir(), nil)
		s.roots, s.cookie, s.g.url = roots, "__Host-gatepost", "https://localhost:"+port
		env = append(env, "GATEPOST_PUBLIC_URL=https://localhost:0", "GATEPOST_TLS_CERT="+cert, "GATEPOST_TLS_KEY="+key)
	}
	s.g.cmd = exec.Command(plainGate, "serve")
	s.g.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=/", "GATEPOST_LISTEN=127.0.0.1:" + port, "GATEPOST_OPS_LISTEN=localhost:" + ops,
		"GATEPOST_PROTECT=/dashboard"}, env...)
	s.g.cmd.Stderr, s.g.cmd.Stdout = s.log, s.log
	if err := s.g.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.g.untilItEnds(s.t)
}

// settle makes the accounts: one of each side through the door, the others as copies of these, whatever the columns.
func (s *siege) settle() {
	s.t.Helper()
	for name, copies := range map[string]int{"mallory": malloryAccounts, "ada": adaAccounts} {
		v := s.visitor()
		form := formOf("email", name+"@example.com", "password", password, "name", name, "remember", "on")
		if r := v.do("POST", "/signup", strings.NewReader(form), "X-Forwarded-For: "+map[string]string{"mallory": oneAddress, "ada": "198.51.100.7"}[name]); r.status != 303 {
			s.t.Fatalf("%s signs up: %d %s", name, r.status, r.body)
		}
		for _, sql := range []string{
			`INSERT INTO gatepost."user" SELECT (jsonb_populate_record(u, jsonb_build_object('id', '%[1]s' || i, 'email', '%[1]s' || i || '@example.com'))).*
				FROM gatepost."user" u, generate_series(1, %[2]d) i WHERE u.email = '%[1]s@example.com'`,
			`INSERT INTO gatepost.account SELECT (jsonb_populate_record(a, jsonb_build_object('id', '%[1]s' || i, 'user_id', '%[1]s' || i, 'account_id', '%[1]s' || i))).*
				FROM gatepost.account a JOIN gatepost."user" u ON u.id = a.user_id, generate_series(1, %[2]d) i WHERE u.email = '%[1]s@example.com'`,
		} {
			s.sql(fmt.Sprintf(sql, name, copies))
		}
	}
}

func (s *siege) sql(statement string, args ...any) {
	s.t.Helper()
	if _, err := s.db.Exec(s.t.Context(), statement, args...); err != nil {
		s.t.Fatalf("%s: %v", statement, err)
	}
}

// number is what a query counts.
func (s *siege) number(query string) (n int) {
	s.t.Helper()
	if err := s.db.QueryRow(s.t.Context(), query).Scan(&n); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// visitor is a browser at the siege's gate.
func (s *siege) visitor() *visitor {
	s.t.Helper()
	if s.roots != nil {
		return s.g.secure(s.t, s.roots)
	}
	return s.g.visitor(s.t)
}

// sessions makes sessions of a user and returns their tokens.
func (s *siege) sessions(user string, n int) (tokens []string) {
	s.t.Helper()
	var hashes []string
	for range n {
		var b [32]byte
		_, _ = rand.Read(b[:]) // never fails
		token := base64.RawURLEncoding.EncodeToString(b[:])
		hash := sha256.Sum256([]byte(token))
		tokens, hashes = append(tokens, token), append(hashes, hex.EncodeToString(hash[:]))
	}
	s.sql(`INSERT INTO gatepost.session SELECT (jsonb_populate_record(s, jsonb_build_object('id', left(t.hash, 26), 'token', t.hash, 'user_id', $1::text))).*
		FROM (SELECT * FROM gatepost.session LIMIT 1) s, unnest($2::text[]) AS t (hash)`, user, hashes)
	return tokens
}

// looked is how a gate and its database are.
type looked struct {
	memory                      int64 // bytes; the most since the look before
	outages                     int
	rows, lines                 int // about refusals
	connections, connectionsMax int
	sessions                    int // of the user with the most
}

func (s *siege) look() looked {
	s.t.Helper()
	status := fmt.Sprintf("/proc/%d/", s.g.cmd.Process.Pid)
	l := looked{outages: s.log.count("PostgreSQL does not answer"), lines: s.log.others()}
	l.memory = memoryOf(status + "status")
	_ = os.WriteFile(status+"clear_refs", []byte("5"), 0) // the peak is forgotten, where there is such a thing
	l.rows = s.number(`SELECT count(*) FROM gatepost.audit_event WHERE result <> 'ok'`)
	l.connections = s.number(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'gatepost%'`)
	l.sessions = s.number(`SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM gatepost.session GROUP BY user_id) AS of_one`)
	for _, m := range poolMost.FindAllStringSubmatch(s.g.metrics(s.t), -1) {
		n, _ := strconv.ParseFloat(m[1], 64) // matched
		l.connectionsMax += int(n)
	}
	return l
}

var (
	poolMost = regexp.MustCompile(`(?m)^gatepost_database_connections_max(?:\{[^}]*\})? (\S+)$`)
	peak     = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)
)

// memoryOf is the most that a process had at once; 0 on systems that do not say.
func memoryOf(status string) int64 {
	b, _ := os.ReadFile(status)
	m := peak.FindSubmatch(b)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseInt(string(m[1]), 10, 64) // matched
	return n << 10
}

// noted is the log of a gate. Of requests it keeps nothing, of other lines the first, and of all how many there were.
type noted struct {
	kept *logBuffer
	mu   sync.Mutex
	part []byte // a line that has not ended
	size int    // of what is kept
	seen map[string]int
}

// keptLines bounds what is kept, in bytes.
const keptLines = 64 << 10

func (n *noted) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.part = append(n.part, p...)
	rest := n.part
	for {
		line, more, whole := bytes.Cut(rest, []byte("\n"))
		if !whole {
			n.part = append(n.part[:0], rest...)
			return len(p), nil
		}
		n.note(line)
		rest = more
	}
}

var message = regexp.MustCompile(` msg=("[^"]*"|\S+)`)

func (n *noted) note(line []byte) {
	what := "?"
	if m := message.FindSubmatch(line); m != nil {
		what = strings.Trim(string(m[1]), `"`)
	}
	if what == "audit" && bytes.Contains(line, []byte(" result=ok")) {
		what = "audit ok"
	}
	n.seen[what]++
	if what != "request" && n.size < keptLines {
		n.size += len(line)
		fmt.Fprintf(n.kept, "%s\n", line)
	}
}

// count is how many lines have such a message.
func (n *noted) count(what string) (sum int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for m, k := range n.seen {
		if strings.Contains(m, what) {
			sum += k
		}
	}
	return sum
}

// others is how many lines are about neither a request nor a deed that was done.
func (n *noted) others() (sum int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for m, k := range n.seen {
		if m != "request" && m != "audit ok" {
			sum += k
		}
	}
	return sum
}
