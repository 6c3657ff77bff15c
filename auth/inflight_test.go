package auth_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/factor"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/passkey/passkeytest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/seal"
)

// person is a user with whatever somebody can have of an account: two sessions and a link of each kind.
type person struct {
	s                    *auth.Store
	db                   *pgxpool.Pool
	o                    *office
	id                   string
	mine, other          secret.Token
	mineID               string // of the session mine
	reset, verify, guest secret.Token
	circles              circles
	mute                 *auth.Store // sends no mail, so that nobody has to confirm an address
	t                    testing.TB
}

// newPerson is one on a database of its own, where hashing costs nothing: the tests below are about what is written, in
// what order.
func newPerson(t *testing.T) *person {
	t.Helper()
	p := &person{o: &office{}, t: t}
	config, err := pgxpool.ParseConfig(authtest.NewDatabase(t) + "&pool_max_conns=10")
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.Tracer = &p.circles
	if p.db, err = pgxpool.NewWithConfig(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.db.Close)
	p.s = auth.New(p.db, auth.Options{Log: slog.New(slog.DiscardHandler), AnswerStep: time.Millisecond, Send: p.o.send,
		Verify: auth.VerifyOptional})
	t.Cleanup(p.s.Close)
	auth.HashCheaply(p.s)
	p.mute = auth.New(p.db, auth.Options{Log: slog.New(slog.DiscardHandler), Keys: keys(t, seal.NewKey()),
		PublicURL: &url.URL{Scheme: "https", Host: passkeyHost}})
	t.Cleanup(p.mute.Close)
	auth.HashCheaply(p.mute)
	return p
}

// circles are the deadlocks that PostgreSQL told of, though they were tried again.
type circles struct{ n atomic.Int64 }

func (c *circles) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}
func (c *circles) TraceQueryEnd(_ context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	c.note(data.Err)
}
func (c *circles) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}
func (c *circles) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	c.note(data.Err)
}
func (c *circles) TraceBatchEnd(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchEndData) {
	c.note(data.Err)
}

func (c *circles) note(err error) {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == "40P01" {
		c.n.Add(1)
	}
}

// renew puts the person back to the beginning.
func (p *person) renew(t *testing.T) {
	t.Helper()
	for _, table := range []string{`"user"`, "verification", "outbox", "throttle"} {
		exec(t, p.db, `DELETE FROM gatepost.`+table)
	}
	var err error
	if p.guest, err = p.s.InvitationLink(t.Context(), auth.Invitation{Email: "ada@example.com"}); err != nil {
		t.Fatal(err)
	}
	p.mine = signUp(t, p.s, "ada@example.com")
	p.verify = p.o.one(t, p.s, mail.Verify, "ada@example.com").Link
	if p.other, err = signIn(p.s, t.Context(), "ada@example.com", goodPassword); err != nil {
		t.Fatal(err)
	}
	v, err := p.s.Lookup(t.Context(), p.mine)
	if err != nil {
		t.Fatal(err)
	}
	p.id, p.mineID = v.User.ID, v.ID
	if p.reset, err = p.s.ResetLink(t.Context(), p.id); err != nil {
		t.Fatal(err)
	}
	forgetLimits(t, p.db)
}

func (p *person) sql(ctx context.Context, sql string) error {
	_, err := p.db.Exec(ctx, sql)
	return err
}

