package auth

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
	"github.com/gatepost/gatepost/auth/throttle"
)

const (
	// APITokenLifetime is how long an API token counts that says nothing else, and APITokenLongest how long one may.
	APITokenLifetime = 90 * 24 * time.Hour
	APITokenLongest  = 366 * 24 * time.Hour
	// APITokensMost is how many of them a user may have, those included that ended lately.
	APITokensMost = 100
	// rulesMost bounds what one is narrowed to, in bytes: as much is read of it.
	rulesMost = 2048
)

// The errors of API tokens.
var (
	// ErrManyTokens means that a user has as many API tokens as fit.
	ErrManyTokens = errors.New("the user has as many API tokens as fit")
	// ErrNoToken means that there is no such API token.
	ErrNoToken = errors.New("no such API token")
	// ErrService means that the user is a service account, which has no password.
	ErrService = errors.New("a service account has no password")
	// errWrongToken is an API token that does not count.
	errWrongToken = errors.New("the API token does not count")
)

// NewAPIToken is what somebody asks for. What is wrong with it is an InputError, with the fields "name", "rules",
// "roles" and "days".
type NewAPIToken struct {
	Name string
	// Lifetime is how long it counts; 0: as long as nobody revokes it, which Options.TokensForever has to allow.
	Lifetime time.Duration
	// Rules narrow it, as in GATEPOST_TOKENS; empty: it opens what that setting opens.
	Rules string
	// Narrowed says that it has the roles in Roles alone, as long as its user has them; else all that its user has.
	Narrowed bool
	Roles    []string
}

// APIToken is a token with which a program acts for a user, as that user may see it. It holds no secret.
type APIToken struct {
	ID, Name, Hint string // Hint is how the token begins
	Rules          string
	AllRoles       bool
	Roles          []string // only if not AllRoles
	Level          int      // 2: made in a session with a fresh second factor
	CreatedBy      string   // the operator who made it; empty: its user
	CreatedAt      time.Time
	ExpiresAt      time.Time // zero: never
	Ended          bool
	UsedAt         time.Time // zero: never; written down once a minute at most
	UsedFrom       string    // the network address of that use
}

// MadeAPIToken is a new API token with its secret, which nobody can read again.
type MadeAPIToken struct {
	APIToken
	Secret secret.APIToken
}

// tokenColumns are the columns for scanAPIToken.
var tokenColumns = `id, left(name, 255), left(hint, 32), left(rules, 2048), roles IS NULL,
    left(coalesce(roles, ''), 2048), CASE WHEN level >= 2 THEN 2 ELSE 1 END, left(created_by, 255),
    ` + database.Readable(`created_at`) + `, ` + database.Readable(`expires_at`) + `,
    coalesce(expires_at <= now(), false), ` + database.Readable(`used_at`) + `, left(used_from, 255)`

func scanAPIToken(row pgx.CollectableRow) (a APIToken, err error) {
	var roles string
	var expires, used *time.Time
	err = row.Scan(&a.ID, &a.Name, &a.Hint, &a.Rules, &a.AllRoles, &roles, &a.Level, &a.CreatedBy, &a.CreatedAt, &expires,
		&a.Ended, &used, &a.UsedFrom)
	a.Roles = session.SplitList(roles)
	if expires != nil {
		a.ExpiresAt = *expires
	}
	if used != nil {
		a.UsedAt = *used
	}
	return a, err
}

// apiTokensOf returns the API tokens of a user, the newest first. An operator may have written any number.
func apiTokensOf(ctx context.Context, tx pgx.Tx, userID string) ([]APIToken, error) {
	rows, _ := tx.Query(ctx, `SELECT `+tokenColumns+` FROM gatepost.api_token WHERE user_id = $1
		ORDER BY created_at DESC, id LIMIT $2`, userID, 2*APITokensMost) // CollectRows reports an error
	return pgx.CollectRows(rows, scanAPIToken)
}

