package importer

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/passkey"
)

// Passkey is a passkey that somebody has at the source.
type Passkey struct {
	passkey.Key
	Domain  string // that it was made for (the RP ID); empty: the source does not say
	Name    string // that its user gave it; may be empty
	Created time.Time
}

// field names a passkey without saying its id.
func (k Passkey) field() string { return passkeyField + digest(string(k.ID)) }

// String is how a report calls a passkey.
func (k Passkey) String() string {
	if k.Name != "" {
		return fmt.Sprintf("the passkey %q", short(k.Name))
	}
	return "the passkey " + short(base64.RawURLEncoding.EncodeToString(k.ID))
}

// passkeysMost bounds the passkeys of one person that are brought over: the oldest ones.
const passkeysMost = 50

// takePasskey takes a passkey of the source. One that cannot be one stays there, which is told.
func (p *Person) takePasskey(k Passkey) {
	switch err := k.Valid(); {
	case len(p.Passkeys) == passkeysMost:
		p.leave(fmt.Sprintf("has more than %d passkeys: the others are left out", passkeysMost), k)
	case err != nil:
		p.leave(k.String()+" is left out: "+err.Error(), k)
	default:
		p.Passkeys = append(p.Passkeys, k)
	}
}

// leave notes that a passkey is not brought over, and why, once. It is told at each import.
func (p *Person) leave(why string, k Passkey) {
	if len(p.stay) < accountsMost {
		p.stay = append(p.stay, k.field())
	}
	if !slices.Contains(p.left, why) && len(p.left) < passkeysMost {
		p.left = append(p.left, why)
	}
}

// keepFitting leaves the passkeys out that no browser would use here: at another domain they are dead, and they would
// still be asked for after a password.
func (p *Person) keepFitting(rules Rules) {
	var fit []Passkey
	for _, k := range p.Passkeys {
		domain, err := rules.PasskeyDomain(k.Domain)
		if err != nil {
			p.leave(k.String()+" is left out: "+err.Error(), k)
			continue
		}
		k.Domain = domain
		fit = append(fit, k)
	}
	p.Passkeys = fit
}

// leftLines tell what of somebody's passkeys is not brought over.
func (p *plan) leftLines() (lines []Line) {
	for _, what := range p.left {
		lines = append(lines, p.line(resultNoted, "", what))
	}
	return lines
}

// insertPasskeys gives new people their passkeys.
func (r *run) insertPasskeys(ctx context.Context, tx pgx.Tx, made []*plan) (lines []Line, err error) {
	for _, p := range made {
		for _, k := range p.Passkeys {
			told, err := r.addPasskey(ctx, tx, p, k, false)
			if err != nil {
				return nil, err
			}
			lines = append(lines, told...)
		}
	}
	return lines, nil
}

// addPasskey gives a locked user a passkey, unless somebody has it here.
func (r *run) addPasskey(ctx context.Context, tx pgx.Tx, p *plan, k Passkey, before bool) ([]Line, error) {
	obstacle, err := r.o.Rules.AddPasskey(ctx, tx, p.record.userID, k, before)
	if err != nil {
		return nil, err
	}
	if obstacle != nil {
		return []Line{p.line(resultKept, factorField, k.String()+" "+obstacle.Error())}, nil
	}
	r.passkeys++
	return nil, nil
}

// changePasskey brings over a passkey that a locked user has at the source and did not have at the last import, and
// notes it in wrote. One that is gone there stays here: nobody knows who has removed it.
func (r *run) changePasskey(ctx context.Context, tx pgx.Tx, p *plan, field string,
	wrote map[string]string) ([]Line, error) {
	if i := slices.IndexFunc(p.Passkeys, func(k Passkey) bool { return k.field() == field }); i >= 0 {
		told, err := r.addPasskey(ctx, tx, p, p.Passkeys[i], true)
		if err == nil && told == nil {
			wrote[field] = digest(field, p.fields[field])
			p.changed, p.moved = true, append(p.moved, field)
		}
		return told, err
	}
	if slices.Contains(p.stay, field) {
		return nil, nil
	}
	here, err := passkeyHere(ctx, tx, p.record.userID, field)
	if err != nil {
		return nil, err
	}
	if here == nil {
		delete(wrote, field)
		return nil, nil
	}
	return []Line{p.line(resultKept, factorField, here.String()+" is gone there: it stays here until its user removes it "+
		"(gatepost user reset-factors removes all)")}, nil
}

// passkeyHere returns the passkey of a user that a field names; nil: they have none.
func passkeyHere(ctx context.Context, tx pgx.Tx, userID, field string) (found *Passkey, err error) {
	rows, err := tx.Query(ctx, `SELECT credential_id, name FROM gatepost.passkey WHERE user_id = $1`, userID)
	if err != nil {
		return nil, err
	}
	var k Passkey
	_, err = pgx.ForEachRow(rows, []any{&k.ID, &k.Name}, func() error {
		if k.field() == field {
			found = &Passkey{Name: k.Name, Key: passkey.Key{ID: slices.Clone(k.ID)}}
		}
		return nil
	})
	return found, err
}

// errNoPasskeys is why no passkey is brought over where there are none.
var errNoPasskeys = errors.New("browsers make no passkeys for GATEPOST_PUBLIC_URL, which needs a domain and https")

// FitsDomain returns the domain that a passkey of the source works for here, or why it does not. said is what the
// source says of it; empty: it is taken to be of the site's host, as the site keeps its address. own is the domain of
// the passkeys that are here; empty: there are none.
func FitsDomain(site *passkey.Site, said, own string) (domain string, err error) {
	if site == nil {
		return "", errNoPasskeys
	}
	domain = said
	if domain == "" {
		domain = site.Host
	}
	switch {
	case !site.Fits(domain):
		return "", fmt.Errorf("it was made for %q, and works there and below only, not at %s", short(domain), site.Host)
	case own != "" && domain != own:
		return "", fmt.Errorf("it was made for %q, and those that are here for %q", short(domain), own)
	}
	return domain, nil
}
