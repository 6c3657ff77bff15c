package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// errOutage spares a visitor the wait while PostgreSQL is known not to answer.
var errOutage = errors.New("PostgreSQL did not answer a moment ago")

// again runs a read, and once more when the connection it was given turned out dead, as all idle ones are after
// PostgreSQL restarts.
func (s *Store) again(ctx context.Context, read func() error) error {
	if s.down.Load() {
		return errOutage
	}
	err := read()
	if err == nil || errors.Is(err, pgx.ErrNoRows) || ctx.Err() != nil || !connectionLost(err) {
		return err
	}
	s.db.Reset()
	return read()
}

// connectionLost tells a PostgreSQL that cannot be spoken to from one that answers with an error. SQLSTATE classes:
// 08 connection exception, 53 out of resources, 57P shutdown.
func connectionLost(err error) bool {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return true
	}
	switch pgErr.Code[:min(2, len(pgErr.Code))] {
	case "08", "53":
		return true
	}
	return len(pgErr.Code) == 5 && pgErr.Code[:3] == "57P"
}

// unavailable wraps what PostgreSQL did, and notes an outage so that the next visitors need not wait to learn of it.
func (s *Store) unavailable(doing string, err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", doing, err) // the visitor left
	}
	if connectionLost(err) && !s.down.Swap(true) {
		s.o.Log.Error("PostgreSQL does not answer; protected paths are refused until it does", "err", err)
		go s.probe()
	}
	return fmt.Errorf("%s: %w: %w", doing, ErrUnavailable, err)
}

const probeEvery = 200 * time.Millisecond

// probe asks PostgreSQL until it answers again.
func (s *Store) probe() {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		if s.Ping(s.ctx) == nil {
			s.down.Store(false)
			s.o.Log.Info("PostgreSQL answers again")
			return
		}
	}
}

// Ping says whether PostgreSQL answers within a second.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := s.db.Ping(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}
