package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/argon2"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/seal"
	"github.com/gatepost/gatepost/internal/share"
)

// HoldHashQueue takes every slot of the queue until the returned func is called.
func HoldHashQueue(s *Store) (release func()) {
	release, _ = holdAll(s.hashes.Queue)
	return release
}

// holdAll takes every slot of a queue. It waits for those that others have, and there may be nobody who comes anew.
func holdAll(q *share.Queue) (release func(), slots int) {
	atOnce, cancel := context.WithCancel(context.Background())
	cancel()
	var all []func()
	for {
		held, _ := q.Load()
		leave, err := q.Enter(atOnce, atOnce)
		if err == nil {
			all = append(all, leave)
		} else if held == len(all) {
			break
		} else {
			runtime.Gosched()
		}
	}
	return func() {
		for _, leave := range all {
			leave()
		}
	}, len(all)
}

// OldHash hashes with parameters from before the current ones.
func OldHash(p secret.Password) string {
	salt := make([]byte, 16)
	b64 := base64.RawStdEncoding.EncodeToString
	return "$argon2id$v=19$m=8192,t=1,p=1$" + b64(salt) + "$" + b64(argon2.IDKey([]byte(p), salt, 1, 8*1024, 1, 32))
}

// Settle is when a refusal is answered.
func Settle(ctx context.Context, began time.Time, step time.Duration, err error) {
	s := &Store{o: Options{AnswerStep: step}, hold: hold}
	s.settle(ctx, began, err)
}

// Work is what answers cost besides queries: passwords hashed, and steps waited for.
type Work struct{ Hashes, Steps atomic.Int64 }

// CountWork has a Store count its work and do none of it: hashes are cheap ones, and no step takes any time.
func CountWork(s *Store) *Work {
	w := &Work{}
	s.hold = func(context.Context, time.Time, time.Duration) { w.Steps.Add(1) }
	s.hashes.Derive = func(setting, password string) string {
		w.Hashes.Add(1)
		return cheapHash(setting, password)
	}
	return w
}

// cheapHash makes a hash of the cost and the salt of one of ours, and of a password. It takes no time.
func cheapHash(setting, password string) string {
	cost := setting[:strings.LastIndex(setting, "$")+1]
	sum := sha256.Sum256([]byte(cost + password))
	return cost + base64.RawStdEncoding.EncodeToString(sum[:])
}

// gauge is one of the numbers of a Store that has a registry for its Metrics.
func gauge(s *Store, name string) int {
	families, err := s.o.Metrics.(prometheus.Gatherer).Gather()
	for _, f := range families {
		if f.GetName() == name {
			return int(f.GetMetric()[0].GetGauge().GetValue())
		}
	}
	panic(fmt.Sprintf("there is no %s: %v", name, err))
}

// Cached is how many sessions are kept, Asking how many look-ups are under way, and Down says that an outage is known.
func Cached(s *Store) int { return gauge(s, "gatepost_sessions_cached") }
func Asking(s *Store) int { return gauge(s, "gatepost_lookups_waiting") }
func Down(s *Store) bool  { return gauge(s, "gatepost_database_up") == 0 }

// AfterHashes has f run when a password has been hashed.
func AfterHashes(s *Store, f func()) {
	derive := s.hashes.Derive
	s.hashes.Derive = func(setting, password string) string {
		defer f()
		return derive(setting, password)
	}
}

// FillHashQueue has as many wait for a slot as may, until the returned func is called.
func FillHashQueue(s *Store) (release func()) {
	free := HoldHashQueue(s)
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for s.hashes.Full(ctx) == nil {
		before := HashesWaiting(s)
		all.Go(func() {
			if leave, err := s.hashes.Enter(ctx, ctx); err == nil {
				leave()
			}
		})
		for HashesWaiting(s) == before {
			runtime.Gosched()
		}
	}
	return func() {
		cancel()
		all.Wait()
		free()
	}
}

// SendMail sends what is due next, if anything.
func SendMail(s *Store, ctx context.Context) (bool, error) { return s.outbox.SendNext(ctx) }

// CountProofs counts right passwords for an account's doors and for the networks of addresses, and CountFailures wrong
// ones for the networks, all at the same moment.
func CountProofs(t testing.TB, s *Store, email string, which string, n int, addresses ...string) {
	t.Helper()
	door := map[string]throttle.Door{"any": throttle.AnyDoor, "network": throttle.NetworkDoor,
		"browser": throttle.BrowserDoor}
	var all throttle.Limits
	for range n {
		if d, ok := door[which]; ok {
			all = append(all, throttle.DoorsOf(email, secret.Client{}, throttle.Offices{}).Proof(d)[0])
		}
		for _, a := range addresses {
			doors := throttle.DoorsOf("", secret.Client{Addr: netip.MustParseAddr(a)}, throttle.Offices{})
			all = append(all, doors.Proof(throttle.AnyDoor)[1:]...)
		}
	}
	countAll(t, s, all.Count)
}

