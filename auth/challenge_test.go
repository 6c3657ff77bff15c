package auth_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
)

// code is a demand as a second factor will make it.
func code(context.Context, pgx.Tx, session.New) (*session.Demand, error) {
	return &session.Demand{Kind: "otp", For: time.Minute, Payload: []byte("sealed")}, nil
}

// Whatever somebody is proved by, what they get is decided in one place: while more is asked of everybody, no way to
// sign in makes a session. What raises the session that somebody has makes none, and is asked nothing.
func TestEveryWayToASessionAsksWhatMoreItTakes(t *testing.T) {
	t.Parallel()
	for name, way := range makers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPerson(t)
			p.renew(t)
			exec(t, p.db, `UPDATE gatepost.session SET id = 'before' || id`)
			auth.Demand(p.s, code)
			if err := way(p, t.Context()); err != nil {
				t.Fatal(err)
			}
			var made, asked int
			err := p.db.QueryRow(t.Context(), `
				SELECT (SELECT count(*) FROM gatepost.session WHERE id NOT LIKE 'before%'),
					(SELECT count(*) FROM gatepost.challenge)`).Scan(&made, &asked)
			want := 1
			if name == "confirm" || name == "request-email-change" {
				want = 0
			}
			if err != nil || made != 0 || asked != want {
				t.Errorf("%d sessions and %d challenges were made, %v", made, asked, err)
			}
		})
	}
}

// A session keeps how its user was proved; one that a gate from before made was proved when it was made.
func TestASessionKeepsItsProof(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	token := signUp(t, s, "ada@example.com")
	v, err := s.Lookup(t.Context(), token)
	if err != nil || len(v.Proof.Methods) != 1 || v.Proof.Methods[0] != session.Password ||
		time.Since(v.Proof.At).Abs() > time.Minute {
		t.Errorf("got %+v, %v", v.Proof, err)
	}
	exec(t, db, `
		UPDATE gatepost.session SET methods = NULL, proved_at = NULL, created_at = now() - interval '11 minutes'`)
	v, err = s.Lookup(t.Context(), token)
	if err != nil || v.Proof.Methods != nil || time.Since(v.Proof.At) < 10*time.Minute {
		t.Errorf("of before: got %+v, %v", v.Proof, err)
	}
	if _, err := s.EndOtherSessions(t.Context(), token, here); !errors.Is(err, session.ErrStale) {
		t.Errorf("of before: got %v, want ErrStale", err)
	}
	exec(t, db, `UPDATE gatepost.session SET proved_at = now()`)
	if _, err := s.EndOtherSessions(t.Context(), token, here); err != nil {
		t.Errorf("an old session whose user was proved a moment ago: %v", err)
	}
}

// challenged is a store that asks for more, and what Ada got for the right password.
func challenged(t *testing.T) (*auth.Store, *pgxpool.Pool, auth.Issued) {
	t.Helper()
	s, db := authtest.NewStore(t)
	signUp(t, s, "ada@example.com")
	auth.Demand(s, code)
	client := here
	client.Browser = secret.NewToken()
	issued, err := s.SignIn(t.Context(), auth.Credentials{Email: "ada@example.com", Password: goodPassword,
		Remember: true, Client: client})
	if err != nil || issued.Session != "" || issued.Challenge == "" || issued.Browser != client.Browser {
		t.Fatalf("got %+v, %v", issued, err)
	}
	return s, db, issued
}

// A challenge is met once, in its browser, with so many answers at most, and tells what was proved before.
func TestAChallengeIsMetOnceInItsBrowser(t *testing.T) {
	t.Parallel()
	s, db, issued := challenged(t)
	browser := throttle.BrowserPlace(issued.Browser)
	if _, err := s.Lookup(t.Context(), issued.Challenge); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("half a sign-in is a session: %v", err)
	}
	another := throttle.BrowserPlace(secret.NewToken())
	if _, err := auth.Answer(s, t.Context(), issued.Challenge, another); !errors.Is(err, session.ErrNoChallenge) {
		t.Errorf("in another browser: %v", err)
	}
	c, err := auth.Answer(s, t.Context(), issued.Challenge, browser)
	if err != nil || c.Kind != "otp" || string(c.Payload) != "sealed" || !c.Remember ||
		len(c.Proof.Methods) != 1 || c.Proof.At.IsZero() {
		t.Fatalf("got %+v, %v", c, err)
	}
	for i, err := range atOnce(10, func() error {
		_, err := auth.Answer(s, t.Context(), issued.Challenge, browser)
		return err
	}) {
		if err != nil && !errors.Is(err, session.ErrNoChallenge) {
			t.Errorf("answer %d: %v", i, err)
		}
	}
	var attempts int
	err = db.QueryRow(t.Context(), `SELECT attempts FROM gatepost.challenge`).Scan(&attempts)
	if err != nil || attempts != 5 {
		t.Errorf("%d answers were taken, %v", attempts, err)
	}
	met := 0
	for _, err := range atOnce(5, func() error { return auth.Met(s, t.Context(), c) }) {
		if err == nil {
			met++
		}
	}
	if met != 1 {
		t.Errorf("it was met %d times", met)
	}
}

