package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/share"
)

// measured has a store's numbers read.
func measured(o *auth.Options) { o.Metrics = prometheus.NewRegistry() }

// takeAll takes every connection of a pool until the test ends.
func takeAll(t *testing.T, db *pgxpool.Pool) {
	t.Helper()
	for range db.Config().MaxConns {
		conn, err := db.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Release)
	}
}

// That every connection of the pages is in use is no outage, and nobody who is signed in notices.
func TestABusyPoolIsNoOutage(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, measured)
	token := signUp(t, s, "ada@example.com")
	takeAll(t, db)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Describe(ctx, token); err == nil {
		t.Error("a page had a connection")
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
	for range 20 {
		if _, err := s.Lookup(t.Context(), token); err != nil {
			t.Fatalf("look up: %v", err)
		}
	}
	err := s.OnPath(t.Context(), func(c *pgx.Conn) error { return c.Ping(t.Context()) })
	if err != nil || auth.Down(s) {
		t.Errorf("a question about the gate: %v; an outage: %v", err, auth.Down(s))
	}
}

// locked holds what an SQL statement locks until the test ends.
func locked(t *testing.T, db *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	tx, err := db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	if tag, err := tx.Exec(t.Context(), sql, args...); err != nil || tag.RowsAffected() == 0 {
		t.Fatalf("%s: %v, %v", sql, tag, err)
	}
}

// What is refused because a limit is reached waits for no lock: with every row of the throttle locked, the answer is
// the same.
func TestRefusalsOnlyRead(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, func(o *auth.Options) {
		o.Verify, o.Send = auth.VerifyOptional, func(context.Context, mail.Mail) error { return nil }
		o.SignUpLimit, o.SignUpTotal = 1, 1
	})
	token := signUp(t, s, "ada@example.com")
	c := secret.Client{Addr: netip.MustParseAddr(attacker)}
	names := 0
	refusals := map[string]func() error{
		"sign in": func() error {
			_, err := s.SignIn(t.Context(), auth.Credentials{Email: "ada@example.com", Password: wrong, Client: c})
			return err
		},
		"sign in to nobody": func() error {
			_, err := s.SignIn(t.Context(), auth.Credentials{Email: "nobody@example.com", Password: wrong, Client: c})
			return err
		},
		"sign up": func() error {
			_, err := s.SignUp(t.Context(), auth.NewUser{Email: "eve@example.com", Password: goodPassword}, true, "", c)
			return err
		},
		"reset": func() error { return s.RequestReset(t.Context(), "ada@example.com", c) },
		"confirm": func() error {
			_, err := s.Confirm(t.Context(), token, wrong, c)
			return err
		},
		"delete": func() error { return s.DeleteAccount(t.Context(), token, wrong, c) },
		"change password": func() error {
			_, err := s.ChangePassword(t.Context(), token, wrong, "another good password", c)
			return err
		},
		"change address": func() error {
			_, err := s.RequestEmailChange(t.Context(), token, wrong, "new@example.com", c)
			return err
		},
		"rename": func() error {
			names++
			return s.Rename(t.Context(), token, fmt.Sprint("name ", names), c)
		},
	}
	for name, try := range refusals {
		eventually(t, name+" is refused", func() bool { return isThrottled(try()) })
	}
	for range 3 { // mail that is only pretended
		_ = s.RequestVerification(t.Context(), token, c)
	}
	before := content(t, db)
	locked(t, db, `SELECT FROM gatepost.throttle FOR UPDATE`)
	for name, try := range refusals {
		if err := try(); !isThrottled(err) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := s.RequestVerification(t.Context(), token, c); err != nil {
		t.Errorf("mail that is only pretended: %v", err)
	}
	if after := content(t, db); after != before {
		t.Errorf("something was written:\n%s\nwas\n%s", after, before)
	}
}

// hasty is a look-up by who can go on without.
var hasty = session.Asking{Client: here.Addr, Hasty: true}

