package auth

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// Purpose is what a sign-in at a provider is for.
type Purpose string

// The purposes.
const (
	ToSignIn  Purpose = "sign-in" // to sign in, or to sign up
	ToLink    Purpose = "link"    // to connect the provider to the account of a session
	ToConfirm Purpose = "confirm" // to prove the user of a session again
)

// Flow is a sign-in at a provider that is to begin.
type Flow struct {
	Provider string // its name
	Purpose  Purpose
	Next     string       // the page asked for
	Remember bool         // keep the session when the browser closes
	Session  secret.Token // the session this browser has; ToLink and ToConfirm need one
	Link     secret.Token // the mailed link that it begins from; empty: none
	Client   secret.Client
}

// Begun is a sign-in that has begun. The browser keeps Key in a cookie, under ID, for FlowFor.
type Begun struct {
	URL *url.URL // at the provider
	ID  string
	Key secret.Token
}

// FlowFor is how long a sign-in at a provider may take. ClaimFor is how long a person may then take to prove that an
// account here is theirs.
const (
	FlowFor  = 10 * time.Minute
	ClaimFor = time.Hour
)

// The errors of a sign-in at a provider, besides those of package provider.
var (
	// ErrNoProvider means that no provider of that name is configured, or that it cannot do what was asked.
	ErrNoProvider = errors.New("there is no such provider")
	// ErrNoFlow means that no sign-in of this browser is under way with that state: it was never begun, was begun in
	// another browser or at another provider, was answered already, or took too long.
	ErrNoFlow = errors.New("no sign-in with this state is under way in this browser")
	// ErrLoggedOut means that the provider told us, while a sign-in was under way, that the person has logged out there.
	// Beginning again helps.
	ErrLoggedOut = errors.New("the provider said meanwhile that the person has logged out there")
)

// Providers returns the providers in the order in which visitors see them.
func (s *Store) Providers() []*provider.Provider { return s.o.Providers }

func (s *Store) provider(name string) (*provider.Provider, error) {
	for _, p := range s.o.Providers {
		if p.Spec().Name == name {
			return p, nil
		}
	}
	return nil, ErrNoProvider
}

// What is derived from the key of a flow. The provider gets the three of them; the key stays in the browser.
const (
	flowState    = "state"
	flowNonce    = "nonce"
	flowVerifier = "code verifier"
)

// FlowID is the part of a flow's cookie name that its state gives.
func FlowID(state string) string { return idOf(secret.Token(state).Hash()) }

func idOf(stateHash string) string { return stateHash[:16] }

// BeginProvider begins a sign-in at a provider. ToLink takes a recent proof of the user, by their second factor if they
// have one: the provider is to open the account, perhaps as both factors. It fails with ErrNoProvider,
// session.ErrNoSession, session.ErrStale and ErrStaleFactor (ToLink), a *provider.Error, share.ErrCrowded,
// share.ErrBusy or database.ErrUnavailable.
func (s *Store) BeginProvider(ctx context.Context, f Flow) (Begun, error) {
	p, err := s.provider(f.Provider)
	if err != nil {
		return Begun{}, err
	}
	begun, err := s.beginAt(ctx, p, f)
	err = leftOr(ctx, err)
	var fault *provider.Error
	if errors.As(err, &fault) || errors.Is(err, provider.ErrUnavailable) {
		s.trail.Note(ctx, audit.Event{Name: "begin-" + string(f.Purpose), Result: result(err), Client: f.Client,
			Details: providerDetails(f.Provider, err)})
	}
	return begun, err
}

func (s *Store) beginAt(ctx context.Context, p *provider.Provider, f Flow) (_ Begun, err error) {
	var own session.Own
	var may judgeOwn // any session will do to prove its user again
	if f.Purpose == ToLink {
		may = mayChangeWaysIn
	}
	if f.Purpose != ToSignIn {
		if own, err = s.judged(ctx, f.Session, may); err != nil {
			return Begun{}, err
		}
	}
	maxAge := time.Duration(0)
	switch {
	case f.Purpose == ToConfirm && !p.AsksAge():
		return Begun{}, ErrNoProvider
	case f.Purpose == ToConfirm:
		maxAge = session.FreshFor
	}
	key := secret.NewToken()
	state := string(key.Derive(flowState))
	to, err := p.Begin(ctx, provider.Ask{State: state, Nonce: string(key.Derive(flowNonce)),
		Verifier: string(key.Derive(flowVerifier)), MaxAge: maxAge, SelectAccount: f.Purpose == ToLink,
		LoginHint: own.Email})
	if err != nil {
		return Begun{}, err
	}
	if err := s.insertFlow(ctx, f, key, maxAge, own.UserID); err != nil {
		return Begun{}, err
	}
	return Begun{URL: to, ID: FlowID(state), Key: key}, nil
}

func (s *Store) insertFlow(ctx context.Context, f Flow, key secret.Token, maxAge time.Duration, userID string) error {
	n := networkOf(f.Client.Addr)
	if len(f.Next) > flowNextMost {
		f.Next = ""
	}
	return s.db.Transact(ctx, "begin a sign-in at a provider", func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO gatepost.provider_flow (state, browser, provider, purpose, next, remember, max_age, user_id,
			    session, link, network, wide, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, nullif($8, ''), nullif($9, ''), nullif($10, ''), $11, $12,
			    now() + $13::interval)`,
			key.Derive(flowState).Hash(), key.Hash(), f.Provider, f.Purpose, f.Next, f.Remember,
			int(maxAge.Seconds()), userID, hashOrNone(f.Session), hashOrNone(f.Link), n.narrow, n.wide, FlowFor)
		if err != nil {
			return err
		}
		if err := n.bound(ctx, tx, "provider_flow", "state"); err != nil || len(f.Next) <= flowNextShort {
			return err
		}
		return n.boundPages(ctx, tx)
	})
}

// EndFlows ends the sign-ins of a browser, whose keys are given, and its claims. It fails with
// database.ErrUnavailable.
func (s *Store) EndFlows(ctx context.Context, keys []secret.Token) error {
	return s.db.Batch(ctx, "end sign-ins at providers", func(b *pgx.Batch) {
		b.Queue(`DELETE FROM gatepost.provider_flow WHERE browser = ANY ($1)`, hashesOf(keys))
	})
}

// EndClaims ends the claims of a browser, whose keys are given. Its sign-ins go on. It fails with
// database.ErrUnavailable.
func (s *Store) EndClaims(ctx context.Context, keys []secret.Token) error {
	return s.db.Batch(ctx, "end claims", func(b *pgx.Batch) {
		b.Queue(`DELETE FROM gatepost.provider_flow WHERE browser = ANY ($1) AND identity IS NOT NULL`, hashesOf(keys))
	})
}

func hashesOf(keys []secret.Token) []string {
	hashes := make([]string, len(keys))
	for i, key := range keys {
		hashes[i] = key.Hash()
	}
	return hashes
}

func hashOrNone(t secret.Token) string {
	if t == "" {
		return ""
	}
	return t.Hash()
}

// sweepFlows deletes flows and logout tokens that have expired.
func (s *Store) sweepFlows(ctx context.Context) (int64, error) {
	flows, err := s.db.Sweep(ctx, `provider_flow WHERE expires_at < now() ORDER BY expires_at`)
	if err != nil {
		return flows, err
	}
	tokens, err := s.db.Sweep(ctx, `logout_token WHERE expires_at < now() ORDER BY expires_at`)
	return flows + tokens, err
}
