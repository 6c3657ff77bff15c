package provider

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gatepost/gatepost/internal/share"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// kept is something that is read from a provider and kept: its discovery document, its keys. It is read when it is
// needed, once for all who wait, and again in the background when it is no longer fresh. However many ask, there is
// one attempt at a time, and a rest between two.
type kept[T any] struct {
	load  func(context.Context) (T, error)
	now   func() time.Time
	fresh time.Duration // older than this it is read again, while it is still used
	most  time.Duration // older than this it is not used

	mu       sync.Mutex
	value    T
	read     time.Time // when value was read; zero: never
	err      error     // of the last attempt
	failures int       // in a row
	next     time.Time // there is no attempt before it
	flight   chan struct{}
}

// The rests between two attempts: after a success, after a first failure, which doubles, and the longest.
const (
	restOK   = 10 * time.Second
	restFail = 5 * time.Second
	restMost = time.Minute
)

// get returns what is kept, or waits for it.
func (k *kept[T]) get(ctx context.Context) (T, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.read.IsZero() || k.now().Sub(k.read) > k.fresh {
		k.start(ctx)
	}
	if !k.usable() {
		k.wait(ctx)
	}
	return k.result(ctx)
}

// renew reads again, unless that was done a moment ago, and returns what is kept then, or why the last attempt
// failed.
func (k *kept[T]) renew(ctx context.Context) (T, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.start(ctx)
	k.wait(ctx)
	if k.err != nil {
		return k.value, k.err
	}
	return k.result(ctx)
}

// failing reports whether there is nothing to use because the provider is not available.
func (k *kept[T]) failing() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return !k.usable() && errors.Is(k.err, ErrUnavailable) && k.now().Before(k.next)
}

// doubt has it read again at the next use: something that it says seems to be wrong.
func (k *kept[T]) doubt() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if oldest := k.now().Add(-k.fresh - 1); k.read.After(oldest) {
		k.read = oldest
	}
}

func (k *kept[T]) usable() bool { return !k.read.IsZero() && k.now().Sub(k.read) <= k.most }

func (k *kept[T]) result(ctx context.Context) (T, error) {
	var none T
	switch {
	case k.usable():
		return k.value, nil
	case ctx.Err() != nil:
		return none, fault(Unavailable, ctx.Err())
	case k.err != nil:
		return none, k.err
	}
	return none, faultf(Unavailable, "what was read is too old")
}

// start begins an attempt if there may be one. The caller holds the lock.
func (k *kept[T]) start(ctx context.Context) {
	if k.flight != nil || k.now().Before(k.next) {
		return
	}
	k.flight = make(chan struct{})
	// A panic there is logged, and it is tried again.
	go upkeep.Watch{}.Run(context.WithoutCancel(ctx), "read what a provider publishes", k.attempt)
}

// wait waits for the attempt that runs, if there is one, without the lock.
func (k *kept[T]) wait(ctx context.Context) {
	flight := k.flight
	if flight == nil {
		return
	}
	share.Pause(ctx)
	k.mu.Unlock()
	defer k.mu.Lock()
	select {
	case <-flight:
	case <-ctx.Done():
	}
}

func (k *kept[T]) attempt(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, documentTime)
	defer cancel()
	value, err := k.load(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
	if err == nil {
		k.value, k.read, k.failures, k.next = value, k.now(), 0, k.now().Add(restOK)
	} else {
		k.next = k.now().Add(min(restFail<<min(k.failures, 8), restMost))
		k.failures++
	}
	close(k.flight)
	k.flight = nil
}
