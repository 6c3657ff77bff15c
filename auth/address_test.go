package auth_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// changeAddress goes the whole way to a new address, and returns the new session and the link that undoes it.
func changeAddress(t *testing.T, s *auth.Store, o *office, token secret.Token, to,
	from string) (session, undo secret.Token) {
	t.Helper()
	issued, err := s.RequestEmailChange(t.Context(), token, goodPassword, to, here)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ConfirmEmail(t.Context(), o.one(t, s, mail.Change, to).Link, issued.Session, here); err != nil {
		t.Fatal(err)
	}
	sent := o.collect(t, s)
	if len(sent) != 2 || sent[0].Kind != mail.Changed || sent[0].To != from || sent[0].Email != to ||
		sent[1].Kind != mail.Moved || sent[1].To != to || sent[1].Link != "" {
		t.Fatalf("both addresses have to be told, got %+v", sent)
	}
	return issued.Session, sent[0].Link
}

func email(t *testing.T, s *auth.Store, token secret.Token) string {
	t.Helper()
	v, err := s.Lookup(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return v.User.Email
}

func TestAnAddressChangesWhenItsMailWasRead(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t)
	old := signUp(t, s, "ada@example.com")
	reset := o.resetLink(t, s, db, "ada@example.com")
	issued, err := s.RequestEmailChange(t.Context(), old, goodPassword, " New@Example.com", here)
	if err != nil {
		t.Fatal(err)
	}
	if email(t, s, issued.Session) != "ada@example.com" {
		t.Error("the address changed before it was confirmed")
	}
	if err := s.Rename(t.Context(), old, "Ada", here); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("a deed with the token before the proof: %v", err)
	}
	link := o.one(t, s, mail.Change, "new@example.com").Link
	if err := s.ConfirmEmail(t.Context(), link, "", here); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("signed out: %v", err)
	}
	err = s.ConfirmEmail(t.Context(), link, signUp(t, s, "eve@example.com"), here)
	if !errors.Is(err, auth.ErrOtherUser) {
		t.Errorf("signed in as another: %v", err)
	}
	if err := s.ConfirmEmail(t.Context(), link, issued.Session, here); err != nil {
		t.Fatal(err)
	}
	if v, err := s.Lookup(t.Context(), issued.Session); err != nil || v.User.Email != "new@example.com" ||
		!v.User.EmailVerified {
		t.Errorf("afterwards the user is %+v, %v", v.User, err)
	}
	if _, err := s.ResetPassword(t.Context(), reset, chosen, here); !errors.Is(err, auth.ErrBadLink) {
		t.Errorf("a link to the old address: %v", err)
	}
}

func TestTheFirstOfSeveralChangesIsWhatIsUndone(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t)
	token := confirmed(t, s, db, "ada@example.com")
	token, own := changeAddress(t, s, o, token, "thief@example.com", "ada@example.com")
	token, thiefs := changeAddress(t, s, o, token, "thief2@example.com", "thief@example.com")
	_, err := s.SignUp(t.Context(), auth.NewUser{Email: "ada@example.com", Password: chosen}, true, "", elsewhere)
	if err == nil {
		t.Error("somebody signed up with an address its owner may want back")
	}
	eve := signUp(t, s, "eve@example.com")
	forgetLimits(t, db)
	if _, err := s.RequestEmailChange(t.Context(), eve, goodPassword, "ada@example.com", here); err != nil {
		t.Error(err)
	}
	o.one(t, s, mail.Exists, "ada@example.com")
	if _, err := s.UndoEmailChange(t.Context(), own, chosen, here); err != nil {
		t.Fatal(err)
	}
	if alive(t, s, token) {
		t.Error("the thief is still signed in")
	}
	if _, err := s.UndoEmailChange(t.Context(), thiefs, chosen, here); !errors.Is(err, auth.ErrBadLink) {
		t.Errorf("the thief undoes it: %v", err)
	}
	fresh, err := signIn(s, t.Context(), "ada@example.com", chosen)
	if err != nil || email(t, s, fresh) != "ada@example.com" {
		t.Errorf("the owner: %v", err)
	}
	if _, err := signIn(s, t.Context(), "ada@example.com", goodPassword); !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("the password the thief knows: %v", err)
	}
	if sent := o.collect(t, s); len(sent) != 2 || sent[0].Kind != mail.Password || sent[0].To != "ada@example.com" ||
		sent[1].Kind != mail.Left || sent[1].To != "thief2@example.com" || sent[1].Link != "" {
		t.Errorf("told were %+v", sent)
	}
}