// APITokens returns the API tokens of the user of a session, the newest first. It fails with session.ErrNoSession or
// database.ErrUnavailable.
func (s *Store) APITokens(ctx context.Context, t secret.Token) (list []APIToken, err error) {
	err = s.db.Transact(ctx, "list API tokens", func(ctx context.Context, tx pgx.Tx) error {
		o, err := s.Seen(ctx, tx, t)
		if err == nil {
			list, err = apiTokensOf(ctx, tx, o.UserID)
		}
		return err
	})
	return list, err
}

// MakeAPIToken makes an API token for the user of a session, who was proved a short while ago, and mails them about it.
// It fails with InputError, ErrManyTokens, session.ErrNoSession, session.ErrStale, ErrStaleFactor or
// database.ErrUnavailable.
func (s *Store) MakeAPIToken(ctx context.Context, t secret.Token, n NewAPIToken, c secret.Client) (m MadeAPIToken,
	err error) {
	const event = "make-token"
	var o session.Own
	if n, err = s.checkAPIToken(n); err == nil {
		o, err = s.judged(ctx, t, mayChangeWaysIn)
	}
	if err == nil {
		err = s.db.Transact(ctx, event, func(ctx context.Context, tx pgx.Tx) error {
			if _, err := database.LockUser(ctx, tx, "", t); err != nil {
				return err
			}
			if o, err = s.Own(ctx, tx, t); err != nil {
				return err
			}
			if err := mayChangeWaysIn(ctx, tx, o); err != nil {
				return err
			}
			if err := throttle.APITokens(o.UserID).Take(ctx, tx); err != nil {
				return err
			}
			if m, err = s.insertAPIToken(ctx, tx, o.UserID, o.SecondFresh, n, c); err != nil {
				return err
			}
			return s.trail.Write(ctx, tx, audit.Event{Name: event, UserID: o.UserID, SessionID: o.ID, Target: m.ID, Client: c})
		})
	}
	s.audit(ctx, event, o.UserID, c, err)
	if err == nil {
		s.outbox.Kick()
	}
	return m, err
}

// MayMakeAPIToken reports what the user of a session has to do before they make an API token. It fails like
// MakeAPIToken.
func (s *Store) MayMakeAPIToken(ctx context.Context, t secret.Token) error {
	_, err := s.judged(ctx, t, mayChangeWaysIn)
	return err
}

// checkAPIToken reports all faults at once.
func (s *Store) checkAPIToken(n NewAPIToken) (NewAPIToken, error) {
	var faults, more InputError
	name, err := canonicalName(n.Name)
	if errors.As(err, &more) {
		faults = append(faults, more...)
	} else if name == "" {
		faults.add("name", Missing, 0)
	}
	n.Name, n.Rules = name, strings.TrimSpace(n.Rules)
	switch {
	case len(n.Rules) > rulesMost:
		faults.add("rules", TooLong, rulesMost)
	case n.Rules != "" && (s.o.CheckTokenRules == nil || s.o.CheckTokenRules(n.Rules) != nil):
		faults.add("rules", Malformed, 0)
	}
	if n.Lifetime < 0 || n.Lifetime > APITokenLongest || n.Lifetime == 0 && !s.o.TokensForever {
		faults.add("days", Malformed, 0)
	}
	if _, err := canonicalRoles(n.Roles); err != nil {
		faults.add("roles", Malformed, 0)
	}
	return n, faults.orNil()
}

