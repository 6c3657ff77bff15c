package auth_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// running is a store that does its regular work, on a pool of its own, until the test ends.
func running(t *testing.T, url string, change ...func(*auth.Options)) (*auth.Store, *pgxpool.Pool) {
	t.Helper()
	pool := authtest.Pool(t, url)
	o := auth.Options{Log: slog.New(slog.DiscardHandler), AnswerStep: time.Millisecond, SessionCache: 30 * time.Second}
	measured(&o)
	for _, f := range change {
		f(&o)
	}
	s := auth.New(pool, o)
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { s.Run(ctx) })
	t.Cleanup(func() { cancel(); work.Wait(); s.Close() })
	return s, pool
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func sure(t *testing.T, stores ...*auth.Store) {
	t.Helper()
	for _, s := range stores {
		eventually(t, "revocations are heard of", func() bool { return s.Listening() })
	}
}

// sessionsOf makes sessions of a user without a password being hashed for each.
func sessionsOf(t *testing.T, db *pgxpool.Pool, email string, n int) []secret.Token {
	t.Helper()
	var tokens []secret.Token
	var hashes []string
	for range n {
		var b [32]byte
		rand.Read(b[:])
		token := base64.RawURLEncoding.EncodeToString(b[:])
		sum := sha256.Sum256([]byte(token))
		tokens, hashes = append(tokens, secret.Token(token)), append(hashes, hex.EncodeToString(sum[:]))
	}
	_, err := db.Exec(t.Context(), `
		INSERT INTO gatepost.session (id, token, user_id, idle_seconds, expires_at)
		SELECT h, h, u.id, 604800, now() + interval '7 days' FROM unnest($1::text[]) h, gatepost."user" u
		WHERE u.email = $2`, hashes, email)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// cached has a store keep a session, and says so.
func cached(t *testing.T, s *auth.Store, token secret.Token) session.Session {
	t.Helper()
	var v session.Session
	eventually(t, "the session is kept", func() bool {
		n := auth.Cached(s)
		var err error
		if v, err = s.Lookup(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		return auth.Cached(s) > n || auth.Cached(s) > 0 && n > 0
	})
	return v
}

// refusedWithinASecond wants no look-up to succeed that begins a second after the revocation or later.
func refusedWithinASecond(t *testing.T, s *auth.Store, token secret.Token, revoked time.Time) (looks int) {
	t.Helper()
	for {
		began := time.Now()
		_, err := s.Lookup(t.Context(), token)
		if errors.Is(err, session.ErrNoSession) || errors.Is(err, database.ErrUnavailable) {
			return looks
		}
		if err != nil || began.Sub(revoked) > time.Second {
			t.Fatalf("%v after it was revoked the session is still valid (%v)", began.Sub(revoked), err)
		}
		looks++
	}
}

// Two gates on one database: what one ends, the other refuses, every time.
func TestALogoutAtOneGateIsHeardAtTheOther(t *testing.T) {
	t.Parallel()
	url := authtest.NewDatabase(t)
	a, db := running(t, url)
	b, _ := running(t, url)
	signUp(t, a, "ada@example.com")
	sure(t, a, b)
	const times = 1000
	for i, token := range sessionsOf(t, db, "ada@example.com", times) {
		cached(t, a, token)
		cached(t, b, token)
		if err := a.SignOut(t.Context(), token, here); err != nil {
			t.Fatal(err)
		}
		revoked := time.Now()
		if _, err := a.Lookup(t.Context(), token); !errors.Is(err, session.ErrNoSession) {
			t.Fatalf("session %d at the gate itself: %v", i, err)
		}
		refusedWithinASecond(t, b, token, revoked)
	}
}

// changes are what others do, and whom it is told about.
var changes = []struct{ name, sql, about string }{
	{"a session deleted", `DELETE FROM gatepost.session WHERE user_id = 'u1'`, "u1"},
	{"a session shortened", `UPDATE gatepost.session SET expires_at = now() + interval '1 minute' WHERE user_id = 'u1'`,
		"u1"},
	{"a session expired", `UPDATE gatepost.session SET expires_at = now() WHERE user_id = 'u1'`, "u1"},
	{"a session's idle limit lowered", `UPDATE gatepost.session SET idle_seconds = 60 WHERE user_id = 'u1'`, "u1"},
	{"a session aged", `UPDATE gatepost.session SET last_used_at = now() - interval '1 day' WHERE user_id = 'u1'`,
		"u1"},
	{"a session given away", `UPDATE gatepost.session SET user_id = 'u2' WHERE user_id = 'u1'`, "u1"},
	{"how a user was proved", `UPDATE gatepost.session SET methods = 'link' WHERE user_id = 'u1'`, "u1"},
	{"when a user was proved", `UPDATE gatepost.session SET proved_at = now() - interval '1 day' WHERE user_id = 'u1'`,
		"u1"},
	{"all sessions", `TRUNCATE gatepost.session`, "*"},
	{"a user disabled", `UPDATE gatepost."user" SET disabled_at = now() WHERE id = 'u1'`, "u1"},
	{"a user's roles", `UPDATE gatepost."user" SET role = 'admin' WHERE id = 'u1'`, "u1"},
	{"a user's name", `UPDATE gatepost."user" SET name = 'Ada' WHERE id = 'u1'`, "u1"},
	{"a user's address", `UPDATE gatepost."user" SET email = 'new@example.com' WHERE id = 'u1'`, "u1"},
	{"a user's address confirmed", `UPDATE gatepost."user" SET email_verified = true WHERE id = 'u1'`, "u1"},
	{"a user deleted", `DELETE FROM gatepost."user" WHERE id = 'u1'`, "u1"},
	{"a password", `UPDATE gatepost.account SET password = 'x' WHERE user_id = 'u1'`, "u1"},
	{"two users", `UPDATE gatepost."user" SET role = 'x' WHERE id IN ('u1', 'u2')`, "u1 u2"},
	{"many users", `UPDATE gatepost."user" SET role = 'x'`, "*"},
	{"many sessions", `DELETE FROM gatepost.session`, "*"},
	{"a new session",
		`INSERT INTO gatepost.session (id, token, user_id, idle_seconds, expires_at)
			VALUES ('n', 'n', 'u1', 60, now() + interval '1 hour')`,
		""},
	{"a use written down",
		`UPDATE gatepost.session SET last_used_at = now(), expires_at = now() + interval '8 days', updated_at = now()`,
		""},
	{"a use under a lowered limit",
		`UPDATE gatepost.session SET last_used_at = now(), idle_seconds = 3600, expires_at = now() + interval '1 hour'`,
		""},
	{"the sweep", `DELETE FROM gatepost.session WHERE expires_at < now()`, ""},
	{"a wrong password counted", `UPDATE gatepost.account SET failed_attempts = failed_attempts + 1`, ""},
	{"an image", `UPDATE gatepost."user" SET image = 'x', updated_at = now()`, ""},
	{"nobody", `DELETE FROM gatepost.session WHERE user_id = 'nobody'`, ""},
}

const population = `
	INSERT INTO gatepost."user" (id, email) SELECT 'u' || n, n || '@example.com' FROM generate_series(1, 200) n;
	INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id, password)
		SELECT id, 'local', 'credential', id, id, 'p' FROM gatepost."user";
	INSERT INTO gatepost.session (id, token, user_id, idle_seconds, expires_at)
		SELECT id, id, id, 604800, now() + interval '7 days' FROM gatepost."user";
	INSERT INTO gatepost.session (id, token, user_id, idle_seconds, expires_at)
		SELECT 'old' || id, 'old' || id, id, 604800, now() - interval '7 days' FROM gatepost."user"`

// Whoever changes what a kept session says, in whatever way, the gates are told; and what happens all the time is not.
func TestChangesAreToldAndHotWritesAreNot(t *testing.T) {
	t.Parallel()
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conn, err := pgx.Connect(t.Context(), authtest.NewDatabase(t))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(context.Background())
			for _, sql := range []string{population, "LISTEN gatepost", c.sql, "SELECT pg_notify('gatepost', 'end')"} {
				if _, err := conn.Exec(t.Context(), sql); err != nil {
					t.Fatalf("%s: %v", sql, err)
				}
			}
			var told []string
			for {
				n, err := conn.WaitForNotification(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if n.Payload == "end" {
					break
				}
				told = append(told, n.Payload)
			}
			slices.Sort(told)
			if got := strings.Join(told, " "); got != c.about {
				t.Errorf("told about %q, want %q", got, c.about)
			}
		})
	}
}

