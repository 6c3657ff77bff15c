package auth

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// Export is the data kept about a user, as JSON for that user. It holds no secret and no hash of one; times are
// UTC. It does contain the user's address, and where and when they were signed in. Sessions and Events, which may
// be many, are not fields: they are read page by page. The caller calls Close when done.
type Export struct {
	ExportedAt time.Time         `json:"exportedAt"` // by PostgreSQL's clock
	User       ExportedUser      `json:"user"`
	Accounts   []ExportedAccount `json:"accounts"`
	// SecondFactors are asked for besides the accounts. Their keys and codes are secrets, and left out.
	SecondFactors ExportedFactors `json:"secondFactors"`
	// APITokens are those with which programs act for the user. The tokens themselves are kept as hashes, and left out.
	APITokens []ExportedAPIToken `json:"apiTokens"`
	// FamiliarPlaces are kept as hashes, so that only their number and expiry can be told.
	FamiliarPlaces ExportedPlaces `json:"familiarPlaces"`
	// Links were mailed, and are valid or not yet swept. Mails are waiting to be sent. A pending change of address
	// is left out of both: it would reveal whether the new address is used by another user.
	Links []ExportedLink `json:"links"`
	Mails []ExportedMail `json:"mails"`

	s         *Store
	token     secret.Token
	lastEvent int64 // id of the last event included
	end       func()
	ctx       context.Context
}

// ExportedLink is one mailed link of an Export. Its fields are in the order of the query.
type ExportedLink struct {
	Purpose   mail.Purpose `json:"purpose"`
	Email     string       `json:"email"`
	CreatedAt time.Time    `json:"createdAt"`
	ExpiresAt time.Time    `json:"expiresAt"`
}

// ExportedMail is one unsent mail of an Export.
type ExportedMail struct {
	Kind      mail.Kind  `json:"kind"`
	Email     string     `json:"email"`
	Language  string     `json:"language"`
	Facts     mail.Facts `json:"facts"`
	CreatedAt time.Time  `json:"createdAt"`
}

// ExportedUser is the user of an Export.
type ExportedUser struct {
	ID            string    `json:"id"`
	Name          string    `json:"name"`
	Username      string    `json:"username"`
	Email         string    `json:"email"`
	EmailVerified bool      `json:"emailVerified"`
	Image         string    `json:"image"`
	Roles         []string  `json:"roles"`
	CreatedAt     time.Time `json:"createdAt"`
	UpdatedAt     time.Time `json:"updatedAt"`
}

// ExportedAccount is one way in which the user of an Export can prove who they are. Its fields are in the order of
// the query.
type ExportedAccount struct {
	ID          string    `json:"id"`
	Issuer      string    `json:"issuer"`
	ProviderID  string    `json:"providerId"`
	AccountID   string    `json:"accountId"`
	Scope       string    `json:"scope"`
	HasPassword bool      `json:"hasPassword"`
	Login       string    `json:"login"` // at the provider, as is what it claimed at the last sign-in
	Name        string    `json:"claimedName"`
	Image       string    `json:"claimedImage"`
	Roles       string    `json:"claimedRoles"` // comma-separated
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
}

// ExportedFactors are the second factors of an Export.
type ExportedFactors struct {
	Apps          []ExportedApp     `json:"authenticatorApps"` // one at most
	Passkeys      []ExportedPasskey `json:"passkeys"`
	RecoveryCodes int               `json:"recoveryCodesLeft"`
	// Trusted are browsers in which they are not asked for.
	Trusted []ExportedTrust `json:"trustedBrowsers"`
}

// ExportedTrust is a trusted browser of an Export. Its fields are in the order of the query.
type ExportedTrust struct {
	CreatedAt time.Time `json:"createdAt"`
	UsedAt    time.Time `json:"usedAt"`
	ExpiresAt time.Time `json:"expiresAt"`
	UserAgent string    `json:"userAgent"`
}

// ExportedPasskey is one passkey of an Export. Its fields are in the order of the query.
type ExportedPasskey struct {
	ID           string     `json:"id"`
	Name         string     `json:"name"`
	Domain       string     `json:"domain"`       // that it was made for
	CredentialID string     `json:"credentialId"` // base64url
	Synced       bool       `json:"synced"`
	CreatedAt    time.Time  `json:"createdAt"`
	UsedAt       *time.Time `json:"usedAt"`   // null: never
	CopiedAt     *time.Time `json:"copiedAt"` // when its counter last went back, as of a copy; null: never
}

