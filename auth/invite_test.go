package auth_test

import (
	"errors"
	"testing"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/internal/share"
)

func TestAnInvitationMakesAnAccountOfItsAddressAndRoles(t *testing.T) {
	t.Parallel()
	s, db, o := mailStore(t, func(o *auth.Options) { o.SignUpClosed, o.SignUpDomains = true, []string{"example.org"} })
	if err := s.Invite(t.Context(), auth.Invitation{Email: "Guest@example.com", Roles: []string{"editor", "user"},
		Language: "es"}); err != nil {
		t.Fatal(err)
	}
	m := o.one(t, s, mail.Invite, "guest@example.com")
	if m.Language != "es" || m.Role != "editor,user" {
		t.Errorf("the mail is %+v", m)
	}
	if l, err := s.Link(t.Context(), m.Link); err != nil || l.Purpose != mail.ForInvite ||
		l.Email != "guest@example.com" {
		t.Errorf("the link is %+v, %v", l, err)
	}
	typed := auth.NewUser{Email: "eve@example.com", Name: "Guest", Password: goodPassword, Roles: []string{"admin"}}
	issued, err := s.AcceptInvitation(t.Context(), m.Link, typed, true, "", here)
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.Lookup(t.Context(), issued.Session)
	if u := v.User; err != nil || u.Email != "guest@example.com" || !u.EmailVerified || u.HasAny([]string{"admin"}) ||
		!u.HasAny([]string{"editor"}) {
		t.Errorf("the user is %+v, %v", v.User, err)
	}
	if _, err := s.AcceptInvitation(t.Context(), m.Link, typed, true, "", here); !errors.Is(err, auth.ErrBadLink) {
		t.Errorf("a second time: %v", err)
	}
	if count(t, db, `"user"`) != 1 || count(t, db, "verification") != 0 {
		t.Error("something is left")
	}
}

func TestInvitations(t *testing.T) {
	t.Parallel()
	s, db, _ := mailStore(t)
	signUp(t, s, "ada@example.com")
	for typed, want := range map[string]auth.Problem{"ADA@example.com": auth.Taken, "nonsense": auth.Malformed} {
		var input auth.InputError
		if err := s.Invite(t.Context(), auth.Invitation{Email: typed}); !errors.As(err, &input) ||
			input[0].Problem != want {
			t.Errorf("%s: %v", typed, err)
		}
	}
	first, err1 := s.InvitationLink(t.Context(), auth.Invitation{Email: "guest@example.com"})
	second, err2 := s.InvitationLink(t.Context(), auth.Invitation{Email: "guest@example.com"})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Link(t.Context(), first); !errors.Is(err, auth.ErrBadLink) {
		t.Errorf("the first of two: %v", err)
	}
	won := 0
	for _, err := range atOnce(20, func() error {
		_, err := s.AcceptInvitation(t.Context(), second, auth.NewUser{Password: goodPassword}, true, "", here)
		return err
	}) {
		var input auth.InputError
		switch {
		case err == nil:
			won++
		case errors.Is(err, auth.ErrBadLink), errors.Is(err, share.ErrBusy), errors.Is(err, share.ErrCrowded),
			errors.As(err, &input) && input[0].Problem == auth.Taken:
		default:
			t.Errorf("got %v", err)
		}
	}
	if won != 1 || count(t, db, `"user"`) != 2 {
		t.Errorf("%d of 20 accepted it", won)
	}
}

// Whoever confirmed the address meanwhile keeps the account as it is, and whoever did not loses it to the guest.
func TestAnInvitationAndASquatter(t *testing.T) {
	t.Parallel()
	s, db, _ := mailStore(t)
	for _, own := range []bool{true, false} {
		link, err := s.InvitationLink(t.Context(), auth.Invitation{Email: "guest@example.com",
			Roles: []string{"editor"}})
		if err != nil {
			t.Fatal(err)
		}
		token := signUp(t, s, "guest@example.com")
		exec(t, db, `UPDATE gatepost."user" SET email_verified = $1`, own)
		guest := auth.NewUser{Name: "Guest", Password: chosen}
		issued, err := s.AcceptInvitation(t.Context(), link, guest, true, "", here)
		var input auth.InputError
		if own != (errors.As(err, &input) && input[0].Problem == auth.Taken) || own != alive(t, s, token) {
			t.Errorf("confirmed %t: %v", own, err)
		}
		if !own {
			v, err := s.Lookup(t.Context(), issued.Session)
			if u := v.User; err != nil || !u.EmailVerified || u.Name != "Guest" || !u.HasAny([]string{"editor"}) ||
				u.HasAny([]string{"user"}) {
				t.Errorf("the guest is %+v, %v", v.User, err)
			}
			_, err = signIn(s, t.Context(), "guest@example.com", goodPassword)
			if !errors.Is(err, auth.ErrBadCredentials) {
				t.Errorf("the squatter: %v", err)
			}
		}
		exec(t, db, `DELETE FROM gatepost."user"`)
		exec(t, db, `DELETE FROM gatepost.verification`)
	}
}