// What is revoked while PostgreSQL's answer about it is on its way is not kept.
func TestWhatIsRevokedDuringALookUpIsNotKept(t *testing.T) {
	t.Parallel()
	s, db := running(t, authtest.NewDatabase(t))
	token := signUp(t, s, "ada@example.com")
	sure(t, s)
	authtest.AfterLookups(db, func() {
		if err := s.SignOut(context.Background(), token, here); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.Lookup(t.Context(), token); err != nil {
		t.Errorf("what was asked before: %v", err)
	}
	if _, err := s.Lookup(t.Context(), token); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("afterwards: got %v, want ErrNoSession", err)
	}
}

// revokedUnheard is a session that a store keeps and that began something. It has just been ended, of which nothing is
// heard.
func revokedUnheard(t *testing.T) (*auth.Store, secret.Token, *lasting) {
	t.Helper()
	url := authtest.NewDatabase(t)
	f := newFault(t, url)
	s, db := running(t, url, f.listen(t))
	token := signUp(t, s, "ada@example.com")
	sure(t, s)
	l := &lasting{}
	s.Hold(cached(t, s, token), l)
	f.mode.Store(hangs)
	exec(t, db, `DELETE FROM gatepost.session`)
	return s, token, l
}

// A logout counts from the next request also where the session had been ended by others, and the news is on its way.
func TestALogoutOfWhatIsGoneCountsAtOnce(t *testing.T) {
	t.Parallel()
	s, token, l := revokedUnheard(t)
	if err := s.SignOut(t.Context(), token, here); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lookup(t.Context(), token); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("got %v, want ErrNoSession", err)
	}
	eventually(t, "what it began is ended", func() bool { return l.ended.Load() == 1 })
}