// An owner who goes back by themselves, with the thief's help or without, leaves the thief no way.
func TestWhoeverGoesBackLeavesNoWayForward(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t)
	token := confirmed(t, s, db, "ada@example.com")
	token, own := changeAddress(t, s, o, token, "thief@example.com", "ada@example.com")
	forgetLimits(t, db)
	issued, err := s.RequestEmailChange(t.Context(), token, goodPassword, "ada@example.com", here)
	if err != nil {
		t.Fatal(err)
	}
	err = s.ConfirmEmail(t.Context(), o.one(t, s, mail.Change, "ada@example.com").Link, issued.Session, here)
	if err != nil {
		t.Fatal(err)
	}
	if sent := o.collect(t, s); len(sent) != 2 || sent[1].Kind != mail.Left || sent[1].To != "thief@example.com" ||
		sent[1].Link != "" {
		t.Errorf("told were %+v", sent)
	}
	if _, err := s.Link(t.Context(), own); !errors.Is(err, auth.ErrBadLink) {
		t.Errorf("a way back to where one is: %v", err)
	}
	if n := count(t, db, "verification WHERE identifier NOT LIKE 'used-%'"); n != 0 {
		t.Errorf("%d links are left", n)
	}
}

// An address that was never confirmed is nobody's: it is not kept from whoever has it.
func TestAnUnconfirmedAddressIsNotKept(t *testing.T) {
	t.Parallel()
	s, _, o := mailStore(t)
	changeAddress(t, s, o, signUp(t, s, "ada@example.com"), "squatter@example.com", "ada@example.com")
	signUp(t, s, "ada@example.com")
}

// The last thing that is heard of an account is its end, wherever it could have been taken back.
func TestADeletionIsTold(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t)
	token := confirmed(t, s, db, "ada@example.com")
	token, _ = changeAddress(t, s, o, token, "thief@example.com", "ada@example.com")
	if err := s.DeleteAccount(t.Context(), token, goodPassword, here); err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, m := range o.collect(t, s) {
		told[m.To] = m.Kind == mail.Deleted
	}
	if !told["ada@example.com"] || !told["thief@example.com"] || len(told) != 2 {
		t.Errorf("told were %v", told)
	}
}

// confirmed is a session of somebody whose address is.
func confirmed(t *testing.T, s *auth.Store, db *pgxpool.Pool, email string) secret.Token {
	t.Helper()
	token := signUp(t, s, email)
	exec(t, db, `UPDATE gatepost."user" SET email_verified = true WHERE email = $1`, email)
	return token
}

// The thief's link is opened first: the owner's still works.
func TestALaterUndoLeavesTheEarlierOne(t *testing.T) {
	t.Parallel()
	s, _, o := mailStore(t)
	token, own := changeAddress(t, s, o, signUp(t, s, "ada@example.com"), "thief@example.com", "ada@example.com")
	_, thiefs := changeAddress(t, s, o, token, "thief2@example.com", "thief@example.com")
	if _, err := s.UndoEmailChange(t.Context(), thiefs, chosen, elsewhere); err != nil {
		t.Fatal(err)
	}
	if _, err := s.UndoEmailChange(t.Context(), own, chosen, here); err != nil {
		t.Fatal(err)
	}
	if _, err := s.FindUser(t.Context(), "ada@example.com"); err != nil {
		t.Error(err)
	}
}

