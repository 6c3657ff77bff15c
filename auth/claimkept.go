package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/provider"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/seal"
)

// keepIdentity keeps who a provider has named until they prove the account of a user. The address by which the account
// was found is that of the identity.
func (s *Store) keepIdentity(ctx context.Context, v visit, userID string) error {
	keys, err := seal.From(string(v.key))
	if err != nil {
		return err
	}
	v.id.Tokens, v.id.IDToken = provider.Tokens{}, "" // they come again at the next sign-in
	written, err := json.Marshal(v.id)
	if err != nil {
		return fmt.Errorf("write down an identity: %w", err)
	}
	sealed, err := keys.Seal(flowColumn("identity"), v.flow.state, written)
	if err != nil {
		return err
	}
	return s.db.Transact(ctx, "keep an identity", func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO gatepost.provider_flow (state, browser, provider, purpose, next, remember, max_age, user_id,
			    network, wide, identity, created_at, expires_at)
			SELECT $1, $2, $3, $4, $5, $6, 0, id, $8, $9, $10, $11, now() + $12::interval
			FROM gatepost."user" WHERE id = $7 FOR KEY SHARE`,
			v.flow.state, v.key.Hash(), v.flow.provider, v.flow.purpose, v.flow.next, v.flow.remember, userID,
			v.flow.network, v.flow.wide, sealed, v.flow.began, ClaimFor)
		if err == nil && tag.RowsAffected() == 0 { // the user was deleted meanwhile
			err = errMoved
		}
		return err
	})
}

// claimSQL selects an open claim by the keys of the browser's flows. That of the latest sign-in counts.
const claimSQL = `
	SELECT state, browser, provider, next, remember, created_at, user_id, identity FROM gatepost.provider_flow
	WHERE browser = ANY ($1) AND identity IS NOT NULL AND expires_at > now() AND ($2 = '' OR user_id = $2)
	ORDER BY created_at DESC, state LIMIT 1`

// openClaim finds the claim of a browser, for a user or for anybody. It fails with ErrNoFlow, also if the address that
// the claim was made for is not the user's any more: it would tell its holder the address of somebody else.
func (s *Store) openClaim(ctx context.Context, keys []secret.Token, userID string) (v visit, l local, err error) {
	v, found, err := s.findClaim(ctx, keys, userID)
	if err != nil {
		return visit{}, local{}, err
	}
	email, err := CanonicalEmail(v.id.Email)
	if err != nil {
		return visit{}, local{}, noFlow("a claim without an address")
	}
	if userID == "" && s.unseen(v) { // only the mailed link may tell that there is an account
		return visit{}, local{}, ErrNoFlow
	}
	if l, err = s.localAccount(ctx, v, email); err != nil {
		return visit{}, local{}, err
	}
	if l.userID != found || l.disabled {
		return visit{}, local{}, noFlow("the account of the claim is disabled, or has another address now")
	}
	return v, l, nil
}

// findClaim reads who waits to prove which user. It fails with ErrNoFlow.
func (s *Store) findClaim(ctx context.Context, keys []secret.Token, userID string) (v visit, found string, err error) {
	hashes := hashesOf(keys)
	var browser string
	var sealed []byte
	err = s.db.Repeat(ctx, "find a claim", func(ctx context.Context) error {
		err := s.db.Pages.QueryRow(ctx, claimSQL, hashes, userID).Scan(&v.flow.state, &browser, &v.flow.provider,
			&v.flow.next, &v.flow.remember, &v.flow.began, &found, &sealed)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrNoFlow
		}
		return err
	})
	if err != nil {
		return visit{}, "", err
	}
	for i, hash := range hashes {
		if hash == browser {
			v.key = keys[i]
		}
	}
	v.flow.purpose = ToSignIn
	if err := openIdentity(&v, sealed); err != nil {
		return visit{}, "", err
	}
	if v.p = s.offered(v.flow.provider, v.id.Issuer); v.p == nil {
		return visit{}, "", noFlow("the issuer of the claim is not configured any more")
	}
	v.flow.provider = v.p.Spec().Name // the operator may have changed it since
	return v, found, nil
}

func openIdentity(v *visit, sealed []byte) error {
	keys, err := seal.From(string(v.key))
	if err != nil {
		return err
	}
	written, err := keys.Open(flowColumn("identity"), v.flow.state, sealed)
	if err != nil {
		return fmt.Errorf("read an identity: %w", err)
	}
	return json.Unmarshal(written, &v.id)
}