// A copy ends when the session does, of which nobody tells.
func TestACopyEndsWithTheSession(t *testing.T) {
	t.Parallel()
	s, db := running(t, authtest.NewDatabase(t))
	token := signUp(t, s, "ada@example.com")
	sure(t, s)
	exec(t, db, `UPDATE gatepost.session SET expires_at = now() + interval '3 seconds'`)
	cached(t, s, token)
	eventually(t, "it has expired", func() bool {
		_, err := s.Lookup(t.Context(), token)
		return errors.Is(err, session.ErrNoSession)
	})
}

// During an outage nobody is let in on the word of a copy.
func TestNoCopyIsUsedWhilePostgreSQLDoesNotAnswer(t *testing.T) {
	t.Parallel()
	url := authtest.NewDatabase(t)
	listens, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	f := newFault(t, url)
	s, _ := running(t, f.url, func(o *auth.Options) { o.Listen = listens })
	token := signUp(t, s, "ada@example.com")
	sure(t, s)
	cached(t, s, token)
	f.mode.Store(refuses)
	f.cut()
	if _, err := s.Lookup(t.Context(), "made up"); !errors.Is(err, database.ErrUnavailable) {
		t.Fatalf("got %v, want ErrUnavailable", err)
	}
	if _, err := s.Lookup(t.Context(), token); !errors.Is(err, database.ErrUnavailable) {
		t.Errorf("the copy: got %v, want ErrUnavailable", err)
	}
	f.mode.Store(passes)
	eventually(t, "it is over", func() bool { _, err := s.Lookup(t.Context(), token); return err == nil })
}

