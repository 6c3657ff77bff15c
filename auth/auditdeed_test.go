package auth_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/database"
)

// A deed and its row are one: where the row cannot be written, the deed is not done, and where it is done the row is
// there before anybody has an answer.
func TestADeedIsWrittenInItsTransaction(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, audited)
	token := signUp(t, s, "ada@example.com")
	u, err := s.FindUser(t.Context(), "ada@example.com")
	if err != nil {
		t.Fatal(err)
	}
	mine, err := s.Describe(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	other := sessionsOf(t, db, "ada@example.com", 1)[0]
	theirs, err := s.Describe(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		event, session, target, details string
		do                              func(context.Context) error
	}{
		{"rename", mine.ID, "", "", func(ctx context.Context) error { return s.Rename(ctx, token, "Lovelace", here) }},
		{"set-image", mine.ID, "", "", func(ctx context.Context) error {
			image := "/ada.png"
			return s.ChangeProfile(ctx, token, auth.Profile{Image: &image}, here)
		}},
		{"end-session", mine.ID, theirs.ID, "",
			func(ctx context.Context) error { return s.EndSession(ctx, token, theirs.ID, here) }},
		{"set-role", "", "", `{"roles": "user → admin,user"}`,
			func(ctx context.Context) error { return s.SetRoles(ctx, u.ID, []string{"admin", "user"}) }},
		{"sign-out", mine.ID, "", "", func(ctx context.Context) error { return s.SignOut(ctx, token, here) }},
	} {
		before := content(t, db)
		exec(t, db, `ALTER TABLE gatepost.audit_event ADD CONSTRAINT closed CHECK (event <> '`+c.event+`') NOT VALID`)
		var refused *database.RefusedError
		if err := c.do(t.Context()); !errors.As(err, &refused) || content(t, db) != before {
			t.Errorf("%s whose row cannot be written: %v", c.event, err)
		}
		exec(t, db, `ALTER TABLE gatepost.audit_event DROP CONSTRAINT closed`)
		if err := c.do(t.Context()); err != nil {
			t.Fatal(err)
		}
		var session, target, details, user string
		err := db.QueryRow(t.Context(), `
			SELECT coalesce(session_id, ''), coalesce(target, ''), coalesce(details::text, ''), user_id
			FROM gatepost.audit_event WHERE event = $1`, c.event).Scan(&session, &target, &details, &user)
		if err != nil || session != c.session || target != c.target || details != c.details || user != u.ID {
			t.Errorf("%s: in %q, to %q, %s, of %s, %v", c.event, session, target, details, user, err)
		}
	}
}

// What an operator does has the system's user with it, in the same transaction.
func TestWhatOperatorsDoNamesThem(t *testing.T) {
	t.Parallel()
	_, db := authtest.NewStore(t, audited)
	s := auth.New(db, auth.Options{AuditRetention: time.Hour, Actor: "ada@host", Log: slog.New(slog.DiscardHandler)})
	defer s.Close()
	if _, err := s.CreateUser(t.Context(), auth.NewUser{Email: "bob@example.com", Password: goodPassword}); err != nil {
		t.Fatal(err)
	}
	var by string
	err := db.QueryRow(t.Context(), `SELECT actor FROM gatepost.audit_event WHERE event = 'create-user'`).Scan(&by)
	if err != nil || by != "ada@host" {
		t.Errorf("it was %q, %v", by, err)
	}
}

// What is asked over and over and changes nothing is counted beside, and fills no table.
func TestWhatChangesNothingIsCounted(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, audited)
	token := signUp(t, s, "ada@example.com")
	for range 100 {
		if _, err := s.EndOtherSessions(t.Context(), token, here); err != nil {
			t.Fatal(err)
		}
		if err := s.EndSession(t.Context(), token, "unknown", here); err != nil {
			t.Fatal(err)
		}
		if err := s.Rename(t.Context(), token, "", here); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	if n := count(t, db, "audit_event"); n > 40 {
		t.Errorf("300 questions have made %d rows", n)
	}
}

// Questions and deeds of one name are counted apart: each deed has its row, and no question is counted on it.
func TestQuestionsAreNotCountedOnDeeds(t *testing.T) {
	t.Parallel()
	s, db := authtest.NewStore(t, audited)
	token := signUp(t, s, "ada@example.com")
	for i := range 8 {
		for range 12 { // to the same name: a question
			if err := s.Rename(t.Context(), token, fmt.Sprint("Ada ", i), here); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.Close()
	var rows, deeds, all int
	err := db.QueryRow(t.Context(), `
		SELECT count(*), count(*) FILTER (WHERE session_id IS NOT NULL AND count = 1), sum(count)
		FROM gatepost.audit_event WHERE event = 'rename'`).Scan(&rows, &deeds, &all)
	if err != nil || deeds != 8 || all != 8*12 || rows > 8+10 {
		t.Errorf("%d rows, %d of deeds, %d events in all, %v", rows, deeds, all, err)
	}
}
