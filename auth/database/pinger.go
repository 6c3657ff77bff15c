package database

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/internal/upkeep"
)

// pingTimeout is how long PostgreSQL may take to answer a ping. It is longer than a busy machine needs, and
// together with the other waits of a request it is less than the 5 s within which a visitor has an answer.
const pingTimeout = 2 * time.Second

// pinger pings PostgreSQL on a connection beside the pools: a wait for a pooled connection would say nothing about
// PostgreSQL. Concurrent callers share one ping.
type pinger struct {
	config *pgx.ConnConfig
	watch  upkeep.Watch
	mu     sync.Mutex
	flight *flight
	closed bool
	conn   *pgx.Conn // used by a flight only
}

type flight struct {
	done chan struct{}
	err  error
}

// Ping reports whether PostgreSQL answers within two seconds. A temporary refusal of a connection is an answer.
func (d *DB) Ping(ctx context.Context) error {
	if err := d.pinger.ask(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

func (p *pinger) ask(ctx context.Context) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return errClosed
	}
	f := p.flight
	if f == nil {
		f = &flight{done: make(chan struct{}), err: ErrFault}
		p.flight = f
		go p.watch.Guard("ping PostgreSQL", func() { p.fly(f) })()
	}
	p.mu.Unlock()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *pinger) fly(f *flight) {
	ctx, cancel := context.WithTimeout(context.Background(), pingTimeout)
	defer cancel()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.flight = nil
		close(f.done)
	}()
	f.err = p.ping(ctx)
}

// ping tries the existing connection first. It may be dead although PostgreSQL is back; then ping opens a new one.
func (p *pinger) ping(ctx context.Context) error {
	if p.conn != nil {
		if err := p.conn.Ping(ctx); err == nil || ctx.Err() != nil {
			return err
		}
		p.drop()
	}
	conn, err := pgx.ConnectConfig(ctx, p.config)
	if err != nil {
		if ConnectionLost(err) {
			return err
		}
		return nil
	}
	p.conn = conn
	return conn.Ping(ctx)
}

func (p *pinger) drop() {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_ = p.conn.Close(ctx)
	p.conn = nil
}

var errClosed = errors.New("the store is closed")

// close waits for a ping under way. None follows it.
func (p *pinger) close() {
	p.mu.Lock()
	p.closed = true
	f := p.flight
	p.mu.Unlock()
	if f != nil {
		<-f.done
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn != nil {
		p.drop()
	}
}