// A connection that hears nothing any more, though it answers, is found out; so is a database that tells nothing.
func TestThatNothingIsToldIsFoundOut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		breaks, mends func(*testing.T, *fault, *pgxpool.Pool)
		says          string
	}{
		"a pooler came between": {
			func(_ *testing.T, f *fault, _ *pgxpool.Pool) { f.mode.Store(pools) },
			nil, "set GATEPOST_DIRECT_DATABASE_URL"},
		"a table is gone": {
			func(t *testing.T, _ *fault, db *pgxpool.Pool) {
				exec(t, db, `ALTER TABLE gatepost.session RENAME TO gone`)
			},
			func(t *testing.T, _ *fault, db *pgxpool.Pool) {
				exec(t, db, `ALTER TABLE gatepost.gone RENAME TO session`)
			},
			"no message can be sent"},
		"a trigger is disabled": {
			func(t *testing.T, _ *fault, db *pgxpool.Pool) {
				exec(t, db, `ALTER TABLE gatepost."user" DISABLE TRIGGER USER`)
			},
			func(t *testing.T, _ *fault, db *pgxpool.Pool) {
				exec(t, db, `ALTER TABLE gatepost."user" ENABLE TRIGGER USER`)
			},
			"enable the triggers"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := authtest.NewDatabase(t)
			f := newFault(t, url)
			var log lockedBuffer
			s, db := running(t, url, f.listen(t),
				func(o *auth.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
			sure(t, s)
			c.breaks(t, f, db)
			eventually(t, "it is found out",
				func() bool { return !s.Listening() && strings.Contains(log.String(), c.says) })
			if c.mends != nil {
				c.mends(t, f, db)
				sure(t, s)
			}
		})
	}
}

// fault is a way to PostgreSQL that can break.
type fault struct {
	url  string
	mode atomic.Int32
	mu   sync.Mutex
	all  []net.Conn
}

const (
	passes  int32 = iota
	hangs         // nothing arrives in either direction, and nobody says so
	halves        // what the gate sends arrives, and no answer comes back
	refuses       // nobody is there
	pools         // as behind a pooler: notifications are lost
)

// newFault stands before the PostgreSQL of a connection string, which names a socket.
func newFault(t *testing.T, url string) *fault {
	t.Helper()
	to, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fault{url: fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", to.User, l.Addr(), to.Database)}
	t.Cleanup(func() { _ = l.Close(); f.cut() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			back, err := net.Dial("unix", fmt.Sprintf("%s/.s.PGSQL.%d", to.Host, to.Port))
			if err != nil || f.mode.Load() == refuses {
				_ = conn.Close()
				continue
			}
			f.mu.Lock()
			f.all = append(f.all, conn, back)
			f.mu.Unlock()
			go f.copy(back, conn, func(m int32) bool { return m != hangs })
			go f.copyMessages(conn, back)
		}
	}()
	return f
}

func (f *fault) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.all {
		_ = c.Close()
	}
	f.all = nil
}

func (f *fault) copy(to, from net.Conn, may func(int32) bool) {
	defer to.Close()
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if may(f.mode.Load()) {
			_, _ = to.Write(buf[:n])
		}
	}
}

// copyMessages reads what PostgreSQL says message by message.
func (f *fault) copyMessages(to, from net.Conn) {
	defer to.Close()
	for {
		head := make([]byte, 5)
		if _, err := io.ReadFull(from, head); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(from, body); err != nil {
			return
		}
		switch mode := f.mode.Load(); {
		case mode == hangs, mode == halves, mode == pools && head[0] == 'A':
		default:
			_, _ = to.Write(append(head, body...))
		}
	}
}

func (f *fault) listen(t *testing.T) func(*auth.Options) {
	t.Helper()
	config, err := pgx.ParseConfig(f.url)
	if err != nil {
		t.Fatal(err)
	}
	return func(o *auth.Options) { o.Listen = config }
}

