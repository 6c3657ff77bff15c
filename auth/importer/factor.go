package importer

import (
	"context"
	"maps"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/secret"
)

// haveFactorNow returns the users here who have a second factor at the source now, and had none when they were brought
// over. Those who were brought over without theirs on request are not among them.
func (r *run) haveFactorNow(ctx context.Context, tx pgx.Tx, plans []*plan) (factored []*plan, err error) {
	var with []*plan
	for _, p := range plans {
		if p.SecondFactor && secret.ValidID(p.ID) && !r.o.DropSecondFactors {
			with = append(with, p)
		}
	}
	if len(with) == 0 {
		return nil, nil
	}
	if err := r.remember(ctx, tx, with); err != nil {
		return nil, err
	}
	for _, p := range with {
		if p.record != nil && p.record.userID != "" && p.record.wrote[factorField] == "" {
			factored = append(factored, p)
		}
	}
	return factored, nil
}

// bar takes the imported password of locked users: it alone lets nobody in at the source any more. One that was chosen
// here stays.
func (r *run) bar(ctx context.Context, tx pgx.Tx, factored []*plan) (lines []Line, err error) {
	if len(factored) == 0 {
		return nil, nil
	}
	here, err := readHere(ctx, tx, factored)
	if err != nil {
		return nil, err
	}
	for _, p := range factored {
		hash := here[p.record.userID][passwordField]
		if hash == "" || !p.record.isOf(hash) {
			continue
		}
		if err := r.takePassword(ctx, tx, p); err != nil {
			return nil, err
		}
		lines = append(lines, p.line(resultBarred, passwordField,
			"no longer lets them in here, as they have a second factor "+
				"there now; they choose a new one by mail"))
	}
	return lines, nil
}

// takePassword empties the password of a locked user. Once the source says that they have no second factor, it is
// written again.
func (r *run) takePassword(ctx context.Context, tx pgx.Tx, p *plan) error {
	if err := r.o.Rules.SetPassword(ctx, tx, p.record.userID, ""); err != nil {
		return err
	}
	wrote := maps.Clone(p.record.wrote)
	wrote[passwordField], wrote[barredField] = digest(passwordField, ""), digest(barredField)
	delete(wrote, wrappedField)
	return r.keep(ctx, tx, p, wrote)
}
