package auth_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/provider/providertest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/seal"
	"github.com/gatepost/gatepost/internal/share"
)

// claim has Ada come by a provider that proves nothing, to an account that is here, and returns the keys of
// their browser.
func (g gateway) claim(t *testing.T) []secret.Token {
	t.Helper()
	f := auth.Flow{Provider: "other", Next: "/there"}
	begun, answer := g.begin(t, someone("1", "ada@example.com"), f)
	if _, err := g.finish(t, f, begun, answer); !errors.As(err, new(*auth.ClaimError)) {
		t.Fatalf("got %v", err)
	}
	return []secret.Token{secret.NewToken(), begun.Key}
}

// Whoever proves the account here by its password has the identity connected, and gets on to where they were going.
func TestAnAccountIsClaimedByItsPassword(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	id := g.user(t, signUp(t, g.s, "ada@example.com"))
	exec(t, g.db, `UPDATE gatepost."user" SET email_verified = true`)
	keys := g.claim(t)
	c, err := g.s.ClaimOf(t.Context(), keys)
	if err != nil || c.Email != "ada@example.com" || !c.ByPassword || !c.ByMail || c.Label != "Provider other" {
		t.Errorf("got %+v, %v", c, err)
	}
	if _, err := g.s.ClaimOf(t.Context(), keys[:1]); !errors.Is(err, auth.ErrNoFlow) {
		t.Errorf("another browser: %v", err)
	}
	if _, err := g.s.ClaimByPassword(t.Context(), keys, "not the password", "", here); !errors.Is(err,
		auth.ErrBadCredentials) {
		t.Errorf("a wrong password: %v", err)
	}
	done, err := g.s.ClaimByPassword(t.Context(), keys, goodPassword, "", here)
	if err != nil || g.user(t, done.Session) != id || done.Next != "/there" || done.Took {
		t.Fatalf("got %+v, %v", done, err)
	}
	if _, err := g.s.ClaimByPassword(t.Context(), keys, goodPassword, "", here); !errors.Is(err, auth.ErrNoFlow) {
		t.Errorf("again: %v", err)
	}
	ways, err := g.s.WaysIn(t.Context(), done.Session)
	if err != nil || len(ways) != 2 || !slices.Equal(ways[1].Scopes, []string{"openid", "email", "profile"}) {
		t.Errorf("the scopes of the sign-in before are lost: %+v, %v", ways, err)
	}
	if done, err := g.come(t, someone("1", "x@example.com"), auth.Flow{Provider: "other"}); err != nil ||
		g.user(t, done.Session) != id {
		t.Errorf("the identity is not connected: %v", err)
	}
}

// A confirmed account that has an identity at the provider gets another one by its password alone, whether the
// provider proves the address or not: no mail is offered that could not work.
func TestAnotherIdentityAtAProviderTakesThePassword(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	id := g.user(t, signUp(t, g.s, "ada@example.com"))
	exec(t, g.db, `UPDATE gatepost."user" SET email_verified = true`)
	claim := func(name, subject string) []secret.Token {
		t.Helper()
		f := auth.Flow{Provider: name}
		begun, answer := g.begin(t, someone(subject, "ada@example.com"), f)
		if _, err := g.finish(t, f, begun, answer); !errors.As(err, new(*auth.ClaimError)) {
			t.Fatalf("%s at %s: %v", subject, name, err)
		}
		return []secret.Token{begun.Key}
	}
	if _, err := g.come(t, someone("1", "ada@example.com"), auth.Flow{Provider: "corp"}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.s.ClaimByPassword(t.Context(), claim("other", "1"), goodPassword, "", here); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"corp", "other"} {
		keys := claim(name, "2")
		if c, err := g.s.ClaimOf(t.Context(), keys); err != nil || !c.ByPassword || c.ByMail {
			t.Errorf("%s: got %+v, %v", name, c, err)
		}
		if err := g.s.MailClaim(t.Context(), keys, here); !errors.Is(err, auth.ErrLinkedElsewhere) {
			t.Errorf("%s: a mail that cannot work: %v", name, err)
		}
		done, err := g.s.ClaimByPassword(t.Context(), keys, goodPassword, "", here)
		if err != nil || g.user(t, done.Session) != id {
			t.Errorf("%s: by the password: %v", name, err)
		}
	}
}

// The password of an account whose address nobody confirmed proves nothing; the mail does, in the browser of the
// claim, and what was made before goes.
func TestAnUnconfirmedAccountIsClaimedByMailAlone(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	squatter := signUp(t, g.s, "ada@example.com")
	g.mails.collect(t, g.s)
	keys := g.claim(t)
	if c, err := g.s.ClaimOf(t.Context(), keys); err != nil || c.ByPassword || !c.ByMail {
		t.Errorf("got %+v, %v", c, err)
	}
	if _, err := g.s.ClaimByPassword(t.Context(), keys, goodPassword, "", here); !errors.Is(err,
		auth.ErrBadCredentials) {
		t.Errorf("by the squatter's password: %v", err)
	}
	if err := g.s.MailClaim(t.Context(), keys, here); err != nil {
		t.Fatal(err)
	}
	link := g.mails.one(t, g.s, mail.Connect, "ada@example.com").Link
	if _, err := g.s.ClaimByLink(t.Context(), link, keys[:1], "", here); !errors.Is(err, auth.ErrNoFlow) {
		t.Errorf("in another browser: %v", err)
	}
	done, err := g.s.ClaimByLink(t.Context(), link, keys, "", here)
	if err != nil || !done.Took {
		t.Fatalf("got %+v, %v", done, err)
	}
	if alive(t, g.s, squatter) {
		t.Error("the squatter's session lives")
	}
	if _, err := signIn(g.s, t.Context(), "ada@example.com", goodPassword); err == nil {
		t.Error("the squatter's password works")
	}
	if _, err := g.s.ClaimByLink(t.Context(), link, keys, "", here); !errors.Is(err, auth.ErrBadLink) {
		t.Errorf("again: %v", err)
	}
}

