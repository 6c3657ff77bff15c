package session

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/gatepost/gatepost/auth/secret"
)

// reference is what a cache has to do, as simply as it can be said: a list of what was told, with until when.
type reference struct {
	entries []referenceEntry
	drops   uint64
}

type referenceEntry struct {
	hash  secret.TokenHash
	user  string
	until time.Time
}

func (r *reference) drop(which func(referenceEntry) bool) {
	r.drops++
	r.entries = slices.DeleteFunc(r.entries, which)
}

func (r *reference) get(h secret.TokenHash) (user string, ok bool) {
	for _, e := range r.entries {
		if e.hash == h && time.Now().Before(e.until) {
			return e.user, true
		}
	}
	return "", false
}

// load is a look-up under way: what PostgreSQL said may be told after somebody has revoked it.
type load struct {
	hash       secret.TokenHash
	user       string
	began      time.Time
	left       time.Duration
	generation uint64
	drops      uint64
}

// Whatever happens in whatever order, the cache says what the reference says.
func TestTheCacheDoesWhatItsReferenceDoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// a *testing.T would be asked for its deadline, which a bubble has not
		rapid.Check(struct{ testing.TB }{t}, func(t *rapid.T) {
			c, r := newCache(30*time.Second), &reference{}
			var loads []load
			hash := func(t *rapid.T) secret.TokenHash {
				return secret.TokenHash{byte(rapid.IntRange(0, 20).Draw(t, "token")), 7}
			}
			userOf := func(h secret.TokenHash) string { return fmt.Sprint("user", h[0]%4) }
			t.Repeat(map[string]func(*rapid.T){
				"begin": func(t *rapid.T) {
					h := hash(t)
					left := time.Duration(rapid.IntRange(-1, 40).Draw(t, "left")) * time.Second
					loads = append(loads, load{h, userOf(h), time.Now(), left, c.generation.Load(), r.drops})
				},
				"finish": func(t *rapid.T) {
					if len(loads) == 0 {
						t.Skip()
					}
					i := rapid.IntRange(0, len(loads)-1).Draw(t, "load")
					l := loads[i]
					loads = slices.Delete(loads, i, i+1)
					c.put(l.hash, Session{ID: "s", User: User{ID: l.user}}, l.left, l.began, l.generation)
					if l.drops == r.drops && l.left > 0 {
						r.entries = slices.DeleteFunc(r.entries,
							func(e referenceEntry) bool { return e.hash == l.hash })
						r.entries = append(r.entries, referenceEntry{l.hash, l.user,
							l.began.Add(min(l.left, 30*time.Second))})
					}
				},
				"drop": func(t *rapid.T) {
					h := hash(t)
					c.drop(h)
					r.drop(func(e referenceEntry) bool { return e.hash == h })
				},
				"drop user": func(t *rapid.T) {
					id := fmt.Sprint("user", rapid.IntRange(0, 4).Draw(t, "user"))
					c.dropUser(id)
					r.drop(func(e referenceEntry) bool { return e.user == id })
				},
				"clear": func(*rapid.T) {
					c.clear()
					r.drop(func(referenceEntry) bool { return true })
				},
				"wait": func(t *rapid.T) {
					time.Sleep(time.Duration(rapid.IntRange(1, 20_000).Draw(t, "ms")) * time.Millisecond)
				},
				"": func(t *rapid.T) {
					for i := range 21 {
						h := secret.TokenHash{byte(i), 7}
						v, ok := c.get(h)
						if user, want := r.get(h); ok != want || ok && v.User.ID != user {
							t.Fatalf("token %d: got %v %q, want %v %q", i, ok, v.User.ID, want, user)
						}
					}
				},
			})
		})
	})
}

func TestTheCacheStaysWithinItsBounds(t *testing.T) {
	t.Parallel()
	c := newCache(time.Minute)
	session := Session{User: User{ID: "ada"}}
	for i := range 3 * maxCached {
		h := secret.TokenHash{byte(i), byte(i >> 8), byte(i >> 16)}
		c.put(h, session, time.Hour, time.Now(), 0)
		if _, ok := c.get(h); !ok {
			t.Fatalf("the latest is not kept")
		}
	}
	if n := c.len(); n != maxCached {
		t.Errorf("%d sessions are kept, want %d", n, maxCached)
	}
	session.User.Name = string(make([]byte, 100<<10))
	for i := range 2000 {
		c.put(secret.TokenHash{byte(i), byte(i >> 8), 1}, session, time.Hour, time.Now(), 0)
	}
	session.User.Name = string(make([]byte, maxCachedBytes))
	for i := range cacheShards {
		c.put(secret.TokenHash{byte(i), 0, 2}, session, time.Hour, time.Now(), 0)
	}
	total := 0
	for i := range c.shards {
		total += c.shards[i].bytes
	}
	if total > maxCachedBytes {
		t.Errorf("%d bytes are kept, more than %d", total, maxCachedBytes)
	}
	c.dropUser("ada")
	for i := range c.shards {
		if s := &c.shards[i]; s.bytes != 0 || len(s.byHash) != 0 || len(s.byUser) != 0 {
			t.Errorf("after all are gone: %d bytes, %d sessions, %d users", s.bytes, len(s.byHash), len(s.byUser))
		}
	}
}

func TestAKeptSessionTakesLessThanAKibibyte(t *testing.T) {
	c := newCache(time.Hour)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	const n = 50_000
	for i := range n {
		token := secret.NewToken()
		c.put(token.Sum(), Session{ID: secret.NewID(), User: User{ID: secret.NewID(), Name: fmt.Sprint("Somebody ", i),
			Email: fmt.Sprint("somebody", i, "@example.com"), Roles: SplitList("user,editor")}},
			time.Hour, time.Now(), 0)
	}
	each := (heap() - before) / uint64(c.len())
	if each > 1024 {
		t.Errorf("a kept session takes %d bytes", each)
	}
	t.Logf("a kept session takes %d bytes; %d are kept", each, c.len())
}

func TestUsesAreWrittenTogetherAndOnceEach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var written [][]string
		sl := &slides{delay: time.Second,
			write: func(ids []string) { slices.Sort(ids); written = append(written, ids) }}
		for range 100 {
			sl.add("a")
			sl.add("b")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		sl.add("c")
		sl.flush() // at the end nothing is lost
		sl.flush()
		time.Sleep(time.Minute)
		if got := fmt.Sprint(written); got != "[[a b] [c]]" {
			t.Errorf("written: %s", got)
		}
		written = nil
		for i := range 3*slideBatch - 1 {
			sl.add(fmt.Sprint(i))
		}
		sl.flush()
		if len(written) != 3 || len(written[0]) != slideBatch || len(written[2]) != slideBatch-1 {
			t.Errorf("%d statements for what belongs into 3", len(written))
		}
	})
}

// BenchmarkCacheGet is the whole price of a session that is kept.
func BenchmarkCacheGet(b *testing.B) {
	c := newCache(time.Minute)
	token := secret.NewToken()
	c.put(token.Sum(), Session{ID: "s", User: User{ID: "ada"}}, time.Hour, time.Now(), 0)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := c.get(token.Sum()); !ok {
			b.Fatal("gone")
		}
	}
}
