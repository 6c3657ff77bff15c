package auth_test

import (
	"errors"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
)

// A link that proves who reads the mail of a user ends with the user's address, also if an operator changes that in
// SQL: from then on somebody else reads it.
func TestALinkEndsWithTheAddressItWasMailedTo(t *testing.T) {
	t.Parallel()
	for kind, ask := range map[mail.Kind]func(g gateway) error{
		mail.Reset:   func(g gateway) error { return g.s.RequestReset(t.Context(), "ada@example.com", here) },
		mail.Verify:  func(gateway) error { return nil }, // with the sign-up
		mail.Connect: func(g gateway) error { return g.s.MailClaim(t.Context(), g.claim(t), here) },
		mail.Prove: func(g gateway) error {
			exec(t, g.db, `UPDATE gatepost."user" SET email_verified = true`)
			token, err := signIn(g.s, t.Context(), "ada@example.com", goodPassword)
			return errors.Join(err, g.s.RequestProof(t.Context(), token, here))
		},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			signUp(t, g.s, "ada@example.com")
			if kind != mail.Verify {
				g.mails.collect(t, g.s)
			}
			if err := ask(g); err != nil {
				t.Fatal(err)
			}
			link := g.mails.one(t, g.s, kind, "ada@example.com").Link
			if _, err := g.s.Link(t.Context(), link); err != nil {
				t.Fatalf("before: %v", err)
			}
			exec(t, g.db, `UPDATE gatepost."user" SET email = 'new@example.com'`)
			if l, err := g.s.Link(t.Context(), link); !errors.Is(err, auth.ErrBadLink) {
				t.Errorf("it is of use: %+v, %v", l, err)
			}
		})
	}
}
