package auth_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/share"
)

func TestAForgottenPasswordIsChosenAnew(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t)
	stolen := signUp(t, s, "ada@example.com")
	exec(t, db, `UPDATE gatepost.account SET failed_attempts = 100`)
	link := o.resetLink(t, s, db, " ADA@example.com")
	if l, err := s.Link(t.Context(), link); err != nil || l.Purpose != mail.ForReset || l.Email != "ada@example.com" {
		t.Errorf("the link is %+v, %v", l, err)
	}
	var input auth.InputError
	if _, err := s.ResetPassword(t.Context(), link, "ada@example.com", here); !errors.As(err, &input) ||
		input[0].Problem != auth.TooPersonal {
		t.Errorf("a bad password: %v", err)
	}
	browser, err := s.ResetPassword(t.Context(), link, chosen, elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	if alive(t, s, stolen) || count(t, db, "session") != 0 {
		t.Error("a session outlives the reset, or one was made")
	}
	if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("the old password: %v", err)
	}
	if _, err := from(s, "198.51.100.200", browser, "ada@example.com", chosen); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if u, err := s.FindUser(t.Context(), "ada@example.com"); err != nil || !u.EmailVerified || u.PasswordLocked {
		t.Errorf("the user is %+v, %v", u, err)
	}
	if m := o.one(t, s, mail.Password, "ada@example.com"); m.IPAddress != "198.51.100.9" ||
		m.UserAgent != "elsewhere/1" || m.Link != "" {
		t.Errorf("the notice is %+v", m)
	}
	if _, err := s.ResetPassword(t.Context(), link, chosen, here); !errors.Is(err, auth.ErrBadLink) {
		t.Errorf("the link again: %v", err)
	}
}

// A password that was changed with the one before voids what was mailed, too.
func TestANewPasswordVoidsMailedLinks(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t)
	token := signUp(t, s, "ada@example.com")
	link := o.resetLink(t, s, db, "ada@example.com")
	if _, err := s.ChangePassword(t.Context(), token, goodPassword, chosen, here); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Link(t.Context(), link); !errors.Is(err, auth.ErrBadLink) {
		t.Errorf("changed by the user: %v", err)
	}
	u, err := s.FindUser(t.Context(), "ada@example.com")
	if err != nil {
		t.Fatal(err)
	}
	o.collect(t, s)
	for what, change := range map[string]func() error{
		"set by the operator": func() error { return s.SetPassword(t.Context(), u.ID, goodPassword) },
		"disabled and enabled": func() error {
			return errors.Join(s.Disable(t.Context(), u.ID), s.Enable(t.Context(), u.ID))
		},
	} {
		link := o.resetLink(t, s, db, "ada@example.com")
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Link(t.Context(), link); !errors.Is(err, auth.ErrBadLink) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A link that is being made while others are voided does not survive them.
func TestALinkUnderWayIsVoidedToo(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t)
	signUp(t, s, "ada@example.com")
	link := o.resetLink(t, s, db, "ada@example.com")
	forgetLimits(t, db)
	if err := s.RequestReset(t.Context(), "ada@example.com", here); err != nil {
		t.Fatal(err)
	}
	err := overtaken(t, db, `
		WITH taken AS (UPDATE gatepost.outbox SET attempts = 1 RETURNING user_id)
		INSERT INTO gatepost.verification (id, identifier, value, user_id, email, expires_at)
		SELECT 'under way', 'reset-password:' || user_id, 'under way', user_id, 'ada@example.com',
			now() + interval '1 hour'
		FROM taken`,
		func() error { _, err := s.ResetPassword(t.Context(), link, chosen, here); return err })
	if err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, "verification"); n != 0 {
		t.Errorf("%d links are left", n)
	}
}

func TestOneOfFiftyUsesOfALinkSucceeds(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t)
	signUp(t, s, "ada@example.com")
	link := o.resetLink(t, s, db, "ada@example.com")
	won := 0
	for _, err := range atOnce(50, func() error {
		_, err := s.ResetPassword(t.Context(), link, chosen, here)
		return err
	}) {
		switch {
		case err == nil:
			won++
		case errors.Is(err, auth.ErrBadLink), errors.Is(err, share.ErrBusy):
		default:
			t.Errorf("got %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d of 50 used the link", won)
	}
}

