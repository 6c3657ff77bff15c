package auth

import (
	"context"
	"sync"
	"time"

	"github.com/gatepost/gatepost/auth/throttle"
)

// Sweep deletes what has expired in all packages below auth, and returns how many rows it deleted.
func (s *Store) Sweep(ctx context.Context) (total int64, err error) {
	for _, sweep := range []func(context.Context) (int64, error){
		s.outbox.Sweep, s.webhooks.Sweep, s.Reader.Sweep, s.trail.Sweep, s.sweepFlows, s.sweepFactors,
		s.sweepCeremonies,
		s.warnOfTokens,
		s.endBans,
		s.forgetRecipes,
		func(ctx context.Context) (int64, error) { return throttle.Sweep(ctx, s.db) },
	} {
		n, err := sweep(ctx)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// sweepEvery is how often Run sweeps.
const sweepEvery = 5 * time.Minute

// Run does the Store's regular work until the context ends: it listens for revocations, ends activities that
// outlive their session, sends mail and webhooks and sweeps. Without it nothing is cached, and no mail is sent.
func (s *Store) Run(ctx context.Context) {
	var work sync.WaitGroup
	work.Go(func() { s.Reader.Run(ctx) })
	work.Go(func() { s.o.Watch.Run(ctx, "sweep", s.sweepRegularly) })
	work.Go(func() { s.o.Watch.Run(ctx, "write audit events", s.trail.Run) })
	work.Go(func() { s.o.Watch.Run(ctx, "send mail", s.outbox.Run) })
	work.Go(func() { s.o.Watch.Run(ctx, "tell the app", s.webhooks.Run) })
	work.Go(func() { s.o.Watch.Run(ctx, "renew tokens of providers", s.refreshTokens) })
	if s.asserts() {
		work.Go(func() { s.o.Watch.Run(ctx, "keep the keys of the assertion", s.keyring.Run) })
	}
	work.Wait()
}

func (s *Store) sweepRegularly(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if n, err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.o.Log.WarnContext(ctx, "expired sessions were not swept", "err", err)
		} else if n > 0 {
			s.o.Log.DebugContext(ctx, "swept expired rows", "rows", n)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
