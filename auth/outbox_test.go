package auth_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/mail"
)

// invite fills the outbox with mail that has a link.
func invite(t *testing.T, s *auth.Store, n int) {
	t.Helper()
	for i := range n {
		if err := s.Invite(t.Context(), auth.Invitation{Email: fmt.Sprintf("guest%d@example.com", i)}); err != nil {
			t.Fatal(err)
		}
	}
}

func dueNow(t *testing.T, db *pgxpool.Pool) {
	t.Helper()
	exec(t, db, `UPDATE gatepost.outbox SET due_at = now()`)
}

func TestAMailGoesOutOnceHoweverManyGatesSend(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t)
	const mails = 40
	invite(t, s, mails)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{}, 3)
	all := make(chan struct{})
	o.fault = func(mail.Mail) error {
		if len(o.sent) == mails-1 {
			close(all)
		}
		return nil
	}
	for range 3 {
		gate := auth.New(db, auth.Options{Send: o.send, Log: slog.New(slog.DiscardHandler)})
		defer gate.Close()
		go func() { gate.Run(ctx); done <- struct{}{} }()
	}
	<-all
	stop()
	for range 3 {
		<-done
	}
	ids := map[string]bool{}
	for _, m := range o.sent {
		ids[m.ID] = true
	}
	if len(o.sent) != mails || len(ids) != mails || count(t, db, "outbox") != 0 {
		t.Errorf("%d mails sent, %d different ones, of %d; %d left", len(o.sent), len(ids),
			mails, count(t, db, "outbox"))
	}
}

// What a mail is about is committed before it is sent, and it is sent although the gate that took it ended. While one
// has it nobody else does.
func TestMailOutlivesTheGateThatTookIt(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t)
	invite(t, s, 1)
	lost, err := auth.TakeMail(s, t.Context())
	if err != nil || lost.ID == "" {
		t.Fatal(lost, err)
	}
	o.none(t, s)
	var lease float64
	if err := db.QueryRow(t.Context(),
		`SELECT extract(epoch FROM due_at - now()) FROM gatepost.outbox`).Scan(&lease); err != nil ||
		lease < 181 || lease > 240 {
		t.Errorf("it is kept for %.0f s, and an attempt takes up to 180: %v", lease, err)
	}
	dueNow(t, db)
	again := o.one(t, s, mail.Invite, "guest0@example.com")
	if again.ID != lost.ID || again.Link == lost.Link {
		t.Errorf("sent again: id %s, was %s; the link is the same: %t", again.ID, lost.ID, again.Link == lost.Link)
	}
	if _, err := s.Link(t.Context(), lost.Link); !errors.Is(err, auth.ErrBadLink) {
		t.Errorf("the link that was perhaps sent works beside the one that was: %v", err)
	}
	if _, err := s.Link(t.Context(), again.Link); err != nil {
		t.Errorf("the link that was sent: %v", err)
	}
}

func TestAMailThatFailedIsTriedAgain(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	var log bytes.Buffer
	s, db, o := mailStore(t, func(o *auth.Options) {
		o.Metrics, o.Log = registry, slog.New(slog.NewTextHandler(&log, nil))
	})
	invite(t, s, 2)
	o.fault = func(m mail.Mail) error { return fmt.Errorf("451 4.7.1 <%s> try later", m.To) }
	var waits []string
	for range 9 {
		o.none(t, s)
		var wait int
		err := db.QueryRow(t.Context(), `
			SELECT extract(epoch FROM due_at - now())::int FROM gatepost.outbox WHERE attempts > 0`).Scan(&wait)
		if err != nil {
			t.Fatal(err)
		}
		waits = append(waits, fmt.Sprint(wait))
		exec(t, db, `UPDATE gatepost.outbox SET due_at = CASE WHEN attempts > 0 THEN now() ELSE now() + '1 day' END`)
	}
	if got := strings.Join(waits, " "); got != "30 60 120 240 480 960 1920 3600 3600" {
		t.Errorf("it waits for %s seconds", got)
	}
	st, err := s.Outbox(t.Context())
	if err != nil || st.Waiting != 2 || st.Failed != 1 || st.Failure != "451 4.7.1 <the recipient> try later" {
		t.Errorf("the outbox says %+v, %v", st, err)
	}
	warnings := slices.DeleteFunc(strings.Split(log.String(), "\n"),
		func(line string) bool { return !strings.Contains(line, "level=WARN") })
	if len(warnings) != 1 || strings.Contains(warnings[0], "guest0@") {
		t.Errorf("of one failing server, with no address in it, one warning: %q", warnings)
	}
	o.fault = nil
	dueNow(t, db)
	if sent := o.collect(t, s); len(sent) != 2 || !strings.Contains(log.String(), "mail is sent again") {
		t.Errorf("sent %v, log: %s", sent, log.String())
	}
	if got := counted(t, registry, "gatepost_mails_total"); got != 11 { // 9 failed, 2 sent
		t.Errorf("%v attempts are counted", got)
	}
}

func TestARefusedMailIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s, db, o := mailStore(t, func(o *auth.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	invite(t, s, 1)
	o.fault = func(m mail.Mail) error { return fmt.Errorf("%w: 550 no such user %s", mail.ErrRefused, m.To) }
	o.none(t, s)
	if count(t, db, "outbox") != 0 || !strings.Contains(log.String(), "550 no such user the recipient") {
		t.Errorf("%d left, and the log says %s", count(t, db, "outbox"), log.String())
	}
}

// Whoever ends in the middle of sending first waits for what the server says: it may have the mail.
func TestAMailUnderWayIsNotCutOff(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	s, db := authtest.NewStore(t, func(o *auth.Options) {
		o.Send = func(sending context.Context, _ mail.Mail) error { stop(); return sending.Err() }
	})
	invite(t, s, 1)
	if sent, err := auth.SendMail(s, ctx); !sent || err != nil || count(t, db, "outbox") != 0 {
		t.Errorf("%t, %v; %d left", sent, err, count(t, db, "outbox"))
	}
}

// What the server will never take holds nobody up, and neither does what it did not take before.
func TestBadMailHoldsNoOtherUp(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t)
	invite(t, s, 3)
	o.fault = func(m mail.Mail) error { return errors.New("451 later") }
	o.none(t, s)
	dueNow(t, db)
	if err := s.Invite(t.Context(), auth.Invitation{Email: "new@example.com"}); err != nil {
		t.Fatal(err)
	}
	o.fault = func(m mail.Mail) error {
		if m.To == "guest0@example.com" {
			return mail.ErrRefused
		}
		return nil
	}
	if sent, err := auth.SendMail(s, t.Context()); !sent || err != nil || o.sent[0].To == "guest0@example.com" {
		t.Errorf("first goes %v, %v", o.sent, err)
	}
	if sent := o.collect(t, s); len(sent) != 3 || count(t, db, "outbox") != 0 {
		t.Errorf("sent %v, and %d are left", sent, count(t, db, "outbox"))
	}
}

// A mail that does not go out takes the place of no link that did, nor of an operator's.
func TestAFailingMailVoidsNoLink(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t)
	signUp(t, s, "ada@example.com")
	u, err := s.FindUser(t.Context(), "ada@example.com")
	if err != nil {
		t.Fatal(err)
	}
	had := o.resetLink(t, s, db, "ada@example.com")
	o.fault = func(mail.Mail) error { return errors.New("451 later") }
	forgetLimits(t, db)
	if err := s.RequestReset(t.Context(), "ada@example.com", here); err != nil {
		t.Fatal(err)
	}
	o.none(t, s)
	if _, err := s.Link(t.Context(), had); err != nil {
		t.Errorf("the link that was sent: %v", err)
	}
	handed, err := s.ResetLink(t.Context(), u.ID)
	if err != nil {
		t.Fatal(err)
	}
	dueNow(t, db)
	o.fault = nil
	o.none(t, s) // the operator's takes the place of what waits
	if _, err := s.ResetPassword(t.Context(), handed, chosen, here); err != nil {
		t.Errorf("the operator's: %v", err)
	}
	if u, err := s.FindUser(t.Context(), "ada@example.com"); err != nil || u.EmailVerified {
		t.Errorf("a link that nobody mailed confirmed the address: %v", err)
	}
}

