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

// pingTimeout is how long PostgreSQL may take to answer a question that costs nothing. It is longer than a busy machine
// needs, and with what a request waits besides less than the 5 s after which a visitor has an answer.
const pingTimeout = 2 * time.Second

// pinger asks PostgreSQL whether it is there, on a connection beside the pools: one that everybody waits for says
// nothing about PostgreSQL. Who asks while it is being asked gets the same answer.
type pinger struct {
	config *pgx.ConnConfig
	watch  upkeep.Watch
	mu     sync.Mutex
	flight *flight
	closed bool
	conn   *pgx.Conn // only a flight touches it
}

type flight struct {
	done chan struct{}
	err  error
}

// Ping says whether PostgreSQL answers within two seconds. An answer that refuses us a connection for now is one.
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

// ping tries an old connection first, which may have died with a PostgreSQL that is back.
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

// close waits for a ping under way. There is none after it.
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
