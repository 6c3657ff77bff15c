package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/share"
)

// Grant is what an API token lets whoever has it do. It holds no secret.
type Grant struct {
	ID    string // of the token
	Rules string // what its user has narrowed it to, as written; empty: nothing
}

// IsService reports whether the user is a service account, which has no mailbox and no way to sign in.
func (u User) IsService() bool { return secret.IsServiceAddress(u.Email) }

// aliveToken is the SQL condition of an API token that counts, in PostgreSQL's time. It goes on whatever becomes of
// passwords and sessions, and no longer than its user may sign in.
const aliveToken = `u.disabled_at IS NULL AND u.id <> '' AND u.email <> '' AND (t.expires_at > now()`

// sweptTokens is the SQL condition of API tokens that have ended, and were shown to their users for long enough.
const sweptTokens = `expires_at < now() - interval '30 days'`

// tokenNoted is how often the use of an API token is written down.
const tokenNoted = `interval '1 minute'`

// selectTokens selects what API tokens open: the user as they are now, with the roles of the token.
var selectTokens = `
	SELECT t.token, t.id, coalesce(` + database.Readable(`t.expires_at`) + `, ` + noTime + `),
	       coalesce(t.used_at < now() - ` + tokenNoted + `, true),
	       least(extract(epoch FROM least(t.expires_at, now() + interval '1 year') - now()), ` + rolesLast + `)::float8,
	       u.id, ` + nameRead + `, u.email, u.email_verified, ` + usernameRead + `, ` + rolesRead + `,
	       left(t.rules, 2048), t.roles IS NULL, left(coalesce(t.roles, ''), 2048), t.level >= 2
	FROM gatepost.api_token t JOIN gatepost."user" u ON u.id = t.user_id
	`

// makeTokenSQL makes the statements that look API tokens up.
func (r *Reader) makeTokenSQL() {
	r.tokenSQL, r.tokenAlive = r.withClaims(selectTokens), aliveToken
	if r.o.TokensForever {
		r.tokenAlive += ` OR t.expires_at IS NULL`
	}
	r.tokenAlive += `)`
	if r.o.ConfirmedOnly {
		r.tokenAlive += ` AND (u.email_verified OR u.email LIKE '%@` + secret.ServiceDomain + `')`
	}
}

// ErrManyWrong means that too many API tokens from the client's network were wrong lately.
var ErrManyWrong = fmt.Errorf("too many wrong API tokens: %w", share.ErrCrowded)

// LookupToken is LookupAs for an API token. What it returns is level 1, or 2 with Options.TokensAAL2, and never fresh.
func (r *Reader) LookupToken(ctx context.Context, as Asking, t secret.APIToken) (v Session, err error) {
	if t == "" {
		return Session{}, ErrNoSession
	}
	hash := t.Sum()
	if r.kept(as, hash, &v) {
		return v, nil
	}
	return r.askToken(ctx, as, hash)
}

// askToken finds an API token by a query. It is apart from LookupToken, so that a copy that is kept costs no memory.
func (r *Reader) askToken(ctx context.Context, as Asking, hash secret.TokenHash) (v Session, err error) {
	err = r.ask(ctx, as, hash, func(ctx context.Context, token string) (*found, error) {
		if !r.wrong.admit(as.Client, hash) {
			return nil, ErrManyWrong
		}
		f, err := r.tokens.find(ctx, token)
		if f != nil {
			r.wrong.right(hash)
		}
		return f, err
	}, &v)
	if errors.Is(err, ErrNoSession) {
		r.wrong.note(as.Client, hash)
		if r.o.WrongToken != nil {
			r.o.WrongToken(as.Client)
		}
	}
	return v, err
}

// findTokens asks PostgreSQL which of the token hashes belong to API tokens that count.
func (r *Reader) findTokens(tokens []string) (list []found, err error) {
	ctx, cancel := context.WithTimeout(r.ctx, database.Timeout)
	defer cancel()
	err = r.db.Retry(ctx, r.db.Path, func() error {
		list, err = r.queryTokens(ctx, `t.token`, tokens)
		return err
	})
	return list, err
}

// findTokensByID is findByID for API tokens.
func (r *Reader) findTokensByID(ctx context.Context, ids []string) ([]found, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return r.queryTokens(ctx, `t.id`, ids)
}

func (r *Reader) queryTokens(ctx context.Context, column string, values []string) ([]found, error) {
	rows, err := r.db.Path.Query(ctx, r.tokenSQL+`WHERE `+column+` = ANY ($1) AND `+r.tokenAlive, values)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, r.scanToken)
}

func (r *Reader) scanToken(row pgx.CollectableRow) (found, error) {
	var f found
	var owned, narrowed string
	var all, second bool
	var left float64
	v := &f.session
	v.Grant = &Grant{}
	err := row.Scan(&f.token, &v.ID, &v.ExpiresAt, &v.due, &left, &v.User.ID, &v.User.Name, &v.User.Email,
		&v.User.EmailVerified, &v.User.Username, &v.User.UsernameChosen, &owned, &v.Grant.Rules, &all, &narrowed, &second)
	v.Grant.ID, v.User.Roles = v.ID, SplitList(owned)
	if !all { // never more than the user has now
		allowed := SplitList(narrowed)
		v.User.Roles = slices.DeleteFunc(v.User.Roles, func(role string) bool { return !slices.Contains(allowed, role) })
	}
	v.Proof = Proof{Methods: []Method{byToken}, At: time.Unix(0, 0)}
	if second && r.o.TokensAAL2 {
		v.Proof.Methods = append(v.Proof.Methods, Several)
	}
	f.left = time.Duration(left * float64(time.Second))
	return f, err
}
