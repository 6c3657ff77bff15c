package auth_test

import (
	"errors"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
)

// claimRow is a row of the table of linking in which something changed before Ada came by a provider that proves
// nothing, or while their claim waits.
type claimRow struct {
	before func(t *testing.T, g gateway)
	since  func(t *testing.T, g gateway, ada secret.Token) gateway
	want   error // what every deed on the claim says; nil: it is open
	mail   bool  // a mailed link is offered, and connects
}

var claimRows = map[string]claimRow{
	"nothing changed": {mail: true},
	"the address was changed in SQL": {since: func(t *testing.T, g gateway, _ secret.Token) gateway {
		exec(t, g.db, `UPDATE gatepost."user" SET email = 'secretnew@example.com'`)
		return g
	}, want: auth.ErrNoFlow},
	"the address is somebody else's now": {since: func(t *testing.T, g gateway, _ secret.Token) gateway {
		exec(t, g.db, `UPDATE gatepost."user" SET email = 'secretnew@example.com'`)
		exec(t, g.db, `INSERT INTO gatepost."user" (id, email, email_verified) VALUES ('u', 'ada@example.com', true)`)
		return g
	}, want: auth.ErrNoFlow},
	"the address was changed on the account page, and came back": {
		since: func(t *testing.T, g gateway, ada secret.Token) gateway {
			changeAddress(t, g.s, g.mails, ada, "secretnew@example.com", "ada@example.com")
			exec(t, g.db, `UPDATE gatepost."user" SET email = 'ada@example.com'`)
			return g
		}, want: auth.ErrNoFlow},
	"the account is disabled": {since: func(t *testing.T, g gateway, _ secret.Token) gateway {
		exec(t, g.db, `UPDATE gatepost."user" SET disabled_at = now()`)
		return g
	}, want: auth.ErrNoFlow},
	"the provider has another name": {since: func(t *testing.T, g gateway, _ secret.Token) gateway {
		return g.reconfigured(t, auth.Options{Send: g.mails.send}, named(t, "renamed", g.idp["other"]))
	}, mail: true},
	"the name of the provider is another issuer's": {since: func(t *testing.T, g gateway, _ secret.Token) gateway {
		return g.reconfigured(t, auth.Options{Send: g.mails.send}, named(t, "other", g.idp["corp"]))
	}, want: auth.ErrNoFlow},
	"another identity, under the name before of the provider": {before: func(t *testing.T, g gateway) {
		exec(t, g.db, `INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id)
			SELECT 'x', $1, 'before', 'another', id FROM gatepost."user"`, g.idp["other"].URL())
	}},
	"an identity of an issuer that had the name before": {before: func(t *testing.T, g gateway) {
		exec(t, g.db, `INSERT INTO gatepost.account (id, issuer, provider_id, account_id, user_id)
			SELECT 'x', 'https://gone.example', 'other', 'another', id FROM gatepost."user"`)
	}, mail: true},
}

// A claim is about the account by whose address it was made, and offers what it can keep, whatever changed meanwhile.
func TestAClaimMeetsWhatChanged(t *testing.T) {
	t.Parallel()
	for name, c := range claimRows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			ada := signUp(t, g.s, "ada@example.com")
			exec(t, g.db, `UPDATE gatepost."user" SET email_verified = true`)
			if c.before != nil {
				c.before(t, g)
			}
			keys := g.claim(t)
			g.mails.collect(t, g.s)
			if c.since != nil {
				g = c.since(t, g, ada)
			}
			switch claim, err := g.s.ClaimOf(t.Context(), keys); {
			case !errors.Is(err, c.want), err != nil && claim.Email != "":
				t.Errorf("got %+v, %v", claim, err)
			case err == nil && (!claim.ByPassword || claim.ByMail != c.mail):
				t.Errorf("offered: %+v", claim)
			}
			g.claimByMail(t, keys, c)
			if _, err := g.s.ClaimByPassword(t.Context(), keys, goodPassword, "", here); !c.mail &&
				!errors.Is(err, c.want) {
				t.Errorf("by the password: %v", err)
			}
		})
	}
}

// claimByMail tries the way by mail.
func (g gateway) claimByMail(t *testing.T, keys []secret.Token, c claimRow) {
	t.Helper()
	err := g.s.MailClaim(t.Context(), keys, here)
	if !c.mail {
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("a mail: %v", err)
		}
		g.mails.none(t, g.s)
		return
	}
	if err != nil {
		t.Fatalf("a mail: %v", err)
	}
	link := g.mails.one(t, g.s, mail.Connect, "ada@example.com").Link
	if done, err := g.s.ClaimByLink(t.Context(), link, keys, "", here); err != nil || !alive(t, g.s, done.Session) {
		t.Errorf("by the link: %v", err)
	}
}
