package auth_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
)

// office is where mail goes in these tests: what mail servers do is tested with real ones, where they are spoken to.
type office struct {
	mu    sync.Mutex
	sent  []mail.Mail
	fault func(mail.Mail) error // nil: none
}

func (o *office) send(_ context.Context, m mail.Mail) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fault != nil {
		if err := o.fault(m); err != nil {
			return err
		}
	}
	o.sent = append(o.sent, m)
	return nil
}

// mailStore is a store that sends mail when collect is called, and at no other time.
func mailStore(t *testing.T, change ...func(*auth.Options)) (*auth.Store, *pgxpool.Pool, *office) {
	t.Helper()
	o := &office{}
	send := func(opt *auth.Options) { opt.Send = o.send }
	s, db := authtest.NewStore(t, append([]func(*auth.Options){send}, change...)...)
	return s, db, o
}

func required(o *auth.Options) { o.Verify = auth.VerifyRequired }
func optional(o *auth.Options) { o.Verify = auth.VerifyOptional }

// collect sends what is due and returns it.
func (o *office) collect(t *testing.T, s *auth.Store) []mail.Mail {
	t.Helper()
	for {
		sent, err := auth.SendMail(s, t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !sent {
			break
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	sent := o.sent
	o.sent = nil
	slices.SortFunc(sent, func(a, b mail.Mail) int {
		return slices.Index(mail.Kinds, a.Kind) - slices.Index(mail.Kinds, b.Kind)
	})
	return sent
}

// one is collect where one mail of a kind has to come.
func (o *office) one(t *testing.T, s *auth.Store, kind mail.Kind, to string) mail.Mail {
	t.Helper()
	sent := o.collect(t, s)
	if len(sent) != 1 || sent[0].Kind != kind || sent[0].To != to {
		t.Fatalf("sent %v, want one %q to %s", sent, kind, to)
	}
	return sent[0]
}

// none is collect where nothing may come.
func (o *office) none(t *testing.T, s *auth.Store) {
	t.Helper()
	if sent := o.collect(t, s); len(sent) != 0 {
		t.Errorf("sent %v, want nothing", sent)
	}
}

// forgetLimits lets a test ask for more mail at once.
func forgetLimits(t *testing.T, db *pgxpool.Pool) {
	t.Helper()
	exec(t, db, `DELETE FROM gatepost.throttle`)
}

// resetLink asks for a link and opens the mail.
func (o *office) resetLink(t *testing.T, s *auth.Store, db *pgxpool.Pool, email string) secret.Token {
	t.Helper()
	forgetLimits(t, db)
	if err := s.RequestReset(t.Context(), email, here); err != nil {
		t.Fatal(err)
	}
	to, err := auth.CanonicalEmail(email)
	if err != nil {
		t.Fatal(err)
	}
	return o.one(t, s, mail.Reset, to).Link
}

// elsewhere is a browser that never was here, in another network.
var elsewhere = secret.Client{Addr: netip.MustParseAddr("198.51.100.9"), UserAgent: "elsewhere/1"}

// atOnce calls f in parallel and returns what each call says.
func atOnce(n int, f func() error) []error {
	results := make(chan error, n)
	for range n {
		go func() { results <- f() }()
	}
	all := make([]error, n)
	for i := range all {
		all[i] = <-results
	}
	return all
}

// Whoever signed up with somebody else's address has no way to have mail without end sent there.
func TestWhatAUserDoesSendsNoMailWithoutEnd(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t)
	token, current := signUp(t, s, "ada@example.com"), secret.Password(goodPassword)
	for i := range 12 {
		chosen := secret.Password(fmt.Sprintf("another good phrase %d", i))
		issued, err := s.ChangePassword(t.Context(), token, current, chosen, here)
		if err != nil {
			t.Fatal(err)
		}
		token, current = issued.Session, chosen
	}
	if sent := o.collect(t, s); len(sent) != 5 || sent[0].Kind != mail.Password || sent[0].To != "ada@example.com" {
		t.Errorf("sent were %+v", sent)
	}
	if n := count(t, db, "outbox"); n != 0 {
		t.Errorf("%d more are to be sent", n)
	}
}