// Where addresses are confirmed first, a provider that proves nothing learns the same of an address that is taken as of
// one that is free, and nobody is in before the mail is read.
func TestAProviderLearnsNothingOfAddresses(t *testing.T) {
	t.Parallel()
	g := newGateway(t, required)
	exec(t, g.db, `INSERT INTO gatepost."user" (id, email, email_verified) VALUES ('u', 'taken@example.com', true)`)
	for _, email := range []string{"taken@example.com", "free@example.com"} {
		done, err := g.come(t, someone(email, email), auth.Flow{Provider: "other"})
		if !errors.Is(err, auth.ErrUnverified) || done.Session != "" {
			t.Errorf("%s: got %v", email, err)
		}
		if sent := g.mails.collect(t, g.s); len(sent) != 1 || sent[0].To != email || sent[0].Link == "" {
			t.Errorf("%s: sent %v", email, sent)
		}
	}
	if _, err := g.come(t, someone("free@example.com", "free@example.com"), auth.Flow{Provider: "other"}); !errors.Is(
		err, auth.ErrUnverified) {
		t.Errorf("a second time: %v", err)
	}
	if n := count(t, g.db, "session"); n != 0 {
		t.Errorf("%d sessions", n)
	}
	if done, err := g.come(t, someone("7", "proved@example.com"), auth.Flow{Provider: "corp"}); err != nil ||
		done.Session == "" {
		t.Errorf("one that proves the address: %v", err)
	}
}

// Where addresses are confirmed first, and the account has another identity at the provider, no link can connect one
// more. The answer says that a mail is on its way, so its owner gets one, which says how they log in.
func TestWhoIsConnectedOtherwiseIsToldByMail(t *testing.T) {
	t.Parallel()
	g := newGateway(t, required)
	first, err := g.come(t, someone("1", "ada@example.com"), auth.Flow{Provider: "corp"})
	if err != nil {
		t.Fatal(err)
	}
	g.mails.collect(t, g.s)
	second := someone("2", "ada@example.com")
	second.EmailVerified = nil
	if done, err := g.come(t, second, auth.Flow{Provider: "corp"}); !errors.Is(err, auth.ErrUnverified) ||
		done.Session != "" {
		t.Errorf("got %v", err)
	}
	g.mails.one(t, g.s, mail.Exists, "ada@example.com")
	if n := count(t, g.db, "provider_flow"); n != 0 {
		t.Errorf("%d claims wait", n)
	}
	if ways, err := g.s.WaysIn(t.Context(), first.Session); err != nil || len(ways) != 1 {
		t.Errorf("got %+v, %v", ways, err)
	}
}

// Sign-up by a provider obeys what sign-up obeys.
func TestSignUpByAProviderObeysTheRules(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*auth.Options)
		person providertest.Person
		want   error
	}{
		"closed": {func(o *auth.Options) { o.SignUpClosed = true }, someone("1", "ada@example.com"),
			auth.ErrSignUpClosed},
		"other domain": {func(o *auth.Options) { o.SignUpDomains = []string{"example.org"} },
			someone("1", "ada@example.com"), auth.InputError{}},
		"no address": {func(*auth.Options) {}, providertest.Person{Subject: "1"}, auth.ErrNoAddress},
		"no mailbox": {func(*auth.Options) {}, someone("1", "no address at all"), auth.ErrNoAddress},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, c.change)
			_, err := g.come(t, c.person, auth.Flow{Provider: "corp"})
			if _, input := c.want.(auth.InputError); input && !errors.As(err, new(auth.InputError)) ||
				!input && !errors.Is(err, c.want) {
				t.Errorf("got %v", err)
			}
			if n := count(t, g.db, `"user"`); n != 0 {
				t.Errorf("%d users were made", n)
			}
		})
	}
	t.Run("limits", func(t *testing.T) {
		t.Parallel()
		g := newGateway(t, func(o *auth.Options) { o.SignUpTotal = 1 })
		if _, err := g.come(t, someone("1", "ada@example.com"), auth.Flow{Provider: "corp"}); err != nil {
			t.Fatal(err)
		}
		if _, err := g.come(t, someone("2", "bob@example.com"), auth.Flow{Provider: "corp"}); err == nil {
			t.Error("there is no limit")
		}
		if _, err := g.come(t, someone("1", "ada@example.com"), auth.Flow{Provider: "corp"}); err != nil {
			t.Errorf("who is known counts: %v", err)
		}
	})
}

// An invitation is accepted by whoever has its link, or whom a provider proves to have its address.
func TestAnInvitationIsAcceptedByAProvider(t *testing.T) {
	t.Parallel()
	for name, byLink := range map[string]bool{"by its link": true, "by its address": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, func(o *auth.Options) { o.SignUpClosed = true })
			link, err := g.s.InvitationLink(t.Context(), auth.Invitation{Email: "ada@example.com",
				Roles: []string{"editor"}})
			if err != nil {
				t.Fatal(err)
			}
			f, p := auth.Flow{Provider: "corp"}, someone("1", "ada@example.com")
			if byLink {
				f.Link, p.Email = link, "private@example.org"
			} else if _, err := g.come(t, p, auth.Flow{Provider: "other"}); !errors.Is(err, auth.ErrSignUpClosed) {
				t.Errorf("a provider that proves nothing: %v", err)
			}
			done, err := g.come(t, p, f)
			if err != nil {
				t.Fatal(err)
			}
			v, err := g.s.Lookup(t.Context(), done.Session)
			if err != nil || v.User.Email != "ada@example.com" || fmt.Sprint(v.User.Roles) != "[editor]" ||
				!v.User.EmailVerified {
				t.Errorf("got %+v, %v", v.User, err)
			}
			if _, err := g.s.Link(t.Context(), link); !errors.Is(err, auth.ErrBadLink) {
				t.Errorf("the invitation: %v", err)
			}
		})
	}
}

