package auth_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
)

// choosing lets users choose their usernames, besides "boss", which the operator keeps.
func choosing(o *auth.Options) { o.UsernamesChosen, o.ReservedUsernames = true, []string{"boss"} }

// signUpAs signs a user up with a username.
func signUpAs(t *testing.T, s *auth.Store, email, username string) error {
	t.Helper()
	u := auth.NewUser{Email: email, Username: username, Password: goodPassword}
	_, err := s.SignUp(t.Context(), u, true, "", here)
	return err
}

// problem is what is wrong with the username; empty: nothing.
func problem(t *testing.T, err error) auth.Problem {
	t.Helper()
	var input auth.InputError
	if err == nil {
		return ""
	}
	if !errors.As(err, &input) || len(input) != 1 || input[0].Field != "username" {
		t.Fatalf("got %v, want a problem with the username", err)
	}
	return input[0].Problem
}

func TestWhatAUsernameIs(t *testing.T) {
	t.Parallel()
	s, _ := authtest.NewStore(t, choosing)
	emails := map[string]string{}
	for typed, want := range map[string]auth.Problem{
		"ada": "", " Grace ": "", "a": "", "0x": "", "a.b_c-d": "", strings.Repeat("z", 32): "",
		strings.Repeat("z", 33): auth.TooLong, ".ada": auth.Malformed, "-ada": auth.Malformed, "ad a": auth.Malformed,
		"adä": auth.Malformed, "ad\x00a": auth.Malformed, "ада": auth.Malformed, "a/b": auth.Malformed,
		"\u212Aim": auth.Malformed, // KELVIN SIGN, whose lower case is k
		"   ":      auth.Missing,
		"admin":    auth.Reserved, "Root": auth.Reserved, "ad.min": auth.Reserved, "admin-": auth.Reserved,
		"r00t": auth.Reserved, "adm1n": auth.Reserved, "no_reply": auth.Reserved, "boss": auth.Reserved,
		"b0.ss": auth.Reserved, "admin1": auth.Reserved, "boss_42": auth.Reserved, "bossy": "", "administrate": "",
		"the.admin": auth.Reserved, "security-team": auth.Reserved, "wp4dmin": auth.Reserved, "www_data": auth.Reserved,
		"secure": "", "rooted": "", "supporter": "",
	} {
		email := fmt.Sprintf("%d@example.com", len(emails))
		emails[typed] = email
		if got := problem(t, signUpAs(t, s, email, typed)); got != want {
			t.Errorf("%q: got %q, want %q", typed, got, want)
		}
	}
	if u, err := s.FindUser(t.Context(), emails[" Grace "]); err != nil || u.Username != "grace" || !u.UsernameChosen {
		t.Errorf("got %+v, %v", u, err)
	}
}

// Where only operators give names, what a visitor sends as one is left out, and nobody can choose one.
func TestUsernamesAreTheOperators(t *testing.T) {
	t.Parallel()
	s, _ := authtest.NewStore(t)
	if err := signUpAs(t, s, "ada@example.com", "ada"); err != nil {
		t.Fatal(err)
	}
	u, err := s.FindUser(t.Context(), "ada@example.com")
	if err != nil || u.Username != "" {
		t.Errorf("got %q, %v", u.Username, err)
	}
	token := signUp(t, s, "bob@example.com")
	if err := s.ChooseUsername(t.Context(), token, "bob", here); !errors.Is(err, auth.ErrUsernamesGiven) {
		t.Errorf("choose: %v", err)
	}
	if err := s.SetUsername(t.Context(), u.ID, "Admin"); err != nil {
		t.Fatal(err)
	}
	if u, err = s.UserByID(t.Context(), u.ID); err != nil || u.Username != "admin" || u.UsernameChosen {
		t.Errorf("got %q, %t, %v", u.Username, u.UsernameChosen, err)
	}
	eve := auth.NewUser{Email: "eve@example.com", Username: "root", Password: goodPassword}
	made, err := s.CreateUser(t.Context(), eve)
	if err != nil || made.Username != "root" || made.UsernameChosen {
		t.Errorf("got %+v, %v", made, err)
	}
}

