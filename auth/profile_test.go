package auth_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

func TestAPictureIsAnAddressOrData(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t)
	token, bob := signUp(t, s, "ada@example.com"), signUp(t, s, "bob@example.com")
	data := "data:image/png;base64," + strings.Repeat("QUJD", 8_000)
	for image, want := range map[string]auth.Problem{
		"https://cdn.example.com/a.png?s=1": "", "/avatars/ada.png": "", data: "", "": "",
		"http://cdn.example.com/a.png": auth.Malformed, "javascript:alert(1)": auth.Malformed,
		"//evil.example/a":              auth.Malformed,
		"https://a:b@cdn.example.com/a": auth.Malformed, "data:image/svg+xml;base64,QUJD": auth.Malformed,
		"data:text/html;base64,QUJD": auth.Malformed, `https://x.example/"><script>`: auth.Malformed,
		"ada.png":                  auth.Malformed,
		"https://x.example/a\x00b": auth.Malformed, "https://x.example/\xff": auth.Malformed, "https:///a": auth.Malformed,
		"https://x.example/" + strings.Repeat("a", 2048): auth.TooLong, data + strings.Repeat("QUJD", 1_000): auth.TooLong,
	} {
		before := content(t, db)
		err := s.ChangeProfile(t.Context(), token, auth.Profile{Image: &image}, here)
		var input auth.InputError
		if errors.As(err, &input); want != "" && (len(input) != 1 || input[0].Problem != want || content(t, db) != before) {
			t.Errorf("%.40q: got %v, want %q and nothing written", image, err, want)
		}
		if v, own := s.Describe(t.Context(), token); want == "" && (err != nil || own != nil || v.User.Image != image) {
			t.Errorf("%.40q: got %v, %v and %.40q", image, err, own, v.User.Image)
		}
	}
	if v, err := s.Describe(t.Context(), bob); err != nil || v.User.Image != "" {
		t.Errorf("another user has %q (%v)", v.User.Image, err)
	}
}

// Of a name and a picture both are changed or none, and what stays the same is not written.
func TestAProfileIsChangedAsOne(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, audited)
	token := signUp(t, s, "ada@example.com")
	name, image, bad := "Lovelace", "/ada.png", "javascript:x"
	before := content(t, db)
	if err := s.ChangeProfile(t.Context(), token, auth.Profile{Name: &name, Image: &bad}, here); err == nil ||
		content(t, db) != before {
		t.Errorf("a bad picture: %v, or the name was written", err)
	}
	both := auth.Profile{Name: &name, Image: &image}
	if err := s.ChangeProfile(t.Context(), token, both, here); err != nil {
		t.Fatal(err)
	}
	v, err := s.Describe(t.Context(), token)
	if err != nil || v.User.Name != name || v.User.Image != image {
		t.Errorf("got %+v, %v", v.User, err)
	}
	var events []string
	err = db.QueryRow(t.Context(), `SELECT array_agg(event ORDER BY event) FROM gatepost.audit_event
		WHERE event IN ('rename', 'set-image')`).Scan(&events)
	if err != nil || !slices.Equal(events, []string{"rename", "set-image"}) {
		t.Errorf("events %q, %v", events, err)
	}
	before = content(t, db)
	if err := s.ChangeProfile(t.Context(), token, both, here); err != nil || content(t, db) != before {
		t.Errorf("the same once more: %v, or something was written", err)
	}
	if err := s.ChangeProfile(t.Context(), "", both, here); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("nobody: %v", err)
	}
}

// Ending every session takes the own one along, and needs a recent proof.
func TestEverySessionEnds(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, audited)
	token, bob := signUp(t, s, "ada@example.com"), signUp(t, s, "bob@example.com")
	other := sessionsOf(t, db, "ada@example.com", 1)[0]
	exec(t, db, `UPDATE gatepost.session SET proved_at = now() - interval '11 minutes'`)
	if err := s.EndAllSessions(t.Context(), token, here); !errors.Is(err, session.ErrStale) {
		t.Errorf("long after the proof: %v", err)
	}
	exec(t, db, `UPDATE gatepost.session SET proved_at = now()`)
	if err := s.EndAllSessions(t.Context(), token, here); err != nil {
		t.Fatal(err)
	}
	for i, want := range []error{session.ErrNoSession, session.ErrNoSession, nil} {
		_, err := s.Lookup(t.Context(), []secret.Token{token, other, bob}[i])
		if !errors.Is(err, want) {
			t.Errorf("session %d: got %v, want %v", i, err, want)
		}
	}
	var n int
	if err := db.QueryRow(t.Context(), `SELECT count(*) FROM gatepost.audit_event WHERE event = 'end-all-sessions'
		AND user_id <> ''`).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d events, %v", n, err)
	}
}

// Whoever asks for a link to confirm an address learns nothing, and only who needs it gets one.
func TestAVerificationIsAskedForByAddress(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, audited, func(o *auth.Options) {
		o.Verify, o.AnswerStep = auth.VerifyOptional, 20*time.Millisecond
		o.Send = func(context.Context, mail.Mail) error { return nil }
	})
	signUp(t, s, "confirmed@example.com")
	signUp(t, s, "open@example.com")
	exec(t, db, `DELETE FROM gatepost.outbox`)
	exec(t, db, `DELETE FROM gatepost.throttle`)
	exec(t, db, `UPDATE gatepost."user" SET email_verified = true WHERE email LIKE 'confirmed%'`)
	client := here
	client.Next = "/welcome"
	for _, email := range []string{"OPEN@example.com", "confirmed@example.com", "nobody@example.com"} {
		began := time.Now()
		if err := s.RequestVerificationOf(t.Context(), email, client); err != nil {
			t.Errorf("%s: %v", email, err)
		}
		if took := time.Since(began); took < 20*time.Millisecond {
			t.Errorf("%s: answered after %v", email, took)
		}
	}
	var to, next string
	err := db.QueryRow(t.Context(), `SELECT email, facts->>'next' FROM gatepost.outbox`).Scan(&to, &next)
	if err != nil || to != "open@example.com" || next != "/welcome" {
		t.Errorf("a mail to %q that leads to %q, %v", to, next, err)
	}
	var input auth.InputError
	if err := s.RequestVerificationOf(t.Context(), "nonsense", here); !errors.As(err, &input) {
		t.Errorf("no address: %v", err)
	}
}
