package importer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Supabase reads the schema auth of a Supabase project. What people may write of themselves (raw_user_meta_data) gives
// them a name and a picture, never a role.
type Supabase struct{ Database }

// Name implements Source.
func (Supabase) Name() string { return "supabase" }

// Ordered implements Source.
func (Supabase) Ordered() bool { return true }

var supabaseTables = []want{
	{"users", false, []string{"users"}, []string{"id", "email", "email_confirmed_at", "encrypted_password", "created_at",
		"banned_until?", "deleted_at?", "raw_app_meta_data?", "raw_user_meta_data?", "is_sso_user?", "is_anonymous?"},
		[]string{"created_at", "banned_until"}},
	{"identities", true, []string{"identities"}, []string{"user_id", "provider", "provider_id", "created_at?",
		"identity_data?"}, []string{"created_at"}},
	{"mfa_factors", true, []string{"mfa_factors"}, []string{"user_id", "status", "factor_type?",
		"secret?", "created_at?"}, []string{"created_at"}},
}

// supabaseMeta is what of the two columns of JSON is used.
type supabaseMeta struct {
	Role     any    `json:"role"`
	Roles    any    `json:"roles"`
	Name     string `json:"name"`
	FullName string `json:"full_name"`
	Picture  string `json:"picture"`
	Avatar   string `json:"avatar_url"`
}

// People implements Source.
func (s Supabase) People(ctx context.Context, f Taker) error {
	s.Schema = cmp.Or(s.Schema, "auth")
	return s.open(ctx, supabaseTables, func(r *reader) error {
		if err := r.issuersNamed(ctx, "identities", "provider", "email", "phone"); err != nil {
			return err
		}
		const people = "users.raw_user_meta_data"
		r.unsaid = unsaidBy(map[string][]string{nameField: {people}, imageField: {people},
			rolesField: {"users.raw_app_meta_data"}, disabledField: {"users.banned_until"},
			accountsField: {"identities."}, factorField: {"mfa_factors."}}, r.has)
		u := r.tables["users"]
		where := ` WHERE true`
		if u.columns["deleted_at"] != "" {
			where += ` AND u.` + u.columns["deleted_at"] + ` IS NULL`
		}
		if u.columns["is_anonymous"] != "" { // who have an address perhaps, and have not proved it
			where += ` AND u.` + u.columns["is_anonymous"] + `::text IS DISTINCT FROM 'true'`
		}
		return r.people(ctx, `
			SELECT `+u.text("u", "id")+`, `+u.cell("u", "email")+`, `+u.truth("u", "email_confirmed_at")+`,
			    `+u.moment("u", "created_at")+`, `+u.cell("u", "encrypted_password")+`,
			    `+u.moment("u", "banned_until")+`, `+u.text("u", "raw_app_meta_data")+`,
			    `+u.text("u", "raw_user_meta_data")+`
			FROM `+u.name+` u`+where, u, func(rows pgx.CollectableRow) (Person, error) {
			return scanSupabase(rows, u)
		}, f, s.identities, s.apart, s.factors)
	})
}

func scanSupabase(rows pgx.CollectableRow, u *table) (Person, error) {
	var p Person
	var created, until *time.Time
	var verified, hash, appMeta, userMeta string
	err := rows.Scan(&p.ID, &p.Email, &verified, &created, &hash, &until, &appMeta, &userMeta)
	p.Created, p.Until = orZero(created), orZero(until)
	p.Verified, p.Disabled = u.says(&p, "email_confirmed_at", verified), until != nil
	if p.Until.Year() >= 9999 {
		p.Until = time.Time{}
	}
	var app, own supabaseMeta
	_ = json.Unmarshal([]byte(appMeta), &app) // whatever else is in there is the app's
	_ = json.Unmarshal([]byte(userMeta), &own)
	p.takeRoles(app.Roles, app.Role)
	p.Name, p.Image = cmp.Or(own.Name, own.FullName), cmp.Or(own.Picture, own.Avatar)
	p.setPassword(hash)
	return p, err
}

func (s Supabase) identities(ctx context.Context, r *reader, people byID) error {
	t := r.tables["identities"]
	if t == nil {
		return nil
	}
	rows, err := r.tx.Query(ctx, `
		SELECT `+t.text("i", "user_id")+`, `+t.cell("i", "provider")+`, `+t.cell("i", "provider_id")+`,
		    `+t.moment("i", "created_at")+`
		FROM `+t.name+` i WHERE i.`+t.columns["user_id"]+`::text = ANY ($1) ORDER BY 1, 2, 3`, people.ids())
	if err != nil {
		return err
	}
	var user, provider, subject string
	var created *time.Time
	_, err = pgx.ForEachRow(rows, []any{&user, &provider, &subject, &created}, func() error {
		if provider != "email" && provider != "phone" {
			s.link(people[user], provider, subject, "", orZero(created))
		}
		return nil
	})
	return err
}

// errSealedThere is why a factor of Supabase is not brought over whose key a project keeps encrypted. What it is
// encrypted with is the server's, and bound to its row.
var errSealedThere = errors.New("its key is encrypted there with a key of the server's own, which this import lacks")

// factors reads the factors that were verified. There is one authenticator app a user here: the latest.
func (s Supabase) factors(ctx context.Context, r *reader, people byID) error {
	t := r.tables["mfa_factors"]
	if t == nil {
		return nil
	}
	rows, err := r.tx.Query(ctx, `
		SELECT `+t.text("m", "user_id")+`, `+t.cell("m", "factor_type")+`, `+t.cell("m", "secret")+`
		FROM `+t.name+` m
		WHERE m.`+t.columns["user_id"]+`::text = ANY ($1) AND m.`+t.columns["status"]+`::text = 'verified'
		ORDER BY 1, `+t.moment("m", "created_at")+` DESC NULLS LAST, 3`, people.ids())
	if err != nil {
		return err
	}
	var user, kind, key string
	_, err = pgx.ForEachRow(rows, []any{&user, &kind, &key}, func() error {
		p := people[user]
		p.SecondFactor = true
		switch {
		case kind != "totp" || p.errFactor != nil && p.App == nil:
		case p.App != nil:
			if !slices.Contains(p.Notes, oneApp) {
				p.Notes = append(p.Notes, oneApp)
			}
		case strings.HasPrefix(strings.TrimSpace(key), "{"):
			p.errFactor = errSealedThere
		default:
			p.takeKey(key)
		}
		return nil
	})
	return err
}

// oneApp is told of somebody with several authenticator apps.
const oneApp = "has several authenticator apps: the latest is brought over"
