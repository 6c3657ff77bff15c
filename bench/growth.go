package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/localpg"
	"github.com/gatepost/gatepost/migrations"
)

// runGrowth measures PostgreSQL with many sessions: go run ./bench growth [SESSIONS…]. SQL makes the rows; the
// operations are those of the Store. PostgreSQL writes to the disk as it does for an operator.
func runGrowth(args []string) error {
	steps := []int{10_000, 1_000_000, 10_000_000}
	if len(args) > 0 {
		steps = nil
	}
	for _, a := range args {
		n, err := strconv.Atoi(a)
		if err != nil || n < 1 {
			return fmt.Errorf("%q is not a number of sessions", a)
		}
		steps = append(steps, n)
	}
	slices.Sort(steps)
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "gatepost-growth-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o711); err != nil { // as root, PostgreSQL runs as another user, who needs access
		return err
	}
	server, err := localpg.Start(ctx, localpg.Config{Dir: filepath.Join(dir, "database")})
	if err != nil {
		return err
	}
	defer func() { _ = server.Stop() }()
	g, err := newGrowth(ctx, server.URL(localpg.Superuser))
	if err != nil {
		return err
	}
	defer g.db.Close()
	return g.run(ctx, steps)
}

type growth struct {
	db    *pgxpool.Pool
	store *auth.Store
	have  int
}

func newGrowth(ctx context.Context, url string) (*growth, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	if _, err := migrations.Up(ctx, conn); err != nil {
		return nil, err
	}
	db, err := pgxpool.New(ctx, url)
	if err != nil {
		return nil, err
	}
	return &growth{db: db, store: auth.New(db, auth.Options{Log: slog.New(slog.DiscardHandler)})}, nil
}

func (g *growth) run(ctx context.Context, steps []int) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	defer w.Flush()
	fmt.Fprintln(w, "sessions\tlook-up p50\tp99\tsign-in\tsweep of 1,000\ttable\tindexes")
	var table, indexes int64 // bytes
	for _, n := range steps {
		fmt.Fprintf(os.Stderr, "bench: %d sessions\n", n)
		if err := g.grow(ctx, n); err != nil {
			return err
		}
		p50, p99, err := g.lookUp(ctx)
		if err != nil {
			return err
		}
		signIn, err := g.signIn(ctx)
		if err != nil {
			return err
		}
		sweep, err := g.sweep(ctx)
		if err != nil {
			return err
		}
		err = g.db.QueryRow(ctx, `
			SELECT pg_table_size('gatepost.session'), pg_indexes_size('gatepost.session')`).Scan(&table, &indexes)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", n, ms(p50), ms(p99), ms(signIn), ms(sweep),
			megabytes(table), megabytes(indexes))
	}
	largest := int64(steps[len(steps)-1])
	for _, n := range []int64{1e8, 1e9} {
		fmt.Fprintf(w, "%d\ton paper\t\t\t\t%d GB\t%d GB\n", n, table*n/largest/1e9, indexes*n/largest/1e9)
	}
	return nil
}

// grow adds sessions, ten for each user, until there are n.
func (g *growth) grow(ctx context.Context, n int) error {
	for _, sql := range []string{`
		INSERT INTO gatepost."user" (id, email)
		SELECT 'user' || i, 'user' || i || '@example.com' FROM generate_series($1::int / 10, $2::int / 10) i
		ON CONFLICT DO NOTHING`, `
		INSERT INTO gatepost.session
		    (id, token, user_id, idle_seconds, expires_at, last_used_at, ip_address, user_agent)
		SELECT 'session' || i, encode(sha256(('token' || i)::bytea), 'hex'), 'user' || i / 10, 604800,
		    now() + interval '1 day' + random() * interval '6 days', now(), '192.0.2.1',
		    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'
		FROM generate_series($1::int + 1, $2::int) i`,
	} {
		if _, err := g.db.Exec(ctx, sql, g.have, n); err != nil {
			return err
		}
	}
	g.have = n
	_, err := g.db.Exec(ctx, `VACUUM ANALYZE gatepost.session, gatepost."user"`)
	return err
}

const growthTries = 2000

// lookUp looks up sessions spread over the table, one after the other.
func (g *growth) lookUp(ctx context.Context) (p50, p99 time.Duration, err error) {
	took := make([]time.Duration, 0, growthTries)
	for i := range growthTries {
		token := secret.Token("token" + strconv.Itoa(1+i*(g.have/growthTries)))
		began := time.Now()
		if _, err := g.store.Lookup(ctx, token); err != nil {
			return 0, 0, fmt.Errorf("look up %d: %w", i, err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return permille(took, 500), permille(took, 990), nil
}

// signIn returns the median duration of a sign-in, including the hash.
func (g *growth) signIn(ctx context.Context) (time.Duration, error) {
	c := auth.Credentials{Email: "grown@example.com", Password: "correct horse battery"}
	if _, err := g.store.FindUser(ctx, c.Email); err != nil {
		if _, err := g.store.CreateUser(ctx, auth.NewUser{Email: c.Email, Password: c.Password}); err != nil {
			return 0, err
		}
	}
	var took []time.Duration
	for range 50 {
		began := time.Now()
		if _, err := g.store.SignIn(ctx, c); err != nil {
			return 0, err
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return permille(took, 500), nil
}

// sweep makes ten thousand sessions expire and deletes them. It returns the time for a thousand.
func (g *growth) sweep(ctx context.Context) (time.Duration, error) {
	n := min(10_000, g.have/2)
	_, err := g.db.Exec(ctx, `
		UPDATE gatepost.session SET expires_at = now() - interval '1 hour'
		WHERE id IN (SELECT 'session' || i FROM generate_series($1::int - $2::int + 1, $1::int) i)`, g.have, n)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	swept, err := g.store.Sweep(ctx)
	took := time.Since(began)
	if err == nil && swept < int64(n) {
		err = fmt.Errorf("%d of %d expired sessions were swept", swept, n)
	}
	g.have -= n
	return took * 1000 / time.Duration(n), err
}