// makers are all that makes a session of a user who is there already, or raises theirs.
var makers = map[string]func(*person, context.Context) error{
	"sign-in": func(p *person, ctx context.Context) error {
		_, err := signIn(p.s, ctx, "ada@example.com", goodPassword)
		return err
	},
	"confirm": func(p *person, ctx context.Context) error {
		_, err := p.s.Confirm(ctx, p.mine, goodPassword, here)
		return err
	},
	"change-password": func(p *person, ctx context.Context) error {
		_, err := p.s.ChangePassword(ctx, p.mine, goodPassword, chosen, here)
		return err
	},
	"request-email-change": func(p *person, ctx context.Context) error {
		_, err := p.s.RequestEmailChange(ctx, p.mine, goodPassword, "new@example.com", here)
		return err
	},
	"verify-email": func(p *person, ctx context.Context) error {
		_, err := p.s.VerifyEmail(ctx, auth.Verification{Link: p.verify, Password: goodPassword, Client: here})
		return err
	},
	"accept-invitation": func(p *person, ctx context.Context) error {
		_, err := p.s.AcceptInvitation(ctx, p.guest, auth.NewUser{Password: chosen}, true, "", here)
		return err
	},
}

// ender is what ends the sessions of a user.
type ender struct {
	do    func(*person, context.Context) error
	keeps int  // sessions that it leaves or makes itself
	bars  bool // whoever comes after it with what they had before is refused
}

var enders = map[string]ender{
	"disable": {do: func(p *person, ctx context.Context) error { return p.s.Disable(ctx, p.id) }, bars: true},
	"delete":  {do: func(p *person, ctx context.Context) error { return p.s.DeleteUser(ctx, p.id) }, bars: true},
	"delete-account": {do: func(p *person, ctx context.Context) error {
		return p.s.DeleteAccount(ctx, p.other, goodPassword, here)
	}, bars: true},
	"set-password": {do: func(p *person, ctx context.Context) error { return p.s.SetPassword(ctx, p.id, chosen) },
		bars: true},
	"reset-password": {do: func(p *person, ctx context.Context) error {
		_, err := p.s.ResetPassword(ctx, p.reset, chosen, here)
		return err
	}, bars: true},
	"sign-out-everywhere": {do: func(p *person, ctx context.Context) error {
		_, err := p.s.EndSessions(ctx, p.id)
		return err
	}},
	"sign-out": {do: func(p *person, ctx context.Context) error {
		return p.s.SignOut(ctx, p.other, here)
	}, keeps: 2},
	"end-session": {do: func(p *person, ctx context.Context) error {
		return p.s.EndSession(ctx, p.other, p.mineID, here)
	}, keeps: 2},
	"end-all": {do: func(p *person, ctx context.Context) error { return p.s.EndAllSessions(ctx, p.other, here) }},
	"end-others": {do: func(p *person, ctx context.Context) error {
		_, err := p.s.EndOtherSessions(ctx, p.other, here)
		return err
	}, keeps: 1},
	"change-password": {do: func(p *person, ctx context.Context) error {
		_, err := p.s.ChangePassword(ctx, p.other, goodPassword, chosen, here)
		return err
	}, keeps: 1, bars: true},
	"enable-totp": {do: func(p *person, ctx context.Context) error {
		e, err := p.mute.BeginApp(ctx, p.other)
		if err == nil {
			_, _, err = p.mute.ConfirmApp(ctx, p.other, e.Key.Code(factor.Step(time.Now())), here)
		}
		return err
	}, keeps: 1},
	"add-passkey": {do: func(p *person, ctx context.Context) error {
		a := passkeytest.New(passkeyOrigin)
		asked, err := p.mute.AskForPasskey(ctx, auth.PasskeyAsk{For: auth.PasskeyToAdd, Session: p.other, Client: here})
		if err == nil {
			_, err = p.mute.AddPasskey(ctx, p.other, auth.PasskeyAnswer{Body: a.Create(p.t, asked.Options), Key: asked.Key,
				Client: here}, "")
		}
		return err
	}, keeps: 1},
	"SQL disables": {do: func(p *person, ctx context.Context) error {
		return p.sql(ctx, `UPDATE gatepost."user" SET disabled_at = now()`)
	}, bars: true},
	"SQL disables all at once, and enables": {do: func(p *person, ctx context.Context) error {
		return errors.Join(p.sql(ctx, `UPDATE gatepost."user" SET disabled_at = '-infinity'`),
			p.sql(ctx, `UPDATE gatepost."user" SET disabled_at = NULL`))
	}},
	"SQL deletes": {do: func(p *person, ctx context.Context) error { return p.sql(ctx, `DELETE FROM gatepost."user"`) },
		bars: true},
}