// Connecting a provider takes a recent proof, and ends in the session it began in; an identity is never moved.
func TestConnectingBelongsToItsSession(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	ada, bob := signUp(t, g.s, "ada@example.com"), signUp(t, g.s, "bob@example.com")
	g.mails.collect(t, g.s)
	f := auth.Flow{Provider: "other", Purpose: auth.ToLink, Session: ada}
	begun, answer := g.begin(t, someone("1", "any@example.org"), f)
	theirs := f
	theirs.Session = bob
	if _, err := g.finish(t, theirs, begun, answer); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("in another session: %v", err)
	}
	if n := count(t, g.db, "account"); n != 2 {
		t.Fatalf("%d ways in", n)
	}
	begun, answer = g.begin(t, someone("1", "any@example.org"), f)
	if _, err := g.finish(t, f, begun, answer); err != nil {
		t.Fatal(err)
	}
	if m := g.mails.one(t, g.s, mail.Linked, "ada@example.com"); m.Provider != "Provider other" {
		t.Errorf("the mail names %q", m.Provider)
	}
	if _, err := g.come(t, someone("1", "any@example.org"), theirs); !errors.Is(err, auth.ErrLinkedElsewhere) {
		t.Errorf("an identity of Ada's, by Bob: %v", err)
	}
	ways, err := g.s.WaysIn(t.Context(), ada)
	if err != nil || len(ways) != 2 || ways[0].Provider != "" || ways[1].Label != "Provider other" {
		t.Errorf("got %+v, %v", ways, err)
	}
	exec(t, g.db, `UPDATE gatepost.session SET proved_at = now() - interval '11 minutes'`)
	if _, err := g.s.BeginProvider(t.Context(), f); !errors.Is(err, session.ErrStale) {
		t.Errorf("a stale session: %v", err)
	}
	if err := g.s.Unlink(t.Context(), ada, ways[1].ID, here); !errors.Is(err, session.ErrStale) {
		t.Errorf("a stale session disconnects: %v", err)
	}
}

// Whoever connects a provider that proves the address of their account has confirmed it: they keep the password by
// which they are in, and lose it neither then nor when they log in there. What a stranger may have made goes.
func TestConnectingAProviderThatProvesTheAddressConfirmsIt(t *testing.T) {
	t.Parallel()
	for name, proves := range map[string]bool{"the address": true, "another one": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			ada := signUp(t, g.s, "ada@example.com")
			other, err := signIn(g.s, t.Context(), "ada@example.com", goodPassword)
			if err != nil {
				t.Fatal(err)
			}
			person := someone("1", "Ada@example.com")
			if !proves {
				person.Email = "ada@example.org"
			}
			f := auth.Flow{Provider: "corp", Purpose: auth.ToLink, Session: ada}
			if done, err := g.come(t, person, f); err != nil || done.Took {
				t.Fatalf("took %t, %v", done.Took, err)
			}
			v, err := g.s.Lookup(t.Context(), ada)
			if err != nil || v.User.EmailVerified != proves {
				t.Errorf("got %+v, %v", v.User, err)
			}
			if alive(t, g.s, other) == proves {
				t.Error("the sessions from before the proof")
			}
			if done, err := g.come(t, person, auth.Flow{Provider: "corp"}); err != nil || done.Took {
				t.Errorf("the login there: took %t, %v", done.Took, err)
			}
			if _, err := signIn(g.s, t.Context(), "ada@example.com", goodPassword); err != nil {
				t.Errorf("the password: %v", err)
			}
		})
	}
}

// The last way in is never removed, however many try at once; a password counts, one that is off does not.
func TestTheLastWayInStays(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	done, err := g.come(t, someone("1", "ada@example.com"), auth.Flow{Provider: "corp"})
	if err != nil {
		t.Fatal(err)
	}
	exec(t, g.db, `UPDATE gatepost.session SET proved_at = now()`)
	link := auth.Flow{Provider: "other", Purpose: auth.ToLink, Session: done.Session}
	if _, err := g.come(t, someone("2", "ada@example.org"), link); err != nil {
		t.Fatal(err)
	}
	ways, err := g.s.WaysIn(t.Context(), done.Session)
	if err != nil || len(ways) != 2 {
		t.Fatalf("got %+v, %v", ways, err)
	}
	errs := make([]error, 2)
	var both sync.WaitGroup
	for i, w := range ways {
		both.Go(func() { errs[i] = g.s.Unlink(t.Context(), done.Session, w.ID, here) })
	}
	both.Wait()
	if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs...), auth.ErrLastWayIn) {
		t.Errorf("got %v", errs)
	}
	if n := count(t, g.db, "account"); n != 1 {
		t.Errorf("%d ways in are left", n)
	}
}