// An address that somebody has gets a mail of another kind, and whoever asked learns nothing.
func TestATakenAddressTellsNothing(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t)
	signUp(t, s, "bob@example.com")
	token := signUp(t, s, "ada@example.com")
	issued, err := s.RequestEmailChange(t.Context(), token, goodPassword, "bob@example.com", here)
	if err != nil {
		t.Fatal(err)
	}
	if m := o.one(t, s, mail.Exists, "bob@example.com"); m.Link != "" {
		t.Error("it has a link")
	}
	if e, err := whole(s.Export(t.Context(), issued.Session, here)); err != nil ||
		len(e.Links) != 0 || len(e.Mails) != 0 {
		t.Errorf("the download tells: %+v, %v", e, err)
	}
	// A request voids the one before, whoever has the address it is for.
	forgetLimits(t, db)
	issued, err = s.RequestEmailChange(t.Context(), issued.Session, goodPassword, "own@example.com", here)
	if err != nil {
		t.Fatal(err)
	}
	own := o.one(t, s, mail.Change, "own@example.com").Link
	forgetLimits(t, db)
	issued, err = s.RequestEmailChange(t.Context(), issued.Session, goodPassword, "bob@example.com", here)
	if err != nil {
		t.Fatal(err)
	}
	o.one(t, s, mail.Exists, "bob@example.com")
	if _, err := s.Link(t.Context(), own); !errors.Is(err, auth.ErrBadLink) {
		t.Errorf("the link before tells: %v", err)
	}
	// Taken between the mail and the click.
	forgetLimits(t, db)
	issued, err = s.RequestEmailChange(t.Context(), issued.Session, goodPassword, "free@example.com", here)
	if err != nil {
		t.Fatal(err)
	}
	link := o.one(t, s, mail.Change, "free@example.com").Link
	signUp(t, s, "free@example.com")
	var input auth.InputError
	if err := s.ConfirmEmail(t.Context(), link, issued.Session, here); !errors.As(err, &input) ||
		input[0].Problem != auth.Taken {
		t.Errorf("got %v", err)
	}
	if email(t, s, issued.Session) != "ada@example.com" {
		t.Error("the address changed")
	}
}

func TestBadNewAddresses(t *testing.T) {
	t.Parallel()
	s, _, o := mailStore(t, required, func(o *auth.Options) { o.SignUpDomains = []string{"example.com"} })
	if _, err := s.CreateUser(t.Context(), auth.NewUser{Email: "ada@example.com", Password: goodPassword}); err != nil {
		t.Fatal(err)
	}
	token := verified(t, s, o, "ada@example.com")
	for typed, want := range map[string]auth.Problem{
		"":                                    auth.Missing,
		"ADA@example.com":                     auth.Unchanged,
		"ada@example.org":                     auth.Foreign,
		"ada@sub.example.com":                 auth.Foreign,
		"a@example.com,b@example.com":         auth.Malformed,
		`"a b"@example.com`:                   auth.Malformed,
		"Ada <a@example.com>":                 auth.Malformed,
		"a@example.com\r\nBcc: b@example.com": auth.Malformed,
	} {
		var input auth.InputError
		if _, err := s.RequestEmailChange(t.Context(), token, goodPassword, typed, here); !errors.As(err, &input) ||
			input[0].Problem != want {
			t.Errorf("%q: %v, want %s", typed, err, want)
		}
	}
	_, err := s.RequestEmailChange(t.Context(), token, wrong, "b@example.com", here)
	if !errors.Is(err, auth.ErrBadCredentials) {
		t.Errorf("a wrong password: %v", err)
	}
	o.none(t, s)
}

func TestOneOfManyConfirmationsChangesTheAddress(t *testing.T) {
	t.Parallel()
	s, _, o := mailStore(t)
	issued, err := s.RequestEmailChange(t.Context(), signUp(t, s, "ada@example.com"), goodPassword,
		"new@example.com", here)
	if err != nil {
		t.Fatal(err)
	}
	link, won := o.one(t, s, mail.Change, "new@example.com").Link, 0
	for _, err := range atOnce(50, func() error { return s.ConfirmEmail(t.Context(), link, issued.Session, here) }) {
		if err == nil {
			won++
		} else if !errors.Is(err, auth.ErrBadLink) {
			t.Errorf("got %v", err)
		}
	}
	if sent := o.collect(t, s); won != 1 || len(sent) != 2 {
		t.Errorf("%d of 50 changed it, and %d mails say so", won, len(sent))
	}
}

func TestChangesOfAddressAreLimited(t *testing.T) {
	t.Parallel()
	s, _, o := mailStore(t)
	token, refused := signUp(t, s, "ada@example.com"), 0
	for i := range 25 {
		issued, err := s.RequestEmailChange(t.Context(), token, goodPassword, fmt.Sprintf("new%d@example.com", i), here)
		if err == nil {
			token = issued.Session
		} else if isThrottled(err) {
			refused++
		} else {
			t.Fatal(err)
		}
	}
	if refused != 5 || len(o.collect(t, s)) != 1 { // each takes the place of the one before
		t.Errorf("%d of 25 were refused, want 5", refused)
	}
}
