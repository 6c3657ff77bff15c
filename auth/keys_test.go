package auth_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth"
	"github.com/gatepost/gatepost/auth/authtest"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
	"github.com/gatepost/gatepost/internal/seal"
)

func keys(t *testing.T, s string) seal.Keys {
	t.Helper()
	ks, err := seal.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return ks
}

// A short code that a challenge is to be met with is in no row that somebody could try all codes against, not even as
// its hash; it opens for its own challenge alone.
func TestAShortCodeIsSealedForItsChallenge(t *testing.T) {
	t.Parallel()
	ks := keys(t, seal.NewKey())
	s, db := authtest.NewStore(t, func(o *auth.Options) { o.Keys = ks })
	signUp(t, s, "ada@example.com")
	const code = "493817"
	auth.Demand(s, func(ctx context.Context, tx pgx.Tx, n session.New) (*session.Demand, error) {
		sealed, err := auth.Seal(s, ctx, tx, seal.ChallengePayload, n.ID(), []byte(code))
		return &session.Demand{Kind: "code", For: time.Minute, Payload: sealed}, err
	})
	client := here
	client.Browser = secret.NewToken()
	issued, err := s.SignIn(t.Context(), auth.Credentials{Email: "ada@example.com",
		Password: goodPassword, Client: client})
	if err != nil {
		t.Fatal(err)
	}
	c, err := auth.Answer(s, t.Context(), issued.Challenge, throttle.BrowserPlace(client.Browser))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ks.Open(seal.ChallengePayload, c.ID, c.Payload); err != nil || string(got) != code {
		t.Errorf("opened as %q, %v", got, err)
	}
	if _, err := ks.Open(seal.ChallengePayload, c.ID+"x", c.Payload); err == nil {
		t.Error("it opens for another challenge")
	}
	sum := sha256.Sum256([]byte(code))
	if bytes.Contains(c.Payload, []byte(code)) || bytes.Contains(c.Payload, sum[:]) || mentions(t, db, code) != 0 {
		t.Error("the code, or its hash, is in the database")
	}
}

// Where something was sealed with a key, no gate that lacks it goes on.
func TestAGateThatLacksAKeyInUseSaysSo(t *testing.T) {
	t.Parallel()
	first, second := seal.NewKey(), seal.NewKey()
	s, db := authtest.NewStore(t, func(o *auth.Options) { o.Keys = keys(t, first) })
	if err := s.CheckKeys(t.Context()); err != nil {
		t.Errorf("nothing is sealed yet: %v", err)
	}
	for range 2 {
		if err := auth.SealOne(s, t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		keys string
		fine bool
	}{"none": {"", false}, "another": {second, false}, "the same": {first, true},
		"a new one in front": {second + "," + first, true}} {
		gate := auth.New(db, auth.Options{Keys: keys(t, c.keys), Log: slog.New(slog.DiscardHandler)})
		err := gate.CheckKeys(t.Context())
		gate.Close()
		if (err == nil) != c.fine || err != nil && (!strings.Contains(err.Error(), "GATEPOST_ENCRYPTION_KEY") ||
			strings.Contains(err.Error(), first)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	none, _ := authtest.NewStore(t)
	if err := auth.SealOne(none, t.Context()); err != seal.ErrNoKey {
		t.Errorf("without a key: %v", err)
	}
}