// A name that somebody had is never another's: not after a rename, nor after a deletion, by whatever way.
func TestAUsernameIsNeverGivenAgain(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, choosing)
	if err := signUpAs(t, s, "ada@example.com", "ada"); err != nil {
		t.Fatal(err)
	}
	ada, err := s.FindUser(t.Context(), "ada@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetUsername(t.Context(), ada.ID, "countess"); err != nil {
		t.Fatal(err)
	}
	bob := signUp(t, s, "bob@example.com")
	takes := map[string]func(name string) error{
		"a sign-up":  func(name string) error { return signUpAs(t, s, name+"@example.org", name) },
		"the page":   func(name string) error { return s.ChooseUsername(t.Context(), bob, name, here) },
		"a user row": func(name string) error { return byHand(t, db, name) },
		"an operator": func(name string) error {
			u, err := s.FindUser(t.Context(), "bob@example.com")
			if err != nil {
				return err
			}
			return s.SetUsername(t.Context(), u.ID, name)
		},
		"a made user": func(name string) error {
			_, err := s.CreateUser(t.Context(), auth.NewUser{Email: "m-" + name + "@example.org", Username: name,
				Password: goodPassword})
			return err
		},
	}
	try := func(when string) {
		for how, take := range takes {
			for _, name := range []string{"ada", "countess"} {
				if got := problem(t, take(name)); got != auth.Taken {
					t.Errorf("%s: %s takes %s: %q", when, how, name, got)
				}
			}
		}
	}
	try("while they live")
	if err := s.SetUsername(t.Context(), ada.ID, "ada"); err != nil {
		t.Errorf("their own name, again: %v", err)
	}
	try("after their return")
	exec(t, db, `DELETE FROM gatepost."user" WHERE id = $1`, ada.ID)
	try("after their end")
	exec(t, db, `INSERT INTO gatepost."user" (id, email) VALUES ($1, 'ada@example.net')`, ada.ID)
	if got := problem(t, s.SetUsername(t.Context(), ada.ID, "ada")); got != auth.Taken {
		t.Errorf("who has their id: %q", got)
	}
	var kept string
	err = db.QueryRow(t.Context(), `SELECT string_agg(t::text, ' ') FROM gatepost.username_taken t`).Scan(&kept)
	if err != nil || strings.Contains(kept, "countess") || strings.Contains(kept, ada.ID) {
		t.Errorf("is kept of them: %s, %v", kept, err)
	}
}

// byHand gives a user a name as an operator does in psql.
func byHand(t *testing.T, db *pgxpool.Pool, name string) error {
	t.Helper()
	_, err := db.Exec(t.Context(), `INSERT INTO gatepost."user" (id, email, username)
	    VALUES ($1, $1 || '@hand.example', $2)`, "by hand "+name, name)
	var said *pgconn.PgError
	if errors.As(err, &said) && said.Code == "23505" && said.ConstraintName == "user_username_key" {
		return auth.InputError{{Field: "username", Problem: auth.Taken}}
	}
	return err
}

func TestUsernamesByHandHaveTheirForm(t *testing.T) {
	t.Parallel()
	_, db := authtest.NewStore(t)
	for _, name := range []string{"Ada", "", "-a", "a b", "ä", "a\n", strings.Repeat("a", 33)} {
		if err := byHand(t, db, name); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
	if err := byHand(t, db, "ada"); err != nil {
		t.Error(err)
	}
}

// Of many who want a name at the same moment, at several gates, one gets it, and the others are told.
func TestOneGetsAUsername(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, choosing)
	other := auth.New(db, auth.Options{UsernamesChosen: true})
	defer other.Close()
	const rivals = 8
	errs := make([]error, rivals)
	var all sync.WaitGroup
	for i := range rivals {
		all.Go(func() {
			u := auth.NewUser{Email: fmt.Sprintf("r%d@example.com", i), Username: "ada", Password: goodPassword}
			_, errs[i] = []*auth.Store{s, other}[i%2].SignUp(t.Context(), u, true, "", here)
		})
	}
	all.Wait()
	got := 0
	for _, err := range errs {
		if problem(t, err) != auth.Taken {
			got++
		}
	}
	if n := count(t, db, `"user"`); got != 1 || n != 1 {
		t.Errorf("%d got it, and there are %d users", got, n)
	}
}

