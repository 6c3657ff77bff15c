package acceptance_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/internal/smtp/postoffice"
)

// town is a gate with its neighbours, which may have stood more than one siege.
type town struct {
	g          *running
	address    string         // of the public listener
	cookie     string         // the name of the session cookie
	roots      *x509.CertPool // nil: plain HTTP
	direct     bool
	db         *pgxpool.Pool
	log        *noted
	endpoints  []endpoint
	neighbours *neighbours
	quiet      account // what neighbours were answered in quiet
	memory     int64   // that the gate had then
}

// siege is what one hostile client does to a town.
type siege struct {
	*town
	t      *testing.T
	kind   hostile
	season int // one for each siege, so that none begins where another was stopped
	began  time.Time
	tally  tally
}

type waitGroup = sync.WaitGroup

// Accounts: of the hostile ones so many in each season, and of the neighbours. All have the one password.
const (
	hostileAccounts = 20
	adaAccounts     = 400
	// sessionsPerUser is the default of GATEPOST_SESSIONS_PER_USER.
	sessionsPerUser = 100
)

// newTown founds one for a kind of hostile client.
func newTown(t *testing.T, k hostile) *town {
	t.Helper()
	database := authtest.NewDatabase(t)
	w := &town{db: authtest.Pool(t, database), log: &noted{kept: &logBuffer{}, seen: map[string]int{}, of: map[string]int{}}, endpoints: endpoints(t), direct: k.direct}
	post := postoffice.New(t, nil, nil)
	go func() {
		for {
			select {
			case <-post.Waiting: // or it would take no more
			case <-t.Context().Done():
				return
			}
		}
	}()
	env := append([]string{"DATABASE_URL=" + database, "GATEPOST_UPSTREAM=" + newTalker(t).url, "GATEPOST_SMTP_URL=" + post.URL, "GATEPOST_MAIL_FROM=gate@example.com",
		"GATEPOST_LOG_LEVEL=info"}, k.env...)
	if !k.direct {
		env = append(env, "GATEPOST_TRUSTED_PROXIES=127.0.0.0/8")
	}
	w.start(t, k.tls, env)
	w.signsUp(t, "mallory", "203.0.113.7")
	w.signsUp(t, "ada", adaAddress)
	w.copies(t, "ada", "ada", adaAccounts)
	w.neighbours = newNeighbours(t, w)
	began := time.Now()
	w.quiet = w.neighbours.visit(func() bool { return w.neighbours.rounds() && time.Since(began) >= *soakFor/6 })
	if wrong := w.quiet.wrong(); len(wrong) > 0 {
		t.Fatalf("in quiet: %v", wrong) // nobody is held to what they never got
	}
	w.memory = w.peakMemory()
	return w
}

// start runs the gate. Its log is not kept whole, as startGate keeps it: a line for each request would fill the memory
// of the test.
func (w *town) start(t *testing.T, tls bool, env []string) {
	t.Helper()
	port, ops := freePort(t), freePort(t)
	w.address, w.cookie = "127.0.0.1:"+port, "gatepost_"+port
	w.g = &running{url: "http://localhost:" + port, ops: "http://localhost:" + ops, log: w.log.kept, done: make(chan error, 1)}
	if tls {
		cert, key, roots := writePair(t, t.TempDir(), nil)
		w.roots, w.cookie, w.g.url = roots, "__Host-gatepost", "https://localhost:"+port
		env = append(env, "GATEPOST_PUBLIC_URL=https://localhost:0", "GATEPOST_TLS_CERT="+cert, "GATEPOST_TLS_KEY="+key)
	}
	w.g.cmd = exec.Command(plainGate, "serve")
	w.g.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=/", "GATEPOST_LISTEN=127.0.0.1:" + port, "GATEPOST_OPS_LISTEN=localhost:" + ops,
		"GATEPOST_PROTECT=/dashboard"}, env...)
	w.g.cmd.Stderr, w.g.cmd.Stdout = w.log, w.log
	if err := w.g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.g.untilItEnds(t)
}

// signsUp makes an account through the door.
func (w *town) signsUp(t *testing.T, name, from string) {
	t.Helper()
	r, err := send(w.client(t), "POST", w.g.url+"/signup", formOf("email", name+"@example.com", "password", password, "name", name, "remember", "on"), "X-Forwarded-For: "+from)
	if err != nil || r.status != 303 {
		t.Fatalf("%s signs up: %d %s %v", name, r.status, r.body, err)
	}
}

// copies makes more accounts of one, whatever the columns are. Their ids and addresses are numbered from 1.
func (w *town) copies(t *testing.T, of, name string, n int) {
	t.Helper()
	for _, sql := range []string{
		`INSERT INTO gatepost."user" SELECT (jsonb_populate_record(u, jsonb_build_object('id', '%[2]s' || i, 'email', '%[2]s' || i || '@example.com'))).*
			FROM gatepost."user" u, generate_series(1, %[3]d) i WHERE u.email = '%[1]s@example.com'`,
		`INSERT INTO gatepost.account SELECT (jsonb_populate_record(a, jsonb_build_object('id', '%[2]s' || i, 'user_id', '%[2]s' || i, 'account_id', '%[2]s' || i))).*
			FROM gatepost.account a JOIN gatepost."user" u ON u.id = a.user_id, generate_series(1, %[3]d) i WHERE u.email = '%[1]s@example.com'`,
	} {
		w.sql(t, fmt.Sprintf(sql, of, name, n))
	}
}