// insertAPIToken makes an API token for a locked user.
func (s *Store) insertAPIToken(ctx context.Context, tx pgx.Tx, userID string, second bool, n NewAPIToken,
	c secret.Client) (m MadeAPIToken, err error) {
	var email, owned string
	var had int
	claimed := session.ClaimedRoles(origins(roleProviders(s.o.Providers)))
	err = tx.QueryRow(ctx, `SELECT email, concat_ws(',', role, `+claimed+`),
		    (SELECT count(*) FROM gatepost.api_token t WHERE t.user_id = u.id)
		FROM gatepost."user" u WHERE id = $1`, userID).Scan(&email, &owned, &had)
	if errors.Is(err, pgx.ErrNoRows) {
		return m, ErrNoUser
	}
	if err != nil {
		return m, err
	}
	roles := session.SplitList(owned)
	if had >= APITokensMost {
		return m, ErrManyTokens
	}
	if slices.ContainsFunc(n.Roles, func(r string) bool { return !slices.Contains(roles, r) }) {
		return m, InputError{{"roles", Malformed, 0}}
	}
	m.Secret = secret.NewAPIToken(secret.PersonalPrefix)
	if secret.IsServiceAddress(email) {
		m.Secret = secret.NewAPIToken(secret.ServicePrefix)
	}
	var narrowed *string
	if n.Narrowed {
		list := strings.Join(n.Roles, ",")
		narrowed = &list
	}
	level := 1
	if second {
		level = 2
	}
	rows, _ := tx.Query(ctx, `
		INSERT INTO gatepost.api_token (id, token, user_id, name, hint, rules, roles, level, language, created_by, expires_at,
		    warned_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now() + nullif($11::interval, interval '0'),
		    CASE WHEN $11::interval < $12::interval THEN now() END)
		RETURNING `+tokenColumns, secret.NewID(), m.Secret.Hash(), userID, n.Name, m.Secret.Hint(), n.Rules, narrowed,
		level, c.Language, database.Storable(s.o.Actor), n.Lifetime, tokenWarned+24*time.Hour)
	if m.APIToken, err = pgx.CollectExactlyOneRow(rows, scanAPIToken); err != nil {
		return m, err
	}
	l := mail.NewLetter(mail.TokenNew, userID, "", c)
	l.Facts.Token, l.Facts.Ends = m.Hint, m.ExpiresAt
	return m, s.outbox.Post(ctx, tx, l)
}

// RevokeAPIToken ends an API token of the user of a session, by its id, however old the sign-in is. An id that is
// unknown, or another user's, changes nothing and is no error. It fails with session.ErrNoSession or
// database.ErrUnavailable.
func (s *Store) RevokeAPIToken(ctx context.Context, t secret.Token, id string, c secret.Client) error {
	_, err := s.revoke(ctx, "revoke-token", t, c, id, `id = $2`, database.Storable(id))
	return err
}

// RevokeAPITokens ends all API tokens of the user of a session, and returns how many it ended. It fails like
// RevokeAPIToken.
func (s *Store) RevokeAPITokens(ctx context.Context, t secret.Token, c secret.Client) (int64, error) {
	return s.revoke(ctx, "revoke-tokens", t, c, "", `true`)
}

func (s *Store) revoke(ctx context.Context, event string, t secret.Token, c secret.Client, target, which string,
	args ...any) (n int64, err error) {
	var o session.Own
	err = s.db.Transact(ctx, event, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := database.LockUser(ctx, tx, "", t); err != nil {
			return err
		}
		if o, err = s.Own(ctx, tx, t); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `DELETE FROM gatepost.api_token WHERE user_id = $1 AND `+which,
			append([]any{o.UserID}, args...)...)
		if n = tag.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return s.trail.Write(ctx, tx, audit.Event{Name: event, UserID: o.UserID, SessionID: o.ID, Target: target, Client: c})
	})
	if err == nil && n == 0 {
		return 0, nil
	}
	if err == nil {
		s.Changed(o.UserID)
	}
	s.audit(ctx, event, o.UserID, c, err)
	return n, err
}

// dropTokensBy ends the API tokens that go with a link, as ways in by a provider do: those that a stranger may have
// made, and those that were made after a change that the link undoes.
func dropTokensBy(ctx context.Context, tx pgx.Tx, l Link) error {
	_, err := tx.Exec(ctx, `
		DELETE FROM gatepost.api_token WHERE user_id = $1 AND (created_at >= $2
		    OR $3 AND EXISTS (SELECT FROM gatepost."user" WHERE id = $1 AND NOT email_verified))`,
		l.userID, undoneSince(l), l.mailed)
	return err
}
