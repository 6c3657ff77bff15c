package mail_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth/mail"
)

func TestAMailGoesOutOnceHoweverManyGatesSend(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const mails = 40
	o.invite(t, mails)
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
		gate := mail.NewOutbox(newDB(t, o.db.Pages), mail.Options{Send: o.send, Log: slog.New(slog.DiscardHandler)})
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
	if len(o.sent) != mails || len(ids) != mails || o.left(t) != 0 {
		t.Errorf("%d mails sent, %d different ones, of %d; %d left", len(o.sent), len(ids), mails, o.left(t))
	}
}

// What a mail is about is committed before it is sent, and it is sent although the gate that took it ended. While one
// has it nobody else does.
func TestMailOutlivesTheGateThatTookIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.invite(t, 1)
	lost, err := o.take(t.Context())
	if err != nil || lost.ID == "" {
		t.Fatal(lost, err)
	}
	o.none(t)
	var lease float64
	if err := o.db.Pages.QueryRow(t.Context(),
		`SELECT extract(epoch FROM due_at - now()) FROM gatepost.outbox`).Scan(&lease); err != nil ||
		lease < 181 || lease > 240 {
		t.Errorf("it is kept for %.0f s, and an attempt takes up to 180: %v", lease, err)
	}
	o.dueNow(t)
	again := o.one(t, "guest0@example.com")
	if again.ID != lost.ID || again.Link == lost.Link {
		t.Errorf("sent again: id %s, was %s; the link is the same: %t", again.ID, lost.ID, again.Link == lost.Link)
	}
	if o.works(t, lost.Link) {
		t.Error("the link that was perhaps sent works beside the one that was")
	}
	if !o.works(t, again.Link) {
		t.Error("the link that was sent does not work")
	}
}

// Whoever ends in the middle of sending first waits for what the server says: it may have the mail.
func TestAMailUnderWayIsNotCutOff(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	o := newOffice(t, func(o *mail.Options) {
		o.Send = func(sending context.Context, _ mail.Mail) error { stop(); return sending.Err() }
	})
	o.invite(t, 1)
	if sent, err := o.SendNext(ctx); !sent || err != nil || o.left(t) != 0 {
		t.Errorf("%t, %v; %d left", sent, err, o.left(t))
	}
}

// A gate that could not find out lets another go on at once.
func TestAGateThatEndsGivesItsMailBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.invite(t, 1)
	o.fault = func(mail.Mail) error { return context.Canceled }
	if sent, err := o.SendNext(t.Context()); sent || err != nil {
		t.Fatal(sent, err)
	}
	o.fault = nil
	o.one(t, "guest0@example.com")
}

// The mail of a user goes with them.
func TestADeletedUserGetsNoMail(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.exec(t, `INSERT INTO gatepost."user" (id, email) VALUES ('ada', 'ada@example.com')`)
	o.post(t, mail.NewLetter(mail.Reset, "ada", "", here))
	if n := o.left(t); n != 1 {
		t.Errorf("%d mails are to be sent", n)
	}
	o.exec(t, `DELETE FROM gatepost."user"`)
	o.none(t)
	if n := o.left(t); n != 0 {
		t.Errorf("%d mails are left", n)
	}
}

func TestAnAttemptToSendHasAnEnd(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(o *mail.Options) {
		o.Send = func(ctx context.Context, _ mail.Mail) error {
			deadline, ok := ctx.Deadline()
			if left := time.Until(deadline); !ok || left > 3*time.Minute {
				return fmt.Errorf("%w: it may take %v", mail.ErrRefused, left)
			}
			return nil
		}
	})
	o.invite(t, 1)
	if sent, err := o.SendNext(t.Context()); !sent || err != nil {
		t.Error("there is no limit:", err)
	}
}

// Strangers choose the name in an account. Only who has proved that the address is theirs is greeted by it.
func TestNobodyIsGreetedInTheWordsOfAStranger(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.exec(t, `INSERT INTO gatepost."user" (id, email, name, email_verified) VALUES
	    ('ada', 'ada@example.com', 'Ada', true), ('eve', 'victim@example.com', 'Win at evil.example', false)`)
	for _, c := range []struct {
		kind     mail.Kind
		user, to string
		want     string
	}{
		{mail.Password, "ada", "", "Ada"},
		{mail.Prove, "ada", "ada@example.com", "Ada"},
		{mail.Verify, "eve", "", ""},
		{mail.SignIn, "eve", "victim@example.com", ""},
		{mail.Change, "ada", "victim@example.com", ""},
		{mail.Changed, "ada", "old@example.com", ""},
		{mail.Taken, "ada", "", ""},
		{mail.Deleted, "", "ada@example.com", ""},
		{mail.Invite, "", "ada@example.com", ""},
	} {
		o.post(t, mail.NewLetter(c.kind, c.user, c.to, here))
		if sent := o.collect(t); len(sent) != 1 || sent[0].Name != c.want {
			t.Errorf("%s to %s: %v, want the name %q", c.kind, c.to, sent, c.want)
		}
	}
}
