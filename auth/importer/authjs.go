package importer

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// AuthJS reads the database of Auth.js (NextAuth), as its adapters for PostgreSQL, Drizzle and Prisma make it. Auth.js
// itself keeps no passwords; apps that do so have a column of their own, which Columns names as "user.password".
type AuthJS struct{ Database }

// Name implements Source.
func (AuthJS) Name() string { return "authjs" }

// Ordered implements Source.
func (AuthJS) Ordered() bool { return true }

var authJSTables = []want{
	{"user", false, []string{"users", "user", "User"}, []string{"id", "email", "emailVerified?", "name?", "image?",
		"createdAt?", "role?", "password?", "disabled?"}, []string{"createdAt"}},
	{"account", true, []string{"accounts", "account", "Account"}, []string{"userId", "provider",
		"providerAccountId"}, nil},
	{"session", true, []string{"sessions", "session", "Session"}, []string{"userId", "sessionToken", "expires",
		"createdAt?", "ipAddress?", "userAgent?"}, []string{"createdAt", "expires"}},
}

// People implements Source.
func (a AuthJS) People(ctx context.Context, f Taker) error {
	return a.open(ctx, authJSTables, func(r *reader) error {
		if err := r.issuersNamed(ctx, "account", "provider"); err != nil {
			return err
		}
		r.unsaid = unsaidBy(map[string][]string{verifiedField: {"user.emailVerified"}, nameField: {"user.name"},
			imageField: {"user.image"}, rolesField: {"user.role"}, disabledField: {"user.disabled"},
			passwordField: {"user.password"}, accountsField: {"account."}, sessionsField: {"session."}}, r.has)
		u := r.tables["user"]
		return r.people(ctx, `
			SELECT `+u.text("u", "id")+`, `+u.cell("u", "email")+`, `+u.truth("u", "emailVerified")+`,
			    `+u.cell("u", "name")+`, `+u.cell("u", "image")+`, `+u.moment("u", "createdAt")+`,
			    `+u.cell("u", "role")+`, `+u.cell("u", "password")+`, `+u.truth("u", "disabled")+`
			FROM `+u.name+` u`, u, func(rows pgx.CollectableRow) (Person, error) {
			var p Person
			var created *time.Time
			var roles, hash, verified, barred string
			err := rows.Scan(&p.ID, &p.Email, &verified, &p.Name, &p.Image, &created, &roles, &hash, &barred)
			p.Verified, p.Disabled = u.says(&p, "emailVerified", verified), u.says(&p, "disabled", barred)
			p.Created, p.Roles = orZero(created), splitRoles(roles)
			p.setPassword(hash)
			return p, err
		}, f, a.accounts, a.sessions)
	})
}

func (a AuthJS) accounts(ctx context.Context, r *reader, people byID) error {
	t := r.tables["account"]
	if t == nil {
		return nil
	}
	rows, err := r.tx.Query(ctx, `
		SELECT `+t.text("a", "userId")+`, `+t.cell("a", "provider")+`, `+t.cell("a", "providerAccountId")+`
		FROM `+t.name+` a WHERE a.`+t.columns["userId"]+`::text = ANY ($1) ORDER BY 1, 2, 3`, people.ids())
	if err != nil {
		return err
	}
	var user, provider, subject string
	_, err = pgx.ForEachRow(rows, []any{&user, &provider, &subject}, func() error {
		a.link(people[user], provider, subject, "", time.Time{})
		return nil
	})
	return err
}

func (a AuthJS) sessions(ctx context.Context, r *reader, people byID) error {
	s := r.tables["session"]
	if s == nil {
		return nil
	}
	return r.sessions(ctx, s, "sessionToken", "expires", `true`, people)
}