func TestALinkWorksOnceForAWhileAndUntilTheNext(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t)
	signUp(t, s, "ada@example.com")
	first := o.resetLink(t, s, db, "ada@example.com")
	second := o.resetLink(t, s, db, "ada@example.com")
	if _, err := s.Link(t.Context(), first); !errors.Is(err, auth.ErrBadLink) {
		t.Errorf("the first of two: %v", err)
	}
	var left float64
	if err := db.QueryRow(t.Context(),
		`SELECT extract(epoch FROM expires_at - now()) FROM gatepost.verification`).Scan(&left); err != nil ||
		left < 3540 || left > 3600 {
		t.Errorf("it works for %.0f s, %v", left, err)
	}
	exec(t, db, `UPDATE gatepost.verification SET expires_at = now()`)
	if _, err := s.ResetPassword(t.Context(), second, chosen, here); !errors.Is(err, auth.ErrBadLink) {
		t.Errorf("an expired one: %v", err)
	}
}

// Of two mails the earlier one may be sent last: the later link works all the same.
func TestAMailThatIsLateEndsNoLaterLink(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t)
	signUp(t, s, "ada@example.com")
	if err := s.RequestReset(t.Context(), "ada@example.com", here); err != nil {
		t.Fatal(err)
	}
	var later secret.Token
	o.fault = func(mail.Mail) error { // while the first is under way the second is asked for and sent
		o.fault = nil
		o.mu.Unlock()
		defer o.mu.Lock()
		later = o.resetLink(t, s, db, "ada@example.com")
		return nil
	}
	earlier := o.one(t, s, mail.Reset, "ada@example.com").Link
	if _, err := s.Link(t.Context(), earlier); !errors.Is(err, auth.ErrBadLink) {
		t.Errorf("the earlier link: %v", err)
	}
	if _, err := s.Link(t.Context(), later); err != nil {
		t.Errorf("the later link: %v", err)
	}
}