// A round trip to a provider proves a user again only if the provider says that it was recent.
func TestARoundTripIsFreshOnlyIfTheProviderSaysSo(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	ada := someone("1", "ada@example.com")
	ada.Claims = map[string]any{"auth_time": time.Now().Add(-time.Hour).Unix()}
	done, err := g.come(t, ada, auth.Flow{Provider: "corp"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.s.EndOtherSessions(t.Context(), done.Session, here); !errors.Is(err, session.ErrStale) {
		t.Errorf("an old sign-in there is fresh here: %v", err)
	}
	f := auth.Flow{Provider: "corp", Purpose: auth.ToConfirm, Session: done.Session}
	if _, err := g.come(t, ada, f); err == nil {
		t.Error("an old proof confirms")
	}
	eve := someone("2", "ada@example.com")
	eve.Claims = map[string]any{"auth_time": time.Now().Unix()}
	if _, err := g.come(t, eve, f); !errors.Is(err, auth.ErrOtherUser) {
		t.Errorf("another person: %v", err)
	}
	ada.Claims = map[string]any{"auth_time": time.Now().Unix()}
	again, err := g.come(t, ada, f)
	if err != nil || again.Session == "" {
		t.Fatalf("got %v", err)
	}
	if _, err := g.s.EndOtherSessions(t.Context(), done.Session, here); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("a deed with the token before the proof: %v", err)
	}
	if _, err := g.s.EndOtherSessions(t.Context(), again.Session, here); err != nil {
		t.Errorf("after a fresh proof: %v", err)
	}
}

// A round trip that proves a user again brings what the provider says now: the roles, and which session there it is, so
// that a log-out there ends this one here. A session that came otherwise is no session of the provider's by it.
func TestARoundTripBringsWhatTheProviderSaysNow(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	ada := someone("1", "ada@example.com")
	says := func(sid string, groups ...string) {
		ada.Claims = map[string]any{"sid": sid, "groups": groups, "auth_time": time.Now().Unix()}
	}
	says("s1", "staff")
	done, err := g.come(t, ada, auth.Flow{Provider: "corp"})
	if err != nil {
		t.Fatal(err)
	}
	says("s2")
	again, err := g.come(t, ada, auth.Flow{Provider: "corp", Purpose: auth.ToConfirm, Session: done.Session})
	if err != nil {
		t.Fatal(err)
	}
	v, err := g.s.Lookup(t.Context(), again.Session)
	if err != nil || !slices.Equal(v.User.Roles, []string{"user"}) {
		t.Errorf("the roles are %v, %v", v.User.Roles, err)
	}
	end := func(sid string) {
		t.Helper()
		if err := g.s.EndByProvider(t.Context(), "corp", g.idp["corp"].SignLogout("1", sid, nil), here); err != nil {
			t.Fatal(err)
		}
	}
	if end("s1"); !alive(t, g.s, again.Session) {
		t.Error("a log-out of the session before has ended it")
	}
	if end("s2"); alive(t, g.s, again.Session) {
		t.Error("a log-out of the session there has not ended it")
	}
	says("s3")
	done, err = g.come(t, ada, auth.Flow{Provider: "corp"})
	if err != nil {
		t.Fatal(err)
	}
	exec(t, g.db, `UPDATE gatepost.session SET account_id = NULL, provider_sid = NULL`)
	again, err = g.come(t, ada, auth.Flow{Provider: "corp", Purpose: auth.ToConfirm, Session: done.Session})
	if err != nil {
		t.Fatal(err)
	}
	if end("s3"); !alive(t, g.s, again.Session) {
		t.Error("a session that came otherwise has ended with the provider's")
	}
}

// A mailed link proves the user of a session again, in that session alone, and then what takes a password can be done
// without one.
func TestAMailedLinkProvesWhoHasNoPassword(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	ada := someone("1", "ada@example.com")
	ada.Claims = map[string]any{"auth_time": nil}
	done, err := g.come(t, ada, auth.Flow{Provider: "corp"})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.s.DeleteAccount(t.Context(), done.Session, "", here); !errors.Is(err, session.ErrStale) {
		t.Errorf("without a proof: %v", err)
	}
	if err := g.s.RequestProof(t.Context(), done.Session, here); err != nil {
		t.Fatal(err)
	}
	link := g.mails.one(t, g.s, mail.Prove, "ada@example.com").Link
	if _, err := g.s.ProveByLink(t.Context(), link, "", here); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("signed out: %v", err)
	}
	bob := signUp(t, g.s, "bob@example.com")
	if _, err := g.s.ProveByLink(t.Context(), link, bob, here); !errors.Is(err, auth.ErrOtherUser) {
		t.Errorf("another's session: %v", err)
	}
	issued, err := g.s.ProveByLink(t.Context(), link, done.Session, here)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.s.DeleteAccount(t.Context(), issued.Session, "", here); err != nil {
		t.Errorf("with a proof: %v", err)
	}
}

