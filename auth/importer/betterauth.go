package importer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/password"
)

// BetterAuth reads the database of Better Auth, in each of its layouts: up to 1.6, 1.7.0 to 1.7.2 with issuers, and
// later; made by its own migrator or by Drizzle.
type BetterAuth struct {
	Database
	// Secrets are those of Better Auth, with which the keys of authenticator apps and the recovery codes are encrypted
	// there (ReadBetterAuthSecrets). None: nobody's second factor is brought over.
	Secrets []string
	// PasskeyDomain is the rpID of Better Auth's plugin passkey, which its table does not have. Empty: the host of the
	// gate's public URL.
	PasskeyDomain string
}

// Name implements Source.
func (BetterAuth) Name() string { return "better-auth" }

// Ordered implements Source.
func (BetterAuth) Ordered() bool { return true }

var betterAuthTables = []want{
	{"user", false, []string{"user", "users"}, []string{"id", "email", "emailVerified", "name?", "image?", "createdAt?",
		"username?", "role?", "banned?", "banExpires?", "twoFactorEnabled?"}, []string{"createdAt", "banExpires"}},
	{"account", false, []string{"account", "accounts"}, []string{"userId", "accountId", "providerId", "issuer?",
		"password?", "createdAt?"}, []string{"createdAt"}},
	{"session", true, []string{"session", "sessions"}, []string{"userId", "token", "expiresAt", "createdAt?", "ipAddress?",
		"userAgent?", "impersonatedBy?"}, []string{"createdAt", "expiresAt"}},
	{"twoFactor", true, []string{"twoFactor", "two_factor", "two_factors"}, []string{"userId", "verified?",
		"secret?", "backupCodes?"}, nil},
	{"passkey", true, []string{"passkey", "passkeys"}, []string{"userId", "credentialID", "publicKey", "name?", "counter?",
		"deviceType?", "backedUp?", "transports?", "aaguid?", "createdAt?"}, []string{"createdAt"}},
}

// People implements Source.
func (b BetterAuth) People(ctx context.Context, f Taker) error {
	return b.open(ctx, betterAuthTables, func(r *reader) error {
		if err := r.issuersNamed(ctx, "account", "providerId", "credential", "microsoft"); err != nil {
			return err
		}
		r.unsaid = unsaidBy(map[string][]string{nameField: {"user.name"},
			usernameField: {"user.username"}, imageField: {"user.image"},
			rolesField: {"user.role"}, disabledField: {"user.banned"}, untilField: {"user.banExpires"},
			passwordField: {"account.password"}, factorField: {"user.twoFactorEnabled", "twoFactor."},
			passkeysField: {"passkey."}, sessionsField: {"session."}}, r.has)
		u := r.tables["user"]
		return r.people(ctx, `
			SELECT `+u.text("u", "id")+`, `+u.cell("u", "email")+`, `+u.truth("u", "emailVerified")+`,
			    `+u.cell("u", "name")+`, `+u.cell("u", "username")+`, `+u.cell("u", "image")+`, `+u.moment("u", "createdAt")+`,
			    `+u.cell("u", "role")+`, `+u.truth("u", "banned")+`, `+u.moment("u", "banExpires")+`,
			    `+u.truth("u", "twoFactorEnabled")+`
			FROM `+u.name+` u`, u, func(rows pgx.CollectableRow) (Person, error) {
			var p Person
			var created, until *time.Time
			var roles, verified, banned, factor string
			err := rows.Scan(&p.ID, &p.Email, &verified, &p.Name, &p.Username, &p.Image, &created, &roles, &banned, &until,
				&factor)
			p.Verified, p.Disabled = u.says(&p, "emailVerified", verified), u.says(&p, "banned", banned)
			p.SecondFactor = u.says(&p, "twoFactorEnabled", factor)
			p.Created, p.Until, p.Roles = orZero(created), orZero(until), splitRoles(roles)
			return p, err
		}, f, b.accounts, b.factors, b.passkeys, b.sessions)
	})
}

// splitRoles splits a list with commas, as most systems keep roles.
func splitRoles(s string) (roles []string) {
	for role := range strings.SplitSeq(s, ",") {
		if role = strings.TrimSpace(role); role != "" {
			roles = append(roles, role)
		}
	}
	return roles
}

// accounts adds the passwords and the accounts at providers.
func (b BetterAuth) accounts(ctx context.Context, r *reader, people byID) error {
	a := r.tables["account"]
	rows, err := r.tx.Query(ctx, `
		SELECT `+a.text("a", "userId")+`, `+a.cell("a", "providerId")+`, `+a.cell("a", "accountId")+`,
		    `+a.cell("a", "issuer")+`, `+a.cell("a", "password")+`, `+a.moment("a", "createdAt")+`
		FROM `+a.name+` a WHERE a.`+a.columns["userId"]+`::text = ANY ($1)
		ORDER BY 1, 2, 3`, people.ids())
	if err != nil {
		return err
	}
	var user, provider, subject, issuer, hash string
	var created *time.Time
	_, err = pgx.ForEachRow(rows, []any{&user, &provider, &subject, &issuer, &hash, &created}, func() error {
		p := people[user]
		if provider == "credential" {
			p.setPassword(hash)
			return nil
		}
		if provider == "microsoft" {
			if !slices.Contains(p.Notes, errByOID.Error()) {
				p.Notes = append(p.Notes, errByOID.Error())
			}
			return nil
		}
		b.link(p, provider, subject, issuer, orZero(created))
		return nil
	})
	return err
}

// setPassword reads a hash that says itself what it is. Django writes ! before what is no password of anybody's.
func (p *Person) setPassword(hash string) {
	if hash == "" || strings.HasPrefix(hash, "!") {
		return
	}
	p.Password, _, p.Unknown = password.Recognise(hash)
}

// accountsMost bounds the accounts of one person, while they are read: whoever has more is refused.
const accountsMost = 1000

// link adds an account at a provider. The source names providers; whose accounts they are, an issuer says.
func (d Database) link(p *Person, provider, subject, issuer string, created time.Time) {
	if strings.HasPrefix(issuer, "local:") {
		issuer = ""
	}
	if len(p.providers) == accountsMost {
		p.fail(fmt.Errorf("has more than %d accounts at providers", accountsMost))
		return
	}
	p.providers = append(p.providers, provider)
	i, err := identity(provider, subject, cmp.Or(d.Issuers[provider], issuer))
	if err != nil {
		p.Notes = append(p.Notes, err.Error())
		if i.Issuer == "" {
			if p.unissued == nil {
				p.unissued = map[string]string{}
			}
			p.unissued[subject] = provider
		}
		return
	}
	i.Created = created
	p.Identities = append(p.Identities, i)
}

// sessions adds the sessions that are alive. Those in which an administrator acts as somebody else stay.
func (b BetterAuth) sessions(ctx context.Context, r *reader, people byID) error {
	s := r.tables["session"]
	if s == nil {
		return nil
	}
	return r.sessions(ctx, s, "token", "expiresAt", s.text("s", "impersonatedBy")+` = ''`, people)
}