// A gate that could not find out lets another go on at once.
func TestAGateThatEndsGivesItsMailBack(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t)
	invite(t, s, 1)
	o.fault = func(mail.Mail) error { return context.Canceled }
	if sent, err := auth.SendMail(s, t.Context()); sent || err != nil {
		t.Fatal(sent, err)
	}
	o.fault = nil
	o.one(t, s, mail.Invite, "guest0@example.com")
	_ = db
}

func TestMailNobodyWantsAnyMoreIsGivenUp(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	s, db, o := mailStore(t, func(o *auth.Options) { o.Metrics = registry })
	invite(t, s, 2)
	exec(t, db, `UPDATE gatepost.outbox SET expires_at = now() - interval '1 second'`)
	o.none(t, s)
	if n, err := s.Sweep(t.Context()); n != 2 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	if got := counted(t, registry, "gatepost_mails_total"); got != 2 {
		t.Errorf("%v mails are counted as given up", got)
	}
}

func TestNoSecretWaitsInTheOutbox(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t)
	signUp(t, s, "ada@example.com")
	if err := s.RequestReset(t.Context(), "ada@example.com", here); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, "verification"); n != 0 {
		t.Errorf("%d links exist before a mail is sent", n)
	}
	link := o.one(t, s, mail.Reset, "ada@example.com").Link
	for table := range strings.FieldsSeq("outbox verification throttle") {
		var rows string
		if err := db.QueryRow(t.Context(),
			`SELECT coalesce(string_agg(x::text, ' '), '') FROM gatepost.`+table+` x`).Scan(&rows); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(rows, string(link)) {
			t.Errorf("%s holds the token of a link", table)
		}
	}
}

// Whoever asks for mail does not wait for a mail server.
func TestNobodyWaitsForTheMailServer(t *testing.T) {
	t.Parallel()
	stuck, release := make(chan struct{}), make(chan struct{})
	s, _ := authtest.NewStore(t, func(o *auth.Options) {
		o.Send = func(context.Context, mail.Mail) error { close(stuck); <-release; return nil }
	})
	signUp(t, s, "ada@example.com")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	if err := s.RequestReset(t.Context(), "ada@example.com", here); err != nil {
		t.Error(err)
	}
	<-stuck
	if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); err != nil {
		t.Error(err)
	}
	close(release)
	stop()
	<-done
}

// The mail of a user goes with them.
func TestADeletedUserGetsNoMail(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t)
	signUp(t, s, "ada@example.com")
	if err := s.RequestReset(t.Context(), "ada@example.com", here); err != nil {
		t.Fatal(err)
	}
	exec(t, db, `DELETE FROM gatepost."user"`)
	o.none(t, s)
	if n := count(t, db, "outbox"); n != 0 {
		t.Errorf("%d mails are left", n)
	}
}

func TestAnAttemptToSendHasAnEnd(t *testing.T) {
	t.Parallel()
	s, _ := authtest.NewStore(t, func(o *auth.Options) {
		o.Send = func(ctx context.Context, _ mail.Mail) error {
			deadline, ok := ctx.Deadline()
			if left := time.Until(deadline); !ok || left > 3*time.Minute {
				return fmt.Errorf("%w: it may take %v", mail.ErrRefused, left)
			}
			return nil
		}
	})
	invite(t, s, 1)
	if sent, err := auth.SendMail(s, t.Context()); !sent || err != nil {
		t.Error("there is no limit:", err)
	}
}

// counted is the sum of a counter over its labels.
func counted(t *testing.T, r *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}
