package auth_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
)

// verified signs in somebody whose address has to be confirmed before.
func verified(t *testing.T, s *auth.Store, o *office, email string) secret.Token {
	t.Helper()
	if _, err := signIn(s, t.Context(), email, goodPassword); !errors.Is(err, auth.ErrUnverified) {
		t.Fatal(err)
	}
	issued, err := s.VerifyEmail(t.Context(), auth.Verification{Link: o.one(t, s, mail.Verify, email).Link,
		Password: goodPassword, Client: here})
	if err != nil {
		t.Fatal(err)
	}
	return issued.Session
}

func enrol(s *auth.Store, ctx context.Context, email string, c secret.Client) (auth.Issued, error) {
	return s.SignUp(ctx, auth.NewUser{Email: email, Password: goodPassword}, true, "", c)
}

func TestNobodyIsInBeforeTheAddressIsConfirmed(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t, required)
	issued, err := enrol(s, t.Context(), "ada@example.com", here)
	if !errors.Is(err, auth.ErrUnverified) || issued.Session != "" || issued.Browser == "" {
		t.Fatalf("signed up: %v, a session: %t", err, issued.Session != "")
	}
	link := o.one(t, s, mail.Verify, "ada@example.com").Link
	if _, err := signIn(s, t.Context(), "ada@example.com", wrong); !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("a wrong password tells of the account: %v", err)
	}
	if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); !errors.Is(err, auth.ErrUnverified) {
		t.Errorf("the right password: %v", err)
	}
	o.none(t, s) // the minute is not over
	if count(t, db, "session") != 0 {
		t.Fatal("there is a session")
	}
	known := here
	known.Browser = issued.Browser
	if _, how, err := s.Knows(t.Context(), auth.Verification{Link: link, Client: known}); how != auth.ByBrowser ||
		err != nil {
		t.Errorf("the browser of the sign-up is not known: %v", err)
	}
	if count(t, db, "session") != 0 {
		t.Fatal("looking at a link made a session")
	}
	in, err := s.VerifyEmail(t.Context(), auth.Verification{Link: link, Client: known})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := s.Lookup(t.Context(), in.Session); err != nil || !v.User.EmailVerified {
		t.Errorf("confirmed: %+v, %v", v.User, err)
	}
	if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// A link proves who reads the mail, not who chose the password. Who signs up with another's address is not let in by
// the owner's click.
func TestALinkAloneConfirmsNothingForAStranger(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t, optional)
	squatter, err := enrol(s, t.Context(), "ada@example.com", elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	link := o.one(t, s, mail.Verify, "ada@example.com").Link
	var input auth.InputError
	if _, err := s.VerifyEmail(t.Context(), auth.Verification{Link: link, Client: here}); !errors.As(err, &input) ||
		input[0].Field != "password" {
		t.Errorf("without a password: %v", err)
	}
	_, err = s.VerifyEmail(t.Context(), auth.Verification{Link: link, Password: wrong, Client: here})
	if !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("with a wrong one: %v", err)
	}
	if v, err := s.Lookup(t.Context(), squatter.Session); err != nil || v.User.EmailVerified {
		t.Fatalf("the squatter is %+v, %v", v.User, err)
	}
	if l, err := s.Link(t.Context(), link); err != nil || !l.Claimable() {
		t.Errorf("the link is %+v, %v", l, err)
	}
	if _, err := s.ResetPassword(t.Context(), link, chosen, here); err != nil {
		t.Fatal(err)
	}
	if alive(t, s, squatter.Session) {
		t.Error("the squatter's session lives")
	}
	_, err = from(s, "198.51.100.9", squatter.Browser, "ada@example.com", goodPassword)
	if !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("the squatter's password: %v", err)
	}
	if _, err := signIn(s, t.Context(), "ada@example.com", chosen); err != nil {
		t.Errorf("the owner's: %v", err)
	}
	if n := count(t, db, "verification WHERE identifier NOT LIKE 'used-%'"); n != 0 {
		t.Errorf("%d links are left", n)
	}
}

