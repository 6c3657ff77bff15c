package auth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/seal"
)

// Callback is a provider's answer, as a browser brought it.
type Callback struct {
	Provider string // the one at whose callback it arrived
	State    string
	ProviderAnswer
	Key     secret.Token // from the cookie of FlowID(State); empty: this browser has none
	Session secret.Token // the session this browser has; empty: none
	Client  secret.Client
}

// ProviderAnswer are the parameters of an answer besides state.
type ProviderAnswer struct {
	Code   string // empty: the provider refuses, or the answer was parked
	Error  string // the parameter error
	Issuer string // the parameter iss
	User   string // the form field user of Apple
}

// Finished is a sign-in at a provider that has come to an end. It says also after an error where the visitor was on
// the way to.
type Finished struct {
	Issued
	UserID   string // empty: nobody was signed in
	Provider string
	Purpose  Purpose
	Next     string
	// Took reports that the account had been made by somebody who never confirmed its address. What the app keeps
	// under it may not be the visitor's.
	Took bool

	event     string // in the audit log; empty: that of the purpose
	connected bool   // an identity was connected to an account that was there
	unseen    bool   // a user was made who has to confirm the address first
}

// events are the names in the audit log, by purpose.
var events = map[Purpose]string{"": "sign-in", ToSignIn: "sign-in", ToLink: "link-account", ToConfirm: "confirm"}

// flow is a row of provider_flow.
type flow struct {
	state, provider string
	purpose         Purpose
	next            string
	remember        bool
	maxAge          time.Duration
	userID          string
	session         string    // SHA-256; empty: any
	link            string    // SHA-256; empty: none
	network, wide   string    // where it began
	began           time.Time // by PostgreSQL's clock
}

// noFlow is ErrNoFlow with a cause for the log.
func noFlow(cause string) error { return fmt.Errorf("%w: %s", ErrNoFlow, cause) }

// parkedFor is how long a parked answer waits for the browser to come and get it.
const parkedFor = time.Minute

// maxAnswer bounds each parameter of an answer, in bytes.
const maxAnswer = 4096

// flowColumn is what values in provider_flow are encrypted for: with the state, or with the browser's key.
func flowColumn(name string) seal.Column { return seal.Column{Table: "provider_flow", Name: name} }