// Whatever ends a user's sessions ends the sign-ins that are half done.
func TestAChallengeEndsWithTheSessions(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*auth.Store, context.Context, string) error{
		"a new password": func(s *auth.Store, ctx context.Context, id string) error {
			return s.SetPassword(ctx, id, "another quiet river")
		},
		"disabled by SQL": nil,
		"disabled":        func(s *auth.Store, ctx context.Context, id string) error { return s.Disable(ctx, id) },
		"a new password of their own": func(s *auth.Store, ctx context.Context, _ string) error {
			auth.Demand(s, nil)
			token, err := signIn(s, ctx, "ada@example.com", goodPassword)
			if err == nil {
				_, err = s.ChangePassword(ctx, token, goodPassword, chosen, here)
			}
			return err
		},
		"the others ended": func(s *auth.Store, ctx context.Context, _ string) error {
			auth.Demand(s, nil)
			token, err := signIn(s, ctx, "ada@example.com", goodPassword)
			if err == nil {
				_, err = s.EndOtherSessions(ctx, token, here)
			}
			return err
		},
		"deleted": func(s *auth.Store, ctx context.Context, id string) error { return s.DeleteUser(ctx, id) },
		"out everywhere": func(s *auth.Store, ctx context.Context, id string) error {
			_, err := s.EndSessions(ctx, id)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, db, issued := challenged(t)
			u, err := s.FindUser(t.Context(), "ada@example.com")
			if err != nil {
				t.Fatal(err)
			}
			if name == "disabled by SQL" {
				exec(t, db, `UPDATE gatepost."user" SET disabled_at = now()`)
				exec(t, db, `UPDATE gatepost."user" SET disabled_at = NULL`)
			} else if err := end(s, t.Context(), u.ID); err != nil {
				t.Fatal(err)
			}
			if n := count(t, db, "challenge"); n != 0 {
				t.Errorf("%d are left", n)
			}
			_, err = auth.Answer(s, t.Context(), issued.Challenge, throttle.BrowserPlace(issued.Browser))
			if !errors.Is(err, session.ErrNoChallenge) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A user has a bounded number of challenges, and the newest of them.
func TestAUserHasSoManyChallenges(t *testing.T) {
	t.Parallel()
	s, db, first := challenged(t)
	client := here
	client.Browser = first.Browser
	c := auth.Credentials{Email: "ada@example.com", Password: goodPassword, Client: client}
	var last auth.Issued
	for range 12 {
		var err error
		last, err = s.SignIn(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, db, "challenge"); n != 10 {
		t.Errorf("there are %d", n)
	}
	place := throttle.BrowserPlace(first.Browser)
	if _, err := auth.Answer(s, t.Context(), last.Challenge, place); err != nil {
		t.Errorf("the newest: %v", err)
	}
	if _, err := auth.Answer(s, t.Context(), first.Challenge, place); !errors.Is(err, session.ErrNoChallenge) {
		t.Errorf("the oldest: %v", err)
	}
}

// Half a sign-in is told and counted as what it is, and nobody is told of a sign-in.
func TestHalfASignInIsNoSignIn(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	s, db := authtest.NewStore(t, func(o *auth.Options) {
		o.NotifySignIns, o.AuditRetention, o.Metrics = true, time.Hour, registry
		o.Send = func(context.Context, mail.Mail) error { return nil }
	})
	signUp(t, s, "ada@example.com")
	exec(t, db, `DELETE FROM gatepost.audit_event`)
	auth.Demand(s, code)
	c := auth.Credentials{Email: "ada@example.com", Password: goodPassword, Client: elsewhere}
	if _, err := s.SignIn(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	var results string
	if err := db.QueryRow(t.Context(), `SELECT string_agg(result, ' ') FROM gatepost.audit_event`).
		Scan(&results); err != nil || results != "challenge" {
		t.Errorf("the log says %q, %v", results, err)
	}
	if n := count(t, db, "outbox"); n != 0 {
		t.Errorf("%d mails are on their way", n)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "gatepost_sign_ins_total" && m.GetLabel()[0].GetValue() == "ok" &&
				m.GetCounter().GetValue() > 0 {
				t.Error("it counts as a sign-in")
			}
		}
	}
}