// With passwords off none is taken, hashes stay, and a link of the operator's adds a way in.
func TestPasswordsOff(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	signUp(t, g.s, "ada@example.com")
	off := auth.New(g.db, auth.Options{Providers: g.s.Providers(), PasswordsOff: true})
	t.Cleanup(off.Close)
	g.s = off
	_, signUpErr := g.s.SignUp(t.Context(), auth.NewUser{Email: "eve@example.com", Password: goodPassword}, true, "", here)
	_, signInErr := signIn(g.s, t.Context(), "ada@example.com", goodPassword)
	for name, err := range map[string]error{"sign-up": signUpErr, "sign-in": signInErr,
		"reset": g.s.RequestReset(t.Context(), "ada@example.com", here)} {
		if !errors.Is(err, auth.ErrPasswordsOff) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n, err := g.s.UsersWithoutAWayIn(t.Context()); n != 1 || err != nil {
		t.Errorf("%d users have no way in, %v", n, err)
	}
	u, err := g.s.FindUser(t.Context(), "ada@example.com")
	if err != nil {
		t.Fatal(err)
	}
	link, err := g.s.ResetLink(t.Context(), u.ID)
	if err != nil {
		t.Fatal(err)
	}
	done, err := g.come(t, someone("1", "any@example.org"), auth.Flow{Provider: "other", Link: link})
	if err != nil || g.user(t, done.Session) != u.ID {
		t.Fatalf("got %v", err)
	}
	if _, err := g.come(t, someone("2", "any@example.org"), auth.Flow{Provider: "other", Link: link}); !errors.Is(err,
		auth.ErrBadLink) {
		t.Errorf("the link again: %v", err)
	}
	if n, err := g.s.UsersWithoutAWayIn(t.Context()); n != 0 || err != nil {
		t.Errorf("%d users have no way in, %v", n, err)
	}
	var hashes int
	if err := g.db.QueryRow(t.Context(), `SELECT count(*) FROM gatepost.account WHERE password <> ''`).
		Scan(&hashes); err != nil || hashes != 1 {
		t.Errorf("%d hashes are left, %v", hashes, err)
	}
}

// A provider ends the sessions that came by it, and no others; its token works once.
func TestAProviderEndsItsSessions(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	corp := g.idp["corp"]
	come := func(subject, sid string) secret.Token {
		t.Helper()
		p := someone(subject, subject+"@example.com")
		p.Claims = map[string]any{"sid": sid}
		done, err := g.come(t, p, auth.Flow{Provider: "corp"})
		if err != nil {
			t.Fatal(err)
		}
		return done.Session
	}
	one, two, bob := come("ada", "s1"), come("ada", "s2"), come("bob", "s3")
	byPassword := signUp(t, g.s, "eve@example.com")
	end := func(token string) error { return g.s.EndByProvider(t.Context(), "corp", token, elsewhere) }
	token := corp.SignLogout("ada", "s1", nil)
	if err := end(token); err != nil {
		t.Fatal(err)
	}
	if alive(t, g.s, one) || !alive(t, g.s, two) {
		t.Error("it did not end the one session")
	}
	if err := end(token); !errors.Is(err, auth.ErrReplayed) {
		t.Errorf("again: %v", err)
	}
	p := someone("ada", "ada@example.com")
	p.Claims = map[string]any{"sid": "s1"}
	if again, err := g.come(t, p, auth.Flow{Provider: "corp"}); err != nil || !alive(t, g.s, again.Session) {
		t.Errorf("a sign-in that began after the log-out, in a session that the provider has kept: %v", err)
	}
	unnamed := come("ada", "")
	if err := end(corp.SignLogout("ada", "s9", nil)); err != nil {
		t.Fatal(err)
	}
	if alive(t, g.s, unnamed) || !alive(t, g.s, two) {
		t.Error("it did not end the session alone of which it is not known which it is there")
	}
	if err := end(corp.SignLogout("ada", "", nil)); err != nil {
		t.Fatal(err)
	}
	if alive(t, g.s, two) || !alive(t, g.s, bob) || !alive(t, g.s, byPassword) {
		t.Error("it did not end the sessions of the person alone")
	}
	if err := end(corp.SignLogout("bob", "", map[string]any{"aud": "another"})); !errors.As(err, new(*provider.Error)) {
		t.Errorf("for another client: %v", err)
	}
	if !alive(t, g.s, bob) {
		t.Error("a forged token ended a session")
	}
}

// Signing out goes on to the provider the session came by, with a hint that only this gate can read from the table.
func TestSigningOutGoesOnToTheProvider(t *testing.T) {
	t.Parallel()
	ks := keys(t, seal.NewKey())
	g := newGateway(t, func(o *auth.Options) { o.Keys = ks })
	done, err := g.come(t, someone("1", "ada@example.com"), auth.Flow{Provider: "corp"})
	if err != nil {
		t.Fatal(err)
	}
	exec(t, g.db, `UPDATE gatepost.session SET proved_at = now()`)
	issued, err := g.s.Confirm(t.Context(), done.Session, "", here) // the session that replaces it keeps it
	if err != nil {
		t.Fatal(err)
	}
	to, label, err := g.s.LogoutURL(t.Context(), issued.Session, "http://gate.example/login")
	if err != nil || to == nil || label != "Provider corp" {
		t.Fatalf("got %v, %q, %v", to, label, err)
	}
	hint := to.Query().Get("id_token_hint")
	if strings.Count(hint, ".") != 2 || to.Query().Get("client_id") != "gate" ||
		to.Query().Get("post_logout_redirect_uri") != "http://gate.example/login" {
		t.Errorf("got %v", to)
	}
	var row string
	if err := g.db.QueryRow(t.Context(), `SELECT s::text FROM gatepost.session s`).Scan(&row); err != nil ||
		strings.Contains(row, hint[:20]) {
		t.Errorf("the token stands in the table: %v", err)
	}
	if to, _, err := g.s.LogoutURL(t.Context(), signUp(t, g.s, "bob@example.com"), "http://gate.example/"); to != nil ||
		err != nil {
		t.Errorf("of a session by password: %v, %v", to, err)
	}
}

// Tokens of a provider are kept only if the operator wants it, sealed, renewed before they run out, and given for the
// session that came by that provider.
func TestTokensOfAProviderAreKeptSealedAndRenewed(t *testing.T) {
	t.Parallel()
	ks := keys(t, seal.NewKey())
	g := newGateway(t, func(o *auth.Options) { o.Keys, o.KeepProviderTokens = ks, true })
	done, err := g.come(t, someone("1", "ada@example.com"), auth.Flow{Provider: "corp"})
	if err != nil {
		t.Fatal(err)
	}
	v, err := g.s.Lookup(t.Context(), done.Session)
	if err != nil {
		t.Fatal(err)
	}
	first, err := g.s.ProviderToken(t.Context(), v)
	if err != nil || first == "" {
		t.Fatalf("got no token, %v", err)
	}
	var row string
	if err := g.db.QueryRow(t.Context(), `SELECT p::text FROM gatepost.provider_token p`).Scan(&row); err != nil ||
		strings.Contains(row, string(first)) {
		t.Errorf("the token stands in the table: %v", err)
	}
	if n, err := auth.RefreshSome(g.s, t.Context()); n != 0 || err != nil {
		t.Errorf("%d were renewed too early, %v", n, err)
	}
	exec(t, g.db, `UPDATE gatepost.provider_token SET refresh_at = now()`)
	exec(t, g.db, `ALTER TABLE gatepost."user" DISABLE TRIGGER USER; UPDATE gatepost."user" SET disabled_at = now()`)
	if n, err := auth.RefreshSome(g.s, t.Context()); n != 0 || err != nil {
		t.Errorf("%d were renewed of somebody who is disabled, %v", n, err)
	}
	exec(t, g.db, `UPDATE gatepost."user" SET disabled_at = NULL`)
	if n, err := auth.RefreshSome(g.s, t.Context()); n != 1 || err != nil {
		t.Fatalf("%d were renewed, %v", n, err)
	}
	second, err := g.s.ProviderToken(t.Context(), v)
	if err != nil || second == "" || second == first {
		t.Errorf("the same token, %v", err)
	}
	exec(t, g.db, `UPDATE gatepost.provider_token SET expires_at = now()`)
	if none, err := g.s.ProviderToken(t.Context(), v); err != nil || none != "" {
		t.Errorf("one that has run out is given, %v", err)
	}
	plain := newGateway(t)
	if _, err := plain.come(t, someone("1", "ada@example.com"), auth.Flow{Provider: "corp"}); err != nil {
		t.Fatal(err)
	}
	if n := count(t, plain.db, "provider_token"); n != 0 {
		t.Errorf("%d tokens are kept unasked", n)
	}
}

// However many sign in at once, each gets their own account.
func TestManyAtOnceEachGetTheirOwn(t *testing.T) {
	t.Parallel()
	const many = 200
	g := newGateway(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	owners := map[string]string{}
	turns := make(chan struct{}, 20)
	for i := range many {
		email := fmt.Sprintf("p%d@example.com", i)
		g.idp["corp"].AddPerson(someone(fmt.Sprint(i), email))
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			f := auth.Flow{Provider: "corp", Purpose: auth.ToSignIn, Client: secret.Client{
				Addr: netip.AddrFrom4([4]byte{198, 51, byte(100 + i/100), byte(i % 100)})}}
			begun, err := g.s.BeginProvider(t.Context(), f)
			if err != nil {
				t.Errorf("%d: begin: %v", i, err)
				return
			}
			q := begun.URL.Query()
			q.Set("login_hint", email)
			begun.URL.RawQuery = q.Encode()
			done, err := g.finish(t, f, begun, g.idp["corp"].Authorize(t, begun.URL.String()))
			if err != nil {
				t.Errorf("%d: %v", i, err)
				return
			}
			v, err := g.s.Lookup(t.Context(), done.Session)
			mu.Lock()
			defer mu.Unlock()
			if before := owners[v.User.ID]; err != nil || v.User.Email != email || before != "" {
				t.Errorf("%d: got %s, who is %s, %v", i, v.User.Email, before, err)
			}
			owners[v.User.ID] = email
		})
	}
	all.Wait()
	if len(owners) != many {
		t.Errorf("%d accounts", len(owners))
	}
}

