package session

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/auth/secret"
)

// cache keeps looked-up sessions by the hash of their token, so that most requests need no query. It holds only
// sessions that PostgreSQL reported as valid, never for longer than PostgreSQL said, and never a negative answer. A
// reader has to know that no revocation was missed: see listener.
type cache struct {
	maxAge time.Duration // 0: nothing is kept
	aside  bool          // see Options.Aside
	// generation grows with each drop. A look-up that began before a drop may have read the state before it.
	generation atomic.Uint64
	shards     [cacheShards]shard
}

const (
	cacheShards = 16
	// maxCached and maxCachedBytes bound the cache; TestAKeptSessionTakesLessThanAKibibyte prints the size of a
	// session.
	maxCached      = 1 << 16
	maxCachedBytes = 64 << 20
)

type shard struct {
	mu     sync.RWMutex
	byHash map[secret.TokenHash]*cached
	byUser map[string]*cached // the head of a linked list
	bytes  int
}

// cached is one session. The sessions of one user form a linked list.
type cached struct {
	hash       secret.TokenHash
	session    Session
	until      time.Time
	bytes      int
	prev, next *cached
}

func newCache(maxAge time.Duration) *cache {
	c := &cache{maxAge: maxAge}
	for i := range c.shards {
		c.shards[i].byHash, c.shards[i].byUser = map[secret.TokenHash]*cached{}, map[string]*cached{}
	}
	return c
}

func (c *cache) shard(h secret.TokenHash) *shard { return &c.shards[h[0]%cacheShards] }

// get returns a session that has not expired in the cache. Its roles are shared and must not be modified.
func (c *cache) get(h secret.TokenHash) (v Session, ok bool) {
	ok = c.read(h, &v)
	return v, ok
}

// read is get that fills in v.
func (c *cache) read(h secret.TokenHash, v *Session) bool {
	s := c.shard(h)
	s.mu.RLock()
	defer s.mu.RUnlock()
	e := s.byHash[h]
	if e == nil || !time.Now().Before(e.until) {
		return false
	}
	*v = e.session
	return true
}

// noted forgets that a use is due to be written down.
func (c *cache) noted(h secret.TokenHash) {
	s := c.shard(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.byHash[h]; e != nil {
		e.session.due = false
	}
}

// put keeps the result of a look-up that began at the given time and generation. left is how long PostgreSQL would
// accept the session without further use. It counts from before the query, so that the copy always ends first.
func (c *cache) put(h secret.TokenHash, v Session, left time.Duration, began time.Time, generation uint64) {
	left = min(left, c.maxAge)
	e := &cached{hash: h, session: v, until: began.Add(left), bytes: sizeOf(v)}
	if c.aside {
		e.bytes *= 3 // what is put aside is text of all the fields
	}
	if left <= 0 || e.bytes > maxCachedBytes/cacheShards {
		return
	}
	s := c.shard(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.generation.Load() != generation {
		return
	}
	s.remove(s.byHash[h])
	for other := range s.byHash { // evict arbitrary sessions until there is room
		if len(s.byHash) < maxCached/cacheShards && s.bytes+e.bytes <= maxCachedBytes/cacheShards {
			break
		}
		s.remove(s.byHash[other])
	}
	s.add(e)
}

// sizeOf estimates the bytes a session takes, including its entries in two maps.
func sizeOf(v Session) int {
	n := 500 + len(v.ID) + len(v.User.ID) + len(v.User.Name) + len(v.User.Email) + len(v.User.Username)
	for _, m := range v.Proof.Methods {
		n += len(m) + 16
	}
	if v.Grant != nil {
		n += 64 + len(v.Grant.ID) + len(v.Grant.Rules)
	}
	for _, r := range v.User.Roles {
		n += len(r) + 16
	}
	return n
}

func (s *shard) add(e *cached) {
	s.byHash[e.hash] = e
	s.bytes += e.bytes
	if e.next = s.byUser[e.session.User.ID]; e.next != nil {
		e.next.prev = e
	}
	s.byUser[e.session.User.ID] = e
}

func (s *shard) remove(e *cached) {
	if e == nil {
		return
	}
	delete(s.byHash, e.hash)
	s.bytes -= e.bytes
	if e.next != nil {
		e.next.prev = e.prev
	}
	switch {
	case e.prev != nil:
		e.prev.next = e.next
	case e.next != nil:
		s.byUser[e.session.User.ID] = e.next
	default:
		delete(s.byUser, e.session.User.ID)
	}
}

// dropUser removes the sessions of a user. The new generation keeps look-ups under way from adding one again.
func (c *cache) dropUser(id string) {
	c.generation.Add(1)
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		for e := s.byUser[id]; e != nil; e = s.byUser[id] {
			s.remove(e)
		}
		s.mu.Unlock()
	}
}

// drop removes one session.
func (c *cache) drop(h secret.TokenHash) {
	c.generation.Add(1)
	s := c.shard(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(s.byHash[h])
}

// clear removes all sessions.
func (c *cache) clear() {
	c.generation.Add(1)
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		clear(s.byHash)
		clear(s.byUser)
		s.bytes = 0
		s.mu.Unlock()
	}
}

func (c *cache) len() (n int) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		n += len(s.byHash)
		s.mu.RUnlock()
	}
	return n
}