// Park keeps an answer that came as a post from another site, without the browser's cookies, until the browser comes
// with a GET of its own. An answer is parked once, and only for a sign-in that is under way; other answers are
// dropped without an error. It opens nothing. Park fails with database.ErrUnavailable.
func (s *Store) Park(ctx context.Context, providerName, state string, a ProviderAnswer) error {
	if len(state) > maxAnswer || a.oversized() {
		return nil
	}
	keys, err := seal.From(state)
	if err != nil {
		return err
	}
	written, err := json.Marshal(a)
	if err != nil {
		return err
	}
	hash := secret.Token(state).Hash()
	sealed, err := keys.Seal(flowColumn("parked"), hash, written)
	if err != nil {
		return err
	}
	return s.db.Transact(ctx, "park an answer", func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			UPDATE gatepost.provider_flow SET parked = $3, parked_until = now() + $4::interval
			WHERE state = $1 AND provider = $2 AND parked IS NULL AND identity IS NULL AND expires_at > now()`,
			hash, database.Storable(providerName), sealed, parkedFor)
		return err
	})
}

func (a ProviderAnswer) oversized() bool {
	return max(len(a.Code), len(a.Error), len(a.Issuer), len(a.User)) > maxAnswer
}

// FinishProvider ends a sign-in at a provider. It fails with ErrNoFlow, ErrLoggedOut, a *provider.Error,
// provider.ErrUnavailable, ErrSignUpClosed, ErrUnverified (a mail is on its way), *ClaimError, ErrLinkedElsewhere,
// ErrNoAddress, InputError (field "email"), ErrBadCredentials (the user is disabled), session.ErrNoSession and
// ErrOtherUser (ToLink and ToConfirm), ErrBadLink, *throttle.Error, share.ErrCrowded, share.ErrBusy,
// context.Canceled (the visitor left) or database.ErrUnavailable. No failure has made a session, and none but
// ErrUnverified a user.
func (s *Store) FinishProvider(ctx context.Context, c Callback) (Finished, error) {
	began := time.Now()
	f, answer, err := s.takeFlow(ctx, c)
	done := Finished{Provider: f.provider, Purpose: f.purpose, Next: f.next}
	if err == nil {
		c.ProviderAnswer = answer
		c.Client.Next = f.next
		err = leftOr(ctx, s.finishFlow(ctx, c, f, &done))
	}
	s.noteProvider(ctx, c, f, done, err)
	if errors.Is(err, ErrUnverified) { // which takes longer for an address that is free
		s.hold(ctx, began, s.o.AnswerStep)
	}
	return done, err
}

// leftOr returns that the visitor left, if a call to a provider failed because they did: it is no fault of the
// provider's.
func leftOr(ctx context.Context, err error) error {
	if errors.Is(err, provider.ErrUnavailable) && errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("the visitor left: %w", context.Canceled)
	}
	return err
}

// takeFlow finds the flow of a callback. A state works once, at its provider and in its browser; anybody else leaves
// it as it was.
func (s *Store) takeFlow(ctx context.Context, c Callback) (f flow, a ProviderAnswer, err error) {
	switch {
	case c.State == "" || c.oversized():
		return flow{}, a, noFlow("the answer has no state, a parameter twice, or one that is too long")
	case c.Key == "" || c.Key.Derive(flowState) != secret.Token(c.State):
		return flow{}, a, noFlow("this browser has no cookie of it")
	}
	f.state = secret.Token(c.State).Hash()
	var parked []byte
	var seconds int
	err = s.db.Transact(ctx, "take a sign-in at a provider", func(ctx context.Context, tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `
			DELETE FROM gatepost.provider_flow
			WHERE state = $1 AND browser = $2 AND provider = $3 AND identity IS NULL AND expires_at > now()
			RETURNING provider, purpose, next, remember, max_age, coalesce(user_id, ''), coalesce(session, ''),
			    coalesce(link, ''), CASE WHEN parked_until > now() THEN parked END, network, wide,
			    created_at`,
			f.state, c.Key.Hash(), database.Storable(c.Provider)).
			Scan(&f.provider, &f.purpose, &f.next, &f.remember, &seconds, &f.userID, &f.session, &f.link, &parked,
				&f.network, &f.wide, &f.began)
		if errors.Is(err, pgx.ErrNoRows) {
			return noFlow("it was answered before, ran out, or is of another provider")
		}
		return err
	})
	f.maxAge = time.Duration(seconds) * time.Second
	if err != nil || c.Code != "" || c.Error != "" {
		return f, c.ProviderAnswer, err
	}
	a, err = unpark(c.State, f.state, parked)
	return f, a, err
}

func unpark(state, hash string, sealed []byte) (a ProviderAnswer, err error) {
	keys, err := seal.From(state)
	if err != nil {
		return a, err
	}
	written, err := keys.Open(flowColumn("parked"), hash, sealed)
	if err != nil {
		return a, noFlow("no answer came, or it waited too long")
	}
	return a, json.Unmarshal(written, &a)
}

// finishFlow asks the provider who was there, and does what the flow is for.
func (s *Store) finishFlow(ctx context.Context, c Callback, f flow, done *Finished) error {
	p, err := s.provider(f.provider)
	if err != nil {
		return err
	}
	if c.Error != "" {
		if err := p.CheckIssuer(ctx, c.Issuer); err != nil { // as Finish does
			return err
		}
		return provider.FromCallback(c.Error)
	}
	id, err := p.Finish(ctx, provider.Answer{Code: c.Code, Issuer: c.Issuer, User: c.User, MaxAge: f.maxAge,
		Nonce: string(c.Key.Derive(flowNonce)), Verifier: string(c.Key.Derive(flowVerifier))})
	if err != nil {
		return err
	}
	v := visit{p: p, id: id, flow: f, client: c.Client, presented: c.Session, key: c.Key}
	switch f.purpose {
	case ToLink:
		return s.linkToSession(ctx, v, done)
	case ToConfirm:
		return s.confirmBy(ctx, v, done)
	}
	return s.enterBy(ctx, v, done)
}

// visit is a person whom a provider has named, on the way to an account here.
type visit struct {
	p         *provider.Provider
	id        provider.Identity
	flow      flow
	client    secret.Client
	presented secret.Token
	key       secret.Token     // the flow's
	also      []session.Method // what proved the person besides, just now
}

// noteProvider logs and counts the outcome of a callback: with its cause, which visitors never see. What was done has
// its row already.
func (s *Store) noteProvider(ctx context.Context, c Callback, f flow, done Finished, err error) {
	name := c.Provider // that of the path: there is one for each provider
	outcome := cmp.Or(err, done.half())
	s.metrics.providers.WithLabelValues(name, result(outcome)).Inc()
	v := audit.Event{Name: cmp.Or(done.event, events[f.purpose]), Result: result(outcome),
		UserID: cmp.Or(done.UserID, f.userID), SessionID: done.SessionID, Client: c.Client,
		Details: providerDetails(name, err)}
	if err == nil && f.purpose == ToLink && !done.connected {
		v.Result = "unchanged" // it was connected before
	}
	if err != nil && !done.unseen || v.Result == "unchanged" {
		s.trail.Note(ctx, v)
		return
	}
	s.trail.Wrote(ctx, v)
	s.tellOfLink(ctx, name, c.Client, done)
}

// tellOfLink logs what a sign-in changed besides: the rows were written with it.
func (s *Store) tellOfLink(ctx context.Context, name string, c secret.Client, done Finished) {
	if done.connected && done.Purpose != ToLink {
		s.trail.Wrote(ctx, audit.Event{Name: "link-account", UserID: done.UserID, Client: c,
			Details: providerDetails(name, nil)})
	}
	if done.Took {
		s.trail.Wrote(ctx, audit.Event{Name: "take-over", UserID: done.UserID, Client: c})
	}
}