// With passwords off a change of address is undone without one, and what the intruder connected since goes.
func TestAChangeOfAddressIsUndoneWithPasswordsOff(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(o *auth.Options) { o.PasswordsOff = true })
	ada, err := g.come(t, someone("1", "ada@example.com"), auth.Flow{Provider: "corp"})
	if err != nil {
		t.Fatal(err)
	}
	exec(t, g.db, `UPDATE gatepost.session SET proved_at = now()`)
	intruder, err := g.s.RequestEmailChange(t.Context(), ada.Session, "", "eve@example.org", here)
	if err != nil {
		t.Fatal(err)
	}
	change := g.mails.one(t, g.s, mail.Change, "eve@example.org").Link
	if err := g.s.ConfirmEmail(t.Context(), change, intruder.Session, here); err != nil {
		t.Fatal(err)
	}
	var undo secret.Token
	for _, m := range g.mails.collect(t, g.s) {
		if m.Kind == mail.Changed {
			undo = m.Link
		}
	}
	exec(t, g.db, `UPDATE gatepost.session SET proved_at = now()`)
	if _, err := g.come(t, someone("9", "eve@example.org"), auth.Flow{Provider: "other", Purpose: auth.ToLink,
		Session: intruder.Session}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.s.UndoEmailChange(t.Context(), undo, "", elsewhere); err != nil {
		t.Fatal(err)
	}
	if alive(t, g.s, intruder.Session) {
		t.Error("the intruder's session lives")
	}
	again, err := g.come(t, someone("1", "ada@example.com"), auth.Flow{Provider: "corp"})
	if err != nil || g.user(t, again.Session) != ada.UserID {
		t.Errorf("the owner: %v", err)
	}
	if n := count(t, g.db, "account"); n != 1 {
		t.Errorf("%d ways in are left", n)
	}
	if v, err := g.s.Lookup(t.Context(), again.Session); err != nil || v.User.Email != "ada@example.com" {
		t.Errorf("got %+v, %v", v.User, err)
	}
}

// Where addresses are confirmed first, no answer to an address that the provider does not prove tells whether it has an
// account: not where sign-up is closed, not of a domain that may not sign up, and not when the user is disabled.
func TestAnAddressThatIsNotProvedTellsNothing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*auth.Options){
		"open": func(*auth.Options) {}, "closed": func(o *auth.Options) { o.SignUpClosed = true },
		"other domain": func(o *auth.Options) { o.SignUpDomains = []string{"example.org"} },
		"limited":      func(o *auth.Options) { o.SignUpTotal = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var answers []string
			for _, there := range []string{"", `INSERT INTO gatepost."user" (id, email, email_verified)
				VALUES ('u', 'ada@example.com', true)`, `INSERT INTO gatepost."user" (id, email, disabled_at)
				VALUES ('u', 'ada@example.com', now())`} {
				g := newGateway(t, required, change)
				if there != "" {
					exec(t, g.db, there)
				}
				said := ""
				for i := range 4 { // each identity twice
					done, err := g.come(t, someone(fmt.Sprint(i/2), "ada@example.com"), auth.Flow{Provider: "other"})
					said += fmt.Sprintf("%v %t; ", err, done.Browser != "")
				}
				answers = append(answers, regexp.MustCompile(`[0-9]+`).ReplaceAllString(said, "n"))
			}
			if answers[0] != answers[1] || answers[0] != answers[2] {
				t.Errorf("free:     %s\ntaken:    %s\ndisabled: %s", answers[0], answers[1], answers[2])
			}
		})
	}
}

// A sign-in by a provider with a browser that is new to the account is mailed, as one by a password is.
func TestASignInByAProviderWithANewBrowserIsMailed(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(o *auth.Options) { o.NotifySignIns = true })
	first, err := g.come(t, someone("1", "ada@example.com"), auth.Flow{Provider: "corp"})
	if err != nil {
		t.Fatal(err)
	}
	g.mails.collect(t, g.s)
	f := auth.Flow{Provider: "corp", Client: elsewhere}
	f.Client.Browser = first.Browser
	if _, err := g.come(t, someone("1", "ada@example.com"), f); err != nil {
		t.Fatal(err)
	}
	g.mails.none(t, g.s)
	if _, err := g.come(t, someone("1", "ada@example.com"), auth.Flow{Provider: "corp"}); err != nil {
		t.Fatal(err)
	}
	g.mails.one(t, g.s, mail.SignIn, "ada@example.com")
}

// Who may not sign in before the address is confirmed is not told of a sign-in, and confirms in the browser where they
// came, however often they come.
func TestWhoHasToConfirmFirstConfirmsWhereTheyCame(t *testing.T) {
	t.Parallel()
	g := newGateway(t, required, func(o *auth.Options) { o.NotifySignIns = true })
	f := auth.Flow{Provider: "other", Client: elsewhere}
	for range 2 {
		done, err := g.come(t, someone("1", "ada@example.com"), f)
		if !errors.Is(err, auth.ErrUnverified) || done.Browser == "" {
			t.Fatalf("got %v", err)
		}
		f.Client.Browser = done.Browser
	}
	mails := g.mails.collect(t, g.s)
	for _, m := range mails {
		if m.Kind != mail.Verify {
			t.Errorf("sent %q", m.Kind)
		}
	}
	link := mails[len(mails)-1].Link
	issued, err := g.s.VerifyEmail(t.Context(), auth.Verification{Link: link, Client: f.Client})
	if err != nil || issued.Session == "" {
		t.Fatalf("got %v", err)
	}
	if ways, err := g.s.WaysIn(t.Context(), issued.Session); err != nil || len(ways) != 1 {
		t.Errorf("the way in is %v, %v", ways, err)
	}
}

