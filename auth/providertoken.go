package auth

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/internal/seal"
)

const (
	// refreshAhead is how long before its end a provider's token is renewed, or half its life if that is less.
	refreshAhead = 5 * time.Minute
	// refreshLeast is how long a token is left alone at least, however short its provider says that it lives.
	refreshLeast = time.Minute
	// refreshEvery is how often tokens to be renewed are looked for. refreshLease is how long they are left to one gate:
	// longer than any call to a provider takes.
	refreshEvery = 15 * time.Second
	refreshLease = 2 * time.Minute
	// refreshMost is how many one gate renews at once, and refreshTries how often in a row a renewal may fail.
	refreshMost  = 8
	refreshTries = 10
)

// keepTokens keeps the tokens of a sign-in, in its transaction, if the operator wants it.
func (s *Store) keepTokens(ctx context.Context, tx pgx.Tx, accountID string, t provider.Tokens) error {
	if !s.o.KeepProviderTokens || t.Access == "" {
		return nil
	}
	access, err := s.seal(ctx, tx, seal.ProviderAccess, accountID, []byte(t.Access))
	if err != nil {
		return err
	}
	var refresh []byte
	if t.Refresh != "" {
		if refresh, err = s.seal(ctx, tx, seal.ProviderRefresh, accountID, []byte(t.Refresh)); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO gatepost.provider_token AS p (account_id, access, refresh, expires_at, refresh_at)
		VALUES ($1, $2, $3::bytea, $4, CASE WHEN $3::bytea IS NOT NULL THEN $5::timestamptz END)
		ON CONFLICT (account_id) DO UPDATE SET access = excluded.access, failures = 0, updated_at = now(),
		    expires_at = excluded.expires_at, refresh = coalesce(excluded.refresh, p.refresh),
		    refresh_at = CASE WHEN coalesce(excluded.refresh, p.refresh) IS NOT NULL THEN $5::timestamptz END`,
		accountID, access, refresh, orNull(t.Expires), refreshTime(t.Expires))
	return err
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// refreshTime is when to renew a token; nil: never, as it does not end.
func refreshTime(expires time.Time) *time.Time {
	if expires.IsZero() {
		return nil
	}
	life := time.Until(expires)
	at := time.Now().Add(max(life-refreshAhead, life/2, refreshLeast))
	return &at
}

// ProviderToken returns the token with which the app may call the provider in the name of a session's user: that of
// the provider the session came by. It is empty when none is kept, it has run out, or the provider has another issuer
// now. Nothing is renewed here.
func (s *Store) ProviderToken(ctx context.Context, v session.Session) (secret.Text, error) {
	if !s.o.KeepProviderTokens {
		return "", nil
	}
	var accountID string
	var sealed []byte
	err := s.db.OnPath(ctx, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `
			SELECT p.account_id, p.access FROM gatepost.session s
			JOIN gatepost.provider_token p ON p.account_id = s.account_id
			JOIN gatepost.account a ON a.id = s.account_id AND `+s.atProvider("a")+`
			WHERE s.id = $1 AND (p.expires_at IS NULL OR p.expires_at > now())`, v.ID).Scan(&accountID, &sealed)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	access, err := s.o.Keys.Open(seal.ProviderAccess, accountID, sealed)
	return secret.Text(access), err
}

// refreshTokens renews tokens before they run out, until the context ends.
func (s *Store) refreshTokens(ctx context.Context) {
	if !s.o.KeepProviderTokens {
		return
	}
	for ctx.Err() == nil {
		n, err := s.refreshSome(ctx)
		if err != nil && ctx.Err() == nil {
			s.o.Log.WarnContext(ctx, "tokens of providers were not renewed", "err", err)
		}
		if n < refreshMost || err != nil {
			database.Wait(ctx, refreshEvery-secret.Chance(refreshEvery/2))
		}
	}
}

// due is a token to be renewed.
type due struct {
	accountID, provider string
	refresh             []byte
}

// refreshSome renews some of the tokens that are due, of users who are signed in, and returns how many it tried.
func (s *Store) refreshSome(ctx context.Context) (tried int, err error) {
	rows, _ := s.db.Work.Query(ctx, `
		UPDATE gatepost.provider_token p SET refresh_at = now() + $1::interval
		FROM gatepost.account a WHERE a.id = p.account_id AND p.account_id IN (
		    SELECT t.account_id FROM gatepost.provider_token t JOIN gatepost.account o ON o.id = t.account_id
		    WHERE t.refresh_at <= now() AND t.refresh IS NOT NULL AND `+s.atProvider("o")+`
		        AND EXISTS (SELECT FROM gatepost.session s JOIN gatepost."user" u ON u.id = s.user_id
		            WHERE u.id = o.user_id AND u.disabled_at IS NULL AND s.expires_at > now())
		    ORDER BY t.refresh_at LIMIT $2 FOR UPDATE OF t SKIP LOCKED)
		RETURNING p.account_id, a.provider_id, p.refresh`, refreshLease, refreshMost)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (d due, err error) { // reports an error of Query
		return d, row.Scan(&d.accountID, &d.provider, &d.refresh)
	})
	if err != nil {
		return 0, err
	}
	errs := make([]error, len(list))
	var all sync.WaitGroup
	for i, d := range list {
		all.Go(func() {
			s.o.Watch.Run(ctx, "renew a token of a provider", func(ctx context.Context) { errs[i] = s.refreshOne(ctx, d) })
		})
	}
	all.Wait()
	return len(list), errors.Join(errs...)
}

// refreshOne renews one token. One that the provider does not renew any more runs out. A sign-in meanwhile brought
// newer tokens, which stay. A change of keys meanwhile brought none.
func (s *Store) refreshOne(ctx context.Context, d due) error {
	p, err := s.provider(d.provider)
	if err != nil {
		return err
	}
	refresh, err := s.o.Keys.Open(seal.ProviderRefresh, d.accountID, d.refresh)
	var t provider.Tokens
	if err == nil {
		t, err = p.Refresh(ctx, secret.Text(refresh))
	}
	if err != nil {
		s.o.Log.InfoContext(ctx, "a token of a provider was not renewed", "provider", d.provider, "err", err)
	}
	again := errors.Is(err, provider.ErrUnavailable)
	return pgx.BeginFunc(ctx, s.db.Work, func(tx pgx.Tx) error {
		var now []byte
		found := tx.QueryRow(ctx, `SELECT refresh FROM gatepost.provider_token WHERE account_id = $1 FOR UPDATE`,
			d.accountID).Scan(&now)
		switch {
		case errors.Is(found, pgx.ErrNoRows), found == nil && !s.sameRefresh(d, now):
			return nil
		case found != nil:
			return found
		case err == nil:
			return s.keepTokens(ctx, tx, d.accountID, t)
		}
		_, err := tx.Exec(ctx, `
			UPDATE gatepost.provider_token SET failures = failures + 1, refresh_at = CASE
			    WHEN $2 AND failures < $3 THEN now() + interval '30 seconds' * power(2, failures) END
			WHERE account_id = $1`, d.accountID, again, refreshTries)
		return err
	})
}

// sameRefresh reports whether a sealed refresh token is the one to be renewed, perhaps sealed anew.
func (s *Store) sameRefresh(d due, sealed []byte) bool {
	if bytes.Equal(sealed, d.refresh) {
		return true
	}
	before, err := s.o.Keys.Open(seal.ProviderRefresh, d.accountID, d.refresh)
	if err != nil {
		return false
	}
	now, err := s.o.Keys.Open(seal.ProviderRefresh, d.accountID, sealed)
	return err == nil && bytes.Equal(now, before)
}