// ExportedAPIToken is an API token of an Export. Its fields are in the order of the query.
type ExportedAPIToken struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Begins    string     `json:"begins"` // how the token begins
	Rules     string     `json:"rules"`  // that it is narrowed to
	Roles     *string    `json:"roles"`  // comma-separated; null: all that the user has
	CreatedBy string     `json:"createdBy"`
	CreatedAt time.Time  `json:"createdAt"`
	ExpiresAt *time.Time `json:"expiresAt"` // null: never
	UsedAt    *time.Time `json:"usedAt"`    // null: never
	UsedFrom  string     `json:"usedFrom"`
}

// ExportedApp is the authenticator app of an Export. Its fields are in the order of the query.
type ExportedApp struct {
	CreatedAt time.Time `json:"createdAt"`
	UsedAt    time.Time `json:"usedAt"`
}

// ExportedSession is one session of an Export. Its fields are in the order of the query.
type ExportedSession struct {
	ID         string    `json:"id"`
	CreatedAt  time.Time `json:"createdAt"`
	LastUsedAt time.Time `json:"lastUsedAt"`
	ExpiresAt  time.Time `json:"expiresAt"`
	IPAddress  string    `json:"ipAddress"`
	UserAgent  string    `json:"userAgent"`
	Current    bool      `json:"current"` // the session that asked for the Export
}

// ExportedPlaces are the familiar places of an Export.
type ExportedPlaces struct {
	Count     int         `json:"count"`
	ExpiresAt []time.Time `json:"expiresAt"`
}

// Export returns the data kept about the user of a session. The struct is a snapshot of one moment. Sessions and
// events that began later are left out, and those that were deleted meanwhile are missing. A new export ends an
// earlier one of the same user. Export, and reading from it, fail with session.ErrNoSession, session.ErrStale or
// database.ErrUnavailable.
func (s *Store) Export(ctx context.Context, t secret.Token, c secret.Client) (*Export, error) {
	e := &Export{s: s, token: t, end: func() {}}
	asked := s.exports.asked.Add(1)
	var fresh bool
	err := readTurn(ctx, s.exports.first, func(ctx context.Context) error {
		return s.db.Repeat(ctx, "export", func(ctx context.Context) error {
			oneMoment := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
			return pgx.BeginTxFunc(ctx, s.db.Pages, oneMoment, func(tx pgx.Tx) (err error) {
				if fresh, err = s.exportUser(ctx, tx, t, e); err != nil || !fresh {
					return err
				}
				return exportRows(ctx, tx, e)
			})
		})
	})
	if err == nil && !fresh {
		err = session.ErrStale
	}
	s.ask(ctx, "export", e.User.ID, c, err)
	if err != nil {
		return nil, err
	}
	e.ctx, e.end = s.exports.begin(ctx, e.User.ID, c.Addr, asked)
	return e, nil
}

// exportUser starts an Export, and reports whether the session is fresh enough for one.
func (s *Store) exportUser(ctx context.Context, tx pgx.Tx, t secret.Token, e *Export) (fresh bool, err error) {
	o, err := s.Own(ctx, tx, t)
	if err != nil {
		return false, err
	}
	var roles string
	u := &e.User
	err = tx.QueryRow(ctx, `
		SELECT now() AT TIME ZONE 'UTC', u.id, u.name, coalesce(u.username, ''), u.email, u.email_verified,
		       coalesce(u.image, ''), u.role, `+database.UTC(`u.created_at`)+`, `+database.UTC(`u.updated_at`)+`
		FROM gatepost."user" u WHERE id = $1`, o.UserID).
		Scan(&e.ExportedAt, &u.ID, &u.Name, &u.Username, &u.Email, &u.EmailVerified, &u.Image, &roles, &u.CreatedAt,
			&u.UpdatedAt)
	u.Roles = append([]string{}, session.SplitList(roles)...) // an empty list, not null
	return o.Fresh, err
}

