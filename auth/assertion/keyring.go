package assertion

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatepost/gatepost/auth/database"
)

// Keyring has the keys of all gates, as table assertion_key has them, and signs with the one whose turn it is. It is
// safe for concurrent use.
type Keyring struct {
	db     *database.DB
	o      Options
	state  atomic.Pointer[state]
	wake   chan struct{}
	signed atomic.Int64
}

// state is what was read of the keys. It never changes.
type state struct {
	keys []placed
	set  []byte // JSON; nil: there are no keys
}

// placed is a key with when it begins to sign, by this machine's clock.
type placed struct {
	key *key
	at  time.Time
}

// NewKeyring returns a Keyring that has no keys yet: Open reads them, and Run keeps them.
func NewKeyring(db *database.DB, o Options) *Keyring {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	k := &Keyring{db: db, o: o, wake: make(chan struct{}, 1)}
	k.state.Store(&state{})
	return k
}

// Open reads the keys, and makes the first one. It fails with database.ErrUnavailable, or when there is no key to sign
// with.
func (k *Keyring) Open(ctx context.Context) error {
	if err := k.update(ctx); err != nil {
		return fmt.Errorf("open the keys of the assertion: %w", err)
	}
	return nil
}

// Set is the set of the public keys, as JSON (RFC 7517). It must not be changed. Nil: there is none now.
func (k *Keyring) Set() []byte { return k.state.Load().set }

// Signed is how many assertions were signed.
func (k *Keyring) Signed() int64 { return k.signed.Load() }

// Wake has the keys read again: some have changed.
func (k *Keyring) Wake() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// signing is the key whose turn it is; nil when there is none.
func (s *state) signing(now time.Time) (found *key) {
	for _, p := range s.keys {
		if !now.Before(p.at) {
			found = p.key
		}
	}
	return found
}

const (
	// lookEvery is how often the rows are read while changes are heard, and deafEvery how often while they are not.
	lookEvery = 30 * time.Second
	deafEvery = time.Second
)

// Run keeps the keys as the table has them, and has them follow one another, until the context ends.
func (k *Keyring) Run(ctx context.Context) {
	said := ""
	for ctx.Err() == nil {
		pause := time.NewTimer(deafEvery)
		if k.o.Listening() {
			pause.Reset(lookEvery)
		}
		select {
		case <-ctx.Done():
		case <-k.wake:
		case <-pause.C:
		}
		pause.Stop()
		err := k.update(ctx)
		switch {
		case ctx.Err() != nil, err == nil:
			said = ""
		case err.Error() != said:
			said = err.Error()
			k.o.Log.WarnContext(ctx, "the keys of the assertion are not up to date", "err", err)
		}
	}
}

// update reads the rows and does what has to be done with them.
func (k *Keyring) update(ctx context.Context) error {
	asked := time.Now()
	rows, err := k.read(ctx, k.db.Work)
	if err == nil && !next(rows).none() {
		if rows, err = k.advance(ctx, nil); err != nil {
			return err
		}
	}
	if err != nil {
		return k.db.Unavailable("read the keys of the assertion", err)
	}
	return k.take(rows, asked)
}

var errElsewhere = errors.New("the keys of the assertion are sealed with a key that is not here: put it behind the " +
	"others in GATEPOST_ENCRYPTION_KEY")

// take replaces the state. Without a key to sign with, those before do not go on: they may have been revoked.
func (k *Keyring) take(rows []dated, asked time.Time) error {
	s, set := &state{}, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, d := range known(rows) {
		s.keys = append(s.keys, placed{d.key, asked.Add(d.activeIn)})
		set.Keys = append(set.Keys, d.key.public)
	}
	if len(s.keys) > 0 {
		var err error
		if s.set, err = json.Marshal(set); err != nil {
			return fmt.Errorf("write the set of keys: %w", err)
		}
	}
	k.state.Store(s)
	if s.signing(time.Now()) == nil {
		return errElsewhere
	}
	return nil
}
