package auth_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/mail"
)

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
	if st, err := s.Outbox(t.Context()); err != nil || st.Failed != 1 || st.Failure != "451 later" {
		t.Errorf("the outbox says %+v, %v", st, err)
	}
	if _, err := s.Link(t.Context(), had); err != nil {
		t.Errorf("the link that was sent: %v", err)
	}
	handed, err := s.ResetLink(t.Context(), u.ID)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, db, `UPDATE gatepost.outbox SET due_at = now()`)
	o.fault = nil
	o.none(t, s) // the operator's takes the place of what waits
	if _, err := s.ResetPassword(t.Context(), handed, chosen, here); err != nil {
		t.Errorf("the operator's: %v", err)
	}
	if u, err := s.FindUser(t.Context(), "ada@example.com"); err != nil || u.EmailVerified {
		t.Errorf("a link that nobody mailed confirmed the address: %v", err)
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