// A user chooses once. Each try tells whether a name is taken, so there are few.
func TestAUserChoosesOnce(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, choosing, audited)
	if err := byHand(t, db, "bob"); err != nil {
		t.Fatal(err)
	}
	token := signUp(t, s, "ada@example.com")
	if got := problem(t, s.ChooseUsername(t.Context(), token, "bob", here)); got != auth.Taken {
		t.Errorf("another's: %q", got)
	}
	if err := s.ChooseUsername(t.Context(), token, "Ada", here); err != nil {
		t.Fatal(err)
	}
	if v, err := s.Lookup(t.Context(), token); err != nil || v.User.Username != "ada" || !v.User.UsernameChosen {
		t.Errorf("the next request: %+v, %v", v.User, err)
	}
	if err := s.ChooseUsername(t.Context(), token, "countess", here); !errors.Is(err, auth.ErrHasUsername) {
		t.Errorf("again: %v", err)
	}
	if err := s.ChooseUsername(t.Context(), "nonsense", "countess", here); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("without a session: %v", err)
	}
	var err error
	for range 10 {
		err = s.ChooseUsername(t.Context(), token, "bob", here)
	}
	if !errors.As(err, new(*throttle.Error)) {
		t.Errorf("after many: %v", err)
	}
	var events int
	if err := db.QueryRow(t.Context(), `SELECT count(*) FROM gatepost.audit_event WHERE event = 'choose-username'
	    AND result = 'ok'`).Scan(&events); err != nil || events != 1 {
		t.Errorf("%d events, %v", events, err)
	}
}

// A name that whoever came first has chosen for an address that is not theirs goes with the rest of theirs: by a
// mailed link, and by an invitation, with which its owner chooses another.
func TestAStrangersUsernameGoes(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, choosing)
	var tokens []secret.Token
	for _, email := range []string{"ada@example.com", "bob@example.com"} {
		invited, err := s.InvitationLink(t.Context(), auth.Invitation{Email: email})
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, invited)
		if err := signUpAs(t, s, email, "eve-"+email[:3]); err != nil {
			t.Fatal(err)
		}
	}
	exec(t, db, `UPDATE gatepost."user" SET username_chosen = false WHERE email = 'bob@example.com'`)
	for i, want := range []string{"countess", "eve-bob"} { // the latter an operator has given meanwhile
		u := auth.NewUser{Username: []string{"countess", "bobby"}[i], Password: goodPassword}
		issued, err := s.AcceptInvitation(t.Context(), tokens[i], u, true, "", here)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := s.Lookup(t.Context(), issued.Session); err != nil || v.User.Username != want {
			t.Errorf("got %q, %v, want %q", v.User.Username, err, want)
		}
	}
	if err := signUpAs(t, s, "carol@example.com", "eve-carol"); err != nil {
		t.Fatal(err)
	}
	u, err := s.FindUser(t.Context(), "carol@example.com")
	if err != nil {
		t.Fatal(err)
	}
	exec(t, db, `INSERT INTO gatepost.verification (id, identifier, value, user_id, email, mailed, expires_at)
		VALUES ('1', $1, $2, $3, $4, true, now() + interval '1 hour')`, string(mail.ForReset)+":"+u.ID,
		secret.Token("reset").Hash(), u.ID, u.Email)
	if _, err := s.ResetPassword(t.Context(), "reset", goodPassword, here); err != nil {
		t.Fatal(err)
	}
	if u, err = s.UserByID(t.Context(), u.ID); err != nil || u.Username != "" || u.UsernameChosen || !u.EmailVerified {
		t.Errorf("after a reset: %+v, %v", u, err)
	}
}