// While revocations cannot be heard of, no kept session is used for more than a second; afterwards none from before is.
func TestNoKeptSessionIsUsedWhenRevocationsMayGoUnheard(t *testing.T) {
	t.Parallel()
	for name, breaks := range map[string]func(*fault){
		"cut":       func(f *fault) { f.cut() },
		"gone":      func(f *fault) { f.mode.Store(refuses); f.cut() },
		"hung":      func(f *fault) { f.mode.Store(hangs) },
		"half-open": func(f *fault) { f.mode.Store(halves) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := authtest.NewDatabase(t)
			f := newFault(t, url)
			s, db := running(t, url, f.listen(t))
			signUp(t, s, "ada@example.com")
			sure(t, s)
			tokens := sessionsOf(t, db, "ada@example.com", 20)
			for _, token := range tokens {
				cached(t, s, token)
			}
			breaks(f)
			for _, token := range tokens[:10] {
				exec(t, db, `DELETE FROM gatepost.session WHERE id = '`+idOf(token)+`'`)
				refusedWithinASecond(t, s, token, time.Now())
			}
			missed := tokens[len(tokens)-1]
			exec(t, db, `DELETE FROM gatepost.session WHERE id = '`+idOf(missed)+`'`)
			f.mode.Store(passes)
			sure(t, s)
			if _, err := s.Lookup(t.Context(), missed); !errors.Is(err, session.ErrNoSession) {
				t.Errorf("a session whose end went unheard: got %v, want ErrNoSession", err)
			}
			tokens = tokens[:len(tokens)-1]
			for _, token := range tokens[10:] {
				cached(t, s, token)
				exec(t, db, `DELETE FROM gatepost.session WHERE id = '`+idOf(token)+`'`)
				refusedWithinASecond(t, s, token, time.Now())
			}
		})
	}
}

// idOf is the id sessionsOf gave a session.
func idOf(token secret.Token) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func TestBehindAPoolerNothingIsKeptAndTheLogSaysWhatToSet(t *testing.T) {
	t.Parallel()
	url := authtest.NewDatabase(t)
	f := newFault(t, url)
	f.mode.Store(pools)
	var log lockedBuffer
	s, _ := running(t, url, f.listen(t), func(o *auth.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	token := signUp(t, s, "ada@example.com")
	eventually(t, "the log says so",
		func() bool { return strings.Contains(log.String(), "set GATEPOST_DIRECT_DATABASE_URL") })
	for range 10 {
		if _, err := s.Lookup(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	if s.Listening() {
		t.Error("it believes to hear of revocations")
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Whoever makes up tokens by the million fills nothing, has PostgreSQL asked about many at a time, and pushes out
// nobody who is signed in. Not parallel: it measures memory.
func TestForgedTokensLeaveNothingBehind(t *testing.T) {
	const forgers, each = 4000, 50
	s, db := running(t, authtest.NewDatabase(t))
	token := signUp(t, s, "ada@example.com")
	sure(t, s)
	cached(t, s, token)
	var queries atomic.Int64
	authtest.AfterLookups(db, func() { queries.Add(1) })
	before := heap()
	forged, over := context.WithCancel(t.Context())
	var ada, work sync.WaitGroup
	ada.Go(func() {
		for forged.Err() == nil {
			if _, err := s.Lookup(t.Context(), token); err != nil {
				t.Errorf("who is signed in: %v", err)
			}
			time.Sleep(time.Millisecond)
		}
	})
	for range forgers {
		work.Go(func() {
			for range each {
				if _, err := s.Lookup(t.Context(), secret.Token(rand.Text())); !errors.Is(err, session.ErrNoSession) {
					t.Errorf("a made-up token: %v", err)
					return
				}
			}
		})
	}
	work.Wait()
	over()
	ada.Wait()
	if n := auth.Cached(s); n != 1 {
		t.Errorf("%d sessions are kept, want the one there is", n)
	}
	if n, most := queries.Load(), int64(forgers*each/100); n > most {
		t.Errorf("PostgreSQL was asked %d times, want at most %d", n, most)
	}
	if more := heap() - before; more > 4<<20 {
		t.Errorf("%d bytes stay behind", more)
	}
}

// heap is how much memory is in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what a sync.Pool holds lasts for one more
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestNothingIsLeftRunning(t *testing.T) {
	url := authtest.NewDatabase(t)
	before := runtime.NumGoroutine()
	t.Run("a store's life", func(t *testing.T) {
		s, _ := running(t, url)
		token := signUp(t, s, "ada@example.com")
		sure(t, s)
		v := cached(t, s, token)
		during := runtime.NumGoroutine()
		for range 1000 {
			s.Hold(v, &lasting{}).Release()
		}
		holds := make([]*session.Hold, 1000)
		for i := range holds {
			holds[i] = s.Hold(v, &lasting{})
		}
		if n := runtime.NumGoroutine(); n > during+20 {
			t.Errorf("1000 answers that last take %d goroutines", n-during)
		}
	})
	eventually(t, "all goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
}
