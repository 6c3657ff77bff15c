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

// town is a gate with its neighbours. It may stand several sieges in turn.
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
	quiet      account // what the neighbours were answered without a siege
	memory     int64   // the gate's memory at that time
}

// siege is one kind of hostile client attacking a town.
type siege struct {
	*town
	t      *testing.T
	kind   hostile
	season int // a number for each siege, so that none continues the state of another
	began  time.Time
	tally  tally
}

type waitGroup = sync.WaitGroup

// The number of hostile accounts in each season, and of neighbours' accounts. All have the same password.
const (
	hostileAccounts = 20
	adaAccounts     = 400
	// sessionsPerUser is the default of GATEPOST_SESSIONS_PER_USER.
	sessionsPerUser = 100
)

// newTown makes a town for a kind of hostile client.
func newTown(t *testing.T, k hostile) *town {
	t.Helper()
	database := authtest.NewDatabase(t)
	w := &town{db: authtest.Pool(t, database), log: &noted{kept: &logBuffer{}, seen: map[string]int{},
		of: map[string]int{}}, endpoints: endpoints(t), direct: k.direct}
	post := postoffice.New(t, nil, nil)
	go func() {
		for {
			select {
			case <-post.Waiting: // received, or the mail server would take no more mail
			case <-t.Context().Done():
				return
			}
		}
	}()
	env := append([]string{"DATABASE_URL=" + database, "GATEPOST_UPSTREAM=" + newTalker(t).url, "GATEPOST_SMTP_URL=" +
		post.URL, "GATEPOST_MAIL_FROM=gate@example.com",
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
		t.Fatalf("in quiet: %v", wrong) // answers that are wrong without a siege make the test meaningless
	}
	w.memory = w.peakMemory()
	return w
}

// start runs the gate. It does not keep the whole log, as startGate does: a line for each request would fill
// the memory of the test.
func (w *town) start(t *testing.T, tls bool, env []string) {
	t.Helper()
	port, ops := freePort(t), freePort(t)
	w.address, w.cookie = "127.0.0.1:"+port, "gatepost_"+port
	w.g = &running{url: "http://localhost:" + port, ops: "http://localhost:" + ops, log: w.log.kept,
		done: make(chan error, 1)}
	if tls {
		cert, key, roots := writePair(t, t.TempDir(), nil)
		w.roots, w.cookie, w.g.url = roots, "__Host-gatepost", "https://localhost:"+port
		env = append(env, "GATEPOST_PUBLIC_URL=https://localhost:0", "GATEPOST_TLS_CERT="+cert, "GATEPOST_TLS_KEY="+key)
	}
	w.g.cmd = exec.Command(plainGate, "serve")
	w.g.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=/", "GATEPOST_LISTEN=127.0.0.1:" + port,
		"GATEPOST_OPS_LISTEN=localhost:" + ops,
		"GATEPOST_PROTECT=/dashboard"}, env...)
	w.g.cmd.Stderr, w.g.cmd.Stdout = w.log, w.log
	if err := w.g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.g.untilItEnds(t)
}

// signsUp makes an account through the signup form.
func (w *town) signsUp(t *testing.T, name, from string) {
	t.Helper()
	r, err := send(w.client(t), "POST", w.g.url+"/signup", formOf("email", name+"@example.com", "password", password,
		"name", name, "remember", "on"), "X-Forwarded-For: "+from)
	if err != nil || r.status != 303 {
		t.Fatalf("%s signs up: %d %s %v", name, r.status, r.body, err)
	}
}

// copies makes n copies of an account, whatever its columns are. Their ids and addresses are numbered from 1.
func (w *town) copies(t *testing.T, of, name string, n int) {
	t.Helper()
	for _, sql := range []string{
		`INSERT INTO gatepost."user" SELECT (jsonb_populate_record(u,
				jsonb_build_object('id', '%[2]s' || i, 'email', '%[2]s' || i || '@example.com'))).*
			FROM gatepost."user" u, generate_series(1, %[3]d) i
			WHERE u.email = '%[1]s@example.com'`,
		`INSERT INTO gatepost.account SELECT (jsonb_populate_record(a,
				jsonb_build_object('id', '%[2]s' || i, 'user_id', '%[2]s' || i, 'account_id', '%[2]s' || i))).*
			FROM gatepost.account a JOIN gatepost."user" u ON u.id = a.user_id, generate_series(1, %[3]d) i
			WHERE u.email = '%[1]s@example.com'`,
	} {
		w.sql(t, fmt.Sprintf(sql, of, name, n))
	}
}