func CountFailures(t testing.TB, s *Store, n int, addresses ...string) {
	t.Helper()
	countAll(t, s, func(b *pgx.Batch) {
		for range n {
			for _, a := range addresses {
				c := secret.Client{Addr: netip.MustParseAddr(a)}
				throttle.DoorsOf("", c, throttle.Offices{}).CountFailure(b, throttle.AnyDoor, "", c)
			}
		}
	})
}

func countAll(t testing.TB, s *Store, queue func(*pgx.Batch)) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), s.db.Pages, func(tx pgx.Tx) error {
		b := &pgx.Batch{}
		queue(b)
		return tx.SendBatch(t.Context(), b).Close()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// HashOf is what the table of sessions has of a token.
func HashOf(t secret.Token) string { return t.Hash() }

// HashCheaply has a Store make hashes that cost nothing. Call it before anything is hashed.
func HashCheaply(s *Store) {
	s.hashes.Derive = cheapHash
}

// HashesWaiting is how many wait for their turn to hash.
func HashesWaiting(s *Store) int { _, n := s.hashes.Load(); return n }

// HoldPages takes the turns at every connection of pages, and none of the connections, until the returned func is
// called. It says how many turns there are.
func HoldPages(s *Store) (release func(), turns int) { return holdAll(s.db.Turns) }

// QueueForPages has somebody from as many networks as there are turns wait for one, and keep it until leave is called.
// have waits until each has one.
func QueueForPages(s *Store, turns int) (have, leave func()) {
	ctx, cancel := context.WithCancel(context.Background())
	before := PagesWaiting(s)
	var all sync.WaitGroup
	for i := range turns {
		from := share.FromClient(ctx, netip.AddrFrom4([4]byte{203, byte(i), 113, 1}))
		all.Add(1)
		go func() {
			leave, err := s.db.Turns.Enter(from, from)
			all.Done()
			if err == nil {
				<-ctx.Done()
				leave()
			}
		}()
	}
	for PagesWaiting(s) < before+turns {
		runtime.Gosched()
	}
	return all.Wait, cancel
}

// PagesWaiting is how many pages wait for a turn.
func PagesWaiting(s *Store) int { _, n := s.db.Turns.Load(); return n }

// Demand has a Store ask for more than a proof.
func Demand(s *Store, f func(context.Context, pgx.Tx, session.New) (*session.Demand, error)) {
	s.sessions.Demand = f
}

// Answer counts an answer to a challenge, and Met uses it up, as whoever judges the answer does.
func Answer(s *Store, ctx context.Context, t secret.Token, browser []byte) (session.Challenge, error) {
	return s.sessions.Answer(ctx, t, browser)
}

func Met(s *Store, ctx context.Context, c session.Challenge) error {
	return s.db.Transact(ctx, "meet", func(ctx context.Context, tx pgx.Tx) error {
		if _, err := database.LockUser(ctx, tx, c.UserID, ""); err != nil {
			return err
		}
		return s.sessions.Met(ctx, tx, c)
	})
}

// Seal seals a value as a deed does, and SealOne some value for some row.
func Seal(s *Store, ctx context.Context, tx pgx.Tx, c seal.Column, row string, value []byte) ([]byte, error) {
	return s.seal(ctx, tx, c, row, value)
}

func SealOne(s *Store, ctx context.Context) error {
	return s.db.Transact(ctx, "seal", func(ctx context.Context, tx pgx.Tx) error {
		_, err := s.seal(ctx, tx, seal.ChallengePayload, "row", []byte("value"))
		return err
	})
}

// OnHold has a function see each refusal that is held back, which is then answered at once.
func OnHold(s *Store, f func(ctx context.Context, began time.Time, step time.Duration)) { s.hold = f }

// SetFallback replaces Options.Fallback.
func SetFallback(s *Store, f func(context.Context, string, secret.Password) (OldUser, error)) {
	s.o.Fallback = f
}

// RefreshSome renews some of the tokens of providers that are due.
func RefreshSome(s *Store, ctx context.Context) (tried int, err error) { return s.refreshSome(ctx) }

// Measured reports whether it is known how long the hashes from elsewhere take.
func Measured(s *Store) bool {
	s.recipes.mu.Lock()
	defer s.recipes.mu.Unlock()
	return s.recipes.seen == s.recipes.measured
}

// Result is the one word for an outcome.
func Result(err error) string { return result(err) }

// WriteAnew writes a value that was sealed anew, if its row still has what was read.
func WriteAnew(s *Store, ctx context.Context, c seal.Column, row string, was, now []byte) (int64, error) {
	return s.writeAnew(ctx, c, resealed{[]string{row}, [][]byte{was}, [][]byte{now}})
}