// exportRows adds the rows that belong to the user. A query error is reported when its rows are collected.
func exportRows(ctx context.Context, tx pgx.Tx, e *Export) (err error) {
	rows, _ := tx.Query(ctx, `
		SELECT id, issuer, provider_id, account_id, coalesce(scope, ''), password IS NOT NULL,
		       coalesce(login, ''), coalesce(claimed_name, ''), coalesce(claimed_image, ''), coalesce(claim_roles, ''),
		       `+database.UTC(`created_at`)+`, `+database.UTC(`updated_at`)+`
		FROM gatepost.account WHERE user_id = $1 ORDER BY created_at, id`, e.User.ID)
	if e.Accounts, err = pgx.CollectRows(rows, pgx.RowToStructByPos[ExportedAccount]); err != nil {
		return err
	}
	if e.SecondFactors, err = exportFactors(ctx, tx, e.User.ID); err != nil {
		return err
	}
	rows, _ = tx.Query(ctx, `
		SELECT id, name, hint, rules, roles, created_by, `+database.UTC(`created_at`)+`, `+database.UTC(`expires_at`)+`,
		    `+database.UTC(`used_at`)+`, used_from
		FROM gatepost.api_token WHERE user_id = $1 ORDER BY created_at, id LIMIT 1000`, e.User.ID)
	if e.APITokens, err = pgx.CollectRows(rows, pgx.RowToStructByPos[ExportedAPIToken]); err != nil {
		return err
	}
	rows, _ = tx.Query(ctx, `
		SELECT `+database.UTC(`expires_at`)+` FROM gatepost.familiar WHERE user_id = $1 ORDER BY expires_at`, e.User.ID)
	p := &e.FamiliarPlaces
	p.ExpiresAt, err = pgx.CollectRows(rows, pgx.RowTo[time.Time])
	p.Count = len(p.ExpiresAt)
	if err != nil {
		return err
	}
	rows, _ = tx.Query(ctx, `
		SELECT split_part(identifier, ':', 1), coalesce(email, ''), `+database.UTC(`created_at`)+`,
		    `+database.UTC(`expires_at`)+`
		FROM gatepost.verification WHERE user_id = $1 AND identifier NOT LIKE 'change-email:%'
		    ORDER BY created_at, id`, e.User.ID)
	if e.Links, err = pgx.CollectRows(rows, pgx.RowToStructByPos[ExportedLink]); err != nil {
		return err
	}
	rows, _ = tx.Query(ctx, `
		SELECT kind, email, language, facts::text, `+database.UTC(`created_at`)+` FROM gatepost.outbox
		WHERE user_id = $1 AND kind NOT IN ('change', 'exists') ORDER BY created_at, id`, e.User.ID)
	e.Mails, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (m ExportedMail, err error) {
		var facts string
		err = row.Scan(&m.Kind, &m.Email, &m.Language, &facts, &m.CreatedAt)
		m.Facts = mail.ReadFacts(facts)
		return m, err
	})
	if err != nil {
		return err
	}
	// The sum keeps PostgreSQL from searching the user's last row from the end of the table.
	return tx.QueryRow(ctx, `SELECT coalesce(max(id + 0), 0) FROM gatepost.audit_event WHERE user_id = $1`,
		e.User.ID).Scan(&e.lastEvent)
}

func exportFactors(ctx context.Context, tx pgx.Tx, userID string) (f ExportedFactors, err error) {
	rows, _ := tx.Query(ctx, `SELECT `+database.UTC(`created_at`)+`, `+database.UTC(`used_at`)+`
		FROM gatepost.totp WHERE user_id = $1`, userID) // a query error is reported by CollectRows
	if f.Apps, err = pgx.CollectRows(rows, pgx.RowToStructByPos[ExportedApp]); err != nil {
		return f, err
	}
	rows, _ = tx.Query(ctx, `
		SELECT id, name, rp_id, translate(rtrim(encode(credential_id, 'base64'), '='), E'+/\n', '-_'), backed_up,
		    `+database.UTC(`created_at`)+`, `+database.UTC(`used_at`)+`, `+database.UTC(`cloned_at`)+`
		FROM gatepost.passkey WHERE user_id = $1 ORDER BY created_at, id LIMIT 100`, userID)
	if f.Passkeys, err = pgx.CollectRows(rows, pgx.RowToStructByPos[ExportedPasskey]); err != nil {
		return f, err
	}
	err = tx.QueryRow(ctx, `SELECT count(*) FROM gatepost.recovery_code WHERE user_id = $1`, userID).
		Scan(&f.RecoveryCodes)
	if err != nil {
		return f, err
	}
	rows, _ = tx.Query(ctx, `SELECT `+database.UTC(`created_at`)+`, `+database.UTC(`used_at`)+`, `+
		database.UTC(`expires_at`)+`, user_agent
		FROM gatepost.trusted_browser WHERE user_id = $1 ORDER BY created_at, id`, userID)
	f.Trusted, err = pgx.CollectRows(rows, pgx.RowToStructByPos[ExportedTrust])
	return f, err
}

// ExportedEvent is one decision about the user of an Export. Its fields are in the order of the query.
type ExportedEvent struct {
	At     time.Time `json:"at"`
	Event  string    `json:"event"`
	Result string    `json:"result"`
	Client string    `json:"client"`
	// Count is how often the event happened within a minute. The other fields are those of the first time.
	Count int64 `json:"count"`
}
