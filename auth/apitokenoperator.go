package auth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/mail"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/auth/session"
)

// MakeAPITokenOf makes an API token of a user for the operator. A person is mailed about it.
func (s *Store) MakeAPITokenOf(ctx context.Context, userID string, n NewAPIToken) (m MadeAPIToken, err error) {
	if n, err = s.checkAPIToken(n); err != nil {
		return m, err
	}
	err = s.change(ctx, "make-token", userID, func(ctx context.Context, tx pgx.Tx) (audit.Details, error) {
		m, err = s.insertAPIToken(ctx, tx, userID, false, n, secret.Client{})
		return audit.Details{{Name: "token", Value: m.ID}}, err
	})
	return m, err
}

// OwnedAPIToken is an API token and whose it is.
type OwnedAPIToken struct {
	APIToken
	UserID, Email string
}

// APITokensOf returns the API tokens of a user, or of everybody if there is no id, the newest first.
func (s *Store) APITokensOf(ctx context.Context, userID string) (list []OwnedAPIToken, err error) {
	err = s.db.Repeat(ctx, "list API tokens", func(ctx context.Context) error {
		rows, err := s.db.Pages.Query(ctx, `SELECT `+tokenColumns+`, user_id,
			    (SELECT email FROM gatepost."user" u WHERE u.id = user_id)
			FROM gatepost.api_token WHERE user_id = $1 OR $1 = '' ORDER BY created_at DESC, id`, userID)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (o OwnedAPIToken, err error) {
			o.APIToken, err = scanAPIToken(withOwner{row, &o.UserID, &o.Email})
			return o, err
		})
		return err
	})
	return list, err
}

// withOwner is a row that ends with the id and the address of the user.
type withOwner struct {
	pgx.CollectableRow
	userID, email *string
}

// Scan implements pgx.CollectableRow.
func (w withOwner) Scan(to ...any) error {
	return w.CollectableRow.Scan(append(to, w.userID, w.email)...)
}

// RevokeAPITokenOf ends an API token for the operator, by its id. It fails with ErrNoToken.
func (s *Store) RevokeAPITokenOf(ctx context.Context, id string) error {
	id = database.Storable(id)
	var userID string
	err := s.db.Repeat(ctx, "find an API token", func(ctx context.Context) error {
		return s.db.Pages.QueryRow(ctx, `SELECT user_id FROM gatepost.api_token WHERE id = $1`, id).Scan(&userID)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNoToken
	}
	if err != nil {
		return err
	}
	return s.change(ctx, "revoke-token", userID, func(ctx context.Context, tx pgx.Tx) (audit.Details, error) {
		tag, err := tx.Exec(ctx, `DELETE FROM gatepost.api_token WHERE id = $1 AND user_id = $2`, id, userID)
		if err == nil && tag.RowsAffected() == 0 {
			err = ErrNoToken
		}
		return audit.Details{{Name: "token", Value: id}}, err
	})
}

// RevokeAPITokensOf ends all API tokens of a user for the operator, and returns how many it ended.
func (s *Store) RevokeAPITokensOf(ctx context.Context, userID string) (n int64, err error) {
	err = s.change(ctx, "revoke-tokens", userID, func(ctx context.Context, tx pgx.Tx) (audit.Details, error) {
		tag, err := tx.Exec(ctx, `DELETE FROM gatepost.api_token WHERE user_id = $1`, userID)
		n = tag.RowsAffected()
		return audit.Details{{Name: "tokens", Value: fmt.Sprint(n)}}, err
	})
	return n, err
}

// NewService is a service account: a user without a mailbox and without a way to sign in, for whom programs act by API
// tokens.
type NewService struct {
	Name, Username string
	Roles          []string // nil: DefaultRole
}

// CreateService makes a service account for the operator. Its address is its id at secret.ServiceDomain. It fails with
// InputError.
func (s *Store) CreateService(ctx context.Context, n NewService) (session.User, error) {
	id := strings.ToLower(secret.NewID())
	row, err := s.checkNewUser(NewUser{Email: id + "@" + secret.ServiceDomain, Name: n.Name, Username: n.Username,
		Roles: n.Roles, keyed: true, service: true}, false)
	if err == nil {
		err = s.checkNameFree(ctx, row.username)
	}
	if err != nil {
		return session.User{}, err
	}
	row.id = id
	details := audit.Details{{Name: "roles", Value: orNone(row.roles)}}
	err = s.insertUser(ctx, row, "", func(ctx context.Context, tx pgx.Tx) error {
		return s.record(ctx, tx, "create-service", row.id, secret.Client{}, details...)
	})
	if err != nil {
		return session.User{}, err
	}
	s.audit(ctx, "create-service", row.id, secret.Client{}, nil, details...)
	return s.UserByID(ctx, row.id)
}

// tokenWarned is how long before its end a user is told that an API token ends.
const tokenWarned = 7 * 24 * time.Hour

// tokensWarned bounds one transaction.
const tokensWarned = 500

// warnOfTokens mails the users whose API tokens end soon. Several gates share the work.
func (s *Store) warnOfTokens(ctx context.Context) (_ int64, err error) {
	if !s.outbox.Sends() {
		return 0, nil
	}
	err = s.db.Background(ctx, "tell of API tokens that end", func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			UPDATE gatepost.api_token t SET warned_at = now() FROM gatepost."user" u
			WHERE u.id = t.user_id AND t.id IN (
			    SELECT id FROM gatepost.api_token WHERE warned_at IS NULL AND expires_at BETWEEN now() AND now() + $1::interval
			    ORDER BY id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED)
			RETURNING t.user_id, left(t.hint, 32), left(t.language, 32), `+database.Readable(`t.expires_at`)+`,
			    u.disabled_at IS NULL`, tokenWarned, tokensWarned)
		if err != nil {
			return err
		}
		var letters []mail.Letter
		l, told := mail.NewLetter(mail.TokenEnds, "", "", secret.Client{}), false
		_, err = pgx.ForEachRow(rows, []any{&l.UserID, &l.Facts.Token, &l.Language, &l.Facts.Ends, &told}, func() error {
			if told {
				letters = append(letters, l)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return s.outbox.Post(ctx, tx, letters...)
	})
	return 0, err
}

// wrongToken records an API token that does not count.
func (s *Store) wrongToken(client netip.Addr) {
	s.ask(context.Background(), "api-token", "", secret.Client{Addr: client}, errWrongToken)
}
