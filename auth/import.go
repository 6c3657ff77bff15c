package auth

import (
	"cmp"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/gatepost/gatepost/auth/audit"
	"github.com/gatepost/gatepost/auth/importer"
)

// Import brings people of another system over. See importer.Run; the rules for accounts are this Store's. It is
// audited as one event.
func (s *Store) Import(ctx context.Context, from importer.Source, o importer.Options) (importer.Counts, error) {
	o.Rules = importer.Rules{Email: CanonicalEmail, Name: canonicalName, Username: s.importedUsername,
		Roles: canonicalRoles, Provider: s.providerOf,
		Image: func(typed string) error { return checkImage(typed).orNil() }, SetPassword: setHash}
	counts, err := importer.Run(ctx, s.db, from, o)
	if o.DryRun || !counts.Any() {
		return counts, err
	}
	event := audit.Event{Name: "import", Result: importResult(err), Details: audit.Details{
		{Name: "source", Value: from.Name()},
		{Name: "created", Value: fmt.Sprint(counts.Created)}, {Name: "changed", Value: fmt.Sprint(counts.Changed)},
		{Name: "barred", Value: fmt.Sprint(counts.Barred)}, {Name: "sessions", Value: fmt.Sprint(counts.Sessions)},
		{Name: "ended", Value: fmt.Sprint(counts.Ended)}}}
	return counts, cmp.Or(err, s.recordLast(ctx, event))
}

// importedUsername is CanonicalUsername, and where the user chose it chosenUsername.
func (s *Store) importedUsername(typed string, chosen bool) (string, error) {
	if chosen {
		return s.chosenUsername(typed)
	}
	return CanonicalUsername(typed)
}

// recordLast records what was done in many transactions, when it is over.
func (s *Store) recordLast(ctx context.Context, event audit.Event) error {
	err := s.db.Background(context.WithoutCancel(ctx), event.Name, func(ctx context.Context, tx pgx.Tx) error {
		return s.trail.Write(ctx, tx, event)
	})
	if err == nil {
		s.trail.Wrote(ctx, event)
	}
	return err
}

// importResult is the outcome of an import, or of another command on many people, that has done something.
func importResult(err error) string {
	if err != nil {
		return "broken-off"
	}
	return "ok"
}

// providerOf returns the name that the settings have for the provider with an issuer; empty: there is none.
func (s *Store) providerOf(issuer string) string {
	for _, p := range s.o.Providers {
		if p.Spec().Issuer == issuer {
			return p.Spec().Name
		}
	}
	return ""
}

// WrapWeak puts argon2id over each weak hash that came from elsewhere. See importer.WrapWeak.
func (s *Store) WrapWeak(ctx context.Context, progress func(read, about int64)) (int64, error) {
	n, err := importer.WrapWeak(ctx, s.db, progress)
	if n == 0 {
		return n, err
	}
	return n, cmp.Or(err, s.recordLast(ctx, audit.Event{Name: "wrap-hashes", Result: importResult(err),
		Details: audit.Details{{Name: "hashes", Value: fmt.Sprint(n)}}}))
}

// ExportAll calls f with every user. See importer.Export. It is audited as one event.
func (s *Store) ExportAll(ctx context.Context, sessions bool, f func(importer.Exported) error) error {
	var n int64
	err := importer.Export(ctx, s.db, sessions, func(e importer.Exported) error {
		if e.ID != "" {
			n++
		}
		return f(e)
	})
	return cmp.Or(err, s.recordLast(ctx, audit.Event{Name: "export-users", Result: importResult(err),
		Details: audit.Details{{Name: "users", Value: fmt.Sprint(n)}}}))
}
