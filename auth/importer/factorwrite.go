package importer

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/password"
	"github.com/gatepost/gatepost/auth/secret"
	"github.com/gatepost/gatepost/internal/upkeep"
)

// insertFactors gives new people their second factors.
func (r *run) insertFactors(ctx context.Context, tx pgx.Tx, made []*plan) error {
	for _, p := range made {
		if p.App == nil {
			continue
		}
		if err := r.o.Rules.AddFactor(ctx, tx, p.record.userID, p.App, p.codeHashes, false); err != nil {
			return err
		}
		r.factors++
	}
	return nil
}

// changeFactor brings over what the source says anew of the second factor of a locked user, and notes it in wrote. It
// adds one to whoever has none. One that is here stays as it is, whatever the source says.
func (r *run) changeFactor(ctx context.Context, tx pgx.Tx, p *plan, wrote map[string]string) ([]Line, error) {
	has, err := r.o.Rules.HasFactor(ctx, tx, p.record.userID)
	if err != nil {
		return nil, err
	}
	brought := wrote[factorField] != "" && wrote[factorField] != digest(factorField, dropped)
	switch {
	case !p.SecondFactor && brought && has:
		return []Line{p.line(resultKept, factorField, "is gone there: the one here stays (gatepost user reset-factors "+
			"switches it off)")}, nil
	case !p.SecondFactor:
		delete(wrote, factorField)
	case p.App == nil && brought: // it was brought over, and cannot be read by now
	case p.App == nil:
		wrote[factorField] = digest(factorField, dropped)
	case has:
		return []Line{p.line(resultKept, factorField, "is another one there than here: what is here stays")}, nil
	default:
		wrote[factorField] = digest(factorField, p.factorValue())
		p.changed, p.moved = true, append(p.moved, factorField)
		r.factors++
		return nil, r.o.Rules.AddFactor(ctx, tx, p.record.userID, p.App, p.codeHashes, true)
	}
	return nil, nil
}

// hashCodes hashes the recovery codes that are to be written, on all cores and in no transaction.
func (r *run) hashCodes(ctx context.Context, plans []*plan) error {
	var some []*plan
	for _, p := range plans {
		if p.fault == "" && p.App != nil && len(p.RecoveryCodes) > 0 {
			some = append(some, p)
		}
	}
	if len(some) == 0 || r.o.DryRun {
		return nil
	}
	brought, err := r.broughtBefore(ctx, some)
	if err != nil {
		return err
	}
	some = slices.DeleteFunc(some, func(p *plan) bool { return brought[p.ID] == digest(factorField, p.factorValue()) })
	var work sync.WaitGroup
	turns := make(chan struct{}, runtime.GOMAXPROCS(0))
	for _, p := range some {
		turns <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		work.Go(upkeep.Watch{}.Guard("hash recovery codes", func() {
			defer func() { <-turns }()
			plain := make([]secret.Password, len(p.RecoveryCodes))
			for i, code := range p.RecoveryCodes {
				plain[i] = secret.Password(code)
			}
			p.codeHashes = password.HashSet(plain, password.Derive)
		}))
	}
	work.Wait()
	return ctx.Err()
}

// broughtBefore returns what the records of people have of their second factors, by id.
func (r *run) broughtBefore(ctx context.Context, plans []*plan) (brought map[string]string, err error) {
	brought = map[string]string{}
	rows, err := r.db.Work.Query(ctx, `
		SELECT source_id, coalesce(wrote ->> $3, '') FROM gatepost.import_record WHERE source = $1 AND source_id = ANY ($2)`,
		r.name, ids(plans), factorField)
	if err != nil {
		return nil, r.db.Unavailable("import", err)
	}
	var id, d string
	_, err = pgx.ForEachRow(rows, []any{&id, &d}, func() error { brought[id] = d; return nil })
	return brought, r.db.Unavailable("import", err)
}