// Once an address is confirmed, a link that confirmed it is no way to its password.
func TestAConfirmedAddressIsNotClaimedAgain(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t, optional)
	signUp(t, s, "ada@example.com")
	link := o.one(t, s, mail.Verify, "ada@example.com").Link
	exec(t, db, `UPDATE gatepost."user" SET email_verified = true`)
	if _, err := s.ResetPassword(t.Context(), link, chosen, here); !errors.Is(err, auth.ErrBadLink) {
		t.Errorf("got %v", err)
	}
}

func TestASessionOrAPasswordConfirms(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t, optional)
	for name, c := range map[string]struct {
		verification func(secret.Token) auth.Verification
		signsIn      bool
	}{
		"ada@example.com": {func(token secret.Token) auth.Verification {
			return auth.Verification{Session: token, Client: elsewhere}
		}, false},
		"bob@example.com": {func(secret.Token) auth.Verification {
			return auth.Verification{Password: goodPassword, Remember: true, Client: elsewhere}
		}, true},
	} {
		token := signUp(t, s, name)
		v := c.verification(token)
		v.Link = o.one(t, s, mail.Verify, name).Link
		issued, err := s.VerifyEmail(t.Context(), v)
		if err != nil || (issued.Session != "") != c.signsIn || alive(t, s, token) == c.signsIn {
			t.Errorf("%s: %v, a session was made: %t", name, err, issued.Session != "")
		}
		if c.signsIn { // of those from before the address was confirmed, only the one that confirmed it lives
			token = issued.Session
		}
		if v, err := s.Lookup(t.Context(), token); err != nil || !v.User.EmailVerified {
			t.Errorf("%s: the session does not know: %v", name, err)
		}
		if _, err := s.VerifyEmail(t.Context(), v); !errors.Is(err, auth.ErrBadLink) {
			t.Errorf("%s: the link again: %v", name, err)
		}
	}
	eve := signUp(t, s, "eve@example.com")
	link := o.one(t, s, mail.Verify, "eve@example.com").Link
	if err := s.SignOut(t.Context(), eve, here); err != nil {
		t.Fatal(err)
	}
	if _, err := s.VerifyEmail(t.Context(), auth.Verification{Link: link, Session: eve, Client: here}); err == nil {
		t.Error("a session that ended confirms")
	}
	_ = db
}

// Who has an account is told by mail; the page says the same to all.
func TestASignUpTellsNothingWhereAddressesAreConfirmed(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t, required)
	if _, err := enrol(s, t.Context(), "new@example.com", here); !errors.Is(err, auth.ErrUnverified) {
		t.Fatal(err)
	}
	o.one(t, s, mail.Verify, "new@example.com")
	for _, c := range []struct {
		prepare string
		kind    mail.Kind
	}{
		{`UPDATE gatepost."user" SET email_verified = false`, mail.Verify},
		{`UPDATE gatepost."user" SET email_verified = true`, mail.Exists},
		{`UPDATE gatepost."user" SET disabled_at = now()`, mail.Exists},
	} {
		exec(t, db, c.prepare)
		forgetLimits(t, db)
		known := here
		issued, err := enrol(s, t.Context(), "NEW@example.com", known)
		if !errors.Is(err, auth.ErrUnverified) || issued.Session != "" || issued.Browser == "" {
			t.Errorf("%s: %v", c.prepare, err)
		}
		o.one(t, s, c.kind, "new@example.com")
		if err := s.SignOut(t.Context(), issued.Browser, here); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, db, `"user"`); n != 1 {
		t.Errorf("%d users", n)
	}
	if _, err := signIn(s, t.Context(), "new@example.com", goodPassword); !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("a disabled user: %v", err)
	}
}