// A link is one user's, as they were when it was sent.
func TestALinkOfOneIsNoUseToAnother(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"another address":   `UPDATE gatepost."user" SET email = 'eve@example.com' WHERE email = 'ada@example.com'`,
		"swapped addresses": `UPDATE gatepost.verification SET email = 'bob@example.com'`,
		"disabled":          `UPDATE gatepost."user" SET disabled_at = now() WHERE email = 'ada@example.com'`,
		"deleted":           `DELETE FROM gatepost."user" WHERE email = 'ada@example.com'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, db, o := mailStore(t)
			signUp(t, s, "ada@example.com")
			signUp(t, s, "bob@example.com")
			link := o.resetLink(t, s, db, "ada@example.com")
			exec(t, db, change)
			before := content(t, db)
			if _, err := s.ResetPassword(t.Context(), link, chosen, here); !errors.Is(err, auth.ErrBadLink) {
				t.Errorf("got %v", err)
			}
			if content(t, db) != before {
				t.Error("something changed")
			}
		})
	}
}

// What a link does not say it is for it does not do.
func TestALinkServesItsPurposeOnly(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t, optional)
	token := signUp(t, s, "ada@example.com")
	o.one(t, s, mail.Verify, "ada@example.com")
	links := map[mail.Purpose]secret.Token{"none": "nonsense"}
	token, links[mail.ForUndo] = changeAddress(t, s, o, token, "new@example.com", "ada@example.com")
	exec(t, db, `UPDATE gatepost."user" SET email_verified = false`)
	forgetLimits(t, db)
	if err := s.RequestVerification(t.Context(), token, here); err != nil {
		t.Fatal(err)
	}
	links[mail.ForVerify] = o.one(t, s, mail.Verify, "new@example.com").Link
	exec(t, db, `UPDATE gatepost."user" SET email_verified = true`) // or one could choose a password with it
	links[mail.ForReset] = o.resetLink(t, s, db, "new@example.com")
	if err := s.Invite(t.Context(), auth.Invitation{Email: "guest@example.com"}); err != nil {
		t.Fatal(err)
	}
	links[mail.ForInvite] = o.one(t, s, mail.Invite, "guest@example.com").Link
	issued, err := s.RequestEmailChange(t.Context(), token, goodPassword, "newer@example.com", here)
	if err != nil {
		t.Fatal(err)
	}
	links[mail.ForChange] = o.one(t, s, mail.Change, "newer@example.com").Link
	before := content(t, db)
	for purpose, link := range links {
		for deed, do := range map[mail.Purpose]func() error{
			mail.ForReset:  func() error { _, err := s.ResetPassword(t.Context(), link, chosen, here); return err },
			mail.ForUndo:   func() error { _, err := s.UndoEmailChange(t.Context(), link, chosen, here); return err },
			mail.ForChange: func() error { return s.ConfirmEmail(t.Context(), link, issued.Session, here) },
			mail.ForVerify: func() error {
				_, err := s.VerifyEmail(t.Context(),
					auth.Verification{Link: link, Password: goodPassword, Client: here})
				return err
			},
			mail.ForInvite: func() error {
				_, err := s.AcceptInvitation(t.Context(), link, auth.NewUser{Password: chosen}, true, "", here)
				return err
			},
		} {
			if purpose == deed {
				continue
			}
			if err := do(); !errors.Is(err, auth.ErrBadLink) {
				t.Errorf("a link for %s did for %s: %v", purpose, deed, err)
			}
		}
	}
	if content(t, db) != before {
		t.Error("something changed")
	}
}

func TestAResetIsMailedToWhomItMay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare string
		mailed  bool
	}{
		"unknown":    {`DELETE FROM gatepost."user"`, false},
		"disabled":   {`UPDATE gatepost."user" SET disabled_at = now()`, false},
		"unverified": {`UPDATE gatepost."user" SET email_verified = false`, true},
		"locked":     {`UPDATE gatepost.account SET failed_attempts = 1000`, true},
		"social only": {`
			UPDATE gatepost.account
			SET provider_id = 'github', issuer = 'https://github.com', account_id = '1', password = NULL`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, db, o := mailStore(t)
			signUp(t, s, "ada@example.com")
			exec(t, db, c.prepare)
			if err := s.RequestReset(t.Context(), "ada@example.com", here); err != nil {
				t.Errorf("the answer tells: %v", err)
			}
			if !c.mailed {
				o.none(t, s)
				return
			}
			_, err := s.ResetPassword(t.Context(), o.one(t, s, mail.Reset, "ada@example.com").Link, chosen, here)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := signIn(s, t.Context(), "ada@example.com", chosen); err != nil {
				t.Error(err)
			}
		})
	}
}

// An address gets one mail in a minute and five in an hour, and what is not sent looks like what is. A network that
// asks too often is told.
func TestRequestsForMailAreLimited(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t)
	signUp(t, s, "ada@example.com")
	mails := 0
	for range 7 {
		for range 2 {
			if err := s.RequestReset(t.Context(), "ada@example.com", here); err != nil {
				t.Fatal(err)
			}
		}
		mails += len(o.collect(t, s))
		exec(t, db, `UPDATE gatepost.throttle SET blocked_until = blocked_until - interval '1 minute'`)
	}
	if mails != 5 {
		t.Errorf("%d mails in seven minutes, want 5", mails)
	}
	refused := 0
	for i := range 40 {
		err := s.RequestReset(t.Context(), fmt.Sprintf("nobody%d@example.com", i), elsewhere)
		var throttled *throttle.Error
		if errors.As(err, &throttled) {
			refused++
			if throttled.RetryAfter < time.Second || throttled.RetryAfter > 3*time.Minute {
				t.Errorf("it says to wait %v", throttled.RetryAfter)
			}
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if refused != 20 {
		t.Errorf("%d of 40 requests of a network were refused, want 20", refused)
	}
}

// Nobody keeps a user from a link by having other mail sent to them.
func TestOtherMailUsesUpNoLinks(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t, required)
	for _, email := range []string{"ada@example.com", "eve@example.com"} {
		if _, err := s.CreateUser(t.Context(), auth.NewUser{Email: email, Password: goodPassword}); err != nil {
			t.Fatal(err)
		}
	}
	eve := verified(t, s, o, "eve@example.com")
	verified(t, s, o, "ada@example.com")
	if _, err := s.RequestEmailChange(t.Context(), eve, goodPassword, "ada@example.com", here); err != nil {
		t.Fatal(err)
	}
	o.one(t, s, mail.Exists, "ada@example.com")
	if _, err := enrol(s, t.Context(), "ada@example.com", elsewhere); !errors.Is(err, auth.ErrUnverified) {
		t.Fatal(err)
	}
	o.none(t, s) // one a minute
	exec(t, db, `UPDATE gatepost.throttle SET blocked_until = blocked_until - interval '1 minute' WHERE key = $1`,
		throttle.Mail("reset", "ada@example.com")[0].Key)
	if err := s.RequestReset(t.Context(), "ada@example.com", elsewhere); err != nil {
		t.Fatal(err)
	}
	o.one(t, s, mail.Reset, "ada@example.com")
}

func TestFiftyRequestsAtOnceAreOneMail(t *testing.T) {
	t.Parallel()
	s, _, o := mailStore(t)
	signUp(t, s, "ada@example.com")
	inner := secret.Client{Addr: netip.MustParseAddr("10.0.0.1")}
	for _, err := range atOnce(50, func() error { return s.RequestReset(t.Context(), "ada@example.com", inner) }) {
		if err != nil {
			t.Errorf("got %v", err)
		}
	}
	o.one(t, s, mail.Reset, "ada@example.com")
}

func TestAnOperatorsLinkResetsToo(t *testing.T) {
	t.Parallel()
	s, db, _ := mailStore(t, func(o *auth.Options) { o.Send = nil })
	signUp(t, s, "ada@example.com")
	u, err := s.FindUser(t.Context(), "ada@example.com")
	if err != nil {
		t.Fatal(err)
	}
	link, err := s.ResetLink(t.Context(), u.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ResetPassword(t.Context(), link, chosen, here); err != nil || count(t, db, "outbox") != 0 {
		t.Errorf("%v, and %d mails nobody sends", err, count(t, db, "outbox"))
	}
	for _, id := range []string{"nobody", u.ID} {
		exec(t, db, `UPDATE gatepost."user" SET disabled_at = now()`)
		if _, err := s.ResetLink(t.Context(), id); !errors.Is(err, auth.ErrNoUser) {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// The time of the answer must not tell whether there is an account; see TestTheTimeOfARefusalTellsNothing.
func TestTheTimeOfARequestForMailTellsNothing(t *testing.T) {
	s, db, o := mailStore(t, required, func(o *auth.Options) { o.AnswerStep = 75 * time.Millisecond })
	if _, err := s.CreateUser(t.Context(), auth.NewUser{Email: "ada@example.com", Password: goodPassword}); err != nil {
		t.Fatal(err)
	}
	exec(t, db, `UPDATE gatepost."user" SET email_verified = true`)
	var reset, signup [2][]time.Duration
	for i := range 25 {
		forgetLimits(t, db)
		for kind, email := range []string{"ada@example.com", fmt.Sprintf("nobody%d@example.com", i)} {
			began := time.Now()
			if err := s.RequestReset(t.Context(), email, here); err != nil {
				t.Fatal(err)
			}
			reset[kind] = append(reset[kind], time.Since(began))
			exec(t, db, `DELETE FROM gatepost.throttle`)
			began = time.Now()
			_, err := s.SignUp(t.Context(), auth.NewUser{Email: email, Password: goodPassword}, true, "", here)
			if !errors.Is(err, auth.ErrUnverified) {
				t.Fatal(err)
			}
			signup[kind] = append(signup[kind], time.Since(began))
		}
	}
	o.collect(t, s)
	for what, times := range map[string][2][]time.Duration{"a request for a reset": reset, "a sign-up": signup} {
		if z := rankTest(times[0], times[1]); z < -4 || z > 4 {
			t.Errorf("%s tells who has an account: z = %.1f, %v against %v", what, z, times[0], times[1])
		}
	}
}