// A look-up that takes too long is waited for by nobody who can do without, until one does not.
func TestWhileLookupsStallGlancesFailAtOnce(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, measured)
	token := signUp(t, s, "ada@example.com")
	holder, err := db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Rollback(context.Background()) }()
	if _, err := holder.Exec(t.Context(), `LOCK TABLE gatepost.session IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lookup(t.Context(), token); !errors.Is(err, database.ErrUnavailable) {
		t.Fatalf("look up: %v", err)
	}
	var asked atomic.Int32
	authtest.AfterLookups(db, func() { asked.Add(1) })
	if _, err := s.LookupAs(t.Context(), hasty, token); !errors.Is(err, database.ErrUnavailable) || asked.Load() > 0 {
		t.Errorf("glance: %v, after %d queries", err, asked.Load())
	}
	if auth.Down(s) {
		t.Error("an outage was declared")
	}
	if err := holder.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "glances see again",
		func() bool { _, err := s.LookupAs(t.Context(), hasty, token); return err == nil })
}

// However many made-up sessions one network has looked up, there is room for those of others.
func TestLookupsOfOneNetworkLeaveRoomForOthers(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, measured)
	token := signUp(t, s, "ada@example.com")
	waits := make(chan struct{})
	goOn := sync.OnceFunc(func() { close(waits) })
	defer goOn() // else a failure would wait for the connections without end
	authtest.AfterLookups(db, func() { <-waits })
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	crowded := make(chan error, 20_000)
	for i := range 20_000 {
		go func() {
			as := session.Asking{Client: netip.MustParseAddr(attacker)}
			_, err := s.LookupAs(ctx, as, secret.Token(fmt.Sprint("made up ", i)))
			crowded <- err
		}()
	}
	if err := <-crowded; !errors.Is(err, share.ErrCrowded) {
		t.Errorf("who had too many waiting was told %v", err)
	}
	answered, before := make(chan error), auth.Asking(s)
	go func() { _, err := s.LookupAs(t.Context(), session.Asking{Client: here.Addr}, token); answered <- err }()
	eventually(t, "it waits", func() bool { return auth.Asking(s) == before+1 })
	stop()
	goOn()
	if err := <-answered; err != nil {
		t.Errorf("somebody else: %v", err)
	}
}

// Whoever has a turn to hash does not keep it while their network waits for connections: others wait for that turn.
func TestATurnToHashWaitsForNoPages(t *testing.T) {
	t.Parallel()
	s, _ := authtest.NewStore(t)
	signUp(t, s, "ada@example.com")
	release := auth.HoldHashQueue(s)
	ended := make(chan error, 1)
	go func() {
		_, err := signIn(s, as(t.Context(), attacker), "ada@example.com", wrong)
		ended <- err
	}()
	eventually(t, "it waits for its turn", func() bool { return auth.HashesWaiting(s) == 1 })
	free, _ := auth.HoldPages(s)
	defer free()
	release()
	if err := <-ended; !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("got %v", err)
	}
}

// Whoever hangs up in the middle of a statement takes no connection along: to open others would keep PostgreSQL busy.
func TestWhoHangsUpClosesNoConnection(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, func(o *auth.Options) {
		o.Verify, o.Send = auth.VerifyOptional, func(context.Context, mail.Mail) error { return nil }
	})
	token := signUp(t, s, "ada@example.com")
	fill := func() { // has as many connections open as there may be
		var all []*pgxpool.Conn
		for range db.Config().MaxConns {
			conn, err := db.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, conn)
		}
		for _, conn := range all {
			conn.Release()
		}
	}
	fill()
	opened := db.Stat().NewConnsCount()
	for name, ask := range map[string]func(context.Context) error{
		"sign in": func(ctx context.Context) error {
			_, err := signIn(s, ctx, "ada@example.com", goodPassword)
			return err
		},
		"describe": func(ctx context.Context) error { _, err := s.Describe(ctx, token); return err },
		"reset":    func(ctx context.Context) error { return s.RequestReset(ctx, "ada@example.com", here) },
		"rename":   func(ctx context.Context) error { return s.Rename(ctx, token, "Ada", here) },
		"sign out": func(ctx context.Context) error { return s.SignOut(ctx, token, here) },
		"link":     func(ctx context.Context) error { _, err := s.Link(ctx, "nothing"); return err },
	} {
		holder, err := db.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = holder.Exec(t.Context(),
			`LOCK TABLE gatepost."user", gatepost.session, gatepost.familiar IN ACCESS EXCLUSIVE MODE`)
		if err != nil {
			t.Fatal(err)
		}
		ctx, hangUp := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { _ = ask(ctx); close(ended) }()
		eventually(t, name+" waits", func() bool {
			var waits bool
			err := db.QueryRow(t.Context(), `
				SELECT EXISTS (SELECT FROM pg_stat_activity
					WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waits)
			return err == nil && waits
		})
		hangUp()
		if err := holder.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-ended
		fill()
		if n := db.Stat().NewConnsCount(); n != opened {
			t.Errorf("%s: %d connections had to be opened", name, n-opened)
			opened = n
		}
	}
}