func (w *town) sql(t *testing.T, statement string, args ...any) {
	t.Helper()
	if _, err := w.db.Exec(t.Context(), statement, args...); err != nil {
		t.Errorf("%s: %v", statement, err) // not fatal: it is called beside the test, too
	}
}

// number is what a query counts.
func (w *town) number(t *testing.T, query string) (n int) {
	t.Helper()
	if err := w.db.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// mallory is the id of a hostile account of this season.
func (s *siege) mallory(i int) string {
	return fmt.Sprintf("mallory%d-%d", s.season, 1+i%hostileAccounts)
}

// sessions makes sessions of a user and returns their tokens.
func (s *siege) sessions(user string, n int) (tokens []string) {
	var hashes []string
	for range n {
		var b [32]byte
		_, _ = rand.Read(b[:]) // never fails
		token := base64.RawURLEncoding.EncodeToString(b[:])
		hash := sha256.Sum256([]byte(token))
		tokens, hashes = append(tokens, token), append(hashes, hex.EncodeToString(hash[:]))
	}
	s.sql(s.t, `INSERT INTO gatepost.session
		SELECT (jsonb_populate_record(s, jsonb_build_object('id', left(t.hash, 26), 'token', t.hash, 'user_id', $1::text, 'created_at', now(), 'last_used_at', now()))).*
		FROM gatepost.session s, unnest($2::text[]) AS t (hash) WHERE s.id = (SELECT id FROM gatepost.session LIMIT 1)`, user, hashes)
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

func (s *siege) look(t *testing.T) looked {
	t.Helper()
	w := s.town
	l := looked{outages: w.log.count("PostgreSQL does not answer"), lines: w.log.others(s.hostile), memory: w.peakMemory()}
	for client, n := range s.refusals(t) {
		if s.hostile(client) {
			l.rows += n
		}
	}
	l.connections = w.number(t, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'gatepost%'`)
	l.sessions = w.number(t, `SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM gatepost.session GROUP BY user_id) AS of_one`)
	for _, m := range poolMost.FindAllStringSubmatch(w.g.metrics(t), -1) {
		n, _ := strconv.ParseFloat(m[1], 64) // matched
		l.connectionsMax += int(n)
	}
	return l
}

// hostile says whether something is told of this siege's client, or of nobody. What is told of those before may come late.
func (s *siege) hostile(client string) bool {
	a, err := netip.ParseAddr(client)
	return err != nil || a.IsLoopback() ||
		netip.MustParsePrefix(fmt.Sprintf("203.0.%d.0/24", s.season)).Contains(a) ||
		netip.MustParsePrefix(fmt.Sprintf("2001:db8:a%02x::/48", s.season)).Contains(a)
}

// refusals are how many rows the table of events has for each client.
func (s *siege) refusals(t *testing.T) map[string]int {
	t.Helper()
	rows, err := s.db.Query(t.Context(), `SELECT coalesce(client, ''), count(*) FROM gatepost.audit_event WHERE result <> 'ok' GROUP BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	of, client, n := map[string]int{}, "", 0
	if _, err := pgx.ForEachRow(rows, []any{&client, &n}, func() error { of[client] = n; return nil }); err != nil {
		t.Fatal(err)
	}
	return of
}

var (
	poolMost = regexp.MustCompile(`(?m)^gatepost_database_connections_max(?:\{[^}]*\})? (\S+)$`)
	peak     = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)
)

// peakMemory is the most that the gate had at once since it was asked for, where the system can forget.
func (w *town) peakMemory() int64 {
	status := fmt.Sprintf("/proc/%d/", w.g.cmd.Process.Pid)
	defer func() { _ = os.WriteFile(status+"clear_refs", []byte("5"), 0) }()
	return memoryOf(status + "status")
}

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
	of   map[string]int // lines about neither a request nor a deed that was done, by client; empty: nobody
}

// keptLines bounds what is kept, in bytes.
const keptLines = 16 << 10

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

// ofClient finds whom a line is about: an address, or a network by its first one.
var ofClient = regexp.MustCompile(` (?:client|network)=([^\s/]+)`)

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
	if what != "request" && what != "audit ok" {
		of := ""
		if m := ofClient.FindSubmatch(line); m != nil {
			of = string(m[1])
		}
		n.of[of]++
	}
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

// others is how many lines are about neither a request nor a deed that was done, of some clients.
func (n *noted) others(whose func(client string) bool) (sum int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for client, k := range n.of {
		if whose(client) {
			sum += k
		}
	}
	return sum
}
