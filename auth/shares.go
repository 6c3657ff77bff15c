package auth

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth/password"
	"github.com/gatepost/gatepost/internal/share"
)

// Connections to PostgreSQL are in shares, so that none of three kinds of work starves another: who is signed in
// (path), our own pages (db), where networks take turns, and what is done in the background (work). One more connection
// is pinged (pinger.go).

// Shares divides a number of connections among the three. Each has at least one.
func Shares(all int32) (pages, path, work int32) {
	path = max(1, all/5)
	return max(1, all-2*path), path, path
}

// pagesRoom is how many pages may wait for a connection.
const pagesRoom = 1000

// openShares makes the pools that stand beside that of the pages, which was given.
func (s *Store) openShares() {
	s.turns = share.NewQueue(pageTurns(int(s.db.Config().MaxConns)), pagesRoom)
	s.turns.Spare(1)
	s.path = besidePool(s.db, s.o.PathConns)
	s.work = besidePool(s.db, s.o.WorkConns)
	s.pinger = &pinger{config: s.db.Config().ConnConfig.Copy(), watch: s.o.Watch}
}

// pageTurns is how many pages have a turn at once. Their other connections are for who goes ahead, or all sign-ins
// would wait for pages that wait for a row.
func pageTurns(conns int) int { return max(1, conns-min(password.Slots()+exportTurns, conns/3)) }

// besidePool makes a pool like another one. It opens no connection before it needs one.
func besidePool(db *pgxpool.Pool, most int32) *pgxpool.Pool {
	c := db.Config()
	c.MaxConns = most
	c.MinConns, c.MinIdleConns = min(c.MinConns, most), min(c.MinIdleConns, most)
	pool, err := pgxpool.NewWithConfig(context.Background(), c)
	if err != nil {
		panic(fmt.Sprintf("a pool like one that exists: %v", err)) // MaxConns is not below 1
	}
	return pool
}

type aheadKey struct{}

// ahead is for work that has a turn already which others wait for, as that of hashing: it goes to the connections of
// pages without another, or whoever waits for the first would wait for all that this client's network has asked for.
// There are few such turns.
func ahead(ctx context.Context) context.Context { return context.WithValue(ctx, aheadKey{}, true) }

// page waits for a client's turn at the connections of pages. It fails with share.ErrBusy or share.ErrCrowded, which is
// no outage.
func (s *Store) page(ctx context.Context) (leave func(), err error) {
	if ctx.Value(aheadKey{}) != nil {
		return func() {}, nil
	}
	leave, err = s.turns.Enter(ctx, ctx)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return nil, ctx.Err() // the visitor left
	}
	return leave, err
}

// inOneTurn runs several transactions in one turn, so that how long somebody waits for turns does not tell how many
// there are.
func (s *Store) inOneTurn(ctx context.Context, doing string, f func(context.Context) error) (err error) {
	waited := s.onPage(ctx, func(ctx context.Context) error { err = f(ahead(ctx)); return nil })
	if waited != nil {
		return s.unavailable(doing, waited)
	}
	return err
}

// OnPath runs f on a connection of those that say who is signed in. It is for short questions about the gate itself.
func (s *Store) OnPath(ctx context.Context, f func(*pgx.Conn) error) error {
	return s.path.AcquireFunc(ctx, func(c *pgxpool.Conn) error { return f(c.Conn()) })
}