// How long turns take, anybody can choose who keeps them busy. So an address that is taken, or not confirmed yet, takes
// as many as one that is not.
func TestTurnsTellNothingOfWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, required, audited)
	signUpUnseen := func(email string) error {
		_, err := s.SignUp(t.Context(), auth.NewUser{Email: email, Password: goodPassword}, true, "", here)
		return err
	}
	if err := signUpUnseen("taken@example.com"); !errors.Is(err, auth.ErrUnverified) {
		t.Fatal(err)
	}
	for name, ask := range map[string]struct {
		run   func() error
		want  error
		turns int
	}{
		"signs up with a free address": {func() error { return signUpUnseen("free@example.com") },
			auth.ErrUnverified, 2},
		"signs up with a taken one": {func() error { return signUpUnseen("taken@example.com") }, auth.ErrUnverified, 2},
		"a right password, not confirmed": {func() error {
			_, err := signIn(s, t.Context(), "taken@example.com", goodPassword)
			return err
		}, auth.ErrBadCredentials, 1},
		"a wrong password, not confirmed": {func() error {
			_, err := signIn(s, t.Context(), "taken@example.com", wrong)
			return err
		}, auth.ErrBadCredentials, 1},
		"a password of who has no account": {func() error {
			_, err := signIn(s, t.Context(), "nobody@example.com", wrong)
			return err
		}, auth.ErrBadCredentials, 1},
	} {
		release, turns := auth.HoldPages(s)
		ended := make(chan error, 1)
		go func() { ended <- ask.run() }()
		for range ask.turns {
			eventually(t, name+": waits for a turn", func() bool { return auth.PagesWaiting(s) == 1 })
			have, leave := auth.QueueForPages(s, turns) // who come after, and before their next turn
			release()
			have()
			release = leave
		}
		if err := <-ended; !errors.Is(err, ask.want) {
			t.Errorf("%s, in %d turns: %v", name, ask.turns, err)
		}
		release()
		eventually(t, "nobody has a turn", func() bool { return auth.PagesWaiting(s) == 0 })
	}
	s.Close() // writes down what waits
	if n := count(t, db, "audit_event WHERE event = 'request-verification'"); n > 0 {
		t.Errorf("a right password waited for %d more", n)
	}
}

// Whoever has a turn to hash needs no connection that pages may have: else all sign-ins would wait for pages that wait
// for a row.
func TestATurnToHashHasAConnection(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	ada(t, s)
	free := auth.HoldHashQueue(s)
	ended := make(chan error, 1)
	go func() { _, err := signIn(s, t.Context(), "ada@example.com", wrong); ended <- err }()
	eventually(t, "a sign-in waits to hash", func() bool { return auth.HashesWaiting(s) == 1 })
	release, turns := auth.HoldPages(s)
	defer release()
	for range turns { // each page has a connection
		conn, err := db.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Release()
	}
	free()
	if err := <-ended; !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("got %v", err)
	}
}

// as is a context of a client.
func as(ctx context.Context, addr string) context.Context {
	return share.FromClient(ctx, netip.MustParseAddr(addr))
}