// A link that an operator handed over confirms no address: where that comes first, it still has to be done.
func TestALinkThatWasHandedOverConfirmsNothing(t *testing.T) {
	t.Parallel()
	g := newGateway(t, required)
	exec(t, g.db, `INSERT INTO gatepost."user" (id, email) VALUES ('u', 'ada@example.com')`)
	link, err := g.s.ResetLink(t.Context(), "u")
	if err != nil {
		t.Fatal(err)
	}
	done, err := g.come(t, someone("1", "any@example.org"), auth.Flow{Provider: "other", Link: link})
	if !errors.Is(err, auth.ErrUnverified) || done.Session != "" {
		t.Fatalf("got %v", err)
	}
	kinds := map[mail.Kind]string{}
	for _, m := range g.mails.collect(t, g.s) {
		kinds[m.Kind] = m.To
	}
	if kinds[mail.Verify] != "ada@example.com" || kinds[mail.Linked] != "ada@example.com" {
		t.Errorf("sent %v", kinds)
	}
	if n := count(t, g.db, "session"); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

// The first proof of a mailbox of one's own takes nothing from anybody.
func TestAnAccountOfOnesOwnIsNotTakenOver(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	ada := someone("1", "ada@example.com")
	ada.EmailVerified = nil
	if _, err := g.come(t, ada, auth.Flow{Provider: "corp"}); err != nil {
		t.Fatal(err)
	}
	done, err := g.come(t, someone("1", "ada@example.com"), auth.Flow{Provider: "corp"})
	if err != nil || done.Took {
		t.Errorf("took %t, %v", done.Took, err)
	}
	v, err := g.s.Lookup(t.Context(), done.Session)
	if err != nil || !v.User.EmailVerified || v.User.Name == "" {
		t.Errorf("got %+v, %v", v.User, err)
	}
}

// What is logged of a provider has its row, and what changed nothing has none of a deed.
func TestWhatIsLoggedOfAProviderHasItsRow(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	g := newGateway(t, func(o *auth.Options) {
		o.AuditRetention, o.Log = time.Hour, slog.New(slog.NewTextHandler(&log, nil))
	})
	done, err := g.come(t, someone("1", "ada@example.com"), auth.Flow{Provider: "corp"})
	if err != nil {
		t.Fatal(err)
	}
	exec(t, g.db, `UPDATE gatepost.session SET proved_at = now()`)
	link := auth.Flow{Provider: "other", Purpose: auth.ToLink, Session: done.Session}
	for range 2 { // the second changes nothing
		if _, err := g.come(t, someone("2", "ada@example.org"), link); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.s.Unlink(t.Context(), done.Session, "unknown", here); err != nil {
		t.Fatal(err)
	}
	signUp(t, g.s, "bob@example.com")
	if _, err := g.come(t, someone("3", "bob@example.com"), auth.Flow{Provider: "corp"}); err != nil {
		t.Fatal(err)
	}
	if err := g.s.EndByProvider(t.Context(), "corp", g.idp["corp"].SignLogout("3", "", nil), here); err != nil {
		t.Fatal(err)
	}
	g.s.Close() // writes down what waits
	rows := map[string]int{}
	for _, event := range column(t, g.db, `SELECT event FROM gatepost.audit_event`) {
		rows[event]++
	}
	for event, n := range rows {
		if said := strings.Count(log.String(), "event="+event+" "); said != n {
			t.Errorf("%s: %d rows, and %d lines", event, n, said)
		}
	}
	for event, want := range map[string]int{"sign-up": 2, "take-over": 1, "provider-sign-out": 1,
		"unlink-account": 0, "link-account": 3} {
		if rows[event] != want {
			t.Errorf("%s: %d rows, want %d", event, rows[event], want)
		}
	}
}

// A logout that comes while a sign-in of the same person commits waits for it, and ends its session, also where nobody
// here knew the person before, and where it names the person alone.
func TestALogoutMissesNoSignInUnderWay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		known bool
		sid   string
	}{"of the session": {true, "s1"}, "of the person": {true, ""}, "of a new one's session": {false, "s1"},
		"of a new person": {false, ""}} {
		t.Run(name, func(t *testing.T) { t.Parallel(); logoutMeanwhile(t, c.known, c.sid) })
	}
}

func logoutMeanwhile(t *testing.T, known bool, sid string) {
	t.Helper()
	g := newGateway(t)
	exec(t, g.db, fmt.Sprintf(`CREATE FUNCTION delay() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN PERFORM pg_advisory_xact_lock_shared(%d); RETURN NULL; END'`, delayKey))
	exec(t, g.db, `CREATE CONSTRAINT TRIGGER delay AFTER INSERT ON gatepost.session DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION delay()`)
	ada := someone("1", "ada@example.com")
	ada.Claims = map[string]any{"sid": "s0"}
	if known {
		if _, err := g.come(t, ada, auth.Flow{Provider: "corp"}); err != nil {
			t.Fatal(err)
		}
		exec(t, g.db, `DELETE FROM gatepost.session`)
	}
	ada.Claims = map[string]any{"sid": "s1"}
	f := auth.Flow{Provider: "corp"}
	begun, answer := g.begin(t, ada, f)
	brake, err := g.db.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer brake.Release()
	if _, err := brake.Exec(t.Context(), fmt.Sprintf(`SELECT pg_advisory_lock(%d)`, delayKey)); err != nil {
		t.Fatal(err)
	}
	in := begin(func() error { _, err := g.finish(t, f, begun, answer); return err })
	eventually(t, "the sign-in is about to commit", func() bool { _, n := waiting(g.db); return n == 1 })
	out := begin(func() error {
		return g.s.EndByProvider(t.Context(), "corp", g.idp["corp"].SignLogout("1", sid, nil), elsewhere)
	})
	eventually(t, "the logout waits or is done", func() bool {
		n, _ := waiting(g.db)
		return n >= 2 || len(out) == 1
	})
	if _, err := brake.Exec(t.Context(), fmt.Sprintf(`SELECT pg_advisory_unlock(%d)`, delayKey)); err != nil {
		t.Fatal(err)
	}
	if errIn, errOut := <-in, <-out; errIn != nil || errOut != nil {
		t.Fatalf("got %v and %v", errIn, errOut)
	}
	if n := count(t, g.db, "session"); n != 0 {
		t.Errorf("%d sessions live", n)
	}
}

