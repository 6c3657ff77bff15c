package importer

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
)

// foreseen is what a dry run would have done so far, of which the database knows nothing: which addresses,
// usernames and accounts at providers are taken by now, and which are free. It is empty in other runs.
type foreseen struct {
	taken      seen
	left       map[string]bool // by users whose address is another one by now
	identities seen            // that were removed
}

// note adds what would be written of a batch.
func (w *foreseen) note(made, known []*plan) {
	for _, p := range made {
		w.taken.again(p.Email)
		w.taken.again(usernameField + " " + p.Username)
		for _, i := range p.Identities {
			w.taken.again(i.field())
		}
	}
	for _, p := range known {
		for _, field := range p.moved {
			w.noteField(p, field)
		}
	}
}

func (w *foreseen) noteField(p *plan, field string) {
	switch {
	case field == addressField:
		if w.left == nil {
			w.left = map[string]bool{}
		}
		w.left[p.record.userID] = true
		w.taken.again(p.Email)
	case strings.HasPrefix(field, identityField) && p.fields[field] == "":
		w.identities.again(field)
	case strings.HasPrefix(field, identityField):
		w.taken.again(field)
	}
}

// apply makes o what it would be by now, of all that plans would write, and has the database agree until the
// transaction of the dry run is taken back.
func (w *foreseen) apply(ctx context.Context, tx pgx.Tx, o owners, plans []*plan) error {
	var users, issuers, subjects []string
	for _, p := range plans {
		if p.Username != "" && w.taken.has(usernameField+" "+p.Username) {
			o.usernames[p.Username] = ""
		}
		if has, taken := o.addresses[p.Email]; taken && !has.undo && w.left[has.user] {
			users = append(users, has.user)
			delete(o.addresses, p.Email)
		}
		if _, taken := o.addresses[p.Email]; !taken && w.taken.has(p.Email) {
			o.addresses[p.Email] = holder{}
		}
		for _, i := range p.Identities {
			if w.identities.has(i.field()) {
				issuers, subjects = append(issuers, i.Issuer), append(subjects, i.Subject)
				delete(o.identities, i.key())
			}
			if _, taken := o.identities[i.key()]; !taken && w.taken.has(i.field()) {
				o.identities[i.key()] = holder{}
			}
		}
	}
	if len(users)+len(issuers) == 0 {
		return nil
	}
	b := &pgx.Batch{}
	b.Queue(leaveSQL, users)
	b.Queue(`
		DELETE FROM gatepost.account a USING unnest($1::text[], $2::text[]) AS w (issuer, account_id)
		WHERE a.issuer = w.issuer AND a.account_id = w.account_id`, issuers, subjects)
	return tx.SendBatch(ctx, b).Close()
}
