package importer

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/database"
)

// changedHere is why a field stays that is another one here than the import wrote.
const changedHere = "was changed here, too: what is here stays"

// change brings over what the source says anew of people who are here.
func (r *run) change(ctx context.Context, tx pgx.Tx, known []*plan) (lines []Line, err error) {
	changes := map[*plan][]string{}
	for _, p := range known {
		if p.lacks != "" {
			lines = append(lines, p.line(resultNoted, "", p.lacks))
		}
		lines = append(lines, p.leftLines()...)
		r.miss(p.missing()...)
		if fields := p.news(); len(fields) > 0 {
			changes[p] = fields
		} else {
			lines = append(lines, p.line(resultUnchanged, "", ""))
		}
	}
	if len(changes) == 0 {
		return lines, nil
	}
	moved := slices.DeleteFunc(slices.Clone(known), func(p *plan) bool { return changes[p] == nil })
	here, err := readHere(ctx, tx, moved)
	if err != nil {
		return nil, err
	}
	o, err := find(ctx, tx, moved)
	if err != nil {
		return nil, err
	}
	if err := r.would.apply(ctx, tx, o, moved); err != nil {
		return nil, err
	}
	for _, p := range moved {
		told, err := r.changeOne(ctx, tx, p, changes[p], here[p.record.userID], o)
		if err != nil {
			return nil, err
		}
		lines = append(lines, told...)
	}
	return lines, nil
}

// changeOne writes the fields of one person whose value here is still what was written last. Of the others it tells.
func (r *run) changeOne(ctx context.Context, tx pgx.Tx, p *plan, fields []string, here map[string]string,
	o owners) (lines []Line, err error) {
	wrote, now := maps.Clone(p.record.wrote), digests(p.fields)
	p.changed, p.moved, p.waits = false, nil, false // of a try before this one
	for _, field := range fields {
		if provider := p.unnamed(field); provider != "" {
			r.miss("accounts at " + provider)
			continue
		}
		written := p.record.wrote[field]
		found := ""
		if value, ok := here[field]; ok {
			found = digest(field, value)
		}
		if strings.HasPrefix(field, factorField) {
			told, err := r.changeSecond(ctx, tx, p, field, wrote)
			if err != nil {
				return nil, err
			}
			lines = append(lines, told...)
			continue
		}
		switch reason := p.obstacle(field, here, o); {
		case found == now[field]: // it is so already
		case found != written && (field != passwordField || !p.record.isOf(here[field])):
			lines = append(lines, p.line(resultKept, field, changedHere))
			continue
		case reason != "" && field == addressField && len(r.waiting) < exchangeMost:
			p.waits = true
			continue
		case reason != "":
			lines = append(lines, p.line(resultKept, field, reason))
			continue
		default:
			if err := p.writeField(ctx, tx, field, r.o.Rules); err != nil {
				return nil, err
			}
			p.changed, p.moved = true, append(p.moved, field)
			if now[field] == "" || p.fields[field] == "" {
				delete(here, field)
			}
		}
		if wrote[field] = now[field]; now[field] == "" {
			delete(wrote, field)
		}
		if field == passwordField {
			delete(wrote, wrappedField)
			delete(wrote, barredField)
		}
	}
	if !p.waits { // else it is told at the end
		lines = append(lines, p.outcome())
	}
	return lines, r.keep(ctx, tx, p, wrote)
}

// changeSecond brings over an authenticator app or a passkey.
func (r *run) changeSecond(ctx context.Context, tx pgx.Tx, p *plan, field string,
	wrote map[string]string) ([]Line, error) {
	if field == factorField {
		return r.changeFactor(ctx, tx, p, wrote)
	}
	return r.changePasskey(ctx, tx, p, field, wrote)
}

