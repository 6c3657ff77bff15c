package importer

import (
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
)

// exchangeMost is how many people may wait for addresses that others have here. They are kept in memory, and written
// in one transaction.
const exchangeMost = 1000

// wait keeps those who wait for an address, once everything else of them is written.
func (r *run) wait(known []*plan) {
	for _, p := range known {
		if p.waits {
			r.waiting = append(r.waiting, p)
		}
	}
}

// exchange writes the addresses that others had when their turn came, now that everybody was read: some of those have
// left theirs meanwhile, and some wait for each other, as after an exchange at the source. Only what is still as the
// import wrote it is moved, in one transaction, in which all of them are locked.
func (r *run) exchange(ctx context.Context) error {
	if len(r.waiting) == 0 {
		return nil
	}
	var lines []Line
	err := r.inTx(ctx, r.db.Patiently, func(ctx context.Context, tx pgx.Tx) (err error) {
		lines, err = r.exchangeIn(ctx, tx)
		return err
	})
	if reason := obstacle(err); reason != "" { // somebody has taken an address a moment ago, or holds a row
		lines, err = nil, nil
		for _, p := range r.waiting {
			lines = append(lines, p.line(resultKept, addressField, reason), p.outcome())
		}
	}
	if err != nil {
		return err
	}
	return r.say(lines)
}

func (r *run) exchangeIn(ctx context.Context, tx pgx.Tx) (lines []Line, err error) {
	if err := lockUsers(ctx, tx, r.waiting); err != nil {
		return nil, err
	}
	if err := r.remember(ctx, tx, r.waiting); err != nil {
		return nil, err
	}
	still := stillHere(r.waiting)
	fields, err := readHere(ctx, tx, still)
	if err != nil {
		return nil, err
	}
	o, err := find(ctx, tx, still)
	if err != nil {
		return nil, err
	}
	if err := r.would.apply(ctx, tx, o, still); err != nil {
		return nil, err
	}
	moving, lines := r.moving(still, fields, o)
	return append(lines, gone(r.waiting)...), r.move(ctx, tx, moving)
}

// moving returns those whose address can be written, as it is free, or left by one of them, and a line for each of
// them, and what is to be told of the others.
func (r *run) moving(waiting []*plan, here map[string]map[string]string, o owners) (moving []*plan, lines []Line) {
	wanted := seen{}
	for _, p := range waiting {
		switch address := here[p.record.userID][addressField]; {
		case address == "": // deleted a moment ago
		case digest(addressField, address) != p.record.wrote[addressField]:
			lines = append(lines, p.line(resultKept, addressField, changedHere), p.outcome())
		case wanted.again(p.Email):
			lines = append(lines, p.line(resultKept, addressField, "is the address of another record"), p.outcome())
		default:
			moving = append(moving, p)
		}
	}
	for again := true; again; {
		leaving := map[string]bool{}
		for _, p := range moving {
			leaving[p.record.userID] = true
		}
		before := len(moving)
		moving = slices.DeleteFunc(moving, func(p *plan) bool {
			reason := p.obstacle(addressField, nil, o)
			has := o.addresses[p.Email]
			stays := reason != "" && (has.undo || !leaving[has.user])
			if stays {
				lines = append(lines, p.line(resultKept, addressField, reason), p.outcome())
			}
			return stays
		})
		again = len(moving) < before
	}
	for _, p := range moving {
		lines = append(lines, p.line(Changed, "", ""))
	}
	return moving, lines
}

// leaveSQL gives the users $1 an address that is nobody's.
const leaveSQL = `
	UPDATE gatepost."user" SET email = 'moving-' || md5(id) || '@gatepost.invalid' WHERE id = ANY ($1)`

// move writes the addresses of locked users. All leave theirs before one gets another's: no two may have one, not even
// for a moment.
func (r *run) move(ctx context.Context, tx pgx.Tx, moving []*plan) error {
	if r.o.DryRun { // which still has those here who would have left before
		return nil
	}
	var users []string
	for _, p := range moving {
		users = append(users, p.record.userID)
	}
	if _, err := tx.Exec(ctx, leaveSQL, users); err != nil {
		return err
	}
	for _, p := range moving {
		if err := p.writeField(ctx, tx, addressField, r.o.Rules); err != nil {
			return err
		}
		wrote := maps.Clone(p.record.wrote)
		wrote[addressField] = digests(p.fields)[addressField]
		if err := r.keep(ctx, tx, p, wrote); err != nil {
			return err
		}
	}
	return nil
}

// outcome is the line about a person whose address stays.
func (p *plan) outcome() Line {
	if p.changed {
		return p.line(Changed, "", "")
	}
	return p.line(resultUnchanged, "", "")
}
