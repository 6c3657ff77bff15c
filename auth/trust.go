package auth

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// trustedMost is how many browsers a user may trust. One more ends the trust in the oldest.
const trustedMost = 20

// TrustedBrowser is a browser in which a user need not do the second step of a sign-in.
type TrustedBrowser struct {
	ID          string // for EndTrust; it grants nothing
	UserAgent   string
	Since, Used time.Time
}

// trust makes the browser of a client one that a locked user trusts, and returns the token for its cookie. The token is
// new, so that nobody knows it who gave the browser one; whom else it is trusted by goes on to trust it.
func (s *Store) trust(ctx context.Context, tx pgx.Tx, userID string, c secret.Client) (secret.Token, error) {
	t := secret.NewToken()
	b := &pgx.Batch{}
	b.Queue(`DELETE FROM gatepost.trusted_browser WHERE user_id = $1 AND token = $2`, userID, c.Trust.Hash())
	if c.Trust != "" {
		b.Queue(`UPDATE gatepost.trusted_browser SET token = $2 WHERE token = $1`, c.Trust.Hash(), t.Hash())
	}
	b.Queue(`INSERT INTO gatepost.trusted_browser (id, user_id, token, user_agent, expires_at)
		VALUES ($1, $2, $3, $4, now() + $5::interval)`, secret.NewID(), userID, t.Hash(),
		database.Storable(c.UserAgent), s.o.TrustBrowser)
	b.Queue(`
		DELETE FROM gatepost.trusted_browser WHERE id IN (SELECT id FROM gatepost.trusted_browser
		    WHERE user_id = $1 ORDER BY created_at DESC, id OFFSET $2)`, userID, trustedMost)
	return t, tx.SendBatch(ctx, b).Close()
}

// inTrusted returns a session to be made with the word for a trusted browser, if the user trusts the client's. That
// they did before counts for nothing: the trust may have ended since.
func (s *Store) inTrusted(ctx context.Context, tx pgx.Tx, n session.New) (session.New, error) {
	n.Proof = n.Proof.WithTrust(false)
	if s.o.TrustBrowser <= 0 || n.Client.Trust == "" || n.Proof.Level() == 2 {
		return n, nil
	}
	tag, err := tx.Exec(ctx, `
		UPDATE gatepost.trusted_browser SET used_at = now()
		WHERE user_id = $1 AND token = $2 AND expires_at > now() AND created_at > now() - $3::interval`,
		n.UserID, n.Client.Trust.Hash(), s.o.TrustBrowser)
	n.Proof = n.Proof.WithTrust(err == nil && tag.RowsAffected() > 0)
	return n, err
}

// trustedBrowsers lists the browsers that a user trusts, the one used last first.
func (s *Store) trustedBrowsers(ctx context.Context, tx pgx.Tx, userID string) ([]TrustedBrowser, error) {
	if s.o.TrustBrowser <= 0 {
		return nil, nil
	}
	rows, _ := tx.Query(ctx, `SELECT id, user_agent, `+database.Readable("created_at")+`, `+
		database.Readable("used_at")+`
		FROM gatepost.trusted_browser
		WHERE user_id = $1 AND expires_at > now() AND created_at > now() - $2::interval
		ORDER BY used_at DESC, id LIMIT $3`, userID, s.o.TrustBrowser, trustedMost) // CollectRows reports an error
	return pgx.CollectRows(rows, pgx.RowToStructByPos[TrustedBrowser])
}

// EndTrust ends the trust of the user of a session in a browser, by its id. An id that is unknown, or another user's,
// changes nothing and is no error. It fails with session.ErrNoSession or database.ErrUnavailable.
func (s *Store) EndTrust(ctx context.Context, t secret.Token, id string, c secret.Client) error {
	const event = "end-trust"
	var userID string
	err := s.db.Transact(ctx, event, func(ctx context.Context, tx pgx.Tx) error {
		o, err := s.Own(ctx, tx, t)
		if userID = o.UserID; err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `DELETE FROM gatepost.trusted_browser WHERE id = $1 AND user_id = $2`,
			database.Storable(id), userID)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return s.record(ctx, tx, event, userID, c)
	})
	s.audit(ctx, event, userID, c, err)
	return err
}