// keep remembers what was written of a person. Of one who was deleted nothing is.
func (r *run) keep(ctx context.Context, tx pgx.Tx, p *plan, wrote map[string]string) error {
	_, err := tx.Exec(ctx, `
		UPDATE gatepost.import_record SET wrote = $3::text::jsonb, updated_at = now()
		WHERE source = $1 AND source_id = $2 AND user_id IS NOT NULL`, r.name, p.ID, asJSON(wrote))
	return err
}

// obstacle is why a field cannot be written although nobody changed it here; empty: it can.
func (p *plan) obstacle(field string, here map[string]string, o owners) (reason string) {
	switch {
	case field == addressField:
		if has, taken := o.addresses[p.Email]; taken && has.user != p.record.userID {
			return "is the address of " + has.String()
		}
	case field == usernameField:
		if has, taken := o.usernames[p.Username]; taken && has != p.record.userID {
			return nameTaken
		}
	case strings.HasPrefix(field, identityField) && p.fields[field] == "", field == passwordField && p.Password == "":
		if ways(here) == 1 {
			return "is gone at the source, and the only way in here: it stays"
		}
	case strings.HasPrefix(field, identityField):
		i := p.identity(field)
		if has, taken := o.identities[i.key()]; taken {
			return fmt.Sprintf("is the %s account of %s", i.Provider, has)
		}
	}
	return ""
}

// ways counts the ways in that a user has here.
func ways(here map[string]string) (n int) {
	for field, value := range here {
		if field == passwordField && value != "" || strings.HasPrefix(field, identityField) {
			n++
		}
	}
	return n
}

func (p *plan) identity(field string) Identity {
	for _, i := range p.Identities {
		if i.field() == field {
			return i
		}
	}
	return Identity{}
}

// readHere returns the fields of locked users, by id.
func readHere(ctx context.Context, tx pgx.Tx, plans []*plan) (here map[string]map[string]string, err error) {
	var users []string
	for _, p := range plans {
		users = append(users, p.record.userID)
	}
	here = map[string]map[string]string{}
	rows, err := tx.Query(ctx, `
		SELECT u.id, u.email, u.email_verified, u.name, coalesce(u.username, ''), NOT u.username_chosen,
		    coalesce(u.image, ''), u.role, u.disabled_at IS NOT NULL,
		    `+database.Readable(`u.disabled_until`)+`, coalesce(a.password, '')
		FROM gatepost."user" u
		LEFT JOIN gatepost.account a ON a.user_id = u.id AND a.provider_id = 'credential'
		WHERE u.id = ANY ($1)`, users)
	if err != nil {
		return nil, err
	}
	var id, email, name, called, image, role, hash string
	var verified, given, barred bool
	var until *time.Time
	row := []any{&id, &email, &verified, &name, &called, &given, &image, &role, &barred, &until, &hash}
	_, err = pgx.ForEachRow(rows, row, func() error {
		here[id] = map[string]string{addressField: address(email, verified), nameField: name, imageField: image,
			rolesField: role, disabledField: disabled(barred, orZero(until)), passwordField: hash}
		if called != "" {
			here[id][usernameField] = username(called, given)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return here, addIdentities(ctx, tx, users, here, plans)
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func addIdentities(ctx context.Context, tx pgx.Tx, users []string, here map[string]map[string]string,
	plans []*plan) error {
	subjects := map[string]map[string]string{}
	for _, p := range plans {
		p.subjects = map[string]string{}
		subjects[p.record.userID] = p.subjects
	}
	rows, err := tx.Query(ctx, `
		SELECT user_id, issuer, account_id FROM gatepost.account
		WHERE user_id = ANY ($1) AND provider_id <> 'credential'`, users)
	if err != nil {
		return err
	}
	var id string
	var i Identity
	_, err = pgx.ForEachRow(rows, []any{&id, &i.Issuer, &i.Subject}, func() error {
		here[id][i.field()], subjects[id][i.field()] = "here", i.Subject
		return nil
	})
	return err
}

// asJSON is a map for a jsonb column.
func asJSON(m map[string]string) string {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings can always be marshalled
	}
	return string(b)
}
