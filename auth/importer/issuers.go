package importer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/internal/spelling"
)

// misnamed fails for issuers of providers at which nobody has an account in the source, and for what is no issuer: the
// accounts that were meant would be left out, or open to nobody. there are the providers of the source.
func misnamed(issuers map[string]string, there []string) error {
	var faults []error
	slices.Sort(there)
	there = slices.Compact(there)
	for _, name := range slices.Sorted(maps.Keys(issuers)) {
		u, err := url.Parse(issuers[name])
		switch {
		case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
			faults = append(faults, fmt.Errorf("--issuer %s takes the issuer as the provider's tokens say it, as in "+
				"--issuer %[1]s=https://login.example.com", name))
		case len(there) == 0:
			faults = append(faults, fmt.Errorf("--issuer %s names nothing of this source: nobody has an account at a "+
				"provider there", name))
		case !slices.Contains(there, name):
			faults = append(faults, fmt.Errorf("--issuer %s names no provider of this source%s; it has accounts at %s",
				name, meant(name, there), strings.Join(there, ", ")))
		}
	}
	return errors.Join(faults...)
}

// meant asks for the known name that is nearest to a wrong one; empty: none is near.
func meant(name string, known []string) string {
	if near, ok := spelling.Near(name, known); ok {
		return " (did you mean " + near + "?)"
	}
	return ""
}

// issuersNamed is misnamed for a database that keeps accounts in a table, with the name of their provider in a column.
// without are names there of what is no provider.
func (r *reader) issuersNamed(ctx context.Context, table, column string, without ...string) error {
	t := r.tables[table]
	if len(r.from.Issuers) == 0 {
		return nil
	}
	var there []string
	if t != nil {
		rows, _ := r.tx.Query(ctx, `SELECT DISTINCT `+t.text("a", column)+` FROM `+t.name+` a`) // CollectRows reports it
		var err error
		if there, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return fmt.Errorf("the source: %w", err)
		}
	}
	there = slices.DeleteFunc(there, func(name string) bool { return slices.Contains(without, name) })
	return misnamed(r.from.Issuers, there)
}

// readNamed reads the people of files, after it has read them for the names of their providers if there are issuers.
func readNamed(ctx context.Context, issuers map[string]string, read func(context.Context, Taker) error, f Taker) error {
	if len(issuers) == 0 {
		return read(ctx, f)
	}
	there := map[string]bool{}
	err := read(ctx, func(some []Person, _ int64) error {
		for _, p := range some {
			for _, name := range p.providers {
				there[name] = true
			}
		}
		return nil
	})
	if err == nil {
		err = misnamed(issuers, slices.Collect(maps.Keys(there)))
	}
	if err != nil {
		return err
	}
	return read(ctx, f)
}