const delayKey = 4711 // of the advisory lock

// delayed is a database where every transaction that does something to a session waits at its commit, while it is told
// to.
type delayed struct {
	*person
	brake *pgx.Conn
}

func newDelayed(t *testing.T, event string) *delayed {
	t.Helper()
	p := newPerson(t)
	exec(t, p.db, fmt.Sprintf(`CREATE FUNCTION delay() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN PERFORM pg_advisory_xact_lock_shared(%d); RETURN NULL; END'`, delayKey))
	exec(t, p.db, `CREATE CONSTRAINT TRIGGER delay AFTER `+event+` ON gatepost.session DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION delay()`)
	conn, err := pgx.ConnectConfig(t.Context(), p.db.Config().ConnConfig.Copy())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return &delayed{p, conn}
}

func (d *delayed) hold(t *testing.T, function string) {
	t.Helper()
	if _, err := d.brake.Exec(t.Context(), fmt.Sprintf(`SELECT %s(%d)`, function, delayKey)); err != nil {
		t.Fatal(err)
	}
}

// waiting is how many wait for a lock, and how many of them at their commit.
func waiting(db *pgxpool.Pool) (all, atCommit int) {
	_ = db.QueryRow(context.Background(), `
		SELECT count(*), count(*) FILTER (WHERE wait_event = 'advisory') FROM pg_stat_activity
		WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&all, &atCommit) // none, then
	return all, atCommit
}

// overlap has one thing begin while another is about to commit, and wait for it or not. It is tried again where so much
// else goes on that PostgreSQL is given up on.
func (d *delayed) overlap(t *testing.T, first, second func(*person, context.Context) error) (errs [2]error) {
	t.Helper()
	for range 5 {
		d.renew(t)
		d.hold(t, "pg_advisory_lock")
		one := begin(func() error { return first(d.person, context.Background()) })
		eventually(t, "the first is about to commit",
			func() bool { _, n := waiting(d.db); return n == 1 || len(one) == 1 })
		two := begin(func() error { return second(d.person, context.Background()) })
		eventually(t, "the second waits or is done", func() bool {
			n, _ := waiting(d.db)
			return n >= 2 || len(two) == 1 || len(one) == 1
		})
		d.hold(t, "pg_advisory_unlock")
		if errs = [2]error{<-one, <-two}; !errors.Is(errs[0], database.ErrUnavailable) &&
			!errors.Is(errs[1], database.ErrUnavailable) {
			return errs
		}
	}
	t.Fatalf("PostgreSQL was given up on: %v", errs)
	return errs
}

// Whatever makes a session while it commits, and whatever ends the user's sessions meanwhile: none is left but the
// ender's own.
func TestNoSessionUnderWayIsMissed(t *testing.T) {
	t.Parallel()
	for maker, mk := range makers {
		t.Run(maker, func(t *testing.T) {
			t.Parallel()
			d := newDelayed(t, "INSERT")
			for name, end := range enders {
				errs := d.overlap(t, mk, end.do)
				if errs[0] != nil {
					t.Errorf("%s before %s: %v", maker, name, errs[0])
				}
				exec(t, d.db, `UPDATE gatepost."user" SET disabled_at = NULL`)
				if errs[1] != nil { // the session, link or password it came with was ended by the maker
					if !refusedForWhatItHad(errs[1]) {
						t.Errorf("%s: %v", name, errs[1])
					}
					continue
				}
				if n := count(t, d.db, "session"); n > end.keeps {
					t.Errorf("%s before %s: %d sessions are left, want %d", maker, name, n, end.keeps)
				}
			}
		})
	}
}

func refusedForWhatItHad(err error) bool {
	return errors.Is(err, session.ErrNoSession) || errors.Is(err, auth.ErrBadLink) ||
		errors.Is(err, auth.ErrBadCredentials)
}

// What ends while it commits bars whoever comes meanwhile with a password, a session or a link from before.
func TestNoSessionIsMadeBehindAnEnd(t *testing.T) {
	t.Parallel()
	for name, end := range enders {
		if !end.bars {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDelayed(t, "DELETE")
			for maker, mk := range makers {
				if maker == "accept-invitation" {
					continue // it takes over whatever account there is, and makes one where none is
				}
				errs := d.overlap(t, end.do, mk)
				if errs[0] != nil || errs[1] == nil {
					t.Errorf("%s: %v; then %s: %v, want it refused", name, errs[0], maker, errs[1])
				}
				exec(t, d.db, `UPDATE gatepost."user" SET disabled_at = NULL`)
				if n := count(t, d.db, "session"); n > end.keeps {
					t.Errorf("%s before %s: %d sessions are left, want %d", name, maker, n, end.keeps)
				}
			}
		})
	}
}

// Whatever two do to one user at once, in whatever order their statements come, neither has to be taken back: all take
// their locks in one order, and so does a DELETE by SQL.
func TestNobodyWaitsInACircle(t *testing.T) {
	t.Parallel()
	deeds := maps.Clone(makers)
	for name, end := range enders {
		deeds[name] = end.do
	}
	deeds["wrong password"] = func(p *person, ctx context.Context) error {
		_, err := signIn(p.s, ctx, "ada@example.com", wrong)
		return err
	}
	deeds["mail is sent"] = func(p *person, ctx context.Context) error { _, err := auth.SendMail(p.s, ctx); return err }
	deeds["request-reset"] = func(p *person, ctx context.Context) error {
		return p.s.RequestReset(ctx, "ada@example.com", here)
	}
	deeds["reset-link"] = func(p *person, ctx context.Context) error { _, err := p.s.ResetLink(ctx, p.id); return err }
	deeds["enable"] = func(p *person, ctx context.Context) error { return p.s.Enable(ctx, p.id) }
	names := slices.Sorted(maps.Keys(deeds))
	for i, a := range names {
		t.Run(a, func(t *testing.T) {
			t.Parallel()
			p := newPerson(t)
			slowly(t, p.db)
			for _, b := range names[i:] {
				p.atOnce(t, a+", "+b, deeds[a], deeds[b])
			}
		})
	}
}

// atOnce does two things at once, and sees that PostgreSQL had to break no circle.
func (p *person) atOnce(t *testing.T, what string, deeds ...func(*person, context.Context) error) {
	t.Helper()
	p.renew(t)
	var both sync.WaitGroup
	for _, do := range deeds {
		both.Go(func() { _ = do(p, context.Background()) }) // one may well be refused for what the other did
	}
	both.Wait()
	if n := p.circles.n.Swap(0); n > 0 {
		t.Errorf("%s: %d deadlocks", what, n)
	}
}

// slowly has each row that is written take its time, so that the statements of two transactions meet.
func slowly(t *testing.T, db *pgxpool.Pool) {
	t.Helper()
	exec(t, db, `DO $$ BEGIN
		EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = ''20ms''', current_database());
		END $$`)
	exec(t, db, `CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN PERFORM pg_sleep(random() * 0.004); RETURN CASE WHEN TG_OP = ''DELETE'' THEN OLD ELSE NEW END; END'`)
	for _, table := range []string{`"user"`, "account", "session", "verification", "outbox", "familiar", "throttle"} {
		exec(t, db, `CREATE TRIGGER slowly BEFORE INSERT OR UPDATE OR DELETE ON gatepost.`+table+`
			FOR EACH ROW EXECUTE FUNCTION slowly()`)
	}
	db.Reset()
}