// A logout ends the sign-ins that are under way too, whether it names the provider's session or the person alone; also
// one that has become a claim. A sign-in that begins after a logout of the person is none of them.
func TestALogoutEndsTheSignInsUnderWay(t *testing.T) {
	t.Parallel()
	for name, sid := range map[string]string{"of the session": "s1", "of the person": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			id := g.user(t, signUp(t, g.s, "bob@example.com"))
			exec(t, g.db, `UPDATE gatepost."user" SET email_verified = true`)
			ada, bob := someone("1", "ada@example.com"), someone("2", "bob@example.com")
			ada.Claims, bob.Claims = map[string]any{"sid": "s1"}, map[string]any{"sid": "s1"}
			f, claim := auth.Flow{Provider: "corp"}, auth.Flow{Provider: "other"}
			begun, answer := g.begin(t, ada, f)
			claimed, proved := g.begin(t, bob, claim)
			if _, err := g.finish(t, claim, claimed, proved); !errors.As(err, new(*auth.ClaimError)) {
				t.Fatal(err)
			}
			for provider, subject := range map[string]string{"corp": "1", "other": "2"} {
				token := g.idp[provider].SignLogout(subject, sid, nil)
				if err := g.s.EndByProvider(t.Context(), provider, token, here); err != nil {
					t.Fatal(err)
				}
			}
			if done, err := g.finish(t, f, begun, answer); !errors.Is(err, auth.ErrLoggedOut) || done.Session != "" {
				t.Errorf("the callback: %v", err)
			}
			keys := []secret.Token{claimed.Key}
			if _, err := g.s.ClaimByPassword(t.Context(), keys, goodPassword, "", here); !errors.Is(err, auth.ErrLoggedOut) {
				t.Errorf("the claim of %s: %v", id, err)
			}
			ada.Claims = map[string]any{"sid": "s2"}
			if done, err := g.come(t, ada, f); err != nil || done.Session == "" {
				t.Errorf("a sign-in afterwards: %v", err)
			}
		})
	}
}

// A token that has run out when it comes is given to nobody, and renewed once in a while, not over and over.
func TestATokenWithoutALifeIsNeitherGivenNorRenewedAtOnce(t *testing.T) {
	t.Parallel()
	ks := keys(t, seal.NewKey())
	for _, life := range []any{0, "0", -1, -1_000_000} {
		g := newGateway(t, func(o *auth.Options) { o.Keys, o.KeepProviderTokens = ks, true })
		g.idp["corp"].Misbehave(providertest.Token("expires_in", life))
		done, err := g.come(t, someone("1", "ada@example.com"), auth.Flow{Provider: "corp"})
		if err != nil {
			t.Fatal(err)
		}
		v, err := g.s.Lookup(t.Context(), done.Session)
		if err != nil {
			t.Fatal(err)
		}
		for _, when := range []string{"at first", "renewed"} {
			if token, err := g.s.ProviderToken(t.Context(), v); err != nil || token != "" {
				t.Errorf("%v, %s: it is given, %v", life, when, err)
			}
			if n, err := auth.RefreshSome(g.s, t.Context()); n != 0 || err != nil {
				t.Errorf("%v, %s: %d were renewed at once, %v", life, when, n, err)
			}
			exec(t, g.db, `UPDATE gatepost.provider_token SET refresh_at = now() WHERE refresh_at > now()`)
			if n, err := auth.RefreshSome(g.s, t.Context()); n != 1 || err != nil {
				t.Errorf("%v, %s: %d are renewed later, %v", life, when, n, err)
			}
		}
	}
}

// Who leaves while the provider is asked is no outage of the provider.
func TestWhoLeavesIsNoOutageOfTheProvider(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	g := newGateway(t, func(o *auth.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	f := auth.Flow{Provider: "corp", Purpose: auth.ToSignIn, Client: elsewhere}
	begun, answer := g.begin(t, someone("1", "ada@example.com"), f)
	before := g.idp["corp"].Requests("token")
	g.idp["corp"].Hold("token")
	defer g.idp["corp"].Release()
	ctx, leave := context.WithCancel(t.Context())
	end := begin(func() error {
		_, err := g.s.FinishProvider(ctx, auth.Callback{Provider: "corp", State: answer.Get("state"), Key: begun.Key,
			ProviderAnswer: auth.ProviderAnswer{Code: answer.Get("code"), Issuer: answer.Get("iss")}, Client: elsewhere})
		return err
	})
	eventually(t, "the provider is asked", func() bool { return g.idp["corp"].Requests("token") > before })
	leave()
	if err := <-end; !errors.Is(err, context.Canceled) || errors.Is(err, provider.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(log.String(), "event=sign-in result=canceled") {
		t.Errorf("the log has\n%s", log.String())
	}
}

// Each outcome of a sign-in that the audit table and the metrics can have is explained.
func TestEachOutcomeOfAProviderIsExplained(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/sign-in-with.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| result | status |")
	table, _, _ = strings.Cut(table, "\n\n")
	outcomes := []error{auth.ErrNoFlow, auth.ErrLoggedOut, auth.ErrSignUpClosed, auth.ErrUnverified,
		&auth.ClaimError{}, auth.ErrLinkedElsewhere, auth.ErrNoAddress, auth.InputError{}, auth.ErrBadCredentials,
		session.ErrNoSession, auth.ErrOtherUser, auth.ErrBadLink, &throttle.Error{}, share.ErrBusy, context.Canceled,
		database.ErrUnavailable}
	for kind := provider.Failed; kind <= provider.NoSubject; kind++ {
		outcomes = append(outcomes, &provider.Error{Kind: kind})
	}
	for _, err := range outcomes {
		if word := auth.Result(err); !strings.Contains(table, "`"+word+"`") {
			t.Errorf("%s is not explained: %v", word, err)
		}
	}
}