func (w *town) sql(t *testing.T, statement string, args ...any) {
	t.Helper()
	if _, err := w.db.Exec(t.Context(), statement, args...); err != nil {
		t.Errorf("%s: %v", statement, err) // not fatal, since it also runs outside the test's goroutine
	}
}

// number returns the count that a query selects.
func (w *town) number(t *testing.T, query string) (n int) {
	t.Helper()
	if err := w.db.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// mallory returns the id of a hostile account of this season.
func (s *siege) mallory(i int) string {
	return fmt.Sprintf("mallory%d-%d", s.season, 1+i%hostileAccounts)
}

// sessions makes n sessions of a user and returns their tokens.
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
		SELECT (jsonb_populate_record(s, jsonb_build_object('id', left(t.hash, 26), 'token', t.hash,
			'user_id', $1::text, 'created_at', now(), 'last_used_at', now()))).*
		FROM gatepost.session s, unnest($2::text[]) AS t (hash)
		WHERE s.id = (SELECT id FROM gatepost.session LIMIT 1)`, user, hashes)
	return tokens
}

// looked is the state of a gate and its database at one moment.
type looked struct {
	memory                      int64 // bytes; the peak since the look before
	outages                     int
	rows, lines                 int // of the table of events and of the log, about refusals
	connections, connectionsMax int
	sessions                    int // of the user with the most sessions
}

func (s *siege) look(t *testing.T) looked {
	t.Helper()
	w := s.town
	l := looked{outages: w.log.count("PostgreSQL does not answer"),
		lines: w.log.others(s.hostile), memory: w.peakMemory()}
	for client, n := range s.refusals(t) {
		if s.hostile(client) {
			l.rows += n
		}
	}
	l.connections = w.number(t, `
		SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name LIKE 'gatepost%'`)
	l.sessions = w.number(t, `
		SELECT coalesce(max(n), 0)
		FROM (SELECT count(*) AS n FROM gatepost.session GROUP BY user_id) AS of_one`)
	for _, m := range poolMost.FindAllStringSubmatch(w.g.metrics(t), -1) {
		n, _ := strconv.ParseFloat(m[1], 64) // matched
		l.connectionsMax += int(n)
	}
	return l
}

// hostile reports whether client belongs to this siege, or is no address in particular. Lines about the siege
// before may come late.
func (s *siege) hostile(client string) bool {
	a, err := netip.ParseAddr(client)
	return err != nil || a.IsLoopback() ||
		netip.MustParsePrefix(fmt.Sprintf("203.0.%d.0/24", s.season)).Contains(a) ||
		netip.MustParsePrefix(fmt.Sprintf("2001:db8:a%02x::/48", s.season)).Contains(a)
}

// refusals returns the number of rows about refusals in the table of events, by client.
func (s *siege) refusals(t *testing.T) map[string]int {
	t.Helper()
	rows, err := s.db.Query(t.Context(),
		`SELECT coalesce(client, ''), count(*) FROM gatepost.audit_event WHERE result <> 'ok' GROUP BY 1`)
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

// peakMemory returns the peak memory of the gate since the last call, or since its start where the system
// cannot reset the peak.
func (w *town) peakMemory() int64 {
	status := fmt.Sprintf("/proc/%d/", w.g.cmd.Process.Pid)
	defer func() { _ = os.WriteFile(status+"clear_refs", []byte("5"), 0) }()
	return memoryOf(status + "status")
}

// memoryOf returns the peak memory of a process in bytes, or 0 on systems that do not report it.
func memoryOf(status string) int64 {
	b, _ := os.ReadFile(status)
	m := peak.FindSubmatch(b)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseInt(string(m[1]), 10, 64) // matched
	return n << 10
}

// noted is the log of a gate. It keeps no line about requests and the first lines about other things, and
// counts all lines.
type noted struct {
	kept *logBuffer
	mu   sync.Mutex
	part []byte // a line that has not ended
	size int    // of kept, in bytes
	seen map[string]int
	of   map[string]int // lines about neither a request nor a successful action, by client; "": no client
}

// keptLines bounds the lines that are kept, in bytes.
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

// ofClient matches the client of a line: an address, or a network by its first address.
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

// count returns how many lines have this message.
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

// others returns how many lines about these clients are about neither a request nor a successful action.
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