// A second sign-up changes nothing of the account there is, whatever it types.
func TestASignUpWithATakenAddressChangesNothing(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t, required)
	if _, err := enrol(s, t.Context(), "ada@example.com", here); !errors.Is(err, auth.ErrUnverified) {
		t.Fatal(err)
	}
	before := content(t, db)
	u := auth.NewUser{Email: "ada@example.com", Name: "Eve", Password: chosen, Roles: []string{"admin"}}
	if _, err := s.SignUp(t.Context(), u, true, "", elsewhere); !errors.Is(err, auth.ErrUnverified) {
		t.Fatal(err)
	}
	if content(t, db) != before {
		t.Error("something changed")
	}
	o.collect(t, s)
}

func TestOnlySomeDomainsSignUp(t *testing.T) {
	t.Parallel()
	s, _, _ := mailStore(t, required,
		func(o *auth.Options) { o.SignUpDomains = []string{"example.com", "xn--bcher-kva.example"} })
	for address, ok := range map[string]bool{
		"a@example.com": true, "b@EXAMPLE.com": true, "c@bücher.example": true,
		"d@sub.example.com": false, "e@example.com.evil.example": false, "f@evilexample.com": false,
	} {
		_, err := enrol(s, t.Context(), address, here)
		var input auth.InputError
		if ok != errors.Is(err, auth.ErrUnverified) ||
			!ok && (!errors.As(err, &input) || input[0].Problem != auth.Foreign) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestASignInWithANewBrowserIsMailed(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t, func(o *auth.Options) { o.NotifySignIns = true })
	first, err := enrol(s, t.Context(), "ada@example.com", here)
	if err != nil {
		t.Fatal(err)
	}
	known, err := from(s, "198.51.100.9", first.Browser, "ada@example.com", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	o.none(t, s)
	// uses up nothing that a warning needs
	if err := s.RequestReset(t.Context(), "ada@example.com", elsewhere); err != nil {
		t.Fatal(err)
	}
	o.one(t, s, mail.Reset, "ada@example.com")
	if _, err := from(s, "198.51.100.10", "", "ada@example.com", goodPassword); err != nil {
		t.Fatal(err)
	}
	if m := o.one(t, s, mail.SignIn, "ada@example.com"); m.IPAddress != "198.51.100.10" {
		t.Errorf("it tells of %s", m.IPAddress)
	}
	forgetLimits(t, db)
	if _, err := s.ChangePassword(t.Context(), known.Session, goodPassword, chosen, here); err != nil {
		t.Fatal(err)
	}
	o.one(t, s, mail.Password, "ada@example.com")
}

// Where addresses have to be confirmed nobody is in without, whatever was before.
func TestASessionFromBeforeNeedsAConfirmedAddressToo(t *testing.T) {
	t.Parallel()
	before, db, o := mailStore(t)
	token := signUp(t, before, "ada@example.com")
	s := auth.New(db, auth.Options{Verify: auth.VerifyRequired, Send: o.send, Log: slog.New(slog.DiscardHandler)})
	defer s.Close()
	if alive(t, s, token) {
		t.Error("it is valid")
	}
	exec(t, db, `UPDATE gatepost."user" SET email_verified = true`)
	if !alive(t, s, token) {
		t.Error("with a confirmed address it is not")
	}
}

// An operator may vouch for an address; nobody can for their own.
func TestAnOperatorKnowsAnAddress(t *testing.T) {
	t.Parallel()
	s, _, _ := mailStore(t)
	for _, known := range []bool{true, false} {
		u, err := s.CreateUser(t.Context(), auth.NewUser{Email: fmt.Sprintf("%t@example.com", known),
			Password: goodPassword, Verified: known})
		if err != nil || u.EmailVerified != known {
			t.Errorf("known %t: %t, %v", known, u.EmailVerified, err)
		}
	}
	_, _ = s.SignUp(t.Context(), auth.NewUser{Email: "eve@example.com", Password: goodPassword, Verified: true}, true, "",
		here)
	if u, err := s.FindUser(t.Context(), "eve@example.com"); err != nil || u.EmailVerified {
		t.Errorf("signed up: %t, %v", u.EmailVerified, err)
	}
}
